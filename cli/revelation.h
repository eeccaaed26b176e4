/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a credential holds, which the wallet gives after it has asked the user.
 */

#include "cli/client.h"
#include "cli/object.h"

/* In the form @as, NULL: as it is. @passphrase seals it; NULL: nothing does. */
TgSecret *tg_revelation_get(TgClient *client,
                            const TgObject *credential,
                            const char *as,
                            const TgSecret *passphrase,
                            GError **error);
