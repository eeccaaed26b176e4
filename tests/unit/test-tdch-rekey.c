/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Going over to another secret, and the state that is stored. */

#include <string.h>

#include "tests/unit/helper.h"
#include "tests/unit/tdch-fixture.h"

/* ---- another secret ---- */

static void
test_who_has_the_link_and_all_that_was_said_loses_the_exchange(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(TgSecret) exporter = helper_secret_filled(9, 32);
        g_autoptr(TgSecret) saved = NULL;
        g_autoptr(TgTdch) eve = NULL;

        answer(&pair, 0x1302);
        saved = save(pair.bob);
        eve = tg_tdch_load(saved, NULL); /* knows R and the transcript */
        g_assert_true(tg_tdch_expect_rekey(pair.bob, exporter, NULL));
        g_assert_true(tg_tdch_rekey(pair.alice, exporter, NULL));
        put(&pair, pair.alice, "accept");
        assert_location(pair.bob, TG_TDCH_EXPECTED, pair.location, TRUE);
        assert_location(pair.bob, TG_TDCH_IN_FORCE, pair.location, FALSE);
        assert_location(eve, TG_TDCH_IN_FORCE, pair.location, FALSE);
        /* and were she told the place */
        g_assert_null(look(&pair, eve, TG_TDCH_IN_FORCE, TG_ERROR_TAMPERED));
        get(&pair, pair.bob, TG_TDCH_EXPECTED, "accept");
        say(&pair, pair.bob, pair.alice, "done"); /* it goes on under the exporter */
}

static void
test_the_secret_of_the_link_is_forgotten(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(TgSecret) exporter = helper_secret_filled(9, 32);
        g_autofree guint8 *link = g_malloc(32);
        TgTdch *sides[2];

        memset(link, 7, 32);
        answer(&pair, 0x1301);
        g_assert_true(tg_tdch_expect_rekey(pair.bob, exporter, NULL));
        g_assert_true(tg_tdch_rekey(pair.alice, exporter, NULL));
        put(&pair, pair.alice, "accept");
        get(&pair, pair.bob, TG_TDCH_EXPECTED, "accept");
        sides[0] = pair.alice;
        sides[1] = pair.bob;
        for (guint i = 0; i < 2; i++) {
                g_autoptr(TgSecret) saved = save(sides[i]);
                gsize n_saved;
                const guint8 *bytes = tg_secret_get(saved, &n_saved);

                for (gsize at = 0; at + 32 <= n_saved; at++)
                        g_assert_cmpint(memcmp(bytes + at, link, 32), !=, 0);
                g_assert_false(tg_tdch_location(sides[i], TG_TDCH_EXPECTED, pair.location, NULL));
        }
}

static void
test_another_offer_may_come_instead(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(TgSecret) wrong = helper_secret_filled(8, 32);
        g_autoptr(TgSecret) right = helper_secret_filled(9, 32);

        answer(&pair, 0x1303);
        g_assert_true(tg_tdch_expect_rekey(pair.bob, wrong, NULL));
        say(&pair, pair.alice, pair.bob, "another offer");
        g_assert_false(tg_tdch_location(pair.bob, TG_TDCH_EXPECTED, pair.location, NULL));
        say(&pair, pair.bob, pair.alice, "another response");
        g_assert_true(tg_tdch_expect_rekey(pair.bob, right, NULL));
        g_assert_true(tg_tdch_rekey(pair.alice, right, NULL));
        put(&pair, pair.alice, "accept");
        get(&pair, pair.bob, TG_TDCH_EXPECTED, "accept");
}

static void
test_rubbish_under_either_secret_ends_it(void)
{
        for (guint which = TG_TDCH_IN_FORCE; which <= TG_TDCH_EXPECTED; which++) {
                g_auto(Pair) pair = {0};
                g_autoptr(TgSecret) exporter = helper_secret_filled(9, 32);

                answer(&pair, 0x1301);
                g_assert_true(tg_tdch_expect_rekey(pair.bob, exporter, NULL));
                g_assert_null(look(&pair, pair.bob, (TgTdchSecret)which, TG_ERROR_TAMPERED));
                assert_erased(pair.bob);
        }
}

static void
test_a_secret_is_replaced_once_and_after_an_answer(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(TgSecret) exporter = helper_secret_filled(9, 32);
        g_autoptr(TgSecret) next = helper_secret_filled(10, 32);
        g_autoptr(TgSecret) weak = helper_secret_filled(10, 31);
        g_autoptr(GError) error = NULL;

        pair_init(&pair, 0x1301);
        g_assert_false(tg_tdch_rekey(pair.alice, exporter, &error)); /* nobody has answered */
        helper_assert_error(error, TG_ERROR_BAD_STATE, NULL);
        g_assert_false(tg_tdch_expect_rekey(pair.bob, exporter, NULL));
        say(&pair, pair.alice, pair.bob, "offer");
        g_assert_false(tg_tdch_rekey(pair.alice, exporter, NULL));
        g_assert_false(tg_tdch_expect_rekey(pair.bob, exporter, NULL));
        say(&pair, pair.bob, pair.alice, "response");
        g_assert_false(tg_tdch_rekey(pair.bob, exporter, NULL));
        g_assert_false(tg_tdch_expect_rekey(pair.alice, exporter, NULL));
        g_assert_false(tg_tdch_rekey(pair.alice, weak, NULL));
        g_assert_true(tg_tdch_rekey(pair.alice, exporter, NULL));
        g_assert_false(tg_tdch_rekey(pair.alice, next, NULL));
        g_assert_true(tg_tdch_expect_rekey(pair.bob, exporter, NULL));
        put(&pair, pair.alice, "accept");
        get(&pair, pair.bob, TG_TDCH_EXPECTED, "accept");
        say(&pair, pair.bob, pair.alice, "more");
        g_assert_false(tg_tdch_rekey(pair.alice, next, NULL));
        g_assert_false(tg_tdch_expect_rekey(pair.bob, next, NULL));
}

