/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * NetworkManager's profiles, over its D-Bus API on the system bus. Profiles are read, and new ones
 * added for this user alone, which do not connect by themselves; none is ever changed, and a
 * network that has one gets no second. NetworkManager asks polkit itself whether this user may.
 *
 * Each job has a connection of its own, which ends with it. A question that NetworkManager has open
 * on its behalf does not: it has no eye on who calls, so a dialog stays until somebody answers it,
 * and what he allows is still done.
 */

#include <gio/gio.h>

#include "daemon/verticals/wireguard-tunnel.h"
#include "protocol/wifi.h"

/* A Wi-Fi network as a profile has it. */
typedef struct {
        char *uuid;
        char *name; /* the profile's, which may be any */
        TgWifi wifi;
} TgNmWifi;

/* All of these call @func exactly once, from the loop or before they return; when @cancellable is
 * cancelled, with TG_ERROR_CANCELLED and at once. TG_ERROR_FAILED: NetworkManager is not there, or
 * does not answer. TG_ERROR_DENIED: it, or whoever it asked, said no, or nothing in time. */

typedef void (*TgNmWifiFunc)(const TgNmWifi *found, const GError *error, gpointer user_data);

/* The one profile that has this UUID, or else this name. Without @with_password the password is
 * left out, whatever the profile has. TG_ERROR_NOT_FOUND: none. TG_ERROR_INVALID: several, none of
 * a Wi-Fi network, or one that cannot be passed on. */
void tg_nm_read_wifi(const char *name,
                     gboolean with_password,
                     GCancellable *cancellable,
                     TgNmWifiFunc func,
                     gpointer user_data);

/* A profile that was added. */
typedef struct {
        char *uuid;
        char *name;
        char *interface; /* NULL: any */
} TgNmAdded;

typedef void (*TgNmAddedFunc)(const TgNmAdded *added, const GError *error, gpointer user_data);

/* @wifi is taken and cleared. TG_ERROR_BAD_STATE: there is a profile for this network already; the
 * sentence names it. */
void
tg_nm_add_wifi(TgWifi *wifi, GCancellable *cancellable, TgNmAddedFunc func, gpointer user_data);
/* @tunnel is taken and cleared. TG_ERROR_BAD_STATE: there is a profile with one of its addresses
 * at its server already. */
void tg_nm_add_wireguard(TgWireguardTunnel *tunnel,
                         GCancellable *cancellable,
                         TgNmAddedFunc func,
                         gpointer user_data);
