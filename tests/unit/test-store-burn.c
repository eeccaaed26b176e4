/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/store-fixture.h"

/* What is put back from an older time does not bring tries back. */
static void
test_starting_over_burns_what_asks_for_a_pin(StoreFixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = store_row_new(ID_B, TG_STATE_INVITED);
        g_autoptr(GError) error = NULL;

        row.role = TG_ROLE_INITIATOR;
        row.has_pin = TRUE;
        row.n_tries = 2;
        store_save(f, &row, "y", NULL);
        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", "body");
        g_assert_cmpint(store_reopen(f), ==, TG_STORE_KEY_FITS);
        store_assert_rows(f, "f0 invited y 1;00 claiming x 1;");
        g_assert_true(tg_store_start_over(f->store, TG_STATE_FAILED, &error));
        g_assert_cmpint(store_reopen(f), ==, TG_STORE_KEY_FITS);
        store_assert_rows(f, "f0 burned - 1;00 failed - 1;");
}

static void
test_two_burned_shares_of_a_thing_count_for_a_day(StoreFixture *f, gconstpointer data)
{
        gint64 now_s = g_get_real_time() / G_USEC_PER_SEC;
        g_autoptr(TgSecret) name = helper_secret(CANARY);
        g_autoptr(TgSecret) other_name = helper_secret("another thing");
        g_autoptr(GError) error = NULL;
        guint8 digest[32];
        guint8 other[32];

        g_assert_true(tg_store_burn_digest(f->store, name, digest, &error));
        g_assert_true(tg_store_burn_digest(f->store, other_name, other, &error));
        g_assert_cmpint(tg_store_burned_until(f->store, digest, now_s), ==, 0);
        g_assert_true(tg_store_add_burn(f->store, digest, now_s, 100, &error));
        g_assert_cmpint(tg_store_burned_until(f->store, digest, now_s), ==, 0);
        g_assert_true(tg_store_add_burn(f->store, digest, now_s + 10, 100, &error));
        store_reopen(f);
        g_assert_cmpint(tg_store_burned_until(f->store, digest, now_s + 10), ==, now_s + 100);
        g_assert_cmpint(tg_store_burned_until(f->store, other, now_s + 10), ==, 0);

        /* One has run out: there is room for one more, and then no more. */
        g_assert_cmpint(tg_store_burned_until(f->store, digest, now_s + 100), ==, 0);
        g_assert_true(tg_store_add_burn(f->store, digest, now_s + 100, 100, &error));
        g_assert_cmpint(tg_store_burned_until(f->store, digest, now_s + 105), ==, now_s + 110);
        g_assert_cmpint(tg_store_burned_until(f->store, digest, now_s + 110), ==, 0);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        STORE_ADD("starting-over-burns-what-asks-for-a-pin",
                  test_starting_over_burns_what_asks_for_a_pin);
        STORE_ADD("two-burned-shares-of-a-thing-count-for-a-day",
                  test_two_burned_shares_of_a_thing_count_for_a_day);

        return g_test_run();
}
