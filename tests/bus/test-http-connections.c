/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The HTTP client's connections: what two shares have in common, and what the loop
 * has to do with them.
 */

#include "tests/bus/http-fixture.h"

/* ---- what shares have in common ---- */

static void
test_a_context_reuses_its_connection_and_no_other(HttpFixture *f, gconstpointer data)
{
        TgHttpContext *other = tg_http_context_new(f->http);
        TgHttpContext *third;
        guint mine = http_connection_of(f, f->context);
        guint theirs = http_connection_of(f, other);

        g_assert_cmpuint(mine, !=, theirs);
        for (guint i = 0; i < 10; i++) {
                g_assert_cmpuint(http_connection_of(f, f->context), ==, mine);
                g_assert_cmpuint(http_connection_of(f, other), ==, theirs);
        }

        /* The connection of a share that is gone is not left to the next. */
        tg_http_context_free(other);
        third = tg_http_context_new(f->http);
        g_assert_cmpuint(http_connection_of(f, third), ==, 3);
        tg_http_context_free(third);
        g_assert_cmpuint(https_server_opened(f->server), ==, 3);
        g_assert_cmpuint(https_server_resumed(f->server), ==, 0);
}

static void
test_connections_that_were_made_at_once_stay_apart(HttpFixture *f, gconstpointer data)
{
        TgHttpContext *contexts[4];
        g_autoptr(GHashTable) owners = g_hash_table_new(NULL, NULL);

        for (guint i = 0; i < G_N_ELEMENTS(contexts); i++)
                contexts[i] = tg_http_context_new(f->http);
        for (guint round = 0; round < 3; round++) {
                HttpAnswer answers[G_N_ELEMENTS(contexts) * 2] = {0};

                for (guint i = 0; i < G_N_ELEMENTS(answers); i++)
                        http_send_path(f, contexts[i / 2], "/ok", &answers[i]);
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
                        http_answer_clear(&answers[i]);
                }
        }
        for (guint i = 0; i < G_N_ELEMENTS(contexts); i++)
                tg_http_context_free(contexts[i]);
}

/* The server is in other threads, so there is nothing to be woken by. */
static void
wait_for_server(HttpFixture *f, gboolean (*is_so)(HttpFixture *f))
{
        for (guint i = 0; !is_so(f); i++) {
                g_assert_cmpuint(i, <, 10000);
                g_main_context_iteration(NULL, FALSE);
                g_usleep(5000);
        }
}

static gboolean
all_are_closed(HttpFixture *f)
{
        return https_server_open(f->server) == 0;
}

static gboolean
slow_was_asked(HttpFixture *f)
{
        return https_server_requests(f->server, "/slow") > 0;
}

static void
test_a_resting_context_holds_no_connection(HttpFixture *f, gconstpointer data)
{
        g_auto(HttpAnswer) slow = {0};
        TgHttpTransfer *transfer;

        g_assert_cmpuint(http_connection_of(f, f->context), ==, 1);
        tg_http_context_rest(f->context);
        wait_for_server(f, all_are_closed);
        g_assert_cmpuint(http_connection_of(f, f->context), ==, 2);

        /* Not while it is in use. */
        transfer = http_send_path(f, f->context, "/slow", &slow);
        wait_for_server(f, slow_was_asked);
        tg_http_context_rest(f->context);
        g_assert_cmpuint(https_server_open(f->server), ==, 1);
        tg_http_transfer_cancel(transfer);
        wait_for_server(f, all_are_closed);
}

static void
test_a_connection_that_was_left_is_made_anew(HttpFixture *f, gconstpointer data)
{
        for (guint i = 1; i <= 3; i++) {
                g_auto(HttpAnswer) answer = {0};

                http_ask(f, f->context, "/leave", &answer);
                g_assert_no_error(answer.error);
                wait_for_server(f, all_are_closed);
        }
        g_assert_cmpuint(https_server_opened(f->server), ==, 3);
}

/* ---- the loop ---- */

