/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "protocol/error.h"
#include "relay/body.h"
#include "relay/deadline.h"
#include "relay/held.h"
#include "relay/response.h"

/* All of a request's and answer's headers must fit: an API of short ones. Less
 * memory to clear for each request is 6 % of the processor's time. */
#define CONNECTION_MEMORY_BYTES 8192
/* Nothing comes and nothing goes. */
#define IDLE_TIMEOUT_S 60
/* From one answer to the next, however busily a client sends single octets. */
#define REQUEST_DEADLINE_US (90 * G_USEC_PER_SEC)
#define MAX_SLEEP_US (60 * G_USEC_PER_SEC)
#define STOP_DEADLINE_US (5 * G_USEC_PER_SEC)
/* A batch that takes longer is stuck: no pulse, and the supervisor restarts us. */
#define STUCK_US (20 * G_USEC_PER_SEC)
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%NO_TICKETS"

struct TgServer {
        TgServerOptions options;
        GPtrArray *daemons;
        TgHeld *held;
        GArray *pending;  /* TgJob, for the writer at the end of this turn */
        GArray *finished; /* TgJob, scratch */
        TgDeadlines deadlines;
        GQueue requests; /* Request: begun and not over */
        TgBodies bodies;
        gboolean is_run_again; /* the library, without waiting for its descriptor */
        gboolean is_reader_in_doubt;
        gboolean is_stopping;
        gint64 next_pulse_us;
};

/* One request, from its headers to its answer. */
typedef struct {
        TgServer *server;
        TgDeadline *deadline; /* the connection's */
        struct MHD_Connection *mhd;
        TgHttpRequest http;
        TgBody body;
        TgApiCall *call;
        gboolean is_answered;
        gboolean is_suspended;
        TgHeldRead read;
        GList link;
} Request;

/* ---- connections ---- */

static void
on_connection(void *user_data,
              struct MHD_Connection *mhd,
              void **socket_context,
              enum MHD_ConnectionNotificationCode what)
{
        TgServer *self = user_data;
        TgDeadline *deadline = *socket_context;

        if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
                if (deadline)
                        tg_deadline_clear(deadline, &self->deadlines);
                g_free(deadline);
                *socket_context = NULL;
                /* At its limit the library listens no more, and looks whether it may
                 * again only at the beginning of a run. */
                self->is_run_again = TRUE;
                return;
        }
        deadline = g_new0(TgDeadline, 1);
        deadline->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        tg_deadline_set(deadline, &self->deadlines, g_get_monotonic_time());
        *socket_context = deadline;
}

static enum MHD_Result
on_accept(void *user_data, const struct sockaddr *address, socklen_t n_bytes)
{
        TgServer *self = user_data;

        return tg_rate_limit_take(self->options.rate_limit,
                                  TG_RATE_CONNECTION,
                                  address,
                                  g_get_monotonic_time()) == 0
                       ? MHD_YES
                       : MHD_NO;
}

static guint
admit(gpointer source, gboolean is_creation)
{
        Request *request = source;
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

        return tg_rate_limit_take(request->server->options.rate_limit,
                                  is_creation ? TG_RATE_CREATION : TG_RATE_REQUEST,
                                  info->client_addr,
                                  g_get_monotonic_time());
}

/* ---- running a call ---- */

static void
resume(Request *request)
{
        if (!request->is_suspended)
                return;
        MHD_resume_connection(request->mhd); /* seen by the next run, not the descriptor */
        request->is_suspended = FALSE;
        request->server->is_run_again = TRUE;
}

static void
finish(Request *request)
{
        request->is_answered = TRUE;
        resume(request);
}

static void run_call(Request *request);

/* Ends a held read with what there is: 304, or whatever has become of the mailbox. */
static void
end_wait(Request *request)
{
        request->call->is_wait_over = TRUE;
        run_call(request);
}

static void
hold(Request *request)
{
        TgServer *self = request->server;
        TgHeldRead *read = &request->read, *older;
        TgApiCall *call = request->call;

        if (!call->is_held)
                read->wait_until_us =
                        g_get_monotonic_time() + (gint64)call->wait_s * G_USEC_PER_SEC;
        call->is_held = TRUE;
        memcpy(read->id, call->id, sizeof read->id);
        memcpy(read->claim, call->claim_digest, sizeof read->claim);
        read->expires_us = call->expires_s * G_USEC_PER_SEC;
        read->user_data = request;
        older = tg_held_add(self->held, read);
        if (older)
                end_wait(older->user_data);
        if (self->is_stopping)
                end_wait(tg_held_take(self->held, read->id)->user_data);
}

