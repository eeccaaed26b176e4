/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The content of a credential, read or erased for a caller: the user is asked, then the keyring. */

#include "daemon/clock.h"
#include "daemon/wallet-bus.h"
#include "dbus/names.h"

typedef struct Access Access;

struct Access {
        TgWalletBus *bus;
        TgCall *call;
        TgKeyringJob *job;
        TgVaultWait *wait;
        void (*begin)(Access *self); /* when keyring and vault are as far open as may be */
        char *id;
        TgLogAct act; /* of reading, for the log */
        char *how;
        TgContentFunc func;
        gpointer user_data;
        GDestroyNotify destroy;
};

static void
free_access(gpointer data)
{
        Access *self = data;

        g_clear_pointer(&self->job, tg_keyring_job_cancel);
        g_clear_pointer(&self->wait, tg_vault_wait_cancel);
        g_clear_pointer(&self->call, tg_call_unref);
        if (self->destroy != NULL)
                self->destroy(self->user_data);
        g_free(self->id);
        g_free(self->how);
        g_free(self);
}

static void
finish(Access *self, const GError *error)
{
        if (error != NULL)
                tg_call_fail(self->call, error);
        tg_pending_take(self->bus, self);
        free_access(self);
}

static void
on_vault_settled(gpointer user_data)
{
        Access *self = user_data;

        self->wait = NULL;
        self->begin(self);
}

/* The limits of a credential, and what renews it, are in the state file: where the keyring was only
 * just unlocked they are read first. */
static void
await_vault(Access *self)
{
        self->wait =
                tg_vault_wait(tg_manager_wallet(self->bus->manager)->vault, on_vault_settled, self);
        if (self->wait == NULL)
                on_vault_settled(self);
}

static void
on_unlocked(TgSecret *secret,
            const char *label,
            const char *content_type,
            const GError *error,
            gpointer user_data)
{
        Access *self = user_data;

        self->job = NULL;
        if (error != NULL)
                finish(self, error);
        else
                await_vault(self);
}

/* An act of the user's may ask him to unlock the keyring. */
static void
allowed(TgWalletBus *bus, TgCall *call, const char *id, gpointer user_data)
{
        TgKeyring *keyring = tg_manager_wallet(bus->manager)->keyring;
        Access *self = user_data;

        tg_pending_add(bus, self, free_access);
        if (tg_keyring_state(keyring) != TG_KEYRING_UNLOCKED && tg_call_is_interactive(call))
                self->job = tg_keyring_unlock(keyring, on_unlocked, self);
        else
                await_vault(self);
}

static Access *
new_access(TgWalletBus *bus, TgCall *call, const char *id, void (*begin)(Access *self))
{
        Access *self = g_new0(Access, 1);

        self->bus = bus;
        self->call = tg_call_ref(call);
        self->id = g_strdup(id);
        self->begin = begin;
        return self;
}

static void
ask(Access *self, const char *action)
{
        tg_permit_ask(self->bus, self->call, action, self->id, allowed, self, free_access);
}

/* ---- reading ---- */

static gboolean
may_use(const Access *self, GError **error)
{
        const TgCredential *credential = tg_manager_credential(self->bus->manager, self->id);

        if (credential != NULL)
                return tg_credential_judge(credential, tg_clock_now_s(), error);
        tg_set_error(error, TG_ERROR_NOT_FOUND, "the credential is gone meanwhile");
        return FALSE;
}

static void
on_content(TgSecret *secret,
           const char *label,
           const char *content_type,
           const GError *error,
           gpointer user_data)
{
        Access *self = user_data;
        g_autoptr(GError) refused = NULL;

        self->job = NULL;
        /* When all is there: much can happen while somebody is asked, and a refused or failed
         * question costs nothing. What has come to its end is not called lost. */
        if (!may_use(self, &refused))
                finish(self, refused);
        else if (error != NULL ||
                 !tg_manager_charge(self->bus->manager, self->id, self->act, self->how, &refused))
                finish(self, error != NULL ? error : refused);
        else {
                self->func(self->bus, self->call, self->id, secret, self->user_data);
                finish(self, NULL);
        }
}

static void
load_content(Access *self)
{
        self->job = tg_keyring_load_credential(
                tg_manager_wallet(self->bus->manager)->keyring, self->id, on_content, self);
}

void
tg_content_ask(TgWalletBus *bus,
               TgCall *call,
               const char *action,
               const char *id,
               const char *how,
               TgContentFunc func,
               gpointer user_data,
               GDestroyNotify destroy)
{
        Access *self = new_access(bus, call, id, load_content);
        g_autoptr(GError) refused = NULL;

        self->act = g_str_equal(action, TG_ACTION_USE) ? TG_ACT_USED : TG_ACT_REVEALED;
        self->how = g_strdup(how);
        self->func = func;
        self->user_data = user_data;
        self->destroy = destroy;
        if (may_use(self, &refused)) {
                ask(self, action);
                return;
        }
        tg_call_fail(call, refused);
        free_access(self);
}

/* ---- Remove ---- */

static void
on_removed(TgSecret *secret,
           const char *label,
           const char *content_type,
           const GError *error,
           gpointer user_data)
{
        Access *self = user_data;
        TgCredential *credential = tg_manager_credential(self->bus->manager, self->id);
        g_autoptr(GError) failure = NULL;

        self->job = NULL;
        /* The row goes last: a crash in between leaves a credential without content,
         * which can be removed again; never content that nothing points to. */
        if (error == NULL && credential != NULL)
                tg_manager_drop_credential(self->bus->manager, credential, &failure);
        if (error == NULL && failure == NULL)
                tg_call_return(self->call, NULL);
        finish(self, error != NULL ? error : failure);
}

static void
remove_content(Access *self)
{
        TgCredential *credential = tg_manager_credential(self->bus->manager, self->id);
        g_autoptr(GError) error = NULL;

        /* Else a renewal that is under way would put it there again. */
        if (credential != NULL &&
            !tg_manager_end_renewals(self->bus->manager, credential, &error)) {
                finish(self, error);
                return;
        }
        self->job = tg_keyring_remove_credential(
                tg_manager_wallet(self->bus->manager)->keyring, self->id, on_removed, self);
}

int
tg_remove(TgWalletBus *bus, sd_bus_message *message, const TgCredential *credential)
{
        g_autoptr(TgCall) call = NULL;
        g_autoptr(GError) refused = NULL;

        call = tg_call_new(bus->callers, message, &refused);
        if (call == NULL)
                return tg_reply_error(message, refused);
        ask(new_access(bus, call, credential->id, remove_content), TG_ACTION_REMOVE);
        return 1;
}