static void
test_a_cancelled_transfer_is_never_heard_of(HttpFixture *f, gconstpointer data)
{
        g_auto(HttpAnswer) before = {0};
        g_auto(HttpAnswer) during = {0};
        TgHttpTransfer *transfer;

        transfer = http_send_path(f, f->context, "/slow", &before);
        tg_http_transfer_cancel(transfer);
        transfer = http_send_path(f, f->context, "/slow", &during);
        wait_for_server(f, slow_was_asked);
        tg_http_transfer_cancel(transfer);
        wait_for_server(f, all_are_closed);
        http_connection_of(f, f->context);
        g_assert_false(before.is_done);
        g_assert_false(during.is_done);
}

static TgHttpTransfer *to_be_cancelled;

static void
cancel_the_other(const TgHttpResponse *response, const GError *error, gpointer user_data)
{
        HttpAnswer *answer = user_data;

        answer->is_done = TRUE;
        g_clear_pointer(&to_be_cancelled, tg_http_transfer_cancel);
}

/* Both have finished when the first is told. */
static void
test_a_callback_may_cancel_what_has_finished(HttpFixture *f, gconstpointer data)
{
        TgHttpRequest request = {
                .method = "GET", .url = "ftp://no/", .timeout_s = 1, .max_response_bytes = 1};
        g_auto(HttpAnswer) first = {0};
        g_auto(HttpAnswer) second = {0};

        tg_http_send(f->context, &request, cancel_the_other, &first);
        to_be_cancelled = tg_http_send(f->context, &request, http_on_answer, &second);
        test_wait(&first.is_done);
        http_connection_of(f, f->context);
        g_assert_false(second.is_done);
}

typedef struct {
        HttpFixture *f;
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
test_a_callback_may_free_everything(HttpFixture *f, gconstpointer data)
{
        g_autofree char *url = https_server_url(f->server, "/ok");
        TgHttpRequest request = {
                .method = "GET", .url = url, .timeout_s = 30, .max_response_bytes = 4096};
        Freeing freeing = {.f = f};
        g_auto(HttpAnswer) slow = {0};

        http_send_path(f, f->context, "/slow", &slow);
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
test_a_callback_may_send_the_next_on_the_same_connection(HttpFixture *f, gconstpointer data)
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
test_an_idle_client_waits_for_nothing(HttpFixture *f, gconstpointer data)
{
        int n_fds_before;
        int n_fds;

        test_settle();
        g_assert_cmpint(time_to_wait(&n_fds_before), ==, -1);
        http_connection_of(f, f->context);
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
test_a_held_request_does_not_keep_the_loop_busy(HttpFixture *f, gconstpointer data)
{
        g_auto(HttpAnswer) slow = {0};
        gboolean is_over = FALSE;
        guint n_turns = 0;

        http_send_path(f, f->context, "/slow", &slow);
        wait_for_server(f, slow_was_asked);
        g_timeout_add(1000, set_flag, &is_over);
        do {
                g_main_context_iteration(NULL, TRUE);
                n_turns++;
        } while (!is_over);
        g_assert_cmpuint(n_turns, <, 10);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);

        HTTP_ADD("a-context-reuses-its-connection-and-no-other",
                 test_a_context_reuses_its_connection_and_no_other);
        HTTP_ADD("connections-that-were-made-at-once-stay-apart",
                 test_connections_that_were_made_at_once_stay_apart);
        HTTP_ADD("a-resting-context-holds-no-connection",
                 test_a_resting_context_holds_no_connection);
        HTTP_ADD("a-connection-that-was-left-is-made-anew",
                 test_a_connection_that_was_left_is_made_anew);
        HTTP_ADD("a-cancelled-transfer-is-never-heard-of",
                 test_a_cancelled_transfer_is_never_heard_of);
        HTTP_ADD("a-callback-may-cancel-what-has-finished",
                 test_a_callback_may_cancel_what_has_finished);
        HTTP_ADD("a-callback-may-free-everything", test_a_callback_may_free_everything);
        HTTP_ADD("a-callback-may-send-the-next-on-the-same-connection",
                 test_a_callback_may_send_the_next_on_the_same_connection);
        HTTP_ADD("an-idle-client-waits-for-nothing", test_an_idle_client_waits_for_nothing);
        HTTP_ADD("a-held-request-does-not-keep-the-loop-busy",
                 test_a_held_request_does_not_keep_the_loop_busy);

        return test_run();
}
