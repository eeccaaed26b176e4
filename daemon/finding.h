/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is wrong with a state file as a whole, and what is done about it.
 */

#include "daemon/store.h"

typedef enum {
        TG_VAULT_FINE,
        TG_VAULT_KEY_GONE, /* the keyring was reset: what was sealed cannot be read any more */
        TG_VAULT_OLD_COPY, /* the state file was put back from an older time */
} TgVaultFinding;

/* Ends what ran, sets the count and enters all of it in the log, in one transaction. */
gboolean tg_finding_write(TgStore *store, TgVaultFinding finding, guint64 count, GError **error);
