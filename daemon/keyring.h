/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The Secret Service: accepted credentials, the state key, the try counter, and
 * items that the user shares. The only user of libsecret. Every call is
 * asynchronous and has a deadline; nothing prompts unless told that it may.
 *
 * A locked keyring looks like an empty one: each search asks for locked items
 * too and says TG_ERROR_KEYRING_UNAVAILABLE rather than TG_ERROR_NOT_FOUND
 * when the collection is not seen unlocked.
 */

#include <glib.h>

#include "protocol/secret.h"

typedef struct TgKeyring TgKeyring;
typedef struct TgKeyringJob TgKeyringJob;

typedef enum {
        TG_KEYRING_UNLOCKED,
        TG_KEYRING_LOCKED, /* or: no default collection yet */
        TG_KEYRING_ABSENT, /* no Secret Service */
        TG_KEYRING_SILENT, /* it did not answer in time */
} TgKeyringState;

const char *tg_keyring_state_name(TgKeyringState state); /* "unlocked" */

/* Watches the service (name owner, the default collection's Locked) without
 * starting it; @on_changed is called from the loop at each change of state. */
TgKeyring *tg_keyring_new(void (*on_changed)(TgKeyring *self, gpointer user_data),
                          gpointer user_data);
void tg_keyring_free(TgKeyring *self);
TgKeyringState tg_keyring_state(const TgKeyring *self);
/* FALSE until the service has been looked for: then the state is "absent" only by default. */
gboolean tg_keyring_is_known(const TgKeyring *self);

/* Every job calls its function once, from the loop and never from inside the
 * starting call, with @error NULL on success; tg_keyring_job_cancel() drops it and
 * its callback. @secret, @label are valid during the call. */
typedef void (*TgKeyringFunc)(TgSecret *secret,
                              const char *label,
                              const char *content_type,
                              const GError *error,
                              gpointer user_data);
void tg_keyring_job_cancel(TgKeyringJob *job);

/* Asks the user to unlock (a prompt); with no prompter, TG_ERROR_KEYRING_UNAVAILABLE.
 * Also starts the service where the bus can. */
TgKeyringJob *tg_keyring_unlock(TgKeyring *self, TgKeyringFunc func, gpointer user_data);

/* The state key (32 octets). TG_ERROR_NOT_FOUND only when the collection is
 * unlocked and holds none. Where there are several, the oldest counts. */
TgKeyringJob *tg_keyring_load_key(TgKeyring *self, TgKeyringFunc func, gpointer user_data);
TgKeyringJob *
tg_keyring_store_key(TgKeyring *self, TgSecret *key, TgKeyringFunc func, gpointer user_data);
/* The same in the place of one that is there. */
TgKeyringJob *
tg_keyring_replace_key(TgKeyring *self, TgSecret *key, TgKeyringFunc func, gpointer user_data);

/* The try counter: a decimal number as the secret's octets. */
TgKeyringJob *tg_keyring_load_count(TgKeyring *self, TgKeyringFunc func, gpointer user_data);
/* NULL, and no callback, when there is no memory for it: try again later. */
TgKeyringJob *
tg_keyring_store_count(TgKeyring *self, guint64 count, TgKeyringFunc func, gpointer user_data);

/* An accepted credential. Storing replaces an item of the same id and no other. */
TgKeyringJob *tg_keyring_store_credential(TgKeyring *self,
                                          const char *id,
                                          const char *label,
                                          const char *content_type,
                                          TgSecret *content,
                                          TgKeyringFunc func,
                                          gpointer user_data);
TgKeyringJob *
tg_keyring_load_credential(TgKeyring *self, const char *id, TgKeyringFunc func, gpointer user_data);
/* Success also when there was none (in an unlocked collection). */
TgKeyringJob *tg_keyring_remove_credential(TgKeyring *self,
                                           const char *id,
                                           TgKeyringFunc func,
                                           gpointer user_data);

/* An item of the user's, by object path, or by attributes (a{ss}) that match exactly
 * one (TG_ERROR_INVALID names the count otherwise). */
TgKeyringJob *
tg_keyring_load_item(TgKeyring *self, const char *path, TgKeyringFunc func, gpointer user_data);
TgKeyringJob *tg_keyring_find_item(TgKeyring *self,
                                   GHashTable *attributes,
                                   TgKeyringFunc func,
                                   gpointer user_data);
/* Its attributes (a{ss}), while its function is called; not a new reference, NULL: none. */
GVariant *tg_keyring_job_attributes(const TgKeyringJob *job);

/* An ordinary item in the default collection, with these attributes (a{ss}, at least one) and the
 * schema of items that no program calls its own. TG_ERROR_BAD_STATE where whoever looks for an item
 * that is there by all its attributes would find the new one too, or the other way round. */
TgKeyringJob *tg_keyring_add_item(TgKeyring *self,
                                  const char *label,
                                  GVariant *attributes,
                                  const char *content_type,
                                  TgSecret *content,
                                  TgKeyringFunc func,
                                  gpointer user_data);
