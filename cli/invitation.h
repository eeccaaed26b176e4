/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The link of a share: taken from a person or a pipe, got from the wallet, printed
 * as a result. It is the credential for whoever opens it first, so it never is an
 * argument.
 */

#include <glib.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/object.h"
#include "protocol/secret.h"

/* From the terminal without echo, or from stdin where that is no terminal or the one
 * argument is "-". Any other argument is refused. ret_from_stdin tells which it was. */
TgSecret *
tg_invitation_read(const TgInvocation *invocation, gboolean *ret_from_stdin, GError **error);

TgSecret *tg_invitation_get(TgClient *client, const TgObject *share, GError **error);

/* The link alone on a line, or the JSON line of type "invitation". */
gboolean tg_invitation_print(const TgObject *share, const TgSecret *link, GError **error);
