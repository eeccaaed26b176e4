/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/transport-tdch.h"

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"

/* A put may take up to three requests. */
typedef enum {
        STEP_LOOK,    /* tried before: is it there? A server that overwrites must not be asked to
                         once more, for its answer to that is the one to an attack. */
        STEP_ASK,     /* what was asked for */
        STEP_COMPARE, /* something lies there: is it ours? */
} Step;

struct TgDrop {
        TgHttpContext *context;
        TgHttpTransfer *transfer;
        Step step;
        TgDropKind kind;
        char *url;
        char *request_id;
        char *claim;
        GBytes *octets;
        guint life_s;
        guint wait_s;
        gboolean may_have_arrived;
        TgReplyFunc func;
        gpointer user_data;
};

static void
drop_free(TgDrop *self)
{
        g_free(self->url);
        g_free(self->request_id);
        g_free(self->claim);
        g_clear_pointer(&self->octets, g_bytes_unref);
        g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgDrop, drop_free)

/* ---- what is asked ---- */

static void
add_header(GPtrArray *headers, const char *name, const char *value)
{
        if (value)
                g_ptr_array_add(headers, g_strconcat(name, ": ", value, NULL));
}

static void
add_number(GPtrArray *headers, const char *name, const char *before, guint number)
{
        if (number > 0)
                g_ptr_array_add(headers, g_strdup_printf("%s: %s%u", name, before, number));
}

/* Looking and comparing goes without a claim: with one it would be reading. */
static GPtrArray *
headers_of(const TgDrop *self)
{
        GPtrArray *headers = g_ptr_array_new_with_free_func(g_free);

        if (self->step == STEP_ASK && self->kind == TG_DROP_PUT) {
                add_header(headers, "If-None-Match", "*");
                add_header(headers, TG_HEADER_REQUEST_ID, self->request_id);
                add_header(headers, TG_HEADER_READER_LOCK, TG_READER_LOCK_REQUIRED);
                add_header(headers, "Content-Type", "application/octet-stream");
                add_number(headers, TG_HEADER_EXPIRES_IN, "", self->life_s);
        } else if (self->step == STEP_ASK) {
                add_header(headers, TG_HEADER_CLAIM, self->claim);
                add_number(headers, "Prefer", "wait=", self->wait_s);
        }
        g_ptr_array_add(headers, NULL);

        return headers;
}

static void on_response(const TgHttpResponse *response, const GError *error, gpointer user_data);

static void
send_step(TgDrop *self)
{
        static const char *const methods[] = {
                [TG_DROP_PUT] = "PUT",
                [TG_DROP_GET] = "GET",
                [TG_DROP_DELETE] = "DELETE",
        };
        g_autoptr(GPtrArray) headers = headers_of(self);
        gboolean is_put = self->step == STEP_ASK && self->kind == TG_DROP_PUT;
        TgHttpRequest request = {
                .method = self->step == STEP_ASK ? methods[self->kind] : "GET",
                .url = self->url,
                .headers = (const char *const *)headers->pdata,
                .body = is_put ? self->octets : NULL,
                .timeout_s = TG_REQUEST_TIMEOUT_S + (self->step == STEP_ASK ? self->wait_s : 0),
                .max_response_bytes = TG_MAX_RESPONSE_BYTES,
        };

        /* On a connection that has just died the library asks again by itself, and what was put
         * the first time would look like somebody else's. A new one it does not. */
        if (is_put)
                tg_http_context_rest(self->context);
        self->transfer = tg_http_send(self->context, &request, on_response, self);
}

/* ---- what is answered ---- */

static gboolean
is_absent(const TgHttpResponse *response)
{
        return response->status == 404 || response->status == 410;
}

static TgReplyKind
kind_of_other(guint status)
{
        if (status == 408 || status == 425 || status == 429)
                return TG_REPLY_LATER;

        return status / 100 == 2 || status / 100 == 4 ? TG_REPLY_REFUSED : TG_REPLY_LATER;
}

static TgReplyKind
judge_found(const TgDrop *self, const TgHttpResponse *response)
{
        return g_bytes_equal(response->body, self->octets) ? TG_REPLY_DONE : TG_REPLY_CHANGED;
}

