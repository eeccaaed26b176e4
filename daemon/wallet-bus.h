/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the faces on the bus have in common: the connection, who calls, consent,
 * and telling of changes. One a process.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

#include "daemon/authority.h"
#include "daemon/call.h"
#include "daemon/manager.h"

typedef struct {
        sd_bus *bus;
        TgManager *manager;
        TgAuthority *authority;
        TgCallers *callers;
        GPtrArray *slots;
        GHashTable *consents; /* share id → TgConsent (consent-bus.c) */
        GHashTable *pending;  /* calls under way → how to drop them */
        GHashTable *changes;  /* share id → TgShareChange, to be told in one signal */
        guint changes_source;
        guint n_openings; /* links being looked at (application-bus.c) */
} TgWalletBus;

/* Puts the objects on @bus and observes the manager. */
TgWalletBus *tg_wallet_bus_new(sd_bus *bus, TgManager *manager, GError **error);
void tg_wallet_bus_free(TgWalletBus *self);
/* Properties of the Manager that come from elsewhere. */
void tg_wallet_bus_settings_changed(TgWalletBus *self);
void tg_wallet_bus_formats_changed(TgWalletBus *self);
void tg_wallet_bus_keyring_changed(TgWalletBus *self);

char *tg_share_path(const TgShare *share);
char *tg_credential_path(const char *id);

/* A call under way that the bus owns until it is taken out: dropped with @drop. */
void tg_pending_add(TgWalletBus *self, gpointer pending, GDestroyNotify drop);
void tg_pending_take(TgWalletBus *self, gpointer pending);

/* ---- the faces ---- */

int tg_application_bus_add(TgWalletBus *self, sd_bus_slot **ret_slot);
int tg_manager_bus_add(TgWalletBus *self, sd_bus_slot **ret_slot);
int tg_share_bus_add(TgWalletBus *self, sd_bus_slot **ret_slot);
int tg_credential_bus_add(TgWalletBus *self, sd_bus_slot **ret_slot);
/* GetManagedObjects. */
int tg_objects_bus_add(TgWalletBus *self, sd_bus_slot **ret_slot);
/* All properties, as a{sv}. */
int tg_share_bus_append(sd_bus_message *reply, const TgShare *share);
int
tg_credential_bus_append(TgWalletBus *self, sd_bus_message *reply, const TgCredential *credential);
void tg_share_bus_emit_changes(TgWalletBus *self, TgShare *share, TgShareChange changes);
/* a(ss); @details NULL: none. The limits come last, in words. */
int tg_details_append(sd_bus_message *reply, GVariant *details, const TgBounds *bounds);
/* The action that a method of the share needs which is free, but not from inside a sandbox; NULL:
 * none. */
const char *tg_share_free_action(TgCaller *caller, const TgShare *share);
/* ProvidePin (pin-bus.c). */
int tg_provide_pin(TgWalletBus *self, sd_bus_message *message, TgShare *share);

/* Revoke (revoke-bus.c): @action is asked for each time. */
int tg_revoke(TgWalletBus *self, sd_bus_message *message, const TgShare *share, const char *action);

/* ---- consent-bus.c: a call that starts a share ---- */

/* Asks for @action and tells @share the decision; answers @call with its path, when the
 * user has decided, or after 20 s unless @does_wait. */
void tg_consent_ask(
        TgWalletBus *self, TgCall *call, TgShare *share, const char *action, gboolean does_wait);
/* The share has left the state authorizing: nobody needs to be asked any more. */
void tg_consent_settled(TgWalletBus *self, TgShare *share);

/* ---- permit-bus.c: a call that may need leave ---- */

/* Calls @func with the call when it is allowed; otherwise the call has been failed. @action NULL:
 * nobody needs to be asked. @id is copied and handed on: the object may be gone by then. @user_data
 * is @func's once it is called; where it never is, it goes to @destroy. */
typedef void (*TgPermitFunc)(TgWalletBus *self, TgCall *call, const char *id, gpointer user_data);
void tg_permit_ask(TgWalletBus *self,
                   TgCall *call,
                   const char *action,
                   const char *id,
                   TgPermitFunc func,
                   gpointer user_data,
                   GDestroyNotify destroy);

/* ---- content-bus.c: what a credential holds ---- */

/* @content, @id, its credential and @user_data are there for the call. */
typedef void (*TgContentFunc)(
        TgWalletBus *self, TgCall *call, const char *id, TgSecret *content, gpointer user_data);
/* Asks for @action, has the keyring unlocked where that may be, reads what credential @id holds
 * and, where it may be used, enters that in the log and calls @func with it, to answer the call;
 * otherwise the call has been failed. @how: what the log tells of it besides; NULL: nothing. */
void tg_content_ask(TgWalletBus *self,
                    TgCall *call,
                    const char *action,
                    const char *id,
                    const char *how,
                    TgContentFunc func,
                    gpointer user_data,
                    GDestroyNotify destroy);
/* Remove, Reveal (reveal-bus.c), Use (use-bus.c) */
int tg_remove(TgWalletBus *self, sd_bus_message *message, const TgCredential *credential);
int tg_reveal(TgWalletBus *self, sd_bus_message *message, const TgCredential *credential);
int tg_use(TgWalletBus *self, sd_bus_message *message, const TgCredential *credential);

/* ---- create-bus.c: CreateShare, Credential.Share ---- */

int tg_create_share(sd_bus_message *message, void *userdata, sd_bus_error *error);
/* @source: the credential whose content is shared on. */
int tg_create_from_credential(TgWalletBus *self, sd_bus_message *message, const char *id);

/* ---- import-bus.c: Import ---- */

int tg_import(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* ---- log-bus.c: GetLog ---- */

int tg_get_log(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* ---- invitation-bus.c: InspectInvitation, AcceptInvitation, CheckRelay ---- */

int tg_inspect_invitation(sd_bus_message *message, void *userdata, sd_bus_error *error);
int tg_accept_invitation(sd_bus_message *message, void *userdata, sd_bus_error *error);
int tg_check_relay(sd_bus_message *message, void *userdata, sd_bus_error *error);
