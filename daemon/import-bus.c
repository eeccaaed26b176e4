/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Import: one item of a credential exchange becomes a credential, as if it had been accepted.
 *
 *      tg_import   read the arguments
 *      item_read   the item is here, wholly: is it one?
 *      allowed     the user has said yes
 *      unlocked    …and unlocked the keyring, where that had to be
 *      keep        the vault is open: the row, then the keyring item, then it is told
 */

#include "daemon/options-bus.h"
#include "daemon/value.h"
#include "daemon/vertical.h"
#include "daemon/wallet-bus.h"
#include "dbus/names.h"
#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "protocol/limits.h"

#define NAMELESS "Imported credential"

typedef struct {
        TgWalletBus *bus;
        TgCall *call;
        TgValueRead *read;
        TgKeyringJob *job;
        TgVaultWait *wait;
        TgValue *value;
        TgStepAnswer answer; /* content, details and name */
        char *title;
        TgCredential *credential; /* the manager's */
} Import;

static void
free_import(gpointer data)
{
        Import *self = data;

        g_clear_pointer(&self->read, tg_value_read_cancel);
        g_clear_pointer(&self->job, tg_keyring_job_cancel);
        g_clear_pointer(&self->wait, tg_vault_wait_cancel);
        g_clear_pointer(&self->value, tg_value_free);
        g_clear_pointer(&self->call, tg_call_unref);
        tg_step_answer_clear(&self->answer);
        g_free(self->title);
        g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Import, free_import)

static TgWallet *
wallet_of(const Import *self)
{
        return tg_manager_wallet(self->bus->manager);
}

static void
finish(Import *self, const GError *error)
{
        if (error != NULL)
                tg_call_fail(self->call, error);
        tg_pending_take(self->bus, self);
        free_import(self);
}

/* ---- row, keyring item, told ---- */

static void
on_stored(TgSecret *secret,
          const char *label,
          const char *content_type,
          const GError *error,
          gpointer user_data)
{
        Import *self = user_data;
        TgManager *manager = self->bus->manager;
        g_autoptr(GError) failure = NULL;
        g_autofree char *path = tg_credential_path(self->credential->id);

        self->job = NULL;
        if (error != NULL || !tg_manager_imported(manager, self->credential, &failure)) {
                tg_manager_drop_import(manager, self->credential);
                finish(self, error != NULL ? error : failure);
                return;
        }
        tg_call_return(self->call, "o", path);
        finish(self, NULL);
}

static const char *
title_of(const Import *self)
{
        if (self->title != NULL && self->title[0] != '\0')
                return self->title;
        return self->answer.name != NULL ? self->answer.name : NAMELESS;
}

static void
keep(Import *self)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *id = NULL;
        guint8 octets[TG_ID_CHARS / 2];

        if (!tg_vault_is_open(wallet_of(self)->vault)) {
                error = tg_error_new(TG_ERROR_KEYRING_UNAVAILABLE,
                                     "the keyring is locked: unlock it and try again");
                finish(self, error);
                return;
        }
        tg_random(octets, sizeof octets);
        id = tg_hex_encode(octets, sizeof octets);
        TgArrival arrival = {
                .id = id,
                .format = tg_vertical_cxf.format,
                .title = title_of(self),
                .description = "",
                .kind = tg_vertical_cxf.kinds[0],
                .details = self->answer.details,
        };
        self->credential = tg_manager_import(self->bus->manager, &arrival, &error);
        if (self->credential == NULL) {
                finish(self, error);
                return;
        }
        self->job = tg_keyring_store_credential(wallet_of(self)->keyring,
                                                id,
                                                arrival.title,
                                                "application/json",
                                                self->answer.content,
                                                on_stored,
                                                self);
}

static void
on_vault_settled(gpointer user_data)
{
        Import *self = user_data;

        self->wait = NULL;
        keep(self);
}

static void
open_vault(Import *self)
{
        self->wait = tg_vault_wait(wallet_of(self)->vault, on_vault_settled, self);
        if (self->wait == NULL)
                keep(self);
}

static void
unlocked(TgSecret *secret,
         const char *label,
         const char *content_type,
         const GError *error,
         gpointer user_data)
{
        Import *self = user_data;

        self->job = NULL;
        if (error != NULL)
                finish(self, error);
        else
                open_vault(self);
}

/* ---- consent ---- */

static void
allowed(TgWalletBus *bus, TgCall *call, const char *id, gpointer user_data)
{
        Import *self = user_data;
        TgKeyring *keyring = wallet_of(self)->keyring;

        tg_pending_add(bus, self, free_import);
        if (tg_keyring_state(keyring) != TG_KEYRING_UNLOCKED && tg_call_is_interactive(self->call))
                self->job = tg_keyring_unlock(keyring, unlocked, self);
        else
                open_vault(self);
}

static void
ask(Import *self)
{
        tg_pending_take(self->bus, self);
        tg_permit_ask(self->bus, self->call, TG_ACTION_IMPORT, "", allowed, self, free_import);
}

/* ---- the item ---- */

static void
item_read(TgSecret *secret, const GError *error, gpointer user_data)
{
        Import *self = user_data;
        TgStepContext context = {
                .kind = TG_STEP_BEGIN,
                .vertical = &tg_vertical_cxf,
                .role = TG_ROLE_INITIATOR,
                .given = secret,
        };

        self->read = NULL;
        if (error != NULL) {
                finish(self, error);
                return;
        }
        tg_step_run(tg_vertical_cxf.begin, &context, &self->answer);
        if (self->answer.kind == TG_ANSWER_SAY)
                ask(self);
        else
                finish(self, self->answer.error);
}

int
tg_import(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TgWalletBus *bus = userdata;
        g_autoptr(Import) self = g_new0(Import, 1);
        g_autoptr(GError) refused = NULL;
        Import *import;
        const TgOption keys[] = {
                {"title", TG_OPTION_TEXT, &self->title, TG_MAX_TITLE_BYTES},
                {NULL,    0,              NULL,         0                 },
        };

        self->bus = bus;
        self->call = tg_call_new(bus->callers, message, &refused);
        if (self->call == NULL)
                return tg_reply_error(message, refused);
        self->value = tg_value_take(message, "item", TG_MAX_CONTENT_BYTES, &refused);
        if (self->value == NULL || !tg_options_read(message, keys, &refused) ||
            !tg_call_hold(self->call, tg_value_room(self->value), &refused)) {
                tg_call_fail(self->call, refused);
                return 1;
        }
        import = g_steal_pointer(&self);
        tg_pending_add(bus, import, free_import);
        import->read = tg_value_read(g_steal_pointer(&import->value), item_read, import);
        return 1;
}
