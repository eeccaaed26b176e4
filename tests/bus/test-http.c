/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The HTTP client against a server that behaves badly: what it sends, what it
 * believes, what two shares have in common.
 */

#include <string.h>

#include "daemon/http.h"
#include "protocol/error.h"
#include "tests/bus/fixture.h"
#include "tests/bus/https-server.h"

typedef struct {
        HttpsServer *server;
        TgHttp *http;
        TgHttpContext *context;
} Fixture;

static void
set_up_kind(Fixture *f, HttpsServerKind kind)
{
        g_autofree char *folder = test_directory();

        f->server = https_server_new(kind, folder);
        f->http = tg_http_new();
        if (kind != HTTPS_SERVER_PLAIN)
                tg_http_set_ca_file(f->http, https_server_ca_file(f->server));
        f->context = tg_http_context_new(f->http);
}

static void
set_up(Fixture *f, gconstpointer kind)
{
        set_up_kind(f, (HttpsServerKind)GPOINTER_TO_INT(kind));
}

static void
tear_down(Fixture *f, gconstpointer kind)
{
        tg_http_context_free(f->context);
        tg_http_free(f->http);
        https_server_free(f->server);
        test_settle();
}

/* ---- asking ---- */

typedef struct {
        gboolean is_done;
        guint status;
        char *etag;
        char *content_type;
        gint64 retry_after_s;
        gint64 date_s;
        char *body;
        gsize n_body;
        GError *error;
} Answer;

