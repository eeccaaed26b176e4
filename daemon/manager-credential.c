/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of a credential after it has arrived. */

#include "daemon/manager-private.h"

static void
tell(TgManager *self, TgCredential *credential)
{
        if (self->observer != NULL)
                self->observer->credential_changed(credential, self->observer_data);
}

TgCredential *
tg_manager_find_came_by(TgManager *self, const char *share_id)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, self->credentials);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const TgCredential *credential = value;

                if (credential->format[0] != '\0' && g_strcmp0(credential->came_by, share_id) == 0)
                        return value;
        }
        return NULL;
}

gboolean
tg_manager_set_revoked(TgManager *self, TgCredential *credential, GError **error)
{
        if (credential->is_revoked)
                return TRUE;
        credential->is_revoked = TRUE;
        if (!tg_manager_save_logged(self, credential, TG_ACT_REVOKED, NULL, error)) {
                credential->is_revoked = FALSE;
                return FALSE;
        }
        tell(self, credential);
        return TRUE;
}

/* ---- uses ---- */

/* A row with so many uses less, in one flush or in the transaction that is open. */
static gboolean
save_charged(TgManager *self, const TgCredential *credential, guint32 n_uses, GError **error)
{
        TgCredential charged = *credential; /* borrowed */

        charged.n_uses_left -= n_uses;
        return tg_credential_save(&charged, self->wallet->store, error);
}

static void
charge(TgManager *self, TgCredential *credential, guint32 n_uses)
{
        if (credential->bounds.n_uses == 0)
                return;
        credential->n_uses_left -= n_uses;
        tell(self, credential);
        tg_manager_check_credentials(self, tg_clock_now_s());
}

static TgCredential *
find(TgManager *self, const char *id, GError **error)
{
        TgCredential *credential = tg_manager_credential(self, id);

        if (credential == NULL)
                tg_set_error(error, TG_ERROR_NOT_FOUND, "the credential is gone meanwhile");
        return credential;
}

gboolean
tg_manager_charge(
        TgManager *self, const char *credential_id, TgLogAct act, const char *how, GError **error)
{
        TgCredential *credential = find(self, credential_id, error);
        TgStore *store = self->wallet->store;

        if (credential == NULL)
                return FALSE;
        /* Not read yet. With another state key it never will be, limits or none: then what is in
         * the user's keyring is his, as the rest of it. */
        if (credential->format[0] == '\0' && !tg_vault_is_open(self->wallet->vault)) {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "what is known of the credential cannot be read: unlock the keyring");
                return FALSE;
        }
        if (!tg_credential_judge(credential, tg_clock_now_s(), error) ||
            !tg_store_begin(store, error))
                return FALSE;
        if (!tg_manager_log(self, credential, act, how, error) ||
            (credential->bounds.n_uses != 0 && !save_charged(self, credential, 1, error))) {
                tg_store_rollback(store);
                return FALSE;
        }
        if (!tg_store_commit(store, error))
                return FALSE;
        charge(self, credential, 1);
        return TRUE;
}

gboolean
tg_manager_take_uses(TgShare *share,
                     const char *credential_id,
                     guint32 n_uses,
                     GError **error,
                     gpointer user_data)
{
        TgManager *self = user_data;
        const TgCredential *credential = find(self, credential_id, error);

        if (credential == NULL || !tg_credential_judge(credential, tg_clock_now_s(), error))
                return FALSE;
        if (credential->bounds.n_uses == 0)
                return TRUE;
        /* Others may have been asked for meanwhile. */
        if (n_uses == 0 || n_uses > credential->n_uses_left) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "of the credential's uses %u are left, and these were to go along: %u",
                             credential->n_uses_left,
                             n_uses);
                return FALSE;
        }
        return save_charged(self, credential, n_uses, error);
}

void
tg_manager_uses_taken(TgShare *share, const char *credential_id, guint32 n_uses, gpointer user_data)
{
        TgManager *self = user_data;
        TgCredential *credential = tg_manager_credential(self, credential_id);

        if (credential != NULL)
                charge(self, credential, n_uses);
}

