/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Properties of the wallet itself.
 */

#include <glib.h>

#include "cli/client.h"

/* Trusted origins, NULL-terminated. */
char **tg_wallet_relays(TgClient *client, GError **error);
/* Any property of the manager; starts the wallet if it does not run. New reference. */
GVariant *tg_wallet_property(TgClient *client, const char *name, const char *type, GError **error);

/* Whether a share has a PIN besides its link. */
typedef enum {
        TG_WALLET_PIN_OPTIONAL, /* where the user wants one */
        TG_WALLET_PIN_DEFAULT,  /* unless he wants none */
        TG_WALLET_PIN_REQUIRED,
} TgWalletPin;

/* @kind NULL: the format's first. OPTIONAL for what the wallet does not know, and so refuses. */
gboolean tg_wallet_pin_rule(TgClient *client,
                            const char *format,
                            const char *kind,
                            TgWalletPin *ret_rule,
                            GError **error);
