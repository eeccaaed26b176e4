/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state key and the count: opens the sealed store with what the keyring holds.
 *
 * A key is made only when the collection is seen unlocked, holds none, and nothing
 * sealed is there that would need another. A file that is behind the keyring's
 * count is an old copy: its running shares end. Keyring and file restored
 * together are not noticed (SECURITY.md).
 */

#include <glib.h>

#include "daemon/finding.h"
#include "daemon/keyring.h"
#include "daemon/store.h"

typedef struct TgVault TgVault;

/* @on_opened is called from the loop, once, when the store has got its key; what the
 * finding asks for has been written to the store before. */
typedef void (*TgVaultFunc)(TgVault *self, TgVaultFinding finding, gpointer user_data);
TgVault *
tg_vault_new(TgStore *store, TgKeyring *keyring, TgVaultFunc on_opened, gpointer user_data);
void tg_vault_free(TgVault *self);

gboolean tg_vault_is_open(const TgVault *self);
/* Why it could not be opened the last time; NULL: it was not tried, or is open. */
const GError *tg_vault_trouble(const TgVault *self);

/* Tries to open; may be called at any time and as often as one likes. With
 * @is_interactive the keyring may ask the user to unlock it; otherwise nothing
 * prompts. When it cannot be done now it is tried again as the keyring changes. */
void tg_vault_open(TgVault *self, gboolean is_interactive);

/* Opens without asking anybody, and calls @func from the loop, once, when the vault is open
 * or cannot be opened now. NULL: neither is waited for, as it is open, or a person would
 * have to unlock the keyring first. */
typedef struct TgVaultWait TgVaultWait;
typedef void (*TgVaultWaitFunc)(gpointer user_data);
TgVaultWait *tg_vault_wait(TgVault *self, TgVaultWaitFunc func, gpointer user_data);
void tg_vault_wait_cancel(TgVaultWait *wait);

/* The keyring has changed its state. */
void tg_vault_keyring_changed(TgVault *self);

/* Brings the keyring's count up to the store's, now or when it is next unlocked. */
void tg_vault_push_count(TgVault *self);
/* The same, and calls @func from the loop, once, when the keyring holds the count that the store
 * has now. Nobody is asked to unlock it: that may take days. */
TgVaultWait *tg_vault_wait_count(TgVault *self, TgVaultWaitFunc func, gpointer user_data);