static void
settle(Request *request, TgVerdict verdict)
{
        if (verdict == TG_VERDICT_HELD)
                hold(request);
        else
                finish(request);
}

/* Reads are done here and now; what writes waits for the writer. */
static void
run_call(Request *request)
{
        TgServer *self = request->server;
        TgApiCall *call = request->call;
        TgVerdict verdict = TG_VERDICT_WRITE;
        g_autoptr(GError) error = NULL;
        TgJob job = {.call = call};

        if (call->is_refused)
                verdict = TG_VERDICT_ANSWERED;
        else if (self->options.reader)
                verdict = tg_api_execute(self->options.api,
                                         call,
                                         self->options.reader,
                                         g_get_real_time() / G_USEC_PER_SEC,
                                         &error);
        if (verdict == TG_VERDICT_DOUBT) {
                if (!self->is_reader_in_doubt) /* said once, not for every request */
                        g_warning("the store cannot be read: %s", error->message);
                tg_api_fail(call);
        }
        self->is_reader_in_doubt = verdict == TG_VERDICT_DOUBT;
        if (verdict == TG_VERDICT_WRITE)
                g_array_append_val(self->pending, job);
        else
                settle(request, verdict);
}

/* In the order of the writer's batch: a read that was held there is known here
 * before the change that came after it. */
static void
take_finished(TgServer *self)
{
        tg_writer_take(self->options.writer, self->finished);
        for (guint i = 0; i < self->finished->len; i++) {
                TgJob job = g_array_index(self->finished, TgJob, i);
                gboolean has_changed = job.call->has_changed;
                guint8 id[TG_ID_BYTES];
                TgHeldRead *read;
                g_autoptr(GPtrArray) woken = has_changed ? g_ptr_array_new() : NULL;

                memcpy(id, job.call->id, sizeof id);
                settle(job.call->user_data, job.verdict);
                if (!has_changed)
                        continue;
                while ((read = tg_held_take(self->held, id)))
                        g_ptr_array_add(woken, read->user_data);
                for (guint k = 0; k < woken->len; k++)
                        run_call(g_ptr_array_index(woken, k));
        }
        g_array_set_size(self->finished, 0);
}

static void
wake_due(TgServer *self, gint64 now_us)
{
        TgHeldRead *read;
        gint64 wall_us = g_get_real_time();

        while ((read = tg_held_take_due(self->held, now_us, wall_us))) {
                Request *request = read->user_data;

                if (now_us >= read->wait_until_us)
                        request->call->is_wait_over = TRUE;
                run_call(request);
        }
}

/* ---- requests ---- */

static enum MHD_Result
take_header(void *user_data, enum MHD_ValueKind kind, const char *name, const char *value)
{
        tg_http_request_add(user_data, name, value);
        return MHD_YES;
}

static Request *
new_request(TgServer *self, struct MHD_Connection *mhd, const char *method, const char *path)
{
        Request *request = g_new0(Request, 1);

        request->server = self;
        request->mhd = mhd;
        request->deadline =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
        request->http.method = method;
        request->http.path = path;
        request->http.admit = admit;
        request->http.source = request;
        MHD_get_connection_values(mhd, MHD_HEADER_KIND, take_header, &request->http);
        request->link.data = request;
        g_queue_push_tail_link(&self->requests, &request->link);

        return request;
}

static void
free_request(Request *request)
{
        tg_held_remove(request->server->held, &request->read);
        tg_body_drop(&request->body, &request->server->bodies);
        tg_api_call_free(request->call);
        g_queue_unlink(&request->server->requests, &request->link);
        g_free(request);
}

static enum MHD_Result
queue_answer(Request *request, gboolean is_last)
{
        TgServer *self = request->server;

        tg_deadline_set(request->deadline, &self->deadlines, g_get_monotonic_time());

        return tg_response_queue(
                request->mhd, &request->call->answer, is_last || self->is_stopping);
}

/* Headers only so far. A body that need not be read because it is far too long is
 * not read: the connection ends with the answer. */
