/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The PIN of a share, which people tell each other by telephone or in person: got from
 * the sender's wallet and shown, given to the recipient's. Link and PIN together are the
 * credential, so the PIN goes where the link does not.
 */

#include <glib.h>

#include "cli/client.h"
#include "cli/object.h"
#include "protocol/secret.h"

/* What is read of a file: with room for white space around it. */
#define TG_MAX_PIN_INPUT_BYTES 256

/* TG_ERROR_INVALID for what is too long to be one with its hyphens: a link that was pasted where
 * the PIN is asked for does not even go to the wallet. */
gboolean tg_spoken_pin_check(const TgSecret *typed, GError **error);

/* From the wallet, in groups with hyphens; may ask the user. */
TgSecret *tg_spoken_pin_get(TgClient *client, const TgObject *share, GError **error);

/* With what to do with it, on the terminal alone. */
gboolean tg_spoken_pin_show(const TgObject *share, const TgSecret *pin, GError **error);

/* As a result on stdout, alone on a line or as the JSON line of type "pin". */
gboolean tg_spoken_pin_print(const TgObject *share, const TgSecret *pin, GError **error);

/* A line of its own. */
gboolean tg_spoken_pin_write(int fd, const TgSecret *pin, GError **error);

/* To the recipient's wallet. TG_ERROR_INVALID: it was mistyped, which costs no try. The verdict
 * comes later, as the share's state. */
gboolean
tg_spoken_pin_give(TgClient *client, const TgObject *share, const TgSecret *pin, GError **error);
