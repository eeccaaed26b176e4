/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which sockets the relay serves and which its supervisors, out of settings and of what
 * systemd hands over; and what may not be reached from outside.
 */

#include "relay/listener.h"
#include "relay/settings.h"

/* Of TgListener. */
typedef struct {
        GArray *listeners; /* one at least */
        GArray *monitors;
} TgSockets;

gboolean tg_sockets_open(const TgSettings *settings, TgSockets *ret_sockets, GError **error);

static inline void
tg_sockets_clear(TgSockets *self)
{
        g_clear_pointer(&self->listeners, g_array_unref);
        g_clear_pointer(&self->monitors, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgSockets, tg_sockets_clear)

/* As far as it can be known without opening any. */
gboolean tg_sockets_check(const TgSettings *settings, GError **error);