static enum MHD_Result
begin_request(Request *request)
{
        const char *length = MHD_lookup_connection_value(
                request->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

        if (tg_body_expect(&request->body, length))
                return MHD_YES;
        request->http.is_too_large = TRUE;
        request->call = tg_api_call_new(
                request->server->options.api, &request->http, g_get_real_time() / G_USEC_PER_SEC);
        request->is_answered = TRUE;

        return queue_answer(request, TRUE);
}

/* All is here: judge it, and either answer at once or let the connection sleep. */
static enum MHD_Result
complete_request(Request *request)
{
        TgServer *self = request->server;
        TgBody *body = &request->body;

        request->http.body = body->bytes ? (const char *)body->bytes->data : "";
        request->http.n_body = body->bytes ? body->bytes->len : 0;
        request->http.is_too_large = body->is_too_large;
        request->call = tg_api_call_new(
                self->options.api, &request->http, g_get_real_time() / G_USEC_PER_SEC);
        request->call->user_data = request;
        tg_body_drop(body, &self->bodies);
        if (body->is_starved && !request->call->is_refused) {
                tg_api_fail(request->call);
                request->call->is_refused = TRUE;
        }
        run_call(request);
        if (request->is_answered)
                return queue_answer(request, FALSE);

        tg_deadline_clear(request->deadline, &self->deadlines);
        request->is_suspended = TRUE;
        MHD_suspend_connection(request->mhd);

        return MHD_YES;
}

static enum MHD_Result
on_request(void *user_data,
           struct MHD_Connection *mhd,
           const char *path,
           const char *method,
           const char *version,
           const char *upload,
           size_t *n_upload,
           void **request_context)
{
        Request *request = *request_context;

        if (!request) {
                *request_context = request = new_request(user_data, mhd, method, path);
                return begin_request(request);
        }
        if (*n_upload > 0) {
                gboolean goes_on =
                        tg_body_add(&request->body, &request->server->bodies, upload, *n_upload);

                *n_upload = 0;
                return goes_on ? MHD_YES : MHD_NO;
        }
        if (!request->call)
                return complete_request(request);

        return request->is_answered ? queue_answer(request, FALSE) : MHD_NO;
}

static void
on_request_over(void *user_data,
                struct MHD_Connection *mhd,
                void **request_context,
                enum MHD_RequestTerminationCode how)
{
        if (*request_context)
                free_request(*request_context);
        *request_context = NULL;
}

/* Paths and queries stay as they are on the wire. */
static size_t
keep_escapes(void *user_data, struct MHD_Connection *mhd, char *text)
{
        return strlen(text);
}

/* ---- the loop ---- */

TgServer *
tg_server_new(const TgServerOptions *options)
{
        TgServer *self = g_new0(TgServer, 1);

        self->options = *options;
        self->daemons = g_ptr_array_new_with_free_func((GDestroyNotify)MHD_stop_daemon);
        self->deadlines.patience_us = REQUEST_DEADLINE_US;
        self->held = tg_held_new();
        self->pending = g_array_new(FALSE, FALSE, sizeof(TgJob));
        self->finished = g_array_new(FALSE, FALSE, sizeof(TgJob));

        return self;
}

/* The library does not stop while a connection sleeps. */
void
tg_server_free(TgServer *self)
{
        if (!self)
                return;
        for (GList *at = self->requests.head; at; at = at->next) {
                Request *request = at->data;

                if (request->is_suspended) {
                        tg_held_remove(self->held, &request->read);
                        tg_api_fail(request->call);
                        finish(request);
                }
        }
        for (guint i = 0; i < self->daemons->len; i++)
                MHD_run(g_ptr_array_index(self->daemons, i));
        g_ptr_array_unref(self->daemons);
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
                {MHD_OPTION_HTTPS_MEM_CERT,   0, (void *)options->certificate},
                {MHD_OPTION_HTTPS_MEM_KEY,    0, (void *)options->key        },
                {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES      },
                {MHD_OPTION_END,              0, NULL                        },
        };
        struct MHD_OptionItem nothing[] = {
                {MHD_OPTION_END, 0, NULL}
        };
        struct MHD_Daemon *daemon =
                MHD_start_daemon(flags | (options->certificate ? MHD_USE_TLS : 0),
                                 0,
                                 on_accept,
                                 self,
                                 on_request,
                                 self,
                                 MHD_OPTION_LISTEN_SOCKET,
                                 fd,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                 (size_t)CONNECTION_MEMORY_BYTES,
                                 MHD_OPTION_CONNECTION_LIMIT,
                                 options->max_connections,
                                 MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                                 options->max_connections_per_source,
                                 MHD_OPTION_CONNECTION_TIMEOUT,
                                 (unsigned int)IDLE_TIMEOUT_S,
                                 MHD_OPTION_NOTIFY_CONNECTION,
                                 on_connection,
                                 self,
                                 MHD_OPTION_NOTIFY_COMPLETED,
                                 on_request_over,
                                 NULL,
                                 MHD_OPTION_UNESCAPE_CALLBACK,
                                 keep_escapes,
                                 NULL,
                                 MHD_OPTION_ARRAY,
                                 options->certificate ? tls : nothing,
                                 MHD_OPTION_END);

        if (!daemon) {
                close(fd);
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             options->certificate
                                     ? "cannot start the server: are certificate and key in PEM, "
                                       "and do they belong together?"
                                     : "cannot start the server");
                return FALSE;
        }
        g_ptr_array_add(self->daemons, daemon);

        return TRUE;
}

