/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/store-seal.h"

#include <string.h>

#include "protocol/crypto.h"
#include "protocol/error.h"

#define OVERHEAD_BYTES (TG_AEAD_IV_BYTES + TG_AEAD_TAG_BYTES)

/* Before a share's detail: format (1), is_busy (1), ended (8, big-endian), length of
 * the state's name (1), the name. A name and no number: the list of states grows. */
#define FORMAT 1
#define PREFIX_BYTES 11

static GBytes *
seal(const TgSecret *key, const char *ad, const TgSecret *plaintext, GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(plaintext, &n_bytes);
        g_autofree guint8 *sealed = g_malloc(n_bytes + OVERHEAD_BYTES);

        if (!tg_aead_seal(key, NULL, ad, strlen(ad), bytes, n_bytes, sealed, error))
                return NULL;

        return g_bytes_new_take(g_steal_pointer(&sealed), n_bytes + OVERHEAD_BYTES);
}

static char *
row_ad(const char *table, const char *id, guint64 version)
{
        return g_strdup_printf("%s|%s|%" G_GUINT64_FORMAT, table, id, version);
}

static char *
share_ad(const TgShareRow *row)
{
        return g_strdup_printf("share|%s|%" G_GUINT64_FORMAT "|%d|%" G_GINT64_FORMAT
                               "|%" G_GINT64_FORMAT,
                               row->id,
                               row->version,
                               (int)row->role,
                               row->created_s,
                               row->expires_s);
}

GBytes *
tg_store_seal(const TgSecret *key,
              const char *table,
              const char *id,
              guint64 version,
              const TgSecret *plaintext,
              GError **error)
{
        g_autofree char *ad = row_ad(table, id, version);

        return seal(key, ad, plaintext, error);
}

TgSecret *
tg_store_unseal(const TgSecret *key,
                const char *table,
                const char *id,
                guint64 version,
                const void *sealed,
                gsize n_sealed,
                GError **error)
{
        g_autofree char *ad = row_ad(table, id, version);

        return tg_aead_open(key, ad, strlen(ad), sealed, n_sealed, error);
}

GBytes *
tg_store_seal_share(const TgSecret *key,
                    const TgShareRow *row,
                    const TgSecret *detail,
                    GError **error)
{
        g_autofree char *ad = share_ad(row);
        g_autoptr(TgSecret) plaintext = NULL;
        const char *name = tg_state_name(row->state);
        gsize n_name = strlen(name);
        gint64 ended = GINT64_TO_BE(row->ended_s);
        const guint8 *bytes;
        gsize n_bytes;
        guint8 *at;

        bytes = tg_secret_get(detail, &n_bytes);
        plaintext = tg_secret_new_blank(PREFIX_BYTES + n_name + n_bytes, &at, error);
        if (!plaintext)
                return NULL;

        at[0] = FORMAT;
        at[1] = row->is_busy ? 1 : 0;
        memcpy(at + 2, &ended, sizeof ended);
        at[10] = (guint8)n_name;
        memcpy(at + PREFIX_BYTES, name, n_name);
        memcpy(at + PREFIX_BYTES + n_name, bytes, n_bytes);

        return seal(key, ad, plaintext, error);
}

gboolean
tg_store_ends_in_clear(TgState state)
{
        return state == TG_STATE_CANCELLED || state == TG_STATE_DECLINED ||
               state == TG_STATE_RELINQUISHED || state == TG_STATE_EXPIRED ||
               state == TG_STATE_REFUSED || state == TG_STATE_FAILED;
}

/* What the seal says of the changing columns; FALSE for what we cannot have made. */
static gboolean
read_prefix(const TgSecret *plaintext, TgShareRow *ret_row, gsize *ret_n_prefix)
{
        gsize n_bytes;
        const guint8 *at = tg_secret_get(plaintext, &n_bytes);
        g_autofree char *name = NULL;
        gint64 ended;

        if (n_bytes < PREFIX_BYTES || at[0] != FORMAT || n_bytes < (gsize)PREFIX_BYTES + at[10])
                return FALSE;

        name = g_strndup((const char *)at + PREFIX_BYTES, at[10]);
        if (!tg_state_from_name(name, &ret_row->state))
                return FALSE;

        memcpy(&ended, at + 2, sizeof ended);
        ret_row->ended_s = GINT64_FROM_BE(ended);
        ret_row->is_busy = at[1] != 0;
        *ret_n_prefix = (gsize)PREFIX_BYTES + at[10];
        return TRUE;
}

TgSecret *
tg_store_unseal_share(const TgSecret *key,
                      TgShareRow *row,
                      const void *sealed,
                      gsize n_sealed,
                      gboolean *ret_was_running,
                      GError **error)
{
        g_autofree char *ad = share_ad(row);
        g_autoptr(TgSecret) plaintext = NULL;
        TgSecret *detail;
        TgShareRow said = {0};
        gsize n_prefix;

        plaintext = tg_aead_open(key, ad, strlen(ad), sealed, n_sealed, error);
        if (!plaintext)
                return NULL;
        if (!read_prefix(plaintext, &said, &n_prefix)) {
                tg_set_error(error,
                             TG_ERROR_TAMPERED,
                             "a stored share was written by a newer tigressd: update this one");
                return NULL;
        }

        detail = tg_secret_slice(plaintext, n_prefix, tg_secret_size(plaintext) - n_prefix, error);
        if (!detail)
                return NULL;

        *ret_was_running = !tg_state_is_end(said.state) || said.is_busy;
        /* The clear columns can end a share, and nothing else. */
        if (tg_state_is_end(said.state) || !tg_store_ends_in_clear(row->state)) {
                row->state = said.state;
                row->ended_s = said.ended_s;
                row->is_busy = said.is_busy;
        }
        return detail;
}
