/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/server.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "protocol/error.h"
#include "relay/metrics.h"
#include "relay/server-core.h"
#include "relay/tls.h"
#include "relay/wipe.h"

#define MAX_SLEEP_US (60 * G_USEC_PER_SEC)
#define TIDY_US G_USEC_PER_SEC
/* Ours before the client's: what hashes with SHA-256, which processors know, before what does with
 * SHA-384, which GnuTLS does by hand; and the group of which clients send their half unasked. */
#define TLS_PRIORITIES                                                                             \
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"                                               \
        ":-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM"                                \
        ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"                              \
        ":%SERVER_PRECEDENCE:%NO_TICKETS"

/* ---- connections ---- */

static gboolean
has_room(gpointer user_data)
{
        TgServer *self = user_data;

        return self->n_connections < self->options.max_connections;
}

/* Before anything is read of it. Proxies that are trusted to tell who asks are not limited. */
static gboolean
may_enter(TgServer *self, const struct sockaddr *address)
{
        TgRateLimit *rate_limit = self->options.rate_limit;
        gint64 now_us = g_get_monotonic_time();
        TgCount limit = TG_COUNT_LIMITED_CONNECTIONS;
        gboolean is_full = !has_room(self); /* for who has had to say first whom he speaks for */
        guint64 ticket;

        if (!is_full && !tg_trust_includes(&self->rules.trust, address)) {
                is_full = !tg_rate_limit_enter(rate_limit,
                                               TG_PLACE_CONNECTION,
                                               address,
                                               self->rules.max_connections_per_source,
                                               now_us,
                                               &ticket);
                /* It may yet come to nothing: the place is taken when it has begun. */
                tg_rate_limit_leave(rate_limit, TG_PLACE_CONNECTION, ticket);
                if (!is_full &&
                    tg_rate_limit_take(rate_limit, TG_RATE_CONNECTION, address, now_us) > 0) {
                        is_full = TRUE;
                        limit = TG_COUNT_LIMITED_CONNECTION_RATE;
                }
        }
        if (is_full)
                tg_metrics_count(limit, 1);

        return !is_full;
}

static enum MHD_Result
on_accept(void *user_data, const struct sockaddr *address, socklen_t n_bytes)
{
        return may_enter(user_data, address) ? MHD_YES : MHD_NO;
}

static void
begin_connection(TgServer *self, struct MHD_Connection *mhd, TgServerConnection *connection)
{
        const struct sockaddr *address =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;

        if (!tg_trust_includes(&self->rules.trust, address))
                tg_rate_limit_enter(self->options.rate_limit,
                                    TG_PLACE_CONNECTION,
                                    address,
                                    0,
                                    g_get_monotonic_time(),
                                    &connection->ticket);
        connection->deadline.fd =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        tg_deadline_set(&connection->deadline, &self->deadlines, g_get_monotonic_time());
        tg_handshakes_begin(&self->handshakes, &connection->handshake, mhd);
        tg_metrics_set(TG_GAUGE_CONNECTIONS, ++self->n_connections);
        tg_metrics_count(TG_COUNT_CONNECTIONS, 1);
}

static void
end_connection(TgServer *self, TgServerConnection *connection)
{
        tg_deadline_clear(&connection->deadline, &self->deadlines);
        tg_handshakes_end(&self->handshakes, &connection->handshake);
        tg_cork_end(&connection->cork, &self->corks);
        tg_rate_limit_leave(self->options.rate_limit, TG_PLACE_CONNECTION, connection->ticket);
        g_free(connection);
        tg_metrics_set(TG_GAUGE_CONNECTIONS, --self->n_connections);
        self->is_run_again = TRUE; /* there is room for who waits at the door */
}

static void
on_connection(void *user_data,
              struct MHD_Connection *mhd,
              void **socket_context,
              enum MHD_ConnectionNotificationCode what)
{
        if (what == MHD_CONNECTION_NOTIFY_STARTED) {
                *socket_context = g_new0(TgServerConnection, 1);
                begin_connection(user_data, mhd, *socket_context);
        } else if (*socket_context) {
                end_connection(user_data, g_steal_pointer(socket_context));
        }
}

/* Paths and queries stay as they are on the wire. */
static size_t
keep_escapes(void *user_data, struct MHD_Connection *mhd, char *text)
{
        return strlen(text);
}

/* ---- the loop ---- */

/* The library closes what it does not take. */
static void
on_enter(gpointer user_data, gpointer tag, int fd, const struct sockaddr *source)
{
        TgServer *self = user_data;
        socklen_t n_bytes = source->sa_family == AF_INET    ? sizeof(struct sockaddr_in)
                            : source->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                            : sizeof(sa_family_t);

        MHD_add_connection(tag, fd, source, n_bytes);
        self->is_run_again = TRUE;
}

