/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "relay/log.h"
#include "relay/metrics.h"
#include "relay/response.h"
#include "relay/server-core.h"
#include "relay/wipe.h"

static guint
admit(gpointer source, gboolean is_creation)
{
        TgServerRequest *request = source;
        guint wait_s = tg_rate_limit_take(request->server->options.rate_limit,
                                          is_creation ? TG_RATE_CREATION : TG_RATE_REQUEST,
                                          (const struct sockaddr *)&request->source,
                                          g_get_monotonic_time());

        if (wait_s > 0)
                tg_metrics_count(is_creation ? TG_COUNT_LIMITED_CREATION_RATE
                                             : TG_COUNT_LIMITED_REQUEST_RATE,
                                 1);

        return wait_s;
}

/* ---- running a call ---- */

static void
resume(TgServerRequest *request)
{
        if (!request->is_suspended)
                return;
        MHD_resume_connection(request->mhd); /* seen by the next run, not the descriptor */
        request->is_suspended = FALSE;
        request->server->is_run_again = TRUE;
}

static void
finish(TgServerRequest *request)
{
        request->is_answered = TRUE;
        resume(request);
}

static void run_call(TgServerRequest *request);

/* Ends a held read with what there is: 304, or whatever has become of the mailbox. */
static void
end_wait(TgServerRequest *request)
{
        request->call->is_wait_over = TRUE;
        run_call(request);
}

static void
hold(TgServerRequest *request)
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
settle(TgServerRequest *request, TgVerdict verdict)
{
        if (verdict == TG_VERDICT_HELD)
                hold(request);
        else
                finish(request);
}

/* Reads are done here and now; what writes waits for the writer. */
static void
run_call(TgServerRequest *request)
{
        TgServer *self = request->server;
        TgApiCall *call = request->call;
        TgVerdict verdict = TG_VERDICT_WRITE;
        g_autoptr(GError) error = NULL;
        TgJob job = {.call = call};

        if (call->is_refused)
                verdict = TG_VERDICT_ANSWERED;
        else if (self->options.reader)
                verdict = tg_api_execute(&self->rules.api,
                                         call,
                                         self->options.reader,
                                         g_get_real_time() / G_USEC_PER_SEC,
                                         &error);
        if (verdict == TG_VERDICT_DOUBT) {
                tg_metrics_count(TG_COUNT_STORE_ERRORS, 1);
                if (!self->is_reader_in_doubt) /* said once, not for every request */
                        tg_log_event(G_LOG_LEVEL_WARNING,
                                     "store-unreadable",
                                     "the store cannot be read: %s",
                                     error->message);
                tg_api_fail(call);
        }
        self->is_reader_in_doubt = verdict == TG_VERDICT_DOUBT;
        if (verdict == TG_VERDICT_WRITE)
                g_array_append_val(self->pending, job);
        else
                settle(request, verdict);
}

/* Taken out before any of them runs again, and perhaps waits again. */
static void
wake(TgServer *self, const guint8 *id)
{
        g_autoptr(GPtrArray) woken = g_ptr_array_new();
        TgHeldRead *read;

        while ((read = id ? tg_held_take(self->held, id) : tg_held_take_any(self->held)))
                g_ptr_array_add(woken, read->user_data);
        for (guint i = 0; i < woken->len; i++)
                run_call(g_ptr_array_index(woken, i));
}

/* In the writer's order: a read that was held there is known here before the change that
 * came after it. */
void
tg_server_take_finished(TgServer *self)
{
        tg_writer_take(self->options.writer, self->finished);
        for (guint i = 0; i < self->finished->len; i++) {
                TgJob job = g_array_index(self->finished, TgJob, i);
                gboolean has_changed = !job.call || job.call->has_changed;

                if (job.call && !job.call->user_data) {
                        tg_server_take_own(self, job.call);
                        continue;
                }
                if (job.call) {
                        memcpy(job.id, job.call->id, sizeof job.id);
                        settle(job.call->user_data, job.verdict);
                        tg_server_note_woken(self, job.call);
                }
                if (has_changed)
                        wake(self, job.is_any ? NULL : job.id);
        }
        tg_wipe_array(self->finished);
}

