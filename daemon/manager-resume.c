/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What happens around the shares: the state key is there, the keyring or the network have come
 * back.
 */

#include "daemon/manager-private.h"

static void
say_finding(TgVaultFinding finding, GError **ret_error)
{
        switch (finding) {
        case TG_VAULT_FINE:
                break;
        case TG_VAULT_KEY_GONE:
                *ret_error = tg_error_new(TG_ERROR_KEYRING_UNAVAILABLE,
                                          "the key of this share is gone from the keyring (was "
                                          "it reset?): it cannot go on");
                break;
        case TG_VAULT_OLD_COPY:
                *ret_error = tg_error_new(TG_ERROR_TAMPERED,
                                          "the wallet's state was put back from an older copy: "
                                          "shares that ran then cannot go on");
                break;
        }
}

/* One by one, and not while the store walks over its rows: a share that goes on saves. */
static void
unseal_share(TgManager *self, TgShare *share, const GError *finding, gboolean is_alone)
{
        g_auto(TgShareRow) row = {};
        g_autoptr(TgSecret) detail = NULL;
        g_autoptr(GError) error = NULL;
        gboolean is_there =
                tg_store_load_share(self->wallet->store, tg_share_id(share), &row, &detail, &error);

        tg_share_unsealed(
                share, is_there ? &row : NULL, detail, finding != NULL ? finding : error, is_alone);
}

static void
unseal_credential(const TgCredentialRow *row, TgSecret *detail, gpointer user_data)
{
        TgManager *self = user_data;
        TgCredential *credential = tg_manager_credential(self, row->id);

        if (credential == NULL || detail == NULL)
                return;
        tg_credential_read_detail(credential, detail);
        if (self->observer != NULL)
                self->observer->credential_changed(credential, self->observer_data);
}

/* Those that have something to ask a relay. */
static guint
count_active(GPtrArray *list)
{
        guint n_active = 0;

        for (guint i = 0; i < list->len; i++)
                n_active += !tg_share_is_ended(list->pdata[i]) || tg_share_is_busy(list->pdata[i]);
        return n_active;
}

typedef struct {
        TgManager *manager;
        GPtrArray *ids;
} Missing;

static void
note_missing(const TgShareRow *row, TgSecret *detail, const GError *error, gpointer user_data)
{
        Missing *missing = user_data;

        if (error != NULL && tg_manager_share(missing->manager, row->id) == NULL)
                g_ptr_array_add(missing->ids, g_strdup(row->id));
}

static gboolean
forget_missing(TgManager *self, const char *id, GError **error)
{
        TgStore *store = self->wallet->store;

        if (!tg_store_begin(store, error))
                return FALSE;
        if (tg_manager_log_lost(self, id, error) && tg_store_forget_share(store, id, error))
                return tg_store_commit(store, error);
        tg_store_rollback(store);
        return FALSE;
}

/* Running shares that the sealed list knows and the file does not: somebody has taken them
 * out. Nothing is left of them to be shown. */
static void
drop_missing(TgManager *self)
{
        g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;
        Missing missing = {self, ids};

        tg_store_each_share(self->wallet->store, note_missing, &missing, &error);
        for (guint i = 0; i < ids->len && error == NULL; i++) {
                const char *id = ids->pdata[i];

                g_warning("share %.8s was taken out of the state file from outside: it is lost",
                          id);
                forget_missing(self, id, &error);
        }
        if (error != NULL)
                g_warning("cannot look for missing shares: %s", error->message);
}

/* A stored share may name a credential that has been removed since. */
static void
lose_removed(TgManager *self, TgShare *share)
{
        const char *id = tg_share_credential_id(share);

        if (id != NULL && tg_manager_credential(self, id) == NULL)
                tg_share_lose_credential(share);
}

void
tg_manager_vault_opened(TgManager *self, TgVaultFinding finding)
{
        g_autoptr(GPtrArray) list = tg_manager_list(self);
        gboolean is_alone = count_active(list) < 2;
        g_autoptr(GError) found = NULL;
        g_autoptr(GError) error = NULL;

        say_finding(finding, &found);
        /* Before any share goes on, for it may be one of an ended link. */
        for (guint i = 0; i < list->len; i++)
                tg_share_remember_link(list->pdata[i]);
        for (guint i = 0; i < list->len; i++)
                unseal_share(self, list->pdata[i], found, is_alone);
        if (!tg_store_each_credential(self->wallet->store, unseal_credential, self, &error))
                g_warning("cannot read the stored credentials: %s", error->message);
        tg_manager_drop_unfinished(self);
        for (guint i = 0; i < list->len; i++)
                lose_removed(self, list->pdata[i]);
        tg_manager_resume_sequels(self);
        tg_manager_log_late(self);
        if (finding == TG_VAULT_FINE)
                drop_missing(self);
        tg_manager_check_credentials(self, tg_clock_now_s());
        tg_manager_set_alarm(self);
}

void
tg_manager_keyring_changed(TgManager *self)
{
        g_autoptr(GPtrArray) list = tg_manager_list(self);

        for (guint i = 0; i < list->len; i++)
                tg_share_keyring_changed(list->pdata[i]);
        tg_manager_check_credentials(self, tg_clock_now_s());
}

void
tg_manager_network_back(TgManager *self)
{
        g_autoptr(GPtrArray) list = tg_manager_list(self);
        gboolean is_alone = count_active(list) < 2;

        for (guint i = 0; i < list->len; i++)
                tg_share_resume(list->pdata[i], is_alone);
}
