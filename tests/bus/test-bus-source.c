/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The bridge from sd-bus to the GLib loop, on a real bus. */

#include "tests/bus/fixture.h"

static int
answer(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        guint *n_calls = user_data;

        (*n_calls)++;
        return sd_bus_reply_method_return(message, NULL);
}

static int
stay_silent(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        return 1;
}

static int
count_answer(sd_bus_message *reply, void *user_data, sd_bus_error *error)
{
        guint *counts = user_data;

        counts[sd_bus_message_is_method_error(reply, NULL) ? 1 : 0]++;
        return 0;
}

static void
call(TestPeer *from, TestPeer *to, guint *counts, guint64 timeout_us)
{
        sd_bus_message *message = NULL;

        g_assert_cmpint(sd_bus_message_new_method_call(
                                from->bus, &message, to->name, TEST_PATH, TEST_INTERFACE, "Do"),
                        >=,
                        0);
        g_assert_cmpint(
                sd_bus_call_async(from->bus, NULL, message, count_answer, counts, timeout_us),
                >=,
                0);
        sd_bus_message_unref(message);
}

/* A bridge that changes its poll record in prepare() turns thousands of times here. */
static void
test_a_quiet_bus_wakes_nobody(void)
{
        g_autoptr(TestBus) bus = test_bus_new();
        g_autoptr(TestPeer) one = test_peer_new(bus);
        g_autoptr(TestPeer) other = test_peer_new(bus);

        test_settle();
        test_begin_polls();
        test_wait_a_second();

        g_assert_cmpuint(
                test_end_polls(), <=, 10); /* the first messages of the bus may still come */
        g_assert_cmpuint(one->n_closed + other->n_closed, ==, 0);
}

static void
test_parallel_calls_are_all_answered(void)
{
        g_autoptr(TestBus) bus = test_bus_new();
        g_autoptr(TestPeer) service = test_peer_new(bus);
        g_autoptr(TestPeer) client = test_peer_new(bus);
        guint n_calls = 0;
        guint counts[2] = {};

        sd_bus_add_object(service->bus, NULL, TEST_PATH, answer, &n_calls);
        for (guint i = 0; i < 50; i++)
                call(client, service, counts, 0);
        test_wait_count(&counts[0], 50);

        g_assert_cmpuint(n_calls, ==, 50);
        g_assert_cmpuint(counts[1], ==, 0);
}

typedef struct {
        guint n_calls;
        guint n_turns;
        guint turn_of_last_call;
} Turns;

static gboolean
count_turn(gpointer user_data)
{
        Turns *turns = user_data;

        turns->n_turns++;
        return G_SOURCE_CONTINUE;
}

static int
check_turn(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        Turns *turns = user_data;

        if (turns->n_calls++ > 0)
                g_assert_cmpuint(turns->n_turns, >, turns->turn_of_last_call);
        turns->turn_of_last_call = turns->n_turns;
        return 1;
}

/* Another source of the same priority has its turn between any two messages. */
static void
test_a_flood_leaves_turns_to_others(void)
{
        g_autoptr(TestBus) bus = test_bus_new();
        g_autoptr(TestPeer) service = test_peer_new(bus);
        sd_bus *client = test_bus_connect(bus);
        Turns turns = {};
        guint source;

        sd_bus_add_object(service->bus, NULL, TEST_PATH, check_turn, &turns);
        for (guint i = 0; i < 200; i++) {
                sd_bus_message *message = NULL;

                sd_bus_message_new_method_call(
                        client, &message, service->name, TEST_PATH, TEST_INTERFACE, "Do");
                sd_bus_message_set_expect_reply(message, 0);
                g_assert_cmpint(sd_bus_send(client, message, NULL), >=, 0);
                sd_bus_message_unref(message);
        }
        /* Answered after the bus has passed all of them on. */
        g_assert_cmpint(sd_bus_call_method(client,
                                           "org.freedesktop.DBus",
                                           "/",
                                           "org.freedesktop.DBus.Peer",
                                           "Ping",
                                           NULL,
                                           NULL,
                                           NULL),
                        >=,
                        0);

        source = g_idle_add_full(G_PRIORITY_DEFAULT, count_turn, &turns, NULL);
        test_wait_count(&turns.n_calls, 200);
        g_source_remove(source);
        sd_bus_flush_close_unref(client);
}