void
tg_server_wake_due(TgServer *self, gint64 now_us)
{
        TgHeldRead *read;
        gint64 wall_us = g_get_real_time();

        while ((read = tg_held_take_due(self->held, now_us, wall_us))) {
                TgServerRequest *request = read->user_data;

                if (now_us >= read->wait_until_us)
                        request->call->is_wait_over = TRUE;
                run_call(request);
        }
}

/* ---- places of those that wait ---- */

/* Where there is none, it is answered at once, as by a relay that knows no held reads: whoever
 * comes back does so when it likes, and is limited as any other. */
static void
take_place(TgServerRequest *request)
{
        TgServer *self = request->server;
        const TgServerRules *rules = &self->rules;
        TgApiCall *call = request->call;

        call->wait_s = MIN(call->wait_s, rules->max_wait_s);
        if (call->is_refused || call->wait_s == 0)
                return;
        if ((rules->max_held > 0 && self->n_waiting >= rules->max_held) ||
            !tg_rate_limit_enter(self->options.rate_limit,
                                 TG_PLACE_HELD,
                                 (const struct sockaddr *)&request->source,
                                 rules->max_held_per_source,
                                 g_get_monotonic_time(),
                                 &request->ticket)) {
                tg_metrics_count(TG_COUNT_LIMITED_HELD, 1);
                call->wait_s = 0;
                return;
        }
        request->is_waiting = TRUE;
        self->n_waiting++;
}

static void
leave_place(TgServerRequest *request)
{
        TgServer *self = request->server;

        if (!request->is_waiting)
                return;
        tg_rate_limit_leave(self->options.rate_limit, TG_PLACE_HELD, request->ticket);
        self->n_waiting--;
        request->is_waiting = FALSE;
}

/* ---- requests ---- */

static enum MHD_Result
take_header(void *user_data, enum MHD_ValueKind kind, const char *name, const char *value)
{
        tg_http_request_add(user_data, name, value);
        return MHD_YES;
}

/* NULL where the client has not taken the answer before: it asks and does not read. */
static TgServerRequest *
new_request(TgServer *self,
            struct MHD_Connection *mhd,
            const char *method,
            const char *path,
            const char *version)
{
        TgServerConnection *connection =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
        TgServerRequest *request;

        if (!tg_cork_is_free(&connection->cork, &self->corks))
                return NULL;
        request = g_new0(TgServerRequest, 1);
        request->server = self;
        request->mhd = mhd;
        request->connection = connection;
        request->is_kept =
                g_str_equal(version, MHD_HTTP_VERSION_1_1) &&
                !MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONNECTION);
        connection->handshake.is_over = TRUE; /* asleep twice, the library would break */
        request->http.method = method;
        request->http.path = path;
        request->http.admit = admit;
        request->http.source = request;
        MHD_get_connection_values(mhd, MHD_HEADER_KIND, take_header, &request->http);
        tg_source_find(
                &self->rules.trust,
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
                request->http.fields[TG_FIELD_FORWARDED],
                &request->source);
        request->link.data = request;
        g_queue_push_tail_link(&self->requests, &request->link);

        return request;
}

static void
free_request(TgServerRequest *request)
{
        tg_held_remove(request->server->held, &request->read);
        leave_place(request);
        tg_body_drop(&request->body, &request->server->bodies);
        tg_api_call_free(request->call);
        g_queue_unlink(&request->server->requests, &request->link);
        g_free(request);
}

/* GnuTLS has what it has kept back as long as the connection is there, sent or not: nothing of an
 * exchange may be in it. */
static gboolean
tells_nothing(const TgAnswer *answer)
{
        return answer->status >= 400 && answer->request_id[0] == '\0' && !answer->challenge;
}

