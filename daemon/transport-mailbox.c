/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The mailbox transport: draft-vinokurov-tigress-http-00 with the extensions that
 * ARCHITECTURE.md lists (held reads, If-Match, claim proof).
 */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/transport.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"

struct TgAsking {
        TgHttpTransfer *transfer;
        TgAskKind kind;
        TgReplyFunc func;
        gpointer user_data;
};

static const char *const methods[] = {
        [TG_ASK_CREATE] = "POST",
        [TG_ASK_READ] = "POST",
        [TG_ASK_WRITE] = "PUT",
        [TG_ASK_DELETE] = "DELETE",
        [TG_ASK_LET_GO] = "PATCH",
        [TG_ASK_PREVIEW] = "GET",
};

static void
add_header(GPtrArray *headers, const char *name, const char *value)
{
        if (value != NULL)
                g_ptr_array_add(headers, g_strconcat(name, ": ", value, NULL));
}

static GPtrArray *
headers_of(const TgAsk *ask)
{
        GPtrArray *headers = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *prefer = NULL;

        add_header(headers, TG_HEADER_CLAIM, ask->claim);
        add_header(headers, TG_HEADER_REQUEST_ID, ask->request_id);
        add_header(headers,
                   ask->kind == TG_ASK_CREATE ? TG_HEADER_VERIFIER : TG_HEADER_PROOF,
                   ask->proof);

        if (ask->body != NULL)
                add_header(headers, "Content-Type", "application/json");
        if (ask->kind == TG_ASK_READ && ask->etag != NULL)
                add_header(headers, "If-None-Match", ask->etag);
        if (ask->kind == TG_ASK_WRITE && ask->etag != NULL)
                add_header(headers, "If-Match", ask->etag);
        if (ask->wait_s > 0) {
                prefer = g_strdup_printf("wait=%u", ask->wait_s);
                add_header(headers, "Prefer", prefer);
        }

        add_header(headers,
                   "Accept",
                   ask->kind == TG_ASK_PREVIEW ? "application/json, text/html;q=0.5"
                                               : "application/json");
        g_ptr_array_add(headers, NULL);

        return headers;
}

static GError *
refusal(TgAskKind ask, guint status)
{
        switch (status) {
        case 401:
                /* A claim is always there. */
                if (ask == TG_ASK_CREATE)
                        return tg_error_new(TG_ERROR_DENIED,
                                            "the relay wants an attestation with each new share, "
                                            "and this wallet has none to show: use another relay");
                return tg_error_new(TG_ERROR_DENIED, "the relay does not let this device in");
        case 404:
        case 410:
                return tg_error_new(TG_ERROR_EXPIRED, "the relay has no such mailbox");
        case 409:
        case 412:
                return tg_error_new(TG_ERROR_BAD_STATE, "the mailbox was changed meanwhile");
        case 413:
                return tg_error_new(TG_ERROR_LIMIT_REACHED, "too large for the relay");
        case 429:
                return tg_error_new(TG_ERROR_LIMIT_REACHED,
                                    "the relay asks for patience (too many requests)");
        default:
                break;
        }

        if (status >= 500)
                return tg_error_new(TG_ERROR_UNREACHABLE,
                                    "the relay is in trouble (status %u), will try again",
                                    status);
        if (status < 200)
                return tg_error_new(TG_ERROR_TAMPERED,
                                    "what answers at the relay's address does not speak HTTP as a "
                                    "relay does (status %u): check the address",
                                    status);
        if (status >= 300 && status < 400)
                return tg_error_new(TG_ERROR_TAMPERED,
                                    "the relay sends us elsewhere (status %u): not followed",
                                    status);
        return tg_error_new(TG_ERROR_FAILED, "the relay refused the request (status %u)", status);
}

