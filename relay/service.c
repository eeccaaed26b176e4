/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/service.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "protocol/error.h"
#include "relay/attestation-file.h"
#include "relay/certificate.h"
#include "relay/directory.h"
#include "relay/log.h"
#include "relay/metrics.h"
#include "relay/monitor.h"
#include "relay/redis-open.h"
#include "relay/server.h"
#include "relay/sockets.h"
#include "relay/tls.h"

/* For the store, the listening sockets and what the libraries open. */
#define OTHER_FDS 64
/* Of a wake-up: its connection, and what libcurl and the resolver have besides. */
#define FDS_A_PUSH 4
/* Longer than any handshake may take: the server's patience with one is much shorter. */
#define HANDSHAKE_US (600 * G_USEC_PER_SEC)
#define CERTIFICATE_SHORT_S (7 * 86400)

/* As many connections as there may be descriptors. */
static guint
fit_connections(guint64 wanted, guint64 n_pushes)
{
        guint64 n_other = OTHER_FDS + n_pushes * FDS_A_PUSH;
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return (guint)wanted;
        if (limit.rlim_cur < wanted + n_other) {
                limit.rlim_cur = MIN(limit.rlim_max, wanted + n_other);
                setrlimit(RLIMIT_NOFILE, &limit);
                getrlimit(RLIMIT_NOFILE, &limit);
        }
        if (limit.rlim_cur >= wanted + n_other)
                return (guint)wanted;
        g_warning("only %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                  " connections fit the limit of open files: raise it, or lower MaxConnections=",
                  (guint64)limit.rlim_cur - n_other,
                  wanted);

        return (guint)(MAX(limit.rlim_cur, n_other + 1) - n_other);
}

/* ---- setting up ---- */

/* Of the store and, in a trial, of the certificate. */
static gboolean
make_directories(const TgSettings *settings, GError **error)
{
        g_autofree char *directory = g_path_get_dirname(settings->store);
        gboolean is_file = strcmp(settings->store, ":memory:") != 0 &&
                           !tg_redis_address_is_one(settings->store);

        return (!is_file || tg_directory_make(directory, error)) &&
               (!settings->is_trial || tg_directory_make(settings->state_directory, error));
}

/* What is to be shown from now on; NULL without an error: plain HTTP. @ret_path: of a trial's
 * certificate, for those who are to trust it. */
static gboolean
load_tls(const TgSettings *settings, TgTls **ret_tls, char **ret_path, GError **error)
{
        g_auto(TgCertificate) certificate = {0};
        g_autoptr(GError) problem = NULL;

        *ret_tls = NULL;
        if (settings->is_trial) {
                if (!tg_certificate_get_trial(settings->state_directory,
                                              g_get_real_time() / G_USEC_PER_SEC,
                                              &certificate,
                                              error))
                        return FALSE;
        } else if (!settings->certificate) {
                return TRUE;
        } else if (!g_file_get_contents(
                           settings->certificate, &certificate.certificate, NULL, &problem) ||
                   !g_file_get_contents(settings->key, &certificate.key, NULL, &problem)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "cannot read the certificate: %s; check Certificate= and Key=",
                             problem->message);
                return FALSE;
        }
        *ret_tls = tg_tls_new(certificate.certificate, certificate.key, error);
        if (*ret_tls && ret_path)
                *ret_path = g_steal_pointer(&certificate.certificate_path);

        return *ret_tls != NULL;
}

/* NULL without an error: no push. */
static gboolean
load_push(const TgSettings *settings, TgPushRules **ret_push, GError **error)
{
        g_autoptr(GError) problem = NULL;

        *ret_push = tg_push_rules_new(settings, &problem);
        if (!problem)
                return TRUE;
        g_propagate_error(error, g_steal_pointer(&problem));

        return FALSE;
}

/* Renewals have failed somewhere else, and nobody may have looked. */
static void
warn_of_end(const TgTls *tls)
{
        gint64 left_s = tls ? tg_tls_end_s(tls) - g_get_real_time() / G_USEC_PER_SEC : G_MAXINT64;

        if (left_s <= 0)
                g_warning("the certificate has expired: clients refuse it; renew it");
        else if (left_s < CERTIFICATE_SHORT_S)
                g_warning("the certificate ends in %" G_GINT64_FORMAT " hours: renew it",
                          left_s / 3600);
}

/* ---- read again ---- */

typedef struct {
        const TgSettingOptions *options;
        TgSettings *settings;
        gboolean is_tls;
        int signal_fd;
        TgRateLimit *rate_limit;
        TgPushRules *push_rules; /* NULL: no push */
        TgPush *push;
        TgAttestation *attestation; /* NULL: none is demanded */
        TgServer *server;
} Service;