TgServer *
tg_server_new(const TgServerOptions *options, const TgServerRules *rules)
{
        TgServer *self = g_new0(TgServer, 1);

        self->options = *options;
        tg_server_set_rules(self, rules);
        self->daemons = g_ptr_array_new_with_free_func((GDestroyNotify)MHD_stop_daemon);
        self->door = tg_door_new(&(TgDoorOptions){
                .trust = options->has_proxy_header ? &self->rules.trust : NULL,
                .max_callers = options->max_connections,
                .has_room = has_room,
                .on_enter = on_enter,
                .user_data = self,
        });
        tg_handshakes_init(&self->handshakes);
        self->held = tg_held_new();
        self->pending = g_array_new(FALSE, FALSE, sizeof(TgJob));
        self->finished = g_array_new(FALSE, FALSE, sizeof(TgJob));

        return self;
}

void
tg_server_set_rules(TgServer *self, const TgServerRules *rules)
{
        self->rules = *rules;
        self->deadlines.patience_us = (gint64)rules->request_timeout_s * G_USEC_PER_SEC;
        self->bodies.max_bytes = rules->max_body_bytes;
}

/* The library does not stop while a connection sleeps. */
void
tg_server_free(TgServer *self)
{
        if (!self)
                return;
        tg_server_drop_requests(self);
        tg_server_drop_own(self);
        tg_handshakes_wake_all(&self->handshakes);
        for (guint i = 0; i < self->daemons->len; i++)
                MHD_run(g_ptr_array_index(self->daemons, i));
        tg_door_free(self->door);
        g_ptr_array_unref(self->daemons);
        tg_handshakes_clear(&self->handshakes);
        tg_held_free(self->held);
        g_array_unref(self->pending);
        g_array_unref(self->finished);
        g_free(self);
}

gboolean
tg_server_listen(TgServer *self, int fd, GError **error)
{
        const TgServerOptions *options = &self->options;
        guint flags = MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME;
        struct MHD_OptionItem tls[] = {
                {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, tg_tls_callback()     },
                {MHD_OPTION_HTTPS_PRIORITIES,    0, (void *)TLS_PRIORITIES},
                {MHD_OPTION_END,                 0, NULL                  },
        };
        struct MHD_OptionItem nothing[] = {
                {MHD_OPTION_END, 0, NULL}
        };
        struct MHD_Daemon *daemon = MHD_start_daemon(flags | (options->is_tls ? MHD_USE_TLS : 0),
                                                     0,
                                                     on_accept,
                                                     self,
                                                     tg_server_on_request,
                                                     self,
                                                     MHD_OPTION_LISTEN_SOCKET,
                                                     fd,
                                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                                     options->max_headers_bytes,
                                                     MHD_OPTION_CONNECTION_LIMIT,
                                                     options->max_connections,
                                                     MHD_OPTION_CONNECTION_TIMEOUT,
                                                     options->idle_timeout_s,
                                                     MHD_OPTION_NOTIFY_CONNECTION,
                                                     on_connection,
                                                     self,
                                                     MHD_OPTION_NOTIFY_COMPLETED,
                                                     tg_server_on_request_over,
                                                     NULL,
                                                     MHD_OPTION_UNESCAPE_CALLBACK,
                                                     keep_escapes,
                                                     NULL,
                                                     MHD_OPTION_ARRAY,
                                                     options->is_tls ? tls : nothing,
                                                     MHD_OPTION_END);

        if (!daemon) {
                close(fd);
                tg_set_error(error, TG_ERROR_FAILED, "cannot start the server");
                return FALSE;
        }
        g_ptr_array_add(self->daemons, daemon);

        /* It gives its socket back, and is given connections instead: where there is no descriptor
         * for another it would try without end. */
        return tg_door_listen(self->door, MHD_quiesce_daemon(daemon), daemon, error);
}

/* Milliseconds that the loop may sleep. */
static int
find_timeout_ms(TgServer *self, gint64 now_us)
{
        gint64 held_us = tg_held_next_us(self->held, now_us, g_get_real_time());
        gint64 late_us = tg_deadlines_next_us(&self->deadlines, now_us);
        gint64 push_us = tg_push_next_us(self->options.push, now_us);
        gint64 next_us = MAX_SLEEP_US;

        if (self->is_run_again)
                return 0;
        if (held_us >= 0)
                next_us = MIN(next_us, held_us);
        if (late_us >= 0)
                next_us = MIN(next_us, late_us);
        if (self->options.pulse_us > 0)
                next_us = MIN(next_us, self->next_pulse_us - now_us);
        if (push_us >= 0)
                next_us = MIN(next_us, push_us);
        if (tg_door_next_us(self->door, now_us) >= 0)
                next_us = MIN(next_us, tg_door_next_us(self->door, now_us));
        if (tg_corks_next_us(&self->corks, now_us) >= 0)
                next_us = MIN(next_us, tg_corks_next_us(&self->corks, now_us));
        if (self->is_stopping)
                next_us = MIN(next_us, self->stop_us - now_us);
        if (self->tidy_us > 0)
                next_us = MIN(next_us, self->tidy_us - now_us);
        if (tg_rate_limit_next_us(self->options.rate_limit, now_us) >= 0)
                next_us = MIN(next_us, tg_rate_limit_next_us(self->options.rate_limit, now_us));
        for (guint i = 0; i < self->daemons->len; i++) {
                MHD_UNSIGNED_LONG_LONG ms;

                if (MHD_get_timeout(g_ptr_array_index(self->daemons, i), &ms) == MHD_YES)
                        next_us = MIN(next_us, (gint64)MIN(ms, 60000) * 1000);
        }

        return (int)((MAX(next_us, 0) + 999) / 1000);
}

