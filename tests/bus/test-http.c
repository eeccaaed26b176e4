/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The HTTP client against a server that behaves badly: what it sends, and what it
 * believes.
 */

#include <string.h>

#include "tests/bus/http-fixture.h"

/* ---- what is sent ---- */

static void
test_nothing_is_sent_but_what_was_asked_for(HttpFixture *f, gconstpointer data)
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
        g_auto(HttpAnswer) answer = {0};
        g_autofree char *expected = g_strdup_printf("connection 1\r\n"
                                                    "PUT /ok HTTP/1.1\r\n"
                                                    "Host: %s\r\n"
                                                    "User-Agent: tigress\r\n"
                                                    "Content-Type: application/json\r\n"
                                                    "Mailbox-Request-ID: 1\r\n"
                                                    "Content-Length: 7\r\n\r\n"
                                                    "{\"a\":1}",
                                                    host);

        tg_http_send(f->context, &request, http_on_answer, &answer);
        test_wait(&answer.is_done);
        g_assert_no_error(answer.error);
        g_assert_cmpstr(answer.body, ==, expected);
}

static void
test_every_method_goes_with_and_without_a_body(HttpFixture *f, gconstpointer data)
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
                g_auto(HttpAnswer) answer = {0};
                const char *end;

                tg_http_send(f->context, &request, http_on_answer, &answer);
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
test_a_redirect_is_an_answer_and_is_not_followed(HttpFixture *f, gconstpointer data)
{
        g_auto(HttpAnswer) answer = {0};

        http_ask(f, f->context, "/redirect", &answer);
        g_assert_cmpuint(answer.status, ==, 302);
        g_assert_cmpuint(https_server_requests(f->server, NULL), ==, 1);
}

static void
test_cookies_and_tags_do_not_come_back(HttpFixture *f, gconstpointer data)
{
        g_auto(HttpAnswer) first = {0};
        g_auto(HttpAnswer) second = {0};

        http_ask(f, f->context, "/answer", &first);
        http_ask(f, f->context, "/ok", &second);
        g_assert_null(strstr(second.body, "ookie"));
        g_assert_null(strstr(second.body, "If-"));
}

/* ---- what is believed ---- */

static void
test_the_four_headers_are_read(HttpFixture *f, gconstpointer data)
{
        g_auto(HttpAnswer) answer = {0};
        g_auto(HttpAnswer) later = {0};

        http_ask(f, f->context, "/answer", &answer);
        g_assert_cmpuint(answer.status, ==, 200);
        g_assert_cmpstr(answer.etag, ==, "\"7\"");
        g_assert_cmpstr(answer.content_type, ==, "application/json");
        g_assert_cmpint(answer.retry_after_s, ==, 17);
        g_assert_cmpint(answer.date_s, ==, 1000);
        g_assert_cmpstr(answer.body, ==, "{}");

        http_ask(f, f->context, "/later-date", &later);
        g_assert_cmpuint(later.status, ==, 429);
        g_assert_cmpint(later.retry_after_s, ==, 60);
        g_assert_null(later.etag);
        g_assert_null(later.content_type);
}

static void
test_what_stands_before_or_after_the_answer_is_not_its_own(HttpFixture *f, gconstpointer data)
{
        g_auto(HttpAnswer) early = {0};
        g_auto(HttpAnswer) trailer = {0};

        http_ask(f, f->context, "/early", &early);
        g_assert_cmpuint(early.status, ==, 200);
        g_assert_null(early.etag);
        g_assert_cmpint(early.retry_after_s, ==, -1);

        http_ask(f, f->context, "/trailer", &trailer);
        g_assert_cmpuint(trailer.status, ==, 200);
        g_assert_cmpstr(trailer.body, ==, "{}");
        g_assert_null(trailer.etag);
}