static void
make_rates(const TgSettings *settings, TgRateRule rates[TG_N_RATES])
{
        for (guint i = 0; i < TG_N_RATES; i++) {
                rates[i].burst = (double)settings->per_minute[i];
                rates[i].per_s = (double)settings->per_minute[i] / 60;
        }
}

static void
make_rules(const TgSettings *settings,
           const TgPushRules *push,
           const TgAttestation *attestation,
           TgServerRules *ret_rules)
{
        const TgApi api = {
                .origin = settings->public_url,
                .limits = settings->limits,
                .default_life_s = (gint64)settings->default_life_s,
                .max_life_s = (gint64)settings->max_life_s,
                .told_s = (gint64)settings->told_s,
                .push = push,
                .attestation = attestation,
        };

        *ret_rules = (TgServerRules){
                .api = api,
                .trust = {(const TgPrefix *)(const void *)settings->proxies->data,
                          settings->proxies->len},
                .max_connections_per_source = (guint)settings->max_connections_per_source,
                .max_held = (guint)settings->max_held,
                .max_held_per_source = (guint)settings->max_held_per_source,
                .max_wait_s = (guint)settings->max_wait_s,
                .request_timeout_s = (guint)settings->request_timeout_s,
                .max_body_bytes = settings->max_body_bytes,
                .stop_timeout_s = (guint)settings->stop_timeout_s,
        };
}

/* Whoever is connected by now keeps what was agreed on. */
static void
show_tls(TgTls *tls, gint64 now_us)
{
        tg_tls_show(tls, now_us + HANDSHAKE_US);
        warn_of_end(tls);
}

/* All that can fail, before anything changes. */
static TgSettings *
load_again(const Service *self,
           TgTls **ret_tls,
           TgPushRules **ret_push,
           TgAttestation **ret_attestation,
           GError **error)
{
        g_autoptr(TgSettings) settings = tg_settings_load(self->options, error);
        g_autoptr(TgTls) tls = NULL;
        g_autoptr(TgPushRules) push = NULL;
        g_autoptr(TgAttestation) attestation = NULL;

        if (!settings || !load_tls(settings, &tls, NULL, error) ||
            !load_push(settings, &push, error) ||
            !tg_attestation_load(settings, self->settings->public_url, &attestation, error))
                return NULL;
        if ((tls != NULL) != self->is_tls) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "TLS cannot be turned on or off while the relay runs: restart it, or "
                             "put Certificate= and Key= back");
                return NULL;
        }
        *ret_tls = g_steal_pointer(&tls);
        *ret_push = g_steal_pointer(&push);
        *ret_attestation = g_steal_pointer(&attestation);

        return g_steal_pointer(&settings);
}

static gboolean
take_again(Service *self, GError **error)
{
        TgTls *tls = NULL;
        TgPushRules *push = NULL;
        TgAttestation *attestation = NULL;
        TgSettings *settings = load_again(self, &tls, &push, &attestation, error);
        g_autofree const char **kept = NULL;
        g_autofree char *names = NULL;
        TgRateRule rates[TG_N_RATES];
        TgServerRules rules;

        if (!settings)
                return FALSE;
        kept = tg_settings_keep_fixed(settings, self->settings);
        names = g_strjoinv("=, ", (char **)kept);
        if (*names)
                g_warning("%s= will change at the next start: restart the relay for it", names);

        make_rates(settings, rates);
        tg_rate_limit_set_rules(self->rate_limit, rates);
        make_rules(settings, push, attestation, &rules);
        /* The writer knows this one. */
        rules.api.origin = self->settings->public_url;
        tg_server_set_rules(self->server, &rules);
        tg_push_set_rules(self->push, push);
        tg_push_rules_unref(self->push_rules);
        self->push_rules = push;
        tg_attestation_free(self->attestation);
        self->attestation = attestation;
        if (tls)
                show_tls(tls, g_get_monotonic_time());
        g_free(settings->public_url);
        settings->public_url = g_steal_pointer(&self->settings->public_url);
        tg_settings_free(self->settings);
        self->settings = settings;

        return TRUE;
}