static enum MHD_Result
queue_answer(TgServerRequest *request, gboolean is_last)
{
        TgServer *self = request->server;

        const TgApiCall *call = request->call;
        gint64 now_us = g_get_monotonic_time();

        tg_deadline_set(&request->connection->deadline, &self->deadlines, now_us);
        is_last |= self->is_stopping;
        /* At a last one what finds no room at first would be lost. */
        if (!is_last && request->is_kept && tells_nothing(&call->answer))
                tg_cork_shut(&request->connection->cork, request->mhd, call->answer.n_body);
        tg_metrics_request(call->operation,
                           call->answer.status,
                           call->is_held ? -1 : now_us - request->complete_us);

        return tg_response_queue(request->mhd, &request->call->answer, is_last);
}

/* Headers only so far. A body that need not be read because it is far too long is
 * not read: the connection ends with the answer. */
static enum MHD_Result
begin_request(TgServerRequest *request)
{
        const char *length = MHD_lookup_connection_value(
                request->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

        if (tg_body_expect(&request->body, length))
                return MHD_YES;
        request->http.is_too_large = TRUE;
        request->complete_us = g_get_monotonic_time();
        tg_metrics_count(TG_COUNT_LIMITED_BODY, 1);
        request->call = tg_api_call_new(
                &request->server->rules.api, &request->http, g_get_real_time() / G_USEC_PER_SEC);
        request->is_answered = TRUE;

        return queue_answer(request, TRUE);
}

/* All is here: judge it, and either answer at once or let the connection sleep. */
static enum MHD_Result
complete_request(TgServerRequest *request)
{
        TgServer *self = request->server;
        TgBody *body = &request->body;

        request->complete_us = g_get_monotonic_time();
        if (body->is_too_large)
                tg_metrics_count(TG_COUNT_LIMITED_BODY, 1);
        if (body->is_starved)
                tg_metrics_count(TG_COUNT_LIMITED_BODY_MEMORY, 1);
        request->http.body = body->bytes ? (const char *)body->bytes->data : "";
        request->http.n_body = body->bytes ? body->bytes->len : 0;
        request->http.is_too_large = body->is_too_large;
        request->http.is_starved = body->is_starved;
        request->call = tg_api_call_new(
                &self->rules.api, &request->http, g_get_real_time() / G_USEC_PER_SEC);
        request->call->user_data = request;
        tg_body_drop(body, &self->bodies);
        take_place(request);
        run_call(request);
        if (request->is_answered)
                return queue_answer(request, FALSE);

        tg_deadline_clear(&request->connection->deadline, &self->deadlines);
        request->is_suspended = TRUE;
        MHD_suspend_connection(request->mhd);

        return MHD_YES;
}

enum MHD_Result
tg_server_on_request(void *user_data,
                     struct MHD_Connection *mhd,
                     const char *path,
                     const char *method,
                     const char *version,
                     const char *upload,
                     size_t *n_upload,
                     void **request_context)
{
        TgServerRequest *request = *request_context;

        if (!request) {
                *request_context = request = new_request(user_data, mhd, method, path, version);
                return request ? begin_request(request) : MHD_NO;
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

void
tg_server_on_request_over(void *user_data,
                          struct MHD_Connection *mhd,
                          void **request_context,
                          enum MHD_RequestTerminationCode how)
{
        TgServerRequest *request = *request_context;

        if (!request)
                return;
        *request_context = NULL;
        tg_cork_open(&request->connection->cork, &request->server->corks);
        free_request(request);
}

void
tg_server_end_waits(TgServer *self)
{
        TgHeldRead *read;

        while ((read = tg_held_take_any(self->held)))
                end_wait(read->user_data);
}

void
tg_server_drop_requests(TgServer *self)
{
        for (GList *at = self->requests.head; at; at = at->next) {
                TgServerRequest *request = at->data;

                if (request->is_suspended) {
                        tg_held_remove(self->held, &request->read);
                        tg_api_fail(request->call);
                        finish(request);
                }
        }
}
