/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Dictionaries (a{sv}) of a vertical's own keys. */

#include <systemd/sd-bus.h>

#include "daemon/caller.h"
#include "daemon/vertical.h"

/* With keys of the table alone; a full reference. TG_ERROR_INVALID names the key;
 * TG_ERROR_DENIED for a path that a sandboxed @caller names. */
GVariant *tg_terms_read(sd_bus_message *message,
                        const TgTermKey *keys,
                        const TgCaller *caller,
                        GError **error);
