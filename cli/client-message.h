/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Values of GLib to and from messages of sd-bus.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

#include "protocol/secret.h"

/* Appends the members of the tuple @arguments; an h becomes fds[h]. Negative errno
 * on failure. */
int
tg_client_message_append(sd_bus_message *message, GVariant *arguments, const int *fds, gsize n_fds);

/* The whole body as a tuple; descriptors become -1. NULL when it cannot be read. */
GVariant *tg_client_message_read(sd_bus_message *message);

/* The one secret that the body is. */
TgSecret *tg_client_message_read_secret(sd_bus_message *message, GError **error);