static void
test_answers_without_end_are_cut(HttpFixture *f, gconstpointer data)
{
        http_assert_refused(f, "/huge", TG_ERROR_TAMPERED);
        http_assert_refused(f, "/headers", TG_ERROR_TAMPERED);
        http_assert_refused(f, "/hints", TG_ERROR_TAMPERED);
}

static void
test_the_largest_answer_is_taken(HttpFixture *f, gconstpointer data)
{
        g_autofree char *url = https_server_url(f->server, "/ok");
        g_auto(HttpAnswer) measured = {0};
        g_auto(HttpAnswer) exact = {0};
        g_auto(HttpAnswer) over = {0};
        TgHttpRequest request = {.method = "GET", .url = url, .timeout_s = 30};

        request.max_response_bytes = 4096;
        tg_http_send(f->context, &request, http_on_answer, &measured);
        test_wait(&measured.is_done);
        request.max_response_bytes = measured.n_body;
        tg_http_send(f->context, &request, http_on_answer, &exact);
        test_wait(&exact.is_done);
        g_assert_no_error(exact.error);
        request.max_response_bytes = measured.n_body - 1;
        tg_http_send(f->context, &request, http_on_answer, &over);
        test_wait(&over.is_done);
        g_assert_error(over.error, TG_ERROR, TG_ERROR_TAMPERED);
}

static void
test_what_is_no_http_is_refused(HttpFixture *f, gconstpointer data)
{
        http_assert_refused(f, "/garbage", TG_ERROR_TAMPERED);
}

static void
test_half_an_answer_is_none(HttpFixture *f, gconstpointer data)
{
        http_assert_refused(f, "/cut", TG_ERROR_UNREACHABLE);
}

static void
test_a_silent_server_is_given_up(HttpFixture *f, gconstpointer data)
{
        g_autofree char *url = https_server_url(f->server, "/slow");
        TgHttpRequest request = {
                .method = "GET", .url = url, .timeout_s = 1, .max_response_bytes = 4096};
        g_auto(HttpAnswer) answer = {0};

        tg_http_send(f->context, &request, http_on_answer, &answer);
        test_wait(&answer.is_done);
        g_assert_error(answer.error, TG_ERROR, TG_ERROR_UNREACHABLE);
        g_assert_nonnull(strstr(answer.error->message, "in time"));
}

static void
test_nobody_there_is_unreachable(HttpFixture *f, gconstpointer data)
{
        g_autofree char *url = https_server_url(f->server, "/ok");
        g_auto(HttpAnswer) nobody = {0};
        g_auto(HttpAnswer) nowhere = {0};

        https_server_free(f->server);
        http_send_to(f->context, url, &nobody);
        test_wait(&nobody.is_done);
        g_assert_error(nobody.error, TG_ERROR, TG_ERROR_UNREACHABLE);
        http_send_to(f->context, "https://there-is-no-such-host.invalid/", &nowhere);
        test_wait(&nowhere.is_done);
        g_assert_error(nowhere.error, TG_ERROR, TG_ERROR_UNREACHABLE);
        f->server = https_server_new(HTTPS_SERVER_PLAIN, g_get_tmp_dir());
}

/* ---- certificates ---- */

static void
test_the_certificate_is_checked(HttpFixture *f, gconstpointer data)
{
        http_assert_refused(f, "/ok", TG_ERROR_TAMPERED);
        g_assert_cmpuint(https_server_requests(f->server, NULL), ==, 0);
}

static void
test_an_authority_counts_only_while_it_is_named(HttpFixture *f, gconstpointer data)
{
        tg_http_set_ca_file(f->http, NULL);
        http_assert_refused(f, "/ok", TG_ERROR_TAMPERED);
        g_assert_cmpuint(https_server_requests(f->server, NULL), ==, 0);
        tg_http_set_ca_file(f->http, https_server_ca_file(f->server));
        http_connection_of(f, f->context);
        tg_http_set_ca_file(f->http, NULL);
        tg_http_context_rest(f->context);
        http_assert_refused(f, "/ok", TG_ERROR_TAMPERED);
}