/* A store that is stuck: no pulse, and the supervisor restarts us. */
static void
pulse(TgServer *self, gint64 now_us)
{
        if (self->options.pulse_us == 0 || now_us < self->next_pulse_us)
                return;
        self->next_pulse_us = now_us + self->options.pulse_us;
        if (tg_writer_busy_us(self->options.writer, now_us) < TG_STUCK_US)
                self->options.on_pulse(self->options.user_data);
}

/* Who was here may have gone: a second after something was done, and each second while more is,
 * nothing is left of it but what still runs. An idle relay has nothing to tidy. */
static void
tidy(TgServer *self, gboolean is_busy, gint64 now_us)
{
        if (self->tidy_us > 0 && now_us >= self->tidy_us) {
                if (self->options.reader)
                        tg_store_rest(self->options.reader);
                tg_wipe_stack();
                self->tidy_us = 0;
        }
        if (is_busy && self->tidy_us == 0)
                self->tidy_us = now_us + TIDY_US;
        tg_rate_limit_sweep(self->options.rate_limit, now_us);
}

/* One turn; TRUE when the signal descriptor is readable. */
static gboolean
turn(TgServer *self, struct pollfd *fds, nfds_t n_fds)
{
        gint64 now_us = g_get_monotonic_time();
        gboolean is_busy;

        tg_metrics_set(TG_GAUGE_BUSY_SINCE_US, 0);
        tg_wipe_freed();
        is_busy = poll(fds, n_fds, find_timeout_ms(self, now_us)) > 0;
        now_us = g_get_monotonic_time();
        tg_metrics_set(TG_GAUGE_BUSY_SINCE_US, now_us);
        pulse(self, now_us);
        if (fds[0].revents)
                tg_server_take_finished(self);
        tg_server_wake_due(self, now_us);
        tg_metrics_count(TG_COUNT_LIMITED_TIME, tg_deadlines_enforce(&self->deadlines, now_us));
        tg_tls_sweep(now_us);
        self->is_run_again = FALSE;
        tg_metrics_count(TG_COUNT_LIMITED_TIME,
                         tg_door_run(self->door, now_us, self->deadlines.patience_us));
        tg_handshakes_wake(&self->handshakes);
        for (guint i = 0; i < self->daemons->len; i++)
                MHD_run(g_ptr_array_index(self->daemons, i));
        tg_handshakes_sleep(&self->handshakes);
        tg_corks_try(&self->corks, now_us);
        tg_server_run_push(self, now_us);
        tg_writer_push(self->options.writer, self->pending);
        tidy(self, is_busy || self->is_run_again, now_us);
        tg_metrics_set(TG_GAUGE_PUSH_WAITING, tg_push_count(self->options.push));
        tg_metrics_set(TG_GAUGE_HELD, tg_held_count(self->held));
        tg_metrics_set(TG_GAUGE_BODY_BYTES, (gint64)self->bodies.n_bytes);

        return fds[1].revents != 0;
}

/* No more connections; who waits gets what there is. */
static void
begin_stop(TgServer *self)
{
        self->is_stopping = TRUE;
        self->stop_us =
                g_get_monotonic_time() + (gint64)self->rules.stop_timeout_s * G_USEC_PER_SEC;
        tg_metrics_set(TG_GAUGE_STOPPING, TRUE);
        tg_door_close(self->door);
        tg_server_end_waits(self);
        tg_push_stop(self->options.push);
}

void
tg_server_run(TgServer *self)
{
        nfds_t n_fds = 5 + self->daemons->len;
        g_autofree struct pollfd *fds = g_new0(struct pollfd, n_fds);

        fds[0] = (struct pollfd){tg_writer_get_fd(self->options.writer), POLLIN, 0};
        fds[1] = (struct pollfd){self->options.signal_fd, POLLIN, 0};
        for (guint i = 0; i < self->daemons->len; i++)
                fds[2 + i] =
                        (struct pollfd){MHD_get_daemon_info(g_ptr_array_index(self->daemons, i),
                                                            MHD_DAEMON_INFO_EPOLL_FD)
                                                ->epoll_fd,
                                        POLLIN,
                                        0};

        fds[n_fds - 3] = (struct pollfd){self->handshakes.epoll_fd, POLLIN, 0};
        fds[n_fds - 2] = (struct pollfd){tg_push_get_fd(self->options.push), POLLIN, 0};
        fds[n_fds - 1] = (struct pollfd){tg_door_get_fd(self->door), POLLIN, 0};

        while (!turn(self, fds, n_fds) || !self->options.on_signal(self->options.user_data))
                ;
        fds[1].fd = -1;
        begin_stop(self);
        while ((self->requests.length > 0 || tg_push_is_busy(self->options.push)) &&
               g_get_monotonic_time() < self->stop_us)
                turn(self, fds, n_fds);
}