/* FALSE: one more request, at self->step. */
static gboolean
judge_put(TgDrop *self, const TgHttpResponse *response, TgReplyKind *ret_kind)
{
        switch (response->status) {
        case 201:
                *ret_kind = TG_REPLY_DONE;
                return TRUE;
        case 200:
        case 204: /* it was overwritten */
                *ret_kind = TG_REPLY_CHANGED;
                return TRUE;
        case 412:
                /* Whoever knows request ids would have known ours. */
                *ret_kind = TG_REPLY_CHANGED;
                self->step = STEP_COMPARE;
                return response->request_id != NULL;
        default:
                *ret_kind = kind_of_other(response->status);
                return TRUE;
        }
}

static gboolean
judge_ask(TgDrop *self, const TgHttpResponse *response, TgReplyKind *ret_kind)
{
        guint status = response->status;

        if (self->kind == TG_DROP_PUT)
                return judge_put(self, response, ret_kind);
        if (self->kind == TG_DROP_GET)
                *ret_kind = status == 200         ? TG_REPLY_DONE
                            : is_absent(response) ? TG_REPLY_NOTHING_NEW
                                                  : kind_of_other(status);
        else
                *ret_kind = status == 200 || status == 204 || is_absent(response)
                                    ? TG_REPLY_DONE
                                    : kind_of_other(status);

        return TRUE;
}

static gboolean
judge(TgDrop *self, const TgHttpResponse *response, TgReplyKind *ret_kind)
{
        if (self->step == STEP_ASK)
                return judge_ask(self, response, ret_kind);
        if (response->status == 200) {
                *ret_kind = judge_found(self, response);
                return TRUE;
        }
        if (!is_absent(response)) {
                *ret_kind = kind_of_other(response->status);
                return TRUE;
        }
        if (self->step == STEP_LOOK) { /* never arrived, or read, or not for us to see */
                self->step = STEP_ASK;
                return FALSE;
        }
        /* What lay there a moment ago was ours only if ours can have lain there. */
        *ret_kind = self->may_have_arrived ? TG_REPLY_DONE : TG_REPLY_CHANGED;

        return TRUE;
}

static GError *
refusal(TgReplyKind kind, guint status)
{
        if (kind == TG_REPLY_CHANGED)
                return tg_error_new(
                        TG_ERROR_TAMPERED,
                        "somebody else has written in this exchange: whoever could, has "
                        "seen the link");
        if (kind == TG_REPLY_REFUSED)
                return tg_error_new(
                        TG_ERROR_FAILED, "the server refused the request (status %u)", status);
        if (kind == TG_REPLY_LATER)
                return tg_error_new(TG_ERROR_UNREACHABLE,
                                    "the server is in trouble (status %u), will try again",
                                    status);

        return NULL;
}

static void
on_response(const TgHttpResponse *response, const GError *error, gpointer user_data)
{
        TgDrop *self = user_data;
        g_autoptr(TgDrop) done = NULL;
        g_autoptr(GError) refused = NULL;
        g_autoptr(GBytes) empty = g_bytes_new_static("", 0);
        TgReply reply = {
                .kind = TG_REPLY_LATER, .retry_after_s = -1, .body = empty, .error = error};

        self->transfer = NULL;
        if (response && !judge(self, response, &reply.kind)) {
                send_step(self);
                return;
        }
        done = self;
        if (response) {
                refused = refusal(reply.kind, response->status);
                reply.error = refused;
                reply.retry_after_s = response->retry_after_s;
                reply.is_guarded = self->kind == TG_DROP_PUT && response->request_id != NULL;
                if (self->kind == TG_DROP_GET && reply.kind == TG_REPLY_DONE)
                        reply.body = response->body;
        }
        self->func(&reply, self->user_data);
}

TgDrop *
tg_drop_ask(TgHttpContext *context, const TgDropAsk *ask, TgReplyFunc func, gpointer user_data)
{
        TgDrop *self = g_new0(TgDrop, 1);

        self->context = context;
        self->kind = ask->kind;
        self->url = g_strdup(ask->url);
        self->request_id = g_strdup(ask->request_id);
        self->claim = g_strdup(ask->claim);
        self->octets = ask->octets ? g_bytes_ref(ask->octets) : NULL;
        self->life_s = ask->life_s;
        self->wait_s = ask->wait_s;
        self->may_have_arrived = ask->may_have_arrived;
        self->step = ask->kind == TG_DROP_PUT && ask->may_have_arrived ? STEP_LOOK : STEP_ASK;
        self->func = func;
        self->user_data = user_data;
        send_step(self);

        return self;
}

void
tg_drop_cancel(TgDrop *self)
{
        if (!self)
                return;
        tg_http_transfer_cancel(self->transfer);
        drop_free(self);
}
