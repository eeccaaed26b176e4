/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The recipient's side of a share once the wallet has begun: asks for the PIN where one is
 * needed, as often as there are tries, waits for the credential and prints its id. What
 * "accept" and "pin" have in common.
 */

#include <glib.h>

#include "cli/client.h"
#include "cli/command.h"
#include "protocol/secret.h"

typedef struct {
        gboolean may_ask;       /* a person may be asked for the PIN */
        const TgSecret *pin;    /* the first one to give; NULL: ask */
        gboolean came_with_pin; /* the wallet got it with the link, and may have used it */
} TgReception;

/* The exit status of the verb, or -1 and @error. */
int
tg_recipient_follow(const TgReception *self, TgClient *client, const char *path, GError **error);

/* Gives @pin, or the one that a person types, when it is needed, and returns at once. */
gboolean
tg_recipient_give_pin(const TgReception *self, TgClient *client, const char *path, GError **error);

/* The id of the share, for a verb that does not wait. */
int tg_recipient_print_share(TgClient *client, const char *path, GError **error);