/* Rounded down, the last fraction of a millisecond is spent in turns that do nothing. */
static void
test_a_call_times_out_without_spinning(void)
{
        g_autoptr(TestBus) bus = test_bus_new();
        g_autoptr(TestPeer) service = test_peer_new(bus);
        g_autoptr(TestPeer) client = test_peer_new(bus);
        guint counts[2] = {};

        sd_bus_add_object(service->bus, NULL, TEST_PATH, stay_silent, NULL);
        call(client, service, counts, 100700);
        test_begin_polls();
        test_wait_count(&counts[1], 1);

        g_assert_cmpuint(test_end_polls(), <=, 12);
        g_assert_cmpuint(counts[0], ==, 0);
}

static void
test_the_death_of_the_bus_is_noticed(void)
{
        g_autoptr(TestBus) bus = test_bus_new();
        g_autoptr(TestPeer) service = test_peer_new(bus);
        g_autoptr(TestPeer) client = test_peer_new(bus);
        guint counts[2] = {};

        sd_bus_add_object(service->bus, NULL, TEST_PATH, stay_silent, NULL);
        for (guint i = 0; i < 3; i++)
                call(client, service, counts, UINT64_MAX);
        test_settle();
        test_bus_kill(bus);

        test_wait_count(&client->n_closed, 1);
        test_wait_count(&service->n_closed, 1);
        g_assert_cmpuint(counts[1], ==, 3); /* who waited was told */
        g_assert_cmpint(client->closed_r, <, 0);
        g_assert_true(g_source_is_destroyed(client->source));

        test_settle();
        g_assert_cmpuint(client->n_closed, ==, 1);
}

typedef struct {
        TestPeer *peer;
        gboolean is_done;
} Leaver;

static int
leave_loop(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        Leaver *leaver = user_data;

        g_source_destroy(leaver->peer->source);
        sd_bus_close(leaver->peer->bus);
        leaver->is_done = TRUE;
        return 0;
}

static void
test_a_callback_may_end_its_own_connection(void)
{
        g_autoptr(TestBus) bus = test_bus_new();
        g_autoptr(TestPeer) service = test_peer_new(bus);
        g_autoptr(TestPeer) client = test_peer_new(bus);
        Leaver leaver = {.peer = service};
        guint counts[2] = {};

        sd_bus_add_object(service->bus, NULL, TEST_PATH, leave_loop, &leaver);
        call(client, service, counts, UINT64_MAX);
        test_wait(&leaver.is_done);
        test_wait_count(&counts[1], 1);

        g_assert_cmpuint(service->n_closed, ==, 0); /* its owner ended it and knows */
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        g_test_add_func("/bus-source/a-quiet-bus-wakes-nobody", test_a_quiet_bus_wakes_nobody);
        g_test_add_func("/bus-source/parallel-calls-are-all-answered",
                        test_parallel_calls_are_all_answered);
        g_test_add_func("/bus-source/a-flood-leaves-turns-to-others",
                        test_a_flood_leaves_turns_to_others);
        g_test_add_func("/bus-source/a-call-times-out-without-spinning",
                        test_a_call_times_out_without_spinning);
        g_test_add_func("/bus-source/the-death-of-the-bus-is-noticed",
                        test_the_death_of_the_bus_is_noticed);
        g_test_add_func("/bus-source/a-callback-may-end-its-own-connection",
                        test_a_callback_may_end_its_own_connection);
        return test_run();
}