static void
answer_clear(Answer *answer)
{
        g_free(answer->etag);
        g_free(answer->content_type);
        g_free(answer->body);
        g_clear_error(&answer->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static void
on_answer(const TgHttpResponse *response, const GError *error, gpointer user_data)
{
        Answer *answer = user_data;

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

static TgHttpTransfer *
send_to(TgHttpContext *context, const char *url, Answer *answer)
{
        TgHttpRequest request = {
                .method = "GET",
                .url = url,
                .timeout_s = 30,
                .max_response_bytes = 4096,
        };
        TgHttpTransfer *transfer = tg_http_send(context, &request, on_answer, answer);

        g_assert_false(answer->is_done);
        return transfer;
}

static TgHttpTransfer *
send_path(Fixture *f, TgHttpContext *context, const char *path, Answer *answer)
{
        g_autofree char *url = https_server_url(f->server, path);

        return send_to(context, url, answer);
}

static void
ask(Fixture *f, TgHttpContext *context, const char *path, Answer *answer)
{
        send_path(f, context, path, answer);
        test_wait(&answer->is_done);
}

/* The number of the connection on which /ok was asked. */
static guint
connection_of(Fixture *f, TgHttpContext *context)
{
        g_auto(Answer) answer = {0};

        ask(f, context, "/ok", &answer);
        g_assert_no_error(answer.error);
        return (guint)g_ascii_strtoull(answer.body + strlen("connection "), NULL, 10);
}

static void
assert_refused(Fixture *f, const char *path, TgError code)
{
        g_auto(Answer) answer = {0};

        ask(f, f->context, path, &answer);
        g_assert_error(answer.error, TG_ERROR, (int)code);
        g_assert_true(g_ascii_islower(answer.error->message[0]));
        g_assert_false(g_str_has_suffix(answer.error->message, "."));
}

/* ---- what is sent ---- */

static void
test_nothing_is_sent_but_what_was_asked_for(Fixture *f, gconstpointer data)
{
        const char *const headers[] = {
                "Content-Type: application/json", "Mailbox-Request-ID: 1", NULL};
        g_autofree char *url = https_server_url(f->server, "/ok");
        g_autofree char *host = g_strndup(url + 8, strlen(url) - 8 - strlen("/ok"));
        g_autoptr(GBytes) body = g_bytes_new_static("{\"a\":1}", 7);
        TgHttpRequest request = {
                .method = "PUT",
                .url = url,
                .headers = headers,
                .body = body,
                .timeout_s = 30,
                .max_response_bytes = 4096,
        };
        g_auto(Answer) answer = {0};
        g_autofree char *expected = g_strdup_printf("connection 1\r\n"
                                                    "PUT /ok HTTP/1.1\r\n"
                                                    "Host: %s\r\n"
                                                    "User-Agent: tigress\r\n"
                                                    "Content-Type: application/json\r\n"
                                                    "Mailbox-Request-ID: 1\r\n"
                                                    "Content-Length: 7\r\n\r\n"
                                                    "{\"a\":1}",
                                                    host);

        tg_http_send(f->context, &request, on_answer, &answer);
        test_wait(&answer.is_done);
        g_assert_no_error(answer.error);
        g_assert_cmpstr(answer.body, ==, expected);
}

static void
test_every_method_goes_with_and_without_a_body(Fixture *f, gconstpointer data)
{
        static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
        g_autofree char *url = https_server_url(f->server, "/ok");
        /* More than curl would announce with "Expect: 100-continue". */
        g_autofree char *text = g_strnfill(100 * 1024, 'x');
        GBytes *bodies[] = {NULL, g_bytes_new_static("", 0), g_bytes_new(text, strlen(text))};

        for (gsize i = 0; i < G_N_ELEMENTS(methods) * G_N_ELEMENTS(bodies); i++) {
                GBytes *body = bodies[i % G_N_ELEMENTS(bodies)];
                TgHttpRequest request = {
                        .method = methods[i / G_N_ELEMENTS(bodies)],
                        .url = url,
                        .body = body,
                        .timeout_s = 30,
                        .max_response_bytes = 256 * 1024,
                };
                g_autofree char *line = g_strdup_printf("connection 1\r\n%s /ok ", request.method);
                g_auto(Answer) answer = {0};
                const char *end;

                tg_http_send(f->context, &request, on_answer, &answer);
                test_wait(&answer.is_done);
                g_assert_no_error(answer.error);
                g_assert_true(g_str_has_prefix(answer.body, line));
                g_assert_null(strstr(answer.body, "Expect"));
                g_assert_null(strstr(answer.body, "Content-Type"));
                g_assert_null(strstr(answer.body, "Accept"));
                end = strstr(answer.body, "\r\n\r\n") + 4;
                g_assert_cmpstr(end, ==, body && g_bytes_get_size(body) > 0 ? text : "");
        }
        for (gsize i = 1; i < G_N_ELEMENTS(bodies); i++)
                g_bytes_unref(bodies[i]);
}

static void
test_a_redirect_is_an_answer_and_is_not_followed(Fixture *f, gconstpointer data)
{
        g_auto(Answer) answer = {0};

        ask(f, f->context, "/redirect", &answer);
        g_assert_cmpuint(answer.status, ==, 302);
        g_assert_cmpuint(https_server_requests(f->server, NULL), ==, 1);
}

static void
test_cookies_and_tags_do_not_come_back(Fixture *f, gconstpointer data)
{
        g_auto(Answer) first = {0};
        g_auto(Answer) second = {0};

        ask(f, f->context, "/answer", &first);
        ask(f, f->context, "/ok", &second);
        g_assert_null(strstr(second.body, "ookie"));
        g_assert_null(strstr(second.body, "If-"));
}

/* ---- what is believed ---- */

static void
test_the_four_headers_are_read(Fixture *f, gconstpointer data)
{
        g_auto(Answer) answer = {0};
        g_auto(Answer) later = {0};

        ask(f, f->context, "/answer", &answer);
        g_assert_cmpuint(answer.status, ==, 200);
        g_assert_cmpstr(answer.etag, ==, "\"7\"");
        g_assert_cmpstr(answer.content_type, ==, "application/json");
        g_assert_cmpint(answer.retry_after_s, ==, 17);
        g_assert_cmpint(answer.date_s, ==, 1000);
        g_assert_cmpstr(answer.body, ==, "{}");

        ask(f, f->context, "/later-date", &later);
        g_assert_cmpuint(later.status, ==, 429);
        g_assert_cmpint(later.retry_after_s, ==, 60);
        g_assert_null(later.etag);
        g_assert_null(later.content_type);
}

static void
test_what_stands_before_or_after_the_answer_is_not_its_own(Fixture *f, gconstpointer data)
{
        g_auto(Answer) early = {0};
        g_auto(Answer) trailer = {0};

        ask(f, f->context, "/early", &early);
        g_assert_cmpuint(early.status, ==, 200);
        g_assert_null(early.etag);
        g_assert_cmpint(early.retry_after_s, ==, -1);

        ask(f, f->context, "/trailer", &trailer);
        g_assert_cmpuint(trailer.status, ==, 200);
        g_assert_cmpstr(trailer.body, ==, "{}");
        g_assert_null(trailer.etag);
}

static void
test_answers_without_end_are_cut(Fixture *f, gconstpointer data)
{
        assert_refused(f, "/huge", TG_ERROR_TAMPERED);
        assert_refused(f, "/headers", TG_ERROR_TAMPERED);
        assert_refused(f, "/hints", TG_ERROR_TAMPERED);
}

static void
test_the_largest_answer_is_taken(Fixture *f, gconstpointer data)
{
        g_autofree char *url = https_server_url(f->server, "/ok");
        g_auto(Answer) measured = {0};
        g_auto(Answer) exact = {0};
        g_auto(Answer) over = {0};
        TgHttpRequest request = {.method = "GET", .url = url, .timeout_s = 30};

        request.max_response_bytes = 4096;
        tg_http_send(f->context, &request, on_answer, &measured);
        test_wait(&measured.is_done);
        request.max_response_bytes = measured.n_body;
        tg_http_send(f->context, &request, on_answer, &exact);
        test_wait(&exact.is_done);
        g_assert_no_error(exact.error);
        request.max_response_bytes = measured.n_body - 1;
        tg_http_send(f->context, &request, on_answer, &over);
        test_wait(&over.is_done);
        g_assert_error(over.error, TG_ERROR, TG_ERROR_TAMPERED);
}

static void
test_what_is_no_http_is_refused(Fixture *f, gconstpointer data)
{
        assert_refused(f, "/garbage", TG_ERROR_TAMPERED);
}

static void
test_half_an_answer_is_none(Fixture *f, gconstpointer data)
{
        assert_refused(f, "/cut", TG_ERROR_UNREACHABLE);
}

static void
test_a_silent_server_is_given_up(Fixture *f, gconstpointer data)
{
        g_autofree char *url = https_server_url(f->server, "/slow");
        TgHttpRequest request = {
                .method = "GET", .url = url, .timeout_s = 1, .max_response_bytes = 4096};
        g_auto(Answer) answer = {0};

        tg_http_send(f->context, &request, on_answer, &answer);
        test_wait(&answer.is_done);
        g_assert_error(answer.error, TG_ERROR, TG_ERROR_UNREACHABLE);
        g_assert_nonnull(strstr(answer.error->message, "in time"));
}

static void
test_nobody_there_is_unreachable(Fixture *f, gconstpointer data)
{
        g_autofree char *url = https_server_url(f->server, "/ok");
        g_auto(Answer) nobody = {0};
        g_auto(Answer) nowhere = {0};

        https_server_free(f->server);
        send_to(f->context, url, &nobody);
        test_wait(&nobody.is_done);
        g_assert_error(nobody.error, TG_ERROR, TG_ERROR_UNREACHABLE);
        send_to(f->context, "https://there-is-no-such-host.invalid/", &nowhere);
        test_wait(&nowhere.is_done);
        g_assert_error(nowhere.error, TG_ERROR, TG_ERROR_UNREACHABLE);
        f->server = https_server_new(HTTPS_SERVER_PLAIN, g_get_tmp_dir());
}

/* ---- certificates ---- */

static void
test_the_certificate_is_checked(Fixture *f, gconstpointer data)
{
        assert_refused(f, "/ok", TG_ERROR_TAMPERED);
        g_assert_cmpuint(https_server_requests(f->server, NULL), ==, 0);
}

static void
test_an_authority_counts_only_while_it_is_named(Fixture *f, gconstpointer data)
{
        tg_http_set_ca_file(f->http, NULL);
        assert_refused(f, "/ok", TG_ERROR_TAMPERED);
        g_assert_cmpuint(https_server_requests(f->server, NULL), ==, 0);
        tg_http_set_ca_file(f->http, https_server_ca_file(f->server));
        connection_of(f, f->context);
        tg_http_set_ca_file(f->http, NULL);
        tg_http_context_rest(f->context);
        assert_refused(f, "/ok", TG_ERROR_TAMPERED);
}

static void
test_an_unreadable_authority_names_its_remedy(Fixture *f, gconstpointer data)
{
        g_auto(Answer) answer = {0};

        tg_http_set_ca_file(f->http, "/nonexistent/ca.pem");
        ask(f, f->context, "/ok", &answer);
        g_assert_error(answer.error, TG_ERROR, TG_ERROR_UNREACHABLE);
        g_assert_nonnull(strstr(answer.error->message, "CaFile="));
}

static void
test_what_speaks_no_tls_is_unreachable(Fixture *f, gconstpointer data)
{
        assert_refused(f, "/ok", TG_ERROR_UNREACHABLE);
}

/* ---- addresses ---- */

static void
test_only_https_is_asked(Fixture *f, gconstpointer data)
{
        static const char *const urls[] = {
                "http://relay.example/",
                "http://127.0.0.1.relay.example/",
                "http://localhost.example/",
                "http://127.1@relay.example/",
                "https://user@localhost/",
                "https://user:word@localhost/",
                "ftp://localhost/",
                "file:///etc/passwd",
                "localhost/",
                "https:///",
                "",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(urls); i++) {
                g_auto(Answer) answer = {0};

                send_to(f->context, urls[i], &answer);
                test_wait(&answer.is_done);
                g_assert_error(answer.error, TG_ERROR, TG_ERROR_INVALID);
        }
}

static void
test_plain_http_is_for_loopback(Fixture *f, gconstpointer data)
{
        g_assert_cmpuint(connection_of(f, f->context), ==, 1);
}

/* ---- what shares have in common ---- */

static void
test_a_context_reuses_its_connection_and_no_other(Fixture *f, gconstpointer data)
{
        TgHttpContext *other = tg_http_context_new(f->http);
        TgHttpContext *third;
        guint mine = connection_of(f, f->context);
        guint theirs = connection_of(f, other);

        g_assert_cmpuint(mine, !=, theirs);
        for (guint i = 0; i < 10; i++) {
                g_assert_cmpuint(connection_of(f, f->context), ==, mine);
                g_assert_cmpuint(connection_of(f, other), ==, theirs);
        }

        /* The connection of a share that is gone is not left to the next. */
        tg_http_context_free(other);
        third = tg_http_context_new(f->http);
        g_assert_cmpuint(connection_of(f, third), ==, 3);
        tg_http_context_free(third);
        g_assert_cmpuint(https_server_opened(f->server), ==, 3);
        g_assert_cmpuint(https_server_resumed(f->server), ==, 0);
}

static void
test_connections_that_were_made_at_once_stay_apart(Fixture *f, gconstpointer data)
{
        TgHttpContext *contexts[4];
        g_autoptr(GHashTable) owners = g_hash_table_new(NULL, NULL);

        for (guint i = 0; i < G_N_ELEMENTS(contexts); i++)
                contexts[i] = tg_http_context_new(f->http);
        for (guint round = 0; round < 3; round++) {
                Answer answers[G_N_ELEMENTS(contexts) * 2] = {0};

                for (guint i = 0; i < G_N_ELEMENTS(answers); i++)
                        send_path(f, contexts[i / 2], "/ok", &answers[i]);
                for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
                        gpointer connection;
                        gpointer owner;

                        test_wait(&answers[i].is_done);
                        g_assert_no_error(answers[i].error);
                        connection =
                                GUINT_TO_POINTER(g_ascii_strtoull(answers[i].body + 11, NULL, 10));
                        owner = g_hash_table_lookup(owners, connection);
                        g_assert_true(!owner || owner == contexts[i / 2]);
                        g_hash_table_insert(owners, connection, contexts[i / 2]);
                        answer_clear(&answers[i]);
                }
        }
        for (guint i = 0; i < G_N_ELEMENTS(contexts); i++)
                tg_http_context_free(contexts[i]);
}

/* The server is in other threads, so there is nothing to be woken by. */
static void
wait_for_server(Fixture *f, gboolean (*is_so)(Fixture *f))
{
        for (guint i = 0; !is_so(f); i++) {
                g_assert_cmpuint(i, <, 10000);
                g_main_context_iteration(NULL, FALSE);
                g_usleep(5000);
        }
}

static gboolean
all_are_closed(Fixture *f)
{
        return https_server_open(f->server) == 0;
}

static gboolean
slow_was_asked(Fixture *f)
{
        return https_server_requests(f->server, "/slow") > 0;
}

static void
test_a_resting_context_holds_no_connection(Fixture *f, gconstpointer data)
{
        g_auto(Answer) slow = {0};
        TgHttpTransfer *transfer;

        g_assert_cmpuint(connection_of(f, f->context), ==, 1);
        tg_http_context_rest(f->context);
        wait_for_server(f, all_are_closed);
        g_assert_cmpuint(connection_of(f, f->context), ==, 2);

        /* Not while it is in use. */
        transfer = send_path(f, f->context, "/slow", &slow);
        wait_for_server(f, slow_was_asked);
        tg_http_context_rest(f->context);
        g_assert_cmpuint(https_server_open(f->server), ==, 1);
        tg_http_transfer_cancel(transfer);
        wait_for_server(f, all_are_closed);
}

static void
test_a_connection_that_was_left_is_made_anew(Fixture *f, gconstpointer data)
{
        for (guint i = 1; i <= 3; i++) {
                g_auto(Answer) answer = {0};

                ask(f, f->context, "/leave", &answer);
                g_assert_no_error(answer.error);
                wait_for_server(f, all_are_closed);
        }
        g_assert_cmpuint(https_server_opened(f->server), ==, 3);
}

/* ---- the loop ---- */

static void
test_a_cancelled_transfer_is_never_heard_of(Fixture *f, gconstpointer data)
{
        g_auto(Answer) before = {0};
        g_auto(Answer) during = {0};
        TgHttpTransfer *transfer;

        transfer = send_path(f, f->context, "/slow", &before);
        tg_http_transfer_cancel(transfer);
        transfer = send_path(f, f->context, "/slow", &during);
        wait_for_server(f, slow_was_asked);
        tg_http_transfer_cancel(transfer);
        wait_for_server(f, all_are_closed);
        connection_of(f, f->context);
        g_assert_false(before.is_done);
        g_assert_false(during.is_done);
}

static TgHttpTransfer *to_be_cancelled;

static void
cancel_the_other(const TgHttpResponse *response, const GError *error, gpointer user_data)
{
        Answer *answer = user_data;

        answer->is_done = TRUE;
        g_clear_pointer(&to_be_cancelled, tg_http_transfer_cancel);
}

/* Both have finished when the first is told. */
static void
test_a_callback_may_cancel_what_has_finished(Fixture *f, gconstpointer data)
{
        TgHttpRequest request = {
                .method = "GET", .url = "ftp://no/", .timeout_s = 1, .max_response_bytes = 1};
        g_auto(Answer) first = {0};
        g_auto(Answer) second = {0};

        tg_http_send(f->context, &request, cancel_the_other, &first);
        to_be_cancelled = tg_http_send(f->context, &request, on_answer, &second);
        test_wait(&first.is_done);
        connection_of(f, f->context);
        g_assert_false(second.is_done);
}

typedef struct {
        Fixture *f;
        gboolean is_done;
} Freeing;

static void
free_everything(const TgHttpResponse *response, const GError *error, gpointer user_data)
{
        Freeing *freeing = user_data;

        g_assert_no_error(error);
        g_assert_cmpuint(response->status, ==, 200);
        g_clear_pointer(&freeing->f->context, tg_http_context_free);
        g_clear_pointer(&freeing->f->http, tg_http_free);
        g_assert_true(g_bytes_get_size(response->body) > 0);
        freeing->is_done = TRUE;
}

static void
test_a_callback_may_free_everything(Fixture *f, gconstpointer data)
{
        g_autofree char *url = https_server_url(f->server, "/ok");
        TgHttpRequest request = {
                .method = "GET", .url = url, .timeout_s = 30, .max_response_bytes = 4096};
        Freeing freeing = {.f = f};
        g_auto(Answer) slow = {0};

        send_path(f, f->context, "/slow", &slow);
        tg_http_send(f->context, &request, free_everything, &freeing);
        test_wait(&freeing.is_done);
        g_assert_false(slow.is_done);
}

static guint n_chained;

static void
send_next(const TgHttpResponse *response, const GError *error, gpointer user_data)
{
        Freeing *freeing = user_data;
        g_autofree char *url = https_server_url(freeing->f->server, "/ok");
        TgHttpRequest request = {
                .method = "GET", .url = url, .timeout_s = 30, .max_response_bytes = 4096};

        g_assert_no_error(error);
        if (++n_chained == 20)
                freeing->is_done = TRUE;
        else
                tg_http_send(freeing->f->context, &request, send_next, freeing);
}

static void
test_a_callback_may_send_the_next_on_the_same_connection(Fixture *f, gconstpointer data)
{
        g_autofree char *url = https_server_url(f->server, "/ok");
        TgHttpRequest request = {
                .method = "GET", .url = url, .timeout_s = 30, .max_response_bytes = 4096};
        Freeing freeing = {.f = f};

        n_chained = 0;
        tg_http_send(f->context, &request, send_next, &freeing);
        test_wait(&freeing.is_done);
        g_assert_cmpuint(https_server_opened(f->server), ==, 1);
        g_assert_cmpuint(https_server_requests(f->server, "/ok"), ==, 20);
}

/* What the loop would wait for now: how many descriptors, and for how long. */
static int
time_to_wait(int *ret_n_fds)
{
        GMainContext *context = g_main_context_default();
        GPollFD fds[16];
        int priority;
        int timeout_ms;

        g_assert_true(g_main_context_acquire(context));
        g_main_context_prepare(context, &priority);
        *ret_n_fds = g_main_context_query(context, priority, &timeout_ms, fds, G_N_ELEMENTS(fds));
        g_main_context_release(context);
        return timeout_ms;
}

static void
test_an_idle_client_waits_for_nothing(Fixture *f, gconstpointer data)
{
        int n_fds_before;
        int n_fds;

        test_settle();
        g_assert_cmpint(time_to_wait(&n_fds_before), ==, -1);
        connection_of(f, f->context);
        test_settle();
        g_assert_cmpint(time_to_wait(&n_fds), ==, -1);
        g_assert_cmpint(n_fds, ==, n_fds_before);
        g_assert_cmpuint(https_server_open(f->server), ==, 1);
}

static gboolean
set_flag(gpointer flag)
{
        *(gboolean *)flag = TRUE;
        return G_SOURCE_REMOVE;
}

/* A held read costs a few wake-ups when it begins, and none while it is held. */
static void
test_a_held_request_does_not_keep_the_loop_busy(Fixture *f, gconstpointer data)
{
        g_auto(Answer) slow = {0};
        gboolean is_over = FALSE;
        guint n_turns = 0;

        send_path(f, f->context, "/slow", &slow);
        wait_for_server(f, slow_was_asked);
        g_timeout_add(1000, set_flag, &is_over);
        for (; !is_over; n_turns++)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(n_turns, <, 10);
}

#define ADD_KIND(name, kind, func)                                                                 \
        g_test_add("/http/" name, Fixture, GINT_TO_POINTER(kind), set_up, func, tear_down)
#define ADD(name, func) ADD_KIND(name, HTTPS_SERVER_TRUSTED, func)

static void
add_certificate_tests(void)
{
        ADD_KIND("a-certificate-of-another-name-is-refused",
                 HTTPS_SERVER_WRONG_NAME,
                 test_the_certificate_is_checked);
        ADD_KIND("a-certificate-out-of-date-is-refused",
                 HTTPS_SERVER_EXPIRED,
                 test_the_certificate_is_checked);
        ADD("an-authority-counts-only-while-it-is-named",
            test_an_authority_counts_only_while_it_is_named);
        ADD("an-unreadable-authority-names-its-remedy",
            test_an_unreadable_authority_names_its_remedy);
        ADD_KIND("what-speaks-no-tls-is-unreachable",
                 HTTPS_SERVER_NO_TLS,
                 test_what_speaks_no_tls_is_unreachable);
        ADD("only-https-is-asked", test_only_https_is_asked);
        ADD_KIND("plain-http-is-for-loopback", HTTPS_SERVER_PLAIN, test_plain_http_is_for_loopback);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        /* Nobody listens there: whoever asked a proxy would get nowhere. */
        g_setenv("https_proxy", "http://127.0.0.1:9/", TRUE);
        g_setenv("http_proxy", "http://127.0.0.1:9/", TRUE);
        g_setenv("ALL_PROXY", "http://127.0.0.1:9/", TRUE);

        ADD("nothing-is-sent-but-what-was-asked-for", test_nothing_is_sent_but_what_was_asked_for);
        ADD("every-method-goes-with-and-without-a-body",
            test_every_method_goes_with_and_without_a_body);
        ADD("a-redirect-is-an-answer-and-is-not-followed",
            test_a_redirect_is_an_answer_and_is_not_followed);
        ADD("cookies-and-tags-do-not-come-back", test_cookies_and_tags_do_not_come_back);
        ADD("the-four-headers-are-read", test_the_four_headers_are_read);
        ADD("what-stands-before-or-after-the-answer-is-not-its-own",
            test_what_stands_before_or_after_the_answer_is_not_its_own);
        ADD("answers-without-end-are-cut", test_answers_without_end_are_cut);
        ADD("the-largest-answer-is-taken", test_the_largest_answer_is_taken);
        ADD("what-is-no-http-is-refused", test_what_is_no_http_is_refused);
        ADD("half-an-answer-is-none", test_half_an_answer_is_none);
        ADD("a-silent-server-is-given-up", test_a_silent_server_is_given_up);
        ADD("nobody-there-is-unreachable", test_nobody_there_is_unreachable);
        add_certificate_tests();
        ADD("a-context-reuses-its-connection-and-no-other",
            test_a_context_reuses_its_connection_and_no_other);
        ADD("connections-that-were-made-at-once-stay-apart",
            test_connections_that_were_made_at_once_stay_apart);
        ADD("a-resting-context-holds-no-connection", test_a_resting_context_holds_no_connection);
        ADD("a-connection-that-was-left-is-made-anew",
            test_a_connection_that_was_left_is_made_anew);
        ADD("a-cancelled-transfer-is-never-heard-of", test_a_cancelled_transfer_is_never_heard_of);
        ADD("a-callback-may-cancel-what-has-finished",
            test_a_callback_may_cancel_what_has_finished);
        ADD("a-callback-may-free-everything", test_a_callback_may_free_everything);
        ADD("a-callback-may-send-the-next-on-the-same-connection",
            test_a_callback_may_send_the_next_on_the_same_connection);
        ADD("an-idle-client-waits-for-nothing", test_an_idle_client_waits_for_nothing);
        ADD("a-held-request-does-not-keep-the-loop-busy",
            test_a_held_request_does_not_keep_the_loop_busy);

        return test_run();
}
