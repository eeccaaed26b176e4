/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/store.h"

#include "daemon/store-private.h"
#include "daemon/store-seal.h"
#include "protocol/crypto.h"
#include "protocol/error.h"

/* What was erased lies in the log until it is emptied. Not at once: emptying costs
 * more flushes than the change, and many shares are forgotten together. */
#define SCRUB_DELAY_S 2

/* ---- opening ---- */

TgStore *
tg_store_open(const char *path, GError **error)
{
        g_autoptr(TgStore) self = g_new0(TgStore, 1);

        if (path) {
                self->file = tg_store_file_lock(path, error);
                if (!self->file)
                        return NULL;
                if (!tg_store_file_exists(self->file) && !tg_store_make_file(self, error))
                        return NULL;
        }
        if (!tg_store_open_database(self, path, error))
                return NULL;

        return g_steal_pointer(&self);
}

static void
scrub(TgStore *self)
{
        /* What cannot be written now is tried again after the next change. */
        if (self->file &&
            sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
                    SQLITE_OK)
                self->is_scrub_due = FALSE;
}

static void
forget_key(TgStore *self)
{
        g_clear_pointer(&self->key, tg_secret_unref);
        g_clear_pointer(&self->link_key, tg_secret_unref);
        g_clear_pointer(&self->burn_key, tg_secret_unref);
        g_clear_pointer(&self->head, tg_store_head_free);
}

void
tg_store_free(TgStore *self)
{
        if (!self)
                return;

        g_clear_handle_id(&self->scrub_source, g_source_remove);
        tg_store_rollback(self);
        if (self->is_scrub_due)
                scrub(self);
        tg_store_close_database(self);
        tg_store_file_unlock(self->file);
        g_clear_pointer(&self->sealed_head, g_bytes_unref);
        forget_key(self);
        g_free(self);
}

/* ---- transactions ---- */

static gboolean
on_scrub_due(gpointer user_data)
{
        TgStore *self = user_data;

        self->scrub_source = 0;
        scrub(self);
        return G_SOURCE_REMOVE;
}

gboolean
tg_store_begin(TgStore *self, GError **error)
{
        g_return_val_if_fail(!self->in_transaction && !self->is_reading, FALSE);

        if (!tg_store_run(self, TG_STORE_BEGIN, "save", error))
                return FALSE;

        self->in_transaction = TRUE;
        self->is_head_changed = FALSE;
        self->head_before = self->head ? tg_store_head_copy(self->head) : NULL;
        return TRUE;
}

static void
leave(TgStore *self)
{
        self->in_transaction = FALSE;
        g_clear_error(&self->doom);
        g_clear_pointer(&self->head_before, tg_store_head_free);
}

void
tg_store_rollback(TgStore *self)
{
        if (!self->in_transaction)
                return;

        /* SQLite does so by itself when the disk is full. */
        if (!sqlite3_get_autocommit(self->db))
                tg_store_run(self, TG_STORE_ROLLBACK, "save", NULL);
        g_clear_pointer(&self->head, tg_store_head_free);
        self->head = g_steal_pointer(&self->head_before);
        leave(self);
}

static gboolean
write_head(TgStore *self, GBytes **ret_sealed, GError **error)
{
        g_autoptr(TgSecret) plaintext = tg_store_head_write(self->head, error);
        g_autoptr(GBytes) sealed = NULL;

        if (!plaintext)
                return FALSE;

        sealed = tg_store_seal(self->key, "head", "", self->head_version + 1, plaintext, error);
        if (!sealed)
                return FALSE;

        tg_store_bind_number(self, TG_STORE_SAVE_HEAD, 1, (gint64)self->head_version + 1);
        tg_store_bind_bytes(self, TG_STORE_SAVE_HEAD, 2, sealed);
        if (!tg_store_run(self, TG_STORE_SAVE_HEAD, "save", error))
                return FALSE;

        *ret_sealed = g_steal_pointer(&sealed);
        return TRUE;
}

/* @what: of which change an error is to speak. */
static gboolean
commit(TgStore *self, const char *what, GError **error)
{
        g_autoptr(GBytes) sealed = NULL;
        gboolean is_kept = !self->doom;

        if (self->doom && error)
                *error = g_error_copy(self->doom);
        if (is_kept && self->is_head_changed)
                is_kept = write_head(self, &sealed, error);
        if (is_kept)
                is_kept = tg_store_run(self, TG_STORE_COMMIT, what, error);
        if (!is_kept) {
                tg_store_rollback(self);
                return FALSE;
        }

        leave(self);
        if (sealed) {
                g_clear_pointer(&self->sealed_head, g_bytes_unref);
                self->sealed_head = g_steal_pointer(&sealed);
                self->head_version++;
        }
        if (self->is_scrub_due && self->scrub_source == 0)
                self->scrub_source = g_timeout_add_seconds(SCRUB_DELAY_S, on_scrub_due, self);
        return TRUE;
}

gboolean
tg_store_commit(TgStore *self, GError **error)
{
        g_return_val_if_fail(self->in_transaction, FALSE);

        return commit(self, "save", error);
}

/* A change is one transaction, or part of one that was begun by hand. */
gboolean
tg_store_change_begin(TgStore *self, gboolean *ret_is_own, GError **error)
{
        *ret_is_own = !self->in_transaction;
        if (*ret_is_own)
                return tg_store_begin(self, error);
        if (!self->doom)
                return TRUE;

        if (error)
                *error = g_error_copy(self->doom);
        return FALSE;
}

