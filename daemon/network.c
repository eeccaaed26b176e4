/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/network.h"

#include <gio/gio.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>

struct TgNetwork {
        GNetworkMonitor *monitor; /* not ours */
        gulong handler;
        gboolean was_there;
        void (*on_back)(gpointer user_data);
        gpointer user_data;
};

static void
on_network_changed(GNetworkMonitor *monitor, gboolean is_there, gpointer user_data)
{
        TgNetwork *self = user_data;
        gboolean was_there = self->was_there;

        self->was_there = is_there;
        if (is_there && !was_there)
                self->on_back(self->user_data);
}

TgNetwork *
tg_network_new(void (*on_back)(gpointer user_data), gpointer user_data)
{
        TgNetwork *self = g_new0(TgNetwork, 1);

        self->monitor = g_network_monitor_get_default();
        self->was_there = g_network_monitor_get_network_available(self->monitor);
        self->on_back = on_back;
        self->user_data = user_data;
        self->handler = g_signal_connect(
                self->monitor, "network-changed", G_CALLBACK(on_network_changed), self);

        return self;
}

void
tg_network_free(TgNetwork *self)
{
        if (self == NULL)
                return;
        g_signal_handler_disconnect(self->monitor, self->handler);
        g_free(self);
}

static gboolean
is_loopback(const char *url)
{
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
        g_autoptr(GInetAddress) address = NULL;
        const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;

        if (host == NULL)
                return FALSE;
        if (g_str_equal(host, "localhost") || g_str_has_suffix(host, ".localhost"))
                return TRUE;
        address = g_inet_address_new_from_string(host);
        return address != NULL && g_inet_address_get_is_loopback(address);
}

/* A LAN without a way out is a network too, though the monitor calls it none. */
static gboolean
has_address(void)
{
        struct ifaddrs *addresses = NULL;
        gboolean found = FALSE;

        if (getifaddrs(&addresses) < 0)
                return FALSE;
        for (struct ifaddrs *at = addresses; at != NULL && !found; at = at->ifa_next)
                found = at->ifa_addr != NULL &&
                        (at->ifa_addr->sa_family == AF_INET ||
                         at->ifa_addr->sa_family == AF_INET6) &&
                        (at->ifa_flags & IFF_LOOPBACK) == 0 &&
                        (at->ifa_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
        freeifaddrs(addresses);
        return found;
}

gboolean
tg_network_reaches(const TgNetwork *self, const char *url)
{
        return self->was_there || is_loopback(url) || has_address();
}