static void
reload(Service *self)
{
        g_autoptr(GError) error = NULL;

        sd_notifyf(FALSE, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
        if (take_again(self, &error)) {
                tg_metrics_count(TG_COUNT_RELOADS, 1);
                tg_log_event(G_LOG_LEVEL_MESSAGE, "reloaded", "the settings have been read again");
                sd_notify(FALSE, "READY=1\nSTATUS=");
        } else {
                tg_metrics_count(TG_COUNT_RELOADS_REFUSED, 1);
                tg_log_event(G_LOG_LEVEL_WARNING,
                             "reload-refused",
                             "the settings stay what they were: %s",
                             error->message);
                sd_notifyf(FALSE, "READY=1\nSTATUS=Settings not taken: %s", error->message);
        }
}

/* ---- running ---- */

static void
on_pulse(gpointer user_data)
{
        sd_notify(FALSE, "WATCHDOG=1");
}

static gboolean
on_signal(gpointer user_data)
{
        Service *self = user_data;
        struct signalfd_siginfo signal;

        if (read(self->signal_fd, &signal, sizeof signal) != sizeof signal)
                return FALSE;
        if (signal.ssi_signo == SIGHUP) {
                reload(self);
                return FALSE;
        }
        sd_notify(FALSE, "STOPPING=1");
        tg_log_event(G_LOG_LEVEL_MESSAGE, "stopping", "stopping");

        return TRUE;
}

/* The first lines of standard output are an interface: scripts read them. */
static void
announce(const Service *self, const TgSockets *sockets, const char *ca_path)
{
        for (guint i = 0; i < sockets->listeners->len; i++)
                printf("listening %s://%s\n",
                       self->is_tls ? "https" : "http",
                       g_array_index(sockets->listeners, TgListener, i).address);
        if (ca_path) {
                printf("ca-file %s\n", ca_path);
                fprintf(stderr,
                        "A trial relay, for this machine only. To trust it:\n"
                        "  curl:      --cacert %s\n"
                        "  tigressd:  CaFile=%s and Relay=%s\n"
                        "             in ~/.config/tigress/tigress.conf, group [Wallet]\n"
                        "Ctrl-C ends it.\n",
                        ca_path,
                        ca_path,
                        self->settings->public_url);
        }
        for (guint i = 0; i < sockets->monitors->len; i++) {
                const char *address = g_array_index(sockets->monitors, TgListener, i).address;

                printf("metrics %s%s\n",
                       g_str_has_prefix(address, "unix:") ? "" : "http://",
                       address);
        }
        fflush(stdout);
        sd_notify(FALSE, "READY=1");
        tg_log_event(G_LOG_LEVEL_MESSAGE, "ready", "ready");
}

/* A handle of its own, for threads of its own. */
static TgStore *
open_reader(TgStore *store, GError **error)
{
        g_autoptr(GError) problem = NULL;
        TgStore *reader = tg_store_reader(store, &problem);

        if (problem)
                g_propagate_error(error, g_steal_pointer(&problem));

        return reader;
}

/* The writer and, for a file, what it writes to and handles to read with; a Redis is written
 * and read by one. @ret_monitor: the supervisor's, NULL without one. */
static TgWriter *
open_store(const TgSettings *settings,
           const TgApi *api,
           TgStore **ret_store,
           TgStore **ret_reader,
           TgStore **ret_monitor,
           GError **error)
{
        g_autoptr(GError) problem = NULL;

        if (tg_redis_address_is_one(settings->store))
                return tg_redis_open(settings, api, error);
        *ret_store = tg_store_sqlite_open(settings->store, settings->max_store_bytes, error);
        if (!*ret_store)
                return NULL;
        *ret_reader = open_reader(*ret_store, &problem);
        if (!problem && ret_monitor)
                *ret_monitor = open_reader(*ret_store, &problem);
        if (problem) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return NULL;
        }

        return tg_writer_new(api, *ret_store, (guint)settings->erase_interval_s, error);
}

/* The library's from then on, whether it succeeds or not. */
static int
take_fd(TgListener *listener)
{
        int fd = listener->fd;

        listener->fd = -1;

        return fd;
}

static gboolean
listen_all(TgServer *server, TgMonitor *monitor, TgSockets *sockets, GError **error)
{
        for (guint i = 0; i < sockets->listeners->len; i++) {
                TgListener *listener = &g_array_index(sockets->listeners, TgListener, i);

                if (!tg_server_listen(server, take_fd(listener), error))
                        return FALSE;
        }
        for (guint i = 0; i < sockets->monitors->len; i++) {
                TgListener *listener = &g_array_index(sockets->monitors, TgListener, i);

                if (!tg_monitor_listen(monitor, take_fd(listener), error))
                        return FALSE;
        }
        tg_monitor_start(monitor);

        return TRUE;
}

