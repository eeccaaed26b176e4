/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A share that has ended goes out of the history. */

#include "daemon/manager-private.h"
#include "protocol/error.h"

static TgCredential *
credential_of(TgManager *self, const TgShare *share)
{
        const char *id = tg_share_credential_id(share);

        return id != NULL ? tg_manager_credential(self, id) : NULL;
}

static void
drop_ended(TgManager *self, TgShare *share)
{
        TgCredential *credential = credential_of(self, share);

        if (credential != NULL && g_strcmp0(credential->share_id, tg_share_id(share)) == 0) {
                g_clear_pointer(&credential->share_id, g_free);
                if (self->observer != NULL)
                        self->observer->credential_changed(credential, self->observer_data);
        }
        if (self->observer != NULL)
                self->observer->share_removed(share, self->observer_data);
        g_hash_table_remove(self->shares, tg_share_id(share));
}

static gboolean
may_forget(TgManager *self, const TgShare *share, GError **error)
{
        if (tg_manager_may_hide_sequels(self, share)) {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the keyring is locked: unlock it, for what was lent with this share "
                             "may still be renewed");
                return FALSE;
        }
        if (!tg_manager_has_sequels(self, share))
                return tg_share_may_forget(share, error);
        tg_set_error(error,
                     TG_ERROR_BAD_STATE,
                     "what was lent with this share is still being renewed: revoke it, or "
                     "cancel the share that renews it next");
        return FALSE;
}

gboolean
tg_manager_let_go(TgManager *self, TgShare *share)
{
        if (!may_forget(self, share, NULL) ||
            !tg_store_forget_share(self->wallet->store, tg_share_id(share), NULL))
                return FALSE;
        drop_ended(self, share);
        return TRUE;
}

gboolean
tg_manager_forget(TgManager *self, TgShare *share, GError **error)
{
        TgStore *store = self->wallet->store;

        if (!may_forget(self, share, error) || !tg_store_begin(store, error))
                return FALSE;
        if (!tg_share_log_forgotten(share, error) ||
            !tg_store_forget_share(store, tg_share_id(share), error)) {
                tg_store_rollback(store);
                return FALSE;
        }
        if (!tg_store_commit(store, error))
                return FALSE;
        drop_ended(self, share);
        return TRUE;
}
