/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/store-private.h"
#include "daemon/store-seal.h"
#include "protocol/crypto.h"
#include "protocol/error.h"

/* ---- credentials ---- */

/* A credential's seal is bound to its id and no more: the head does not list it. */
#define CREDENTIAL_VERSION 1

void
tg_credential_row_clear(TgCredentialRow *row)
{
        g_clear_pointer(&row->id, g_free);
        g_clear_pointer(&row->share_id, g_free);
}

gboolean
tg_store_save_credential(TgStore *self,
                         const TgCredentialRow *row,
                         TgSecret *detail,
                         GError **error)
{
        g_autoptr(GBytes) sealed = NULL;
        GError *failure = NULL;
        gboolean is_own;

        g_return_val_if_fail(self->head && tg_store_is_id(row->id), FALSE);

        sealed = tg_store_seal(self->key, "credential", row->id, CREDENTIAL_VERSION, detail, error);
        if (!sealed || !tg_store_change_begin(self, &is_own, error))
                return FALSE;

        tg_store_bind_text(self, TG_STORE_SAVE_CREDENTIAL, 2, row->share_id);
        tg_store_bind_number(self, TG_STORE_SAVE_CREDENTIAL, 3, row->received_s);
        tg_store_bind_bytes(self, TG_STORE_SAVE_CREDENTIAL, 4, sealed);
        tg_store_run_on(self, TG_STORE_SAVE_CREDENTIAL, row->id, "save the credential", &failure);
        /* So that there is a head wherever something is sealed. */
        self->is_head_changed |= !self->sealed_head;
        return tg_store_change_end(self, is_own, failure, "save the credential", error);
}

static TgSecret *
credential_detail(TgStore *self, sqlite3_stmt *statement, const char *id)
{
        if (!self->head || sqlite3_column_type(statement, 4) == SQLITE_NULL)
                return NULL;

        return tg_store_unseal(self->key,
                               "credential",
                               id,
                               CREDENTIAL_VERSION,
                               sqlite3_column_blob(statement, 4),
                               (gsize)sqlite3_column_bytes(statement, 4),
                               NULL);
}

gboolean
tg_store_each_credential(TgStore *self,
                         TgCredentialRowFunc func,
                         gpointer user_data,
                         GError **error)
{
        sqlite3_stmt *statement = self->statements[TG_STORE_EACH_CREDENTIAL];
        gboolean is_fine;
        int result;

        self->is_reading = TRUE;
        while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
                g_auto(TgCredentialRow) row = {
                        .id = g_strdup((const char *)sqlite3_column_text(statement, 0)),
                        .share_id = g_strdup((const char *)sqlite3_column_text(statement, 1)),
                        .received_s = sqlite3_column_int64(statement, 2),
                };
                g_autoptr(TgSecret) detail = NULL;

                if (!tg_store_is_id(row.id))
                        continue;
                detail = credential_detail(self, statement, row.id);
                func(&row, detail, user_data);
        }
        self->is_reading = FALSE;
        is_fine = result == SQLITE_DONE || tg_store_fail(self, "read the credentials", error);
        tg_store_reset(self, TG_STORE_EACH_CREDENTIAL);
        return is_fine;
}

gboolean
tg_store_remove_credential(TgStore *self, const char *id, GError **error)
{
        GError *failure = NULL;
        gboolean is_own;

        if (!tg_store_change_begin(self, &is_own, error))
                return FALSE;
        tg_store_run_on(self, TG_STORE_REMOVE_CREDENTIAL, id, "remove the credential", &failure);
        self->is_scrub_due = TRUE;
        return tg_store_change_end(self, is_own, failure, "remove the credential", error);
}

/* ---- links ---- */

gboolean
tg_store_link_digest(TgStore *self, TgSecret *link, guint8 ret_digest[32], GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(link, &n_bytes);

        if (!self->head || !self->link_key) {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the link cannot be looked up without the state key: unlock the "
                             "keyring");
                return FALSE;
        }

        tg_hmac_sha256(self->link_key, bytes, n_bytes, ret_digest);
        return TRUE;
}

gboolean
tg_store_add_link(TgStore *self, const guint8 digest[32], gint64 until_s, GError **error)
{
        sqlite3_stmt *statement = self->statements[TG_STORE_ADD_LINK];
        GError *failure = NULL;
        gboolean is_own;

        if (!tg_store_change_begin(self, &is_own, error))
                return FALSE;
        tg_store_bind_number(self, TG_STORE_DROP_OLD_LINKS, 1, g_get_real_time() / G_USEC_PER_SEC);
        if (tg_store_run(self, TG_STORE_DROP_OLD_LINKS, "save the link", &failure)) {
                sqlite3_bind_blob(statement, 1, digest, 32, SQLITE_STATIC);
                tg_store_bind_number(self, TG_STORE_ADD_LINK, 2, until_s);
                tg_store_run(self, TG_STORE_ADD_LINK, "save the link", &failure);
        }
        return tg_store_change_end(self, is_own, failure, "save the link", error);
}

gboolean
tg_store_has_link(TgStore *self, const guint8 digest[32], gint64 now_s)
{
        sqlite3_stmt *statement = self->statements[TG_STORE_HAS_LINK];
        int result;

        sqlite3_bind_blob(statement, 1, digest, 32, SQLITE_STATIC);
        tg_store_bind_number(self, TG_STORE_HAS_LINK, 2, now_s);
        result = sqlite3_step(statement);
        tg_store_reset(self, TG_STORE_HAS_LINK);

        /* Refused too where it cannot be known: once too few is better than once too often. */
        return result != SQLITE_DONE;
}
