/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bus/http-fixture.h"

#include <string.h>

static void
set_up_kind(HttpFixture *f, HttpsServerKind kind)
{
        g_autofree char *folder = test_directory();

        f->server = https_server_new(kind, folder);
        f->http = tg_http_new();
        if (kind != HTTPS_SERVER_PLAIN)
                tg_http_set_ca_file(f->http, https_server_ca_file(f->server));
        f->context = tg_http_context_new(f->http);
}

void
http_set_up(HttpFixture *f, gconstpointer kind)
{
        set_up_kind(f, (HttpsServerKind)GPOINTER_TO_INT(kind));
}

void
http_tear_down(HttpFixture *f, gconstpointer kind)
{
        tg_http_context_free(f->context);
        tg_http_free(f->http);
        https_server_free(f->server);
        test_settle();
}

void
http_answer_clear(HttpAnswer *answer)
{
        g_free(answer->etag);
        g_free(answer->content_type);
        g_free(answer->body);
        g_clear_error(&answer->error);
}
void
http_on_answer(const TgHttpResponse *response, const GError *error, gpointer user_data)
{
        HttpAnswer *answer = user_data;

        g_assert_false(answer->is_done);
        g_assert_true((response == NULL) == (error != NULL));
        answer->is_done = TRUE;
        if (error) {
                answer->error = g_error_copy(error);
                return;
        }
        answer->status = response->status;
        answer->etag = g_strdup(response->etag);
        answer->content_type = g_strdup(response->content_type);
        answer->retry_after_s = response->retry_after_s;
        answer->date_s = response->date_s;
        answer->n_body = g_bytes_get_size(response->body);
        answer->body = g_strndup(g_bytes_get_data(response->body, NULL), answer->n_body);
}

TgHttpTransfer *
http_send_to(TgHttpContext *context, const char *url, HttpAnswer *answer)
{
        TgHttpRequest request = {
                .method = "GET",
                .url = url,
                .timeout_s = 30,
                .max_response_bytes = 4096,
        };
        TgHttpTransfer *transfer = tg_http_send(context, &request, http_on_answer, answer);

        g_assert_false(answer->is_done);
        return transfer;
}

TgHttpTransfer *
http_send_path(HttpFixture *f, TgHttpContext *context, const char *path, HttpAnswer *answer)
{
        g_autofree char *url = https_server_url(f->server, path);

        return http_send_to(context, url, answer);
}

void
http_ask(HttpFixture *f, TgHttpContext *context, const char *path, HttpAnswer *answer)
{
        http_send_path(f, context, path, answer);
        test_wait(&answer->is_done);
}

guint
http_connection_of(HttpFixture *f, TgHttpContext *context)
{
        g_auto(HttpAnswer) answer = {0};

        http_ask(f, context, "/ok", &answer);
        g_assert_no_error(answer.error);
        return (guint)g_ascii_strtoull(answer.body + strlen("connection "), NULL, 10);
}

void
http_assert_refused(HttpFixture *f, const char *path, TgError code)
{
        g_auto(HttpAnswer) answer = {0};

        http_ask(f, f->context, path, &answer);
        g_assert_error(answer.error, TG_ERROR, (int)code);
        g_assert_true(g_ascii_islower(answer.error->message[0]));
        g_assert_false(g_str_has_suffix(answer.error->message, "."));
}
