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