static void
test_an_unreadable_authority_names_its_remedy(HttpFixture *f, gconstpointer data)
{
        g_auto(HttpAnswer) answer = {0};

        tg_http_set_ca_file(f->http, "/nonexistent/ca.pem");
        http_ask(f, f->context, "/ok", &answer);
        g_assert_error(answer.error, TG_ERROR, TG_ERROR_UNREACHABLE);
        g_assert_nonnull(strstr(answer.error->message, "CaFile="));
}

static void
test_what_speaks_no_tls_is_unreachable(HttpFixture *f, gconstpointer data)
{
        http_assert_refused(f, "/ok", TG_ERROR_UNREACHABLE);
}

/* ---- addresses ---- */

static void
test_only_https_is_asked(HttpFixture *f, gconstpointer data)
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
                g_auto(HttpAnswer) answer = {0};

                http_send_to(f->context, urls[i], &answer);
                test_wait(&answer.is_done);
                g_assert_error(answer.error, TG_ERROR, TG_ERROR_INVALID);
        }
}

static void
test_plain_http_is_for_loopback(HttpFixture *f, gconstpointer data)
{
        g_assert_cmpuint(http_connection_of(f, f->context), ==, 1);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        /* Nobody listens there: whoever asked a proxy would get nowhere. */
        g_setenv("https_proxy", "http://127.0.0.1:9/", TRUE);
        g_setenv("http_proxy", "http://127.0.0.1:9/", TRUE);
        g_setenv("ALL_PROXY", "http://127.0.0.1:9/", TRUE);

        HTTP_ADD("an-authority-counts-only-while-it-is-named",
                 test_an_authority_counts_only_while_it_is_named);
        HTTP_ADD("an-unreadable-authority-names-its-remedy",
                 test_an_unreadable_authority_names_its_remedy);
        HTTP_ADD("only-https-is-asked", test_only_https_is_asked);
        HTTP_ADD("nothing-is-sent-but-what-was-asked-for",
                 test_nothing_is_sent_but_what_was_asked_for);
        HTTP_ADD("every-method-goes-with-and-without-a-body",
                 test_every_method_goes_with_and_without_a_body);
        HTTP_ADD("a-redirect-is-an-answer-and-is-not-followed",
                 test_a_redirect_is_an_answer_and_is_not_followed);
        HTTP_ADD("cookies-and-tags-do-not-come-back", test_cookies_and_tags_do_not_come_back);
        HTTP_ADD("the-four-headers-are-read", test_the_four_headers_are_read);
        HTTP_ADD("what-stands-before-or-after-the-answer-is-not-its-own",
                 test_what_stands_before_or_after_the_answer_is_not_its_own);
        HTTP_ADD("answers-without-end-are-cut", test_answers_without_end_are_cut);
        HTTP_ADD("the-largest-answer-is-taken", test_the_largest_answer_is_taken);
        HTTP_ADD("what-is-no-http-is-refused", test_what_is_no_http_is_refused);
        HTTP_ADD("half-an-answer-is-none", test_half_an_answer_is_none);
        HTTP_ADD("a-silent-server-is-given-up", test_a_silent_server_is_given_up);
        HTTP_ADD("nobody-there-is-unreachable", test_nobody_there_is_unreachable);
        HTTP_ADD_KIND("a-certificate-of-another-name-is-refused",
                      HTTPS_SERVER_WRONG_NAME,
                      test_the_certificate_is_checked);
        HTTP_ADD_KIND("a-certificate-out-of-date-is-refused",
                      HTTPS_SERVER_EXPIRED,
                      test_the_certificate_is_checked);
        HTTP_ADD_KIND("what-speaks-no-tls-is-unreachable",
                      HTTPS_SERVER_NO_TLS,
                      test_what_speaks_no_tls_is_unreachable);
        HTTP_ADD_KIND(
                "plain-http-is-for-loopback", HTTPS_SERVER_PLAIN, test_plain_http_is_for_loopback);

        return test_run();
}