/* ---- stored state ---- */

static void
test_everything_goes_on_from_what_was_stored(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(TgSecret) exporter = helper_secret_filled(9, 32);
        g_autoptr(TgSecret) saved = NULL;
        TgTdch *again;

        answer(&pair, 0x1302);
        g_assert_true(tg_tdch_expect_rekey(pair.bob, exporter, NULL));
        saved = save(pair.bob);
        again = tg_tdch_load(saved, NULL);
        g_assert_nonnull(again);
        assert_unchanged(again, saved);
        tg_tdch_free(pair.bob);
        pair.bob = again;
        g_assert_true(tg_tdch_rekey(pair.alice, exporter, NULL));
        put(&pair, pair.alice, "accept");
        get(&pair, pair.bob, TG_TDCH_EXPECTED, "accept");
        tg_secret_unref(saved);
        saved = save(pair.bob);
        again = tg_tdch_load(saved, NULL);
        g_assert_nonnull(again);
        g_assert_false(tg_tdch_expect_rekey(again, exporter, NULL)); /* it knows that it did */
        tg_tdch_free(again);
}

static void
refuse_saved(const guint8 *bytes, gsize n_bytes)
{
        g_autoptr(TgSecret) saved = tg_secret_new(bytes, n_bytes, NULL);
        g_autoptr(GError) error = NULL;

        g_assert_null(tg_tdch_load(saved, &error));
        helper_assert_error(error, TG_ERROR_FAILED, NULL);
}

static void
test_stored_state_is_read_strictly(void)
{
        static const struct {
                gsize at;
                guint8 value;
        } cases[] = {
                {0,               0   },
                {0,               2   }, /* version */
                {1,               2   },
                {2,               8   },
                {2,               1   }, /* role, flags, over but not empty */
                {3,               0x12},
                {4,               0   },
                {4,               4   }, /* suite */
                {5,               1   },
                {8,               1   },
                {8,               3   }, /* index */
                {9,               31  },
                {9,               255 }, /* the secret's length */
                {42,              31  }, /* the expected one's */
                {2,               0   }, /* it is none */
                {75,              31  },
                {75 + 1 + 32 + 1, 1   }, /* the first structure */
        };
        g_auto(Pair) pair = {0};
        g_autoptr(TgSecret) exporter = helper_secret_filled(9, 32);
        g_autoptr(TgSecret) saved = NULL;
        g_autofree guint8 *bytes = NULL;
        gsize n_bytes;

        answer(&pair, 0x1301);
        g_assert_true(tg_tdch_expect_rekey(pair.bob, exporter, NULL));
        saved = save(pair.bob);
        n_bytes = tg_secret_size(saved);
        bytes = g_malloc0(n_bytes + 1);
        memcpy(bytes, tg_secret_get(saved, NULL), n_bytes);
        g_assert_cmpuint(bytes[75], ==, 32);

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                guint8 was = bytes[cases[i].at];

                bytes[cases[i].at] = cases[i].value;
                refuse_saved(bytes, n_bytes);
                bytes[cases[i].at] = was;
        }
        for (gsize n = 0; n < n_bytes; n++)
                refuse_saved(bytes, n);
        refuse_saved(bytes, n_bytes + 1);
        bytes[1] = TG_ROLE_INITIATOR; /* who expects no other secret */
        refuse_saved(bytes, n_bytes);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/tdch/who-has-the-link-and-all-that-was-said-loses-the-exchange",
                        test_who_has_the_link_and_all_that_was_said_loses_the_exchange);
        g_test_add_func("/tdch/the-secret-of-the-link-is-forgotten",
                        test_the_secret_of_the_link_is_forgotten);
        g_test_add_func("/tdch/another-offer-may-come-instead",
                        test_another_offer_may_come_instead);
        g_test_add_func("/tdch/rubbish-under-either-secret-ends-it",
                        test_rubbish_under_either_secret_ends_it);
        g_test_add_func("/tdch/a-secret-is-replaced-once-and-after-an-answer",
                        test_a_secret_is_replaced_once_and_after_an_answer);
        g_test_add_func("/tdch/everything-goes-on-from-what-was-stored",
                        test_everything_goes_on_from_what_was_stored);
        g_test_add_func("/tdch/stored-state-is-read-strictly", test_stored_state_is_read_strictly);

        return g_test_run();
}
