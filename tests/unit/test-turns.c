/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/turns.h"
#include "helper.h"

typedef struct {
        TgTurn *turn;
        guint hold_s;
        guint n_calls;
} Waiter;

static void
on_turn(guint hold_s, gpointer user_data)
{
        Waiter *waiter = user_data;

        waiter->hold_s = hold_s;
        waiter->n_calls++;
}

static void
run_loop(void)
{
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

static guint
count_running(const Waiter *waiters, guint n)
{
        guint n_running = 0;

        for (guint i = 0; i < n; i++)
                n_running += waiters[i].n_calls;
        return n_running;
}

static void
test_no_more_run_than_may(void)
{
        TgTurns *turns = tg_turns_new(3, 50);
        Waiter waiters[10] = {};

        for (guint i = 0; i < G_N_ELEMENTS(waiters); i++)
                waiters[i].turn = tg_turns_ask(turns, FALSE, on_turn, &waiters[i]);
        g_assert_cmpuint(count_running(waiters, 10), ==, 0); /* never from inside the call */
        run_loop();
        g_assert_cmpuint(count_running(waiters, 10), ==, 3);
        g_assert_true(tg_turns_are_scarce(turns));

        /* In the order in which they asked. */
        tg_turn_end(g_steal_pointer(&waiters[0].turn));
        run_loop();
        g_assert_cmpuint(waiters[3].n_calls, ==, 1);
        g_assert_cmpuint(count_running(waiters, 10), ==, 4);

        for (guint i = 0; i < G_N_ELEMENTS(waiters); i++)
                g_clear_pointer(&waiters[i].turn, tg_turn_end);
        run_loop();
        g_assert_cmpuint(count_running(waiters, 10), ==, 4);
        tg_turns_free(turns);
}

static void
test_a_turn_withdrawn_never_begins(void)
{
        TgTurns *turns = tg_turns_new(1, 50);
        Waiter first = {};
        Waiter second = {};

        first.turn = tg_turns_ask(turns, FALSE, on_turn, &first);
        second.turn = tg_turns_ask(turns, FALSE, on_turn, &second);
        tg_turn_end(first.turn);
        run_loop();
        g_assert_cmpuint(first.n_calls, ==, 0);
        g_assert_cmpuint(second.n_calls, ==, 1);
        tg_turn_end(second.turn);
        tg_turns_free(turns);
}

static void
test_who_is_urgent_goes_first_and_not_alone(void)
{
        TgTurns *turns = tg_turns_new(1, 50);
        Waiter ordinary[2] = {};
        Waiter urgent[8] = {};
        guint order[] = {0, 1, 2, 100, 3, 4, 5, 101, 6, 7};

        for (guint i = 0; i < G_N_ELEMENTS(ordinary); i++)
                ordinary[i].turn = tg_turns_ask(turns, FALSE, on_turn, &ordinary[i]);
        for (guint i = 0; i < G_N_ELEMENTS(urgent); i++)
                urgent[i].turn = tg_turns_ask(turns, TRUE, on_turn, &urgent[i]);
        /* one in the middle of them goes by itself */
        g_clear_pointer(&urgent[7].turn, tg_turn_end);
        urgent[7].turn = tg_turns_ask(turns, TRUE, on_turn, &urgent[7]);

        for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
                Waiter *next = order[i] < 100 ? &urgent[order[i]] : &ordinary[order[i] - 100];

                run_loop();
                g_assert_cmpuint(next->n_calls, ==, 1);
                g_assert_cmpuint(count_running(ordinary, 2) + count_running(urgent, 8), ==, i + 1);
                g_clear_pointer(&next->turn, tg_turn_end);
        }
        tg_turns_free(turns);
}

static void
test_turns_grow_shorter_as_more_wait(void)
{
        TgTurns *turns = tg_turns_new(2, 50);
        Waiter alone = {};
        Waiter waiters[100] = {};

        alone.turn = tg_turns_ask(turns, FALSE, on_turn, &alone);
        run_loop();
        g_assert_cmpuint(alone.hold_s, ==, 50);
        for (guint i = 0; i < G_N_ELEMENTS(waiters); i++)
                waiters[i].turn = tg_turns_ask(turns, FALSE, on_turn, &waiters[i]);
        run_loop();
        g_assert_cmpuint(waiters[0].n_calls, ==, 1);
        g_assert_cmpuint(waiters[0].hold_s, ==, 2);

        tg_turn_end(alone.turn);
        for (guint i = 0; i < G_N_ELEMENTS(waiters); i++)
                tg_turn_end(waiters[i].turn);
        tg_turns_free(turns);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/turns/no-more-run-than-may", test_no_more_run_than_may);
        g_test_add_func("/turns/a-turn-withdrawn-never-begins", test_a_turn_withdrawn_never_begins);
        g_test_add_func("/turns/who-is-urgent-goes-first-and-not-alone",
                        test_who_is_urgent_goes_first_and_not_alone);
        g_test_add_func("/turns/turns-grow-shorter-as-more-wait",
                        test_turns_grow_shorter_as_more_wait);

        return g_test_run();
}