/* ---- the end of its limits ---- */

typedef struct {
        TgManager *manager;
        char *id;
        TgKeyringJob *job;
} Erasing;

static void
free_erasing(gpointer data)
{
        Erasing *self = data;

        g_clear_pointer(&self->job, tg_keyring_job_cancel);
        g_free(self->id);
        g_free(self);
}

GHashTable *
tg_manager_new_erasings(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_erasing);
}

static void
on_erased(TgSecret *secret,
          const char *label,
          const char *content_type,
          const GError *error,
          gpointer user_data)
{
        Erasing *erasing = user_data;
        TgManager *self = erasing->manager;
        TgCredential *credential = tg_manager_credential(self, erasing->id);
        g_autoptr(GError) failure = NULL;

        erasing->job = NULL;
        if (credential != NULL && error == NULL) {
                credential->has_content = FALSE;
                if (!tg_manager_save_logged(self, credential, TG_ACT_ERASED, NULL, &failure))
                        g_warning("credential %.8s: %s", credential->id, failure->message);
        } else if (error != NULL) {
                g_warning("credential %.8s is over and still in the keyring: %s",
                          erasing->id,
                          error->message);
        }
        g_hash_table_remove(self->erasings, erasing->id);
}

/* What is left in the keyring when that is locked, or did not answer, goes the next time. */
static void
erase(TgManager *self, TgCredential *credential)
{
        TgKeyring *keyring = self->wallet->keyring;
        Erasing *erasing;

        /* Nor does anything follow it; what is just being put there is waited for. */
        if (tg_keyring_state(keyring) != TG_KEYRING_UNLOCKED ||
            g_hash_table_contains(self->erasings, credential->id) ||
            !tg_manager_end_renewals(self, credential, NULL))
                return;
        erasing = g_new0(Erasing, 1);
        erasing->manager = self;
        erasing->id = g_strdup(credential->id);
        g_hash_table_insert(self->erasings, erasing->id, erasing);
        erasing->job = tg_keyring_remove_credential(keyring, erasing->id, on_erased, erasing);
}

/* Stored before it is shown: a clock that is set back afterwards changes nothing. */
static gboolean
note_over(TgManager *self, TgCredential *credential)
{
        g_autoptr(GError) error = NULL;

        if (credential->is_over)
                return TRUE;
        credential->is_over = TRUE;
        if (tg_manager_save_logged(self, credential, TG_ACT_LAPSED, NULL, &error))
                return TRUE;
        credential->is_over = FALSE;
        g_warning("credential %.8s: %s", credential->id, error->message);
        return FALSE;
}

static void
check(TgManager *self, TgCredential *credential, gint64 now_s)
{
        gboolean is_expired = tg_credential_is_expired(credential, now_s);
        gboolean is_past =
                credential->bounds.not_after_s != 0 && now_s > credential->bounds.not_after_s;

        if (credential->format[0] == '\0' || !tg_store_has_key(self->wallet->store))
                return;
        if (is_past && !note_over(self, credential))
                return;
        if (is_expired != credential->is_shown_expired) {
                credential->is_shown_expired = is_expired;
                tell(self, credential);
        }
        if (credential->has_content && tg_credential_is_spent(credential, now_s))
                erase(self, credential);
}

void
tg_manager_check_credentials(TgManager *self, gint64 now_s)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, self->credentials);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                check(self, value, now_s);
}

gint64
tg_manager_credentials_deadline_s(TgManager *self)
{
        GHashTableIter iter;
        gpointer value;
        gint64 next_s = 0;

        g_hash_table_iter_init(&iter, self->credentials);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const TgCredential *credential = value;
                gint64 end_s = tg_credential_not_after_s(credential);

                if (end_s != 0 && !credential->is_shown_expired &&
                    (next_s == 0 || end_s + 1 < next_s))
                        next_s = end_s + 1;
        }
        return next_s;
}
