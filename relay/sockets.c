/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/sockets.h"

#include "protocol/error.h"

#define TRIAL_LISTEN "127.0.0.1:8443"

/* Not to be reached from outside in a trial, nor without TLS. */
static gboolean
check_listener(const TgSettings *settings, const TgListener *listener, GError **error)
{
        if (listener->is_local || (!settings->is_trial && settings->certificate))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     settings->is_trial
                             ? "%s is no loopback address: a trial is for this machine only"
                             : "%s can be reached from outside, and there is no certificate: set "
                               "Certificate= and Key=, or listen on a loopback address behind a "
                               "proxy that does TLS",
                     listener->address);

        return FALSE;
}

static gboolean
check_listeners(const TgSettings *settings, const GArray *listeners, GError **error)
{
        for (guint i = 0; i < listeners->len; i++)
                if (!check_listener(settings, &g_array_index(listeners, TgListener, i), error))
                        return FALSE;

        return TRUE;
}

/* Moves those for metrics out of @listeners. */
static void
move_monitors(GArray *listeners, GArray *monitors)
{
        for (guint i = 0; i < listeners->len;) {
                TgListener *listener = &g_array_index(listeners, TgListener, i);

                if (!listener->is_monitor) {
                        i++;
                        continue;
                }
                g_array_append_val(monitors, *listener);
                *listener = (TgListener){.fd = -1};
                g_array_remove_index(listeners, i);
        }
}

/* What systemd names "metrics", and what the operator names. */
static GArray *
find_monitors(const TgSettings *settings, GArray *inherited, GError **error)
{
        g_autoptr(GArray) monitors = tg_listeners_open(settings->metrics_listen, error);

        if (!monitors)
                return NULL;
        move_monitors(inherited, monitors);
        for (guint i = 0; i < monitors->len; i++) {
                const TgListener *monitor = &g_array_index(monitors, TgListener, i);

                if (!monitor->is_local)
                        g_warning("metrics are for whoever reaches %s: a loopback address or a "
                                  "local socket would keep them on this machine",
                                  monitor->address);
        }

        return g_steal_pointer(&monitors);
}

/* What the operator names; else what systemd hands over; else a trial's own. */
static GArray *
find_listeners(const TgSettings *settings, GArray *inherited, GError **error)
{
        char *trial[] = {(char *)TRIAL_LISTEN, NULL};
        g_autoptr(GArray) listeners = settings->listen[0]
                                              ? tg_listeners_open(settings->listen, error)
                                              : g_array_ref(inherited);

        if (listeners && listeners->len == 0 && settings->is_trial) {
                g_array_unref(listeners);
                listeners = tg_listeners_open(trial, error);
        }
        if (!listeners)
                return NULL;
        if (listeners->len == 0) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "there is nothing to listen on: set Listen=, give --listen, or start "
                             "it by its systemd socket");
                return NULL;
        }

        return check_listeners(settings, listeners, error) ? g_steal_pointer(&listeners) : NULL;
}

gboolean
tg_sockets_open(const TgSettings *settings, TgSockets *ret_sockets, GError **error)
{
        g_autoptr(GArray) inherited = tg_listeners_inherit(error);
        g_auto(TgSockets) sockets = {0};

        sockets.monitors = inherited ? find_monitors(settings, inherited, error) : NULL;
        sockets.listeners = sockets.monitors ? find_listeners(settings, inherited, error) : NULL;
        if (!sockets.listeners)
                return FALSE;
        *ret_sockets = sockets;
        sockets = (TgSockets){0};

        return TRUE;
}

gboolean
tg_sockets_check(const TgSettings *settings, GError **error)
{
        g_autoptr(GArray) listeners = tg_listeners_parse(settings->listen, error);
        g_autoptr(GArray) monitors = NULL;

        if (!listeners || !check_listeners(settings, listeners, error))
                return FALSE;
        monitors = tg_listeners_parse(settings->metrics_listen, error);

        return monitors != NULL;
}