/* Takes over @failure, NULL when the change was made. */
gboolean
tg_store_change_end(
        TgStore *self, gboolean is_own, GError *failure, const char *what, GError **error)
{
        if (!failure)
                return !is_own || commit(self, what, error);

        if (is_own)
                tg_store_rollback(self);
        else
                self->doom = g_error_copy(failure);
        g_propagate_error(error, failure);
        return FALSE;
}

/* ---- the state key ---- */

/* *ret_head is NULL where @key does not fit. */
static TgStoreKeyFit
try_key(const TgStore *self, const TgSecret *key, TgStoreHead **ret_head)
{
        g_autoptr(TgSecret) plaintext = NULL;
        gsize n_sealed;
        const guint8 *sealed;

        *ret_head = NULL;
        if (!self->sealed_head && self->has_sealed_rows)
                return TG_STORE_KEY_OTHER;
        if (!self->sealed_head) {
                *ret_head = tg_store_head_new();
                return TG_STORE_KEY_NEW;
        }

        sealed = g_bytes_get_data(self->sealed_head, &n_sealed);
        plaintext = tg_store_unseal(key, "head", "", self->head_version, sealed, n_sealed, NULL);
        if (plaintext)
                *ret_head = tg_store_head_read(plaintext, NULL);
        return *ret_head ? TG_STORE_KEY_FITS : TG_STORE_KEY_OTHER;
}

TgStoreKeyFit
tg_store_set_key(TgStore *self, TgSecret *key)
{
        g_return_val_if_fail(!self->in_transaction && !self->is_reading, TG_STORE_KEY_OTHER);

        /* The caller may hand back the very key that is here. */
        tg_secret_ref(key);
        forget_key(self);
        self->key = key;
        self->link_key =
                tg_hkdf_expand_label(TG_HASH_SHA256, key, "tigress links", NULL, 0, 32, NULL);
        self->burn_key =
                tg_hkdf_expand_label(TG_HASH_SHA256, key, "tigress burns", NULL, 0, 32, NULL);
        return try_key(self, key, &self->head);
}

gboolean
tg_store_has_key(const TgStore *self)
{
        return self->head != NULL;
}

gboolean
tg_store_has_sealed(const TgStore *self)
{
        return self->sealed_head != NULL || self->has_sealed_rows;
}

/* What the head lists as PIN shares. */
static gboolean
burn_shares(TgStore *self, GError **error)
{
        for (guint i = 0; self->head && i < tg_store_head_size(self->head); i++) {
                g_autofree char *id = NULL;
                guint64 version;

                if (tg_store_head_tries(self->head, i) < 0)
                        continue;
                tg_store_head_nth(self->head, i, &id, &version);
                tg_store_bind_number(
                        self, TG_STORE_BURN_SHARE, 2, g_get_real_time() / G_USEC_PER_SEC);
                if (!tg_store_run_on(self, TG_STORE_BURN_SHARE, id, "start the store anew", error))
                        return FALSE;
        }
        return TRUE;
}

static gboolean
start_over(TgStore *self, TgState state, GError **error)
{
        gboolean is_key_other = self->head == NULL;
        TgStoreHead *head;

        if (!burn_shares(self, error))
                return FALSE;
        tg_store_bind_text(self, TG_STORE_DROP_SHARE_DETAILS, 1, tg_state_name(state));
        tg_store_bind_number(
                self, TG_STORE_DROP_SHARE_DETAILS, 2, g_get_real_time() / G_USEC_PER_SEC);
        tg_store_bind_number(self, TG_STORE_DROP_SHARE_DETAILS, 3, is_key_other);
        if (!tg_store_run(self, TG_STORE_DROP_SHARE_DETAILS, "start the store anew", error) ||
            !tg_store_run(self, TG_STORE_DROP_BODIES, "start the store anew", error))
                return FALSE;
        if (is_key_other &&
            (!tg_store_run(self, TG_STORE_DROP_CREDENTIAL_DETAILS, "start the store anew", error) ||
             !tg_store_run(self, TG_STORE_DROP_LINKS, "start the store anew", error) ||
             !tg_store_begin_log_anew(self, error)))
                return FALSE;

        head = tg_store_head_new();
        if (!is_key_other) {
                *tg_store_head_log_base(head) = *tg_store_head_log_base(self->head);
                *tg_store_head_log_last(head) = *tg_store_head_log_last(self->head);
        }
        g_clear_pointer(&self->head, tg_store_head_free);
        self->head = head;
        self->is_head_changed = TRUE;
        self->is_scrub_due = TRUE;
        return TRUE;
}

gboolean
tg_store_start_over(TgStore *self, TgState state, GError **error)
{
        GError *failure = NULL;
        gboolean is_own;

        g_return_val_if_fail(self->key && tg_state_is_end(state), FALSE);

        if (!tg_store_change_begin(self, &is_own, error))
                return FALSE;
        start_over(self, state, &failure);
        return tg_store_change_end(self, is_own, failure, "start the store anew", error);
}

guint64
tg_store_count(const TgStore *self)
{
        return self->head ? tg_store_head_count(self->head) : 0;
}

gboolean
tg_store_set_count(TgStore *self, guint64 count, GError **error)
{
        gboolean is_own;

        g_return_val_if_fail(self->head && count >= tg_store_head_count(self->head), FALSE);

        if (!tg_store_change_begin(self, &is_own, error))
                return FALSE;
        tg_store_head_set_count(self->head, count);
        self->is_head_changed = TRUE;
        return tg_store_change_end(self, is_own, NULL, "save the count", error);
}
