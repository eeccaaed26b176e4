/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How often an answer is tried that finds no room in its socket. */

#include <gnutls/gnutls.h>

#include "relay/cork.h"

#define MS G_TIME_SPAN_MILLISECOND

static guint n_tries;
static gboolean has_room;

/* In place of the library's. */
int
gnutls_record_uncork(gnutls_session_t session, unsigned int flags)
{
        n_tries++;
        return has_room ? 0 : GNUTLS_E_AGAIN;
}

static void
make_late(TgCork *cork, TgCorks *all)
{
        cork->fd = -1;
        cork->is_shut = TRUE;
        tg_cork_open(cork, all);
        g_assert_true(cork->is_late);
}

/* As the loop does, for as long as this. */
static void
turn(TgCorks *all, gint64 from_us, gint64 to_us)
{
        for (gint64 now_us = from_us; now_us < to_us; now_us += MS)
                tg_corks_try(all, now_us);
}

static void
test_what_stays_late_is_tried_less_and_less(void)
{
        TgCorks all = {0};
        TgCork cork = {0};
        gint64 now_us;

        n_tries = 0;
        g_assert_cmpint(tg_corks_next_us(&all, 0), ==, -1);
        make_late(&cork, &all);
        now_us = cork.next_us - 10 * MS;
        g_assert_cmpint(tg_corks_next_us(&all, now_us), ==, 10 * MS);
        turn(&all, now_us, now_us + 1000 * MS);
        g_assert_cmpuint(n_tries, >=, 6);
        g_assert_cmpuint(n_tries, <=, 8);
        n_tries = 0;
        turn(&all, now_us + 1000 * MS, now_us + 21000 * MS);
        g_assert_cmpuint(n_tries, >=, 19);
        g_assert_cmpuint(n_tries, <=, 21);
        g_assert_cmpint(tg_corks_next_us(&all, now_us + 21000 * MS), <=, 1000 * MS);
        tg_cork_end(&cork, &all);
        g_assert_cmpint(tg_corks_next_us(&all, 0), ==, -1);
}

/* One that has waited for long does not make another wait, and begins anew. */
static void
test_each_has_its_own_pause(void)
{
        TgCorks all = {0};
        TgCork old = {0};
        TgCork young = {0};
        gint64 now_us;

        make_late(&old, &all);
        now_us = old.next_us;
        turn(&all, now_us, now_us + 10000 * MS);
        make_late(&young, &all);
        g_assert_cmpint(young.pause_us, ==, 10 * MS);
        g_assert_cmpint(tg_corks_next_us(&all, young.next_us - 10 * MS), <=, 10 * MS);
        has_room = TRUE;
        turn(&all, now_us + 10000 * MS, now_us + 12000 * MS);
        has_room = FALSE;
        g_assert_false(old.is_late || young.is_late);
        g_assert_cmpint(tg_corks_next_us(&all, 0), ==, -1);
        make_late(&old, &all);
        g_assert_cmpint(old.pause_us, ==, 10 * MS);
        tg_cork_end(&old, &all);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cork/less-and-less", test_what_stays_late_is_tried_less_and_less);
        g_test_add_func("/cork/each", test_each_has_its_own_pause);
        return g_test_run();
}