static TgReplyKind
kind_of(TgAskKind ask, guint status)
{
        switch (status) {
        case 200:
        case 201:
                return TG_REPLY_DONE;
        case 204:
                /* A plain server's answer to a delete. */
                return ask == TG_ASK_DELETE ? TG_REPLY_DONE : TG_REPLY_REFUSED;
        case 304:
                return ask == TG_ASK_READ ? TG_REPLY_NOTHING_NEW : TG_REPLY_REFUSED;
        case 401:
                return TG_REPLY_UNAUTHORIZED;
        case 404:
        case 410:
                return TG_REPLY_GONE;
        case 409:
        case 412:
                return TG_REPLY_CHANGED;
        case 408:
        case 425:
        case 429:
                return TG_REPLY_LATER;
        default:
                /* A redirect may be a captive portal: it goes away. */
                return status / 100 == 2 || status / 100 == 4 ? TG_REPLY_REFUSED : TG_REPLY_LATER;
        }
}

/* It is stored and sent back: so it must be short. */
static const char *
etag_of(const TgHttpResponse *response)
{
        return response->etag != NULL && strlen(response->etag) <= TG_MAX_ETAG_BYTES
                       ? response->etag
                       : NULL;
}

/* A date that no clock shows is none: we would count with it. */
static gint64
skew_of(const TgHttpResponse *response)
{
        gint64 skew_s = response->date_s - tg_clock_now_s();

        if (response->date_s == 0 || skew_s < -TG_MAX_CLOCK_ERROR_S ||
            skew_s > TG_MAX_CLOCK_ERROR_S)
                return 0;
        return skew_s;
}

static void
on_response(const TgHttpResponse *response, const GError *error, gpointer user_data)
{
        g_autofree TgAsking *self = user_data;
        g_autoptr(GError) refused = NULL;
        g_autoptr(GBytes) empty = g_bytes_new_static("", 0);
        g_autofree char *word = NULL;
        TgReply reply = {
                .kind = TG_REPLY_LATER, .retry_after_s = -1, .body = empty, .error = error};

        if (response != NULL) {
                reply.kind = kind_of(self->kind, response->status);
                reply.etag = etag_of(response);
                reply.retry_after_s = response->retry_after_s;
                reply.body = response->body;
                reply.is_json = g_strcmp0(response->content_type, "application/json") == 0;
                reply.is_repeat = response->status == 201;
                reply.wants_attestation = response->attestation != NULL;
                reply.clock_skew_s = skew_of(response);
                if (reply.kind != TG_REPLY_DONE && reply.kind != TG_REPLY_NOTHING_NEW) {
                        gsize n_bytes;
                        const char *body = g_bytes_get_data(response->body, &n_bytes);

                        word = tg_mailbox_parse_problem(body, n_bytes);
                        refused = refusal(self->kind, response->status);
                        reply.word = word;
                        reply.error = refused;
                }
        }

        self->func(&reply, self->user_data);
}

TgAsking *
tg_transport_ask(TgHttpContext *context, const TgAsk *ask, TgReplyFunc func, gpointer user_data)
{
        g_autoptr(GPtrArray) headers = headers_of(ask);
        g_autofree char *url = NULL;
        TgAsking *self = g_new0(TgAsking, 1);
        gboolean is_preview = ask->kind == TG_ASK_PREVIEW;

        if (ask->kind == TG_ASK_CREATE)
                url = g_strconcat(ask->target, TG_MAILBOX_PATH, NULL);
        else
                url = g_strdup(ask->target);

        TgHttpRequest request = {
                .method = methods[ask->kind],
                .url = url,
                .headers = (const char *const *)headers->pdata,
                .body = ask->body,
                .timeout_s = TG_REQUEST_TIMEOUT_S + ask->wait_s,
                .max_response_bytes = is_preview ? TG_MAX_PREVIEW_BYTES : TG_MAX_RESPONSE_BYTES,
        };

        self->kind = ask->kind;
        self->func = func;
        self->user_data = user_data;
        self->transfer = tg_http_send(context, &request, on_response, self);

        return self;
}

void
tg_asking_cancel(TgAsking *asking)
{
        if (asking == NULL)
                return;
        tg_http_transfer_cancel(asking->transfer);
        g_free(asking);
}
