/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Credentials that come without a share. The row goes first, marked, then the keyring item, then
 * the mark: whatever ends in between leaves a marked row, and with it goes what it points to.
 */

#include "daemon/manager-private.h"

TgCredential *
tg_manager_import(TgManager *self, const TgArrival *arrival, GError **error)
{
        g_autoptr(TgCredential) credential = NULL;

        if (!tg_manager_holds_more(self, error))
                return NULL;
        credential = tg_manager_new_credential(arrival, NULL);
        credential->is_unfinished = TRUE;
        if (!tg_credential_save(credential, self->wallet->store, error))
                return NULL;
        g_hash_table_replace(self->imports, credential->id, credential);
        return g_steal_pointer(&credential);
}

gboolean
tg_manager_imported(TgManager *self, TgCredential *credential, GError **error)
{
        credential->is_unfinished = FALSE;
        if (!tg_manager_save_logged(self, credential, TG_ACT_IMPORTED, NULL, error)) {
                credential->is_unfinished = TRUE;
                return FALSE;
        }
        g_hash_table_steal(self->imports, credential->id);
        g_hash_table_replace(self->credentials, credential->id, credential);
        if (self->observer != NULL)
                self->observer->credential_added(credential, self->observer_data);
        return TRUE;
}

/* ---- what did not come to its end ---- */

static void clear_next(TgManager *self);

static void
on_cleared(TgSecret *secret,
           const char *label,
           const char *content_type,
           const GError *error,
           gpointer user_data)
{
        TgManager *self = user_data;
        TgCredential *credential = g_queue_pop_head(&self->unfinished);
        g_autoptr(GError) failure = NULL;

        self->clearing = NULL;
        if (error == NULL)
                tg_store_remove_credential(self->wallet->store, credential->id, &failure);
        /* The mark stays, and it is tried again after the next start. */
        if (error != NULL || failure != NULL)
                g_warning("what is left of an import cannot be cleared away: %s",
                          error != NULL ? error->message : failure->message);
        g_hash_table_remove(self->imports, credential->id);
        clear_next(self);
}

static void
clear_next(TgManager *self)
{
        TgCredential *credential = g_queue_peek_head(&self->unfinished);

        if (credential != NULL && self->clearing == NULL)
                self->clearing = tg_keyring_remove_credential(
                        self->wallet->keyring, credential->id, on_cleared, self);
}

void
tg_manager_drop_import(TgManager *self, TgCredential *credential)
{
        g_queue_push_tail(&self->unfinished, credential);
        clear_next(self);
}

void
tg_manager_drop_unfinished(TgManager *self)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, self->credentials);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                TgCredential *credential = value;

                if (!credential->is_unfinished)
                        continue;
                g_hash_table_iter_steal(&iter);
                if (self->observer != NULL)
                        self->observer->credential_removed(credential, self->observer_data);
                g_hash_table_replace(self->imports, credential->id, credential);
                tg_manager_drop_import(self, credential);
        }
}
