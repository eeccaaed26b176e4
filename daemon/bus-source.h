/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An sd-bus connection as a GSource: one message per turn of the loop, no wake-up
 * while the bus is quiet.
 *
 * A match or reply callback that returns a negative number is an error of the
 * connection to sd-bus and ends it here: they return 0.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

/* The bus is gone; the source has removed itself. */
typedef void (*TgBusClosedFunc)(sd_bus *bus, int r, gpointer user_data);

/* Attaches to the default context. The source holds a reference to @bus until it is
 * destroyed and unreferenced; the caller owns the returned reference. */
GSource *tg_bus_source_attach(sd_bus *bus, TgBusClosedFunc on_closed, gpointer user_data);
