/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "protocol/error.h"
#include "relay/certificate.h"
#include "relay/listener.h"
#include "relay/server.h"

#define TRIAL_LISTEN "127.0.0.1:8443"

/* For the store, the listening sockets and what the libraries open. */
#define OTHER_FDS 64

/* As many connections as there may be descriptors. */
static guint
fit_connections(guint64 wanted)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return (guint)wanted;
        if (limit.rlim_cur < wanted + OTHER_FDS) {
                limit.rlim_cur = MIN(limit.rlim_max, wanted + OTHER_FDS);
                setrlimit(RLIMIT_NOFILE, &limit);
                getrlimit(RLIMIT_NOFILE, &limit);
        }
        if (limit.rlim_cur >= wanted + OTHER_FDS)
                return (guint)wanted;
        g_warning("only %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                  " connections fit the limit of open files: raise it, or lower MaxConnections=",
                  (guint64)limit.rlim_cur - OTHER_FDS,
                  wanted);

        return (guint)MAX(limit.rlim_cur, OTHER_FDS + 1) - OTHER_FDS;
}

/* ---- setting up ---- */

static gboolean
make_directory(const char *path, GError **error)
{
        if (g_mkdir_with_parents(path, 0700) == 0)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "cannot make the directory %s: %s; name another with --state-directory or "
                     "--store",
                     path,
                     g_strerror(errno));

        return FALSE;
}

/* Of the store and, in a trial, of the certificate. */
static gboolean
make_directories(const TgSettings *settings, GError **error)
{
        g_autofree char *directory = g_path_get_dirname(settings->store);

        return (strcmp(settings->store, ":memory:") == 0 || make_directory(directory, error)) &&
               (!settings->is_trial || make_directory(settings->state_directory, error));
}

static gboolean
load_certificate(const TgSettings *settings, TgCertificate *ret_certificate, GError **error)
{
        g_autoptr(GError) problem = NULL;

        if (settings->is_trial)
                return tg_certificate_get_trial(settings->state_directory,
                                                g_get_real_time() / G_USEC_PER_SEC,
                                                ret_certificate,
                                                error);
        if (!settings->certificate)
                return TRUE;
        if (g_file_get_contents(
                    settings->certificate, &ret_certificate->certificate, NULL, &problem) &&
            g_file_get_contents(settings->key, &ret_certificate->key, NULL, &problem))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "cannot read the certificate: %s; check Certificate= and Key=",
                     problem->message);

        return FALSE;
}

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

/* What the operator names; else what systemd hands over; else a trial's own. */
static GArray *
find_listeners(const TgSettings *settings, GError **error)
{
        char *trial[] = {(char *)TRIAL_LISTEN, NULL};
        g_autoptr(GArray) listeners = settings->listen[0]
                                              ? tg_listeners_open(settings->listen, error)
                                              : tg_listeners_inherit(error);

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
        for (guint i = 0; i < listeners->len; i++)
                if (!check_listener(settings, &g_array_index(listeners, TgListener, i), error))
                        return NULL;

        return g_steal_pointer(&listeners);
}

/* ---- running ---- */

static void
on_pulse(gpointer user_data)
{
        sd_notify(FALSE, "WATCHDOG=1");
}

static void
on_stop(gpointer user_data)
{
        sd_notify(FALSE, "STOPPING=1");
        g_message("stopping");
}

/* The first lines of standard output are an interface: scripts read them. */
static void
announce(const TgSettings *settings, const GArray *listeners, const TgCertificate *certificate)
{
        for (guint i = 0; i < listeners->len; i++)
                printf("listening %s://%s\n",
                       certificate->certificate ? "https" : "http",
                       g_array_index(listeners, TgListener, i).address);
        if (certificate->certificate_path) {
                printf("ca-file %s\n", certificate->certificate_path);
                fprintf(stderr,
                        "A trial relay, for this machine only. To trust it:\n"
                        "  curl:      --cacert %s\n"
                        "  tigressd:  CaFile=%s and Relay=%s\n"
                        "             in ~/.config/tigress/tigress.conf, group [Wallet]\n"
                        "Ctrl-C ends it.\n",
                        certificate->certificate_path,
                        certificate->certificate_path,
                        settings->public_url);
        }
        fflush(stdout);
        sd_notify(FALSE, "READY=1");
        g_message("ready");
}

static void
make_rules(const TgSettings *settings, TgRateRule rules[TG_N_RATES])
{
        for (guint i = 0; i < TG_N_RATES; i++) {
                rules[i].burst = (double)settings->per_minute[i];
                rules[i].per_s = (double)settings->per_minute[i] / 60;
        }
}

static gboolean
serve(const TgSettings *settings,
      GArray *listeners,
      const TgCertificate *certificate,
      int stop_fd,
      GError **error)
{
        const TgApi api = {
                .origin = settings->public_url,
                .limits = settings->limits,
                .default_life_s = (gint64)settings->default_life_s,
                .max_life_s = (gint64)settings->max_life_s,
                .told_s = (gint64)settings->told_s,
        };
        TgRateRule rules[TG_N_RATES];
        g_autoptr(TgStore) store = NULL;
        g_autoptr(TgStore) reader = NULL;
        g_autoptr(TgRateLimit) rate_limit = NULL;
        g_autoptr(TgServer) server = NULL;
        g_autoptr(TgWriter) writer = NULL; /* goes first */
        g_autoptr(GError) problem = NULL;
        TgServerOptions options = {
                .api = &api,
                .certificate = certificate->certificate,
                .key = certificate->key,
                .max_connections = fit_connections(settings->max_connections),
                .max_connections_per_source = (guint)settings->max_connections_per_source,
                .stop_fd = stop_fd,
                .on_pulse = on_pulse,
                .on_stop = on_stop,
        };
        guint64 watchdog_us = 0;

        make_rules(settings, rules);
        options.rate_limit = rate_limit = tg_rate_limit_new(rules);
        store = tg_store_sqlite_open(settings->store, settings->max_store_bytes, error);
        if (!store)
                return FALSE;
        options.reader = reader = tg_store_reader(store, &problem);
        if (problem) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return FALSE;
        }
        options.writer = writer =
                tg_writer_new(&api, store, (guint)settings->erase_interval_s, error);
        if (!writer)
                return FALSE;

        if (sd_watchdog_enabled(FALSE, &watchdog_us) > 0)
                options.pulse_us = (gint64)watchdog_us / 2;
        server = tg_server_new(&options);
        for (guint i = 0; i < listeners->len; i++) {
                TgListener *listener = &g_array_index(listeners, TgListener, i);

                if (!tg_server_listen(server, listener->fd, error))
                        return FALSE;
                listener->fd = -1; /* the server's now */
        }
        announce(settings, listeners, certificate);
        tg_server_run(server);

        return TRUE;
}

gboolean
tg_service_run(TgSettings *settings, int stop_fd, GError **error)
{
        g_auto(TgCertificate) certificate = {0};
        g_autoptr(GArray) listeners = NULL;

        if (!make_directories(settings, error) || !load_certificate(settings, &certificate, error))
                return FALSE;
        listeners = find_listeners(settings, error);
        if (!listeners)
                return FALSE;
        if (!settings->public_url)
                settings->public_url = g_strconcat(
                        "https://", g_array_index(listeners, TgListener, 0).address, NULL);

        return serve(settings, listeners, &certificate, stop_fd, error);
}