static gboolean
serve(Service *self, TgSockets *sockets, const char *ca_path, GError **error)
{
        const TgSettings *settings = self->settings;
        TgServerRules rules;
        g_autoptr(TgStore) store = NULL;
        g_autoptr(TgStore) reader = NULL;
        g_autoptr(TgPush) push = NULL; /* goes last: the server uses it */
        g_autoptr(TgServer) server = NULL;
        g_autoptr(TgWriter) writer = NULL;
        g_autoptr(TgStore) monitor_reader = NULL;
        g_autoptr(TgMonitor) monitor = NULL; /* goes first, the writer after it */
        TgServerOptions options = {
                .has_proxy_header = settings->has_proxy_header != 0,
                .is_tls = self->is_tls,
                .rate_limit = self->rate_limit,
                .max_connections =
                        fit_connections(settings->max_connections,
                                        self->push_rules ? settings->push_connections : 0),
                .idle_timeout_s = (guint)settings->idle_timeout_s,
                .max_headers_bytes = settings->max_headers_bytes,
                .signal_fd = self->signal_fd,
                .on_pulse = on_pulse,
                .on_signal = on_signal,
                .user_data = self,
        };
        guint64 watchdog_us = 0;

        make_rules(settings, self->push_rules, self->attestation, &rules);
        self->push = push = tg_push_new(self->push_rules, error);
        if (!push)
                return FALSE;
        writer = open_store(settings,
                            &rules.api,
                            &store,
                            &reader,
                            sockets->monitors->len > 0 ? &monitor_reader : NULL,
                            error);
        if (!writer)
                return FALSE;
        options.writer = writer;
        options.reader = reader;
        options.push = push;

        if (sd_watchdog_enabled(FALSE, &watchdog_us) > 0)
                options.pulse_us = (gint64)watchdog_us / 2;
        self->server = server = tg_server_new(&options, &rules);
        /* The writer's outlive a reload, and need not know. */
        rules.api.push = NULL;
        rules.api.attestation = NULL;
        monitor = tg_monitor_new(monitor_reader, writer);
        if (!listen_all(server, monitor, sockets, error))
                return FALSE;
        announce(self, sockets, ca_path);
        tg_server_run(server);

        return TRUE;
}

static gboolean
set_up(Service *self, GError **error)
{
        g_auto(TgSockets) sockets = {0};
        g_autofree char *ca_path = NULL;
        TgTls *tls = NULL;
        TgRateRule rates[TG_N_RATES];

        self->settings = tg_settings_load(self->options, error);
        if (!self->settings || !make_directories(self->settings, error) ||
            !load_push(self->settings, &self->push_rules, error) ||
            !load_tls(self->settings, &tls, &ca_path, error))
                return FALSE;
        self->is_tls = tls != NULL;
        show_tls(tls, 0);
        if (!tg_sockets_open(self->settings, &sockets, error))
                return FALSE;
        if (!self->settings->public_url)
                self->settings->public_url = g_strconcat(
                        "https://", g_array_index(sockets.listeners, TgListener, 0).address, NULL);
        if (!tg_attestation_load(
                    self->settings, self->settings->public_url, &self->attestation, error))
                return FALSE;
        make_rates(self->settings, rates);
        self->rate_limit = tg_rate_limit_new(rates);

        return serve(self, &sockets, ca_path, error);
}

gboolean
tg_service_run(const TgSettingOptions *options, int signal_fd, GError **error)
{
        Service self = {.options = options, .signal_fd = signal_fd};
        gboolean has_run = set_up(&self, error);

        tg_tls_show(NULL, 0);
        tg_tls_sweep(G_MAXINT64);
        tg_rate_limit_free(self.rate_limit);
        tg_push_rules_unref(self.push_rules);
        tg_attestation_free(self.attestation);
        tg_settings_free(self.settings);

        return has_run;
}

gboolean
tg_service_check(const TgSettingOptions *options, GError **error)
{
        g_autoptr(TgSettings) settings = tg_settings_load(options, error);
        g_autoptr(TgTls) tls = NULL;
        g_autoptr(TgPushRules) push = NULL;
        g_autoptr(TgAttestation) attestation = NULL;
        g_autofree char *text = NULL;

        /* A trial would make a certificate. */
        if (!settings || (!settings->is_trial && !load_tls(settings, &tls, NULL, error)))
                return FALSE;
        if (!load_push(settings, &push, error) ||
            !tg_attestation_load(settings, settings->public_url, &attestation, error) ||
            !tg_sockets_check(settings, error))
                return FALSE;
        warn_of_end(tls);
        text = tg_settings_format(settings);
        fputs(text, stdout);
        if (push)
                printf("# public key for subscriptions: %s\n", tg_vapid_get_key(push->vapid));

        return TRUE;
}