/* Milliseconds that the loop may sleep. */
static int
find_timeout_ms(TgServer *self, gint64 now_us)
{
        gint64 held_us = tg_held_next_us(self->held, now_us, g_get_real_time());
        gint64 late_us = tg_deadlines_next_us(&self->deadlines, now_us);
        gint64 next_us = MAX_SLEEP_US;

        if (self->is_run_again)
                return 0;
        if (held_us >= 0)
                next_us = MIN(next_us, held_us);
        if (late_us >= 0)
                next_us = MIN(next_us, late_us);
        if (self->options.pulse_us > 0)
                next_us = MIN(next_us, self->next_pulse_us - now_us);
        for (guint i = 0; i < self->daemons->len; i++) {
                MHD_UNSIGNED_LONG_LONG ms;

                if (MHD_get_timeout(g_ptr_array_index(self->daemons, i), &ms) == MHD_YES)
                        next_us = MIN(next_us, (gint64)MIN(ms, 60000) * 1000);
        }

        return (int)((MAX(next_us, 0) + 999) / 1000);
}

static void
pulse(TgServer *self, gint64 now_us)
{
        if (self->options.pulse_us == 0 || now_us < self->next_pulse_us)
                return;
        self->next_pulse_us = now_us + self->options.pulse_us;
        if (tg_writer_busy_us(self->options.writer, now_us) < STUCK_US)
                self->options.on_pulse(self->options.user_data);
}

/* One turn; TRUE when the stop descriptor is readable. */
static gboolean
turn(TgServer *self, struct pollfd *fds, nfds_t n_fds)
{
        gint64 now_us = g_get_monotonic_time();

        poll(fds, n_fds, find_timeout_ms(self, now_us));
        now_us = g_get_monotonic_time();
        pulse(self, now_us);
        if (fds[0].revents)
                take_finished(self);
        wake_due(self, now_us);
        tg_deadlines_enforce(&self->deadlines, now_us);
        self->is_run_again = FALSE;
        for (guint i = 0; i < self->daemons->len; i++)
                MHD_run(g_ptr_array_index(self->daemons, i));
        tg_writer_push(self->options.writer, self->pending);

        return fds[1].revents != 0;
}

/* No more connections; who waits gets what there is. */
static void
begin_stop(TgServer *self)
{
        TgHeldRead *read;

        self->is_stopping = TRUE;
        self->options.on_stop(self->options.user_data);
        for (guint i = 0; i < self->daemons->len; i++) {
                int fd = MHD_quiesce_daemon(g_ptr_array_index(self->daemons, i));

                if (fd >= 0)
                        close(fd);
        }
        while ((read = tg_held_take_any(self->held)))
                end_wait(read->user_data);
}

void
tg_server_run(TgServer *self)
{
        nfds_t n_fds = 2 + self->daemons->len;
        g_autofree struct pollfd *fds = g_new0(struct pollfd, n_fds);
        gint64 deadline_us;

        fds[0] = (struct pollfd){tg_writer_get_fd(self->options.writer), POLLIN, 0};
        fds[1] = (struct pollfd){self->options.stop_fd, POLLIN, 0};
        for (guint i = 0; i < self->daemons->len; i++)
                fds[2 + i] =
                        (struct pollfd){MHD_get_daemon_info(g_ptr_array_index(self->daemons, i),
                                                            MHD_DAEMON_INFO_EPOLL_FD)
                                                ->epoll_fd,
                                        POLLIN,
                                        0};

        while (!turn(self, fds, n_fds))
                ;
        fds[1].fd = -1;
        begin_stop(self);
        deadline_us = g_get_monotonic_time() + STOP_DEADLINE_US;
        while (self->requests.length > 0 && g_get_monotonic_time() < deadline_us)
                turn(self, fds, n_fds);
}
