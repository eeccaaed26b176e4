/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a vertical's proofs are bound to: the same on both sides, and in no other exchange. */

#include "tests/unit/exchange-fixture.h"
#include "tests/unit/helper.h"

static void
assert_no_binding(const TgExchange *side, const char *format)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(tg_exchange_binding(side, format, &error));
        helper_assert_error(error, TG_ERROR_BAD_STATE, NULL);
}

/* Up to where the first message has arrived. */
static void
run(Fixture *fixture, TgMode mode)
{
        g_auto(TgOutput) output = {0};

        fixture_init(fixture, mode);
        g_assert_cmpint(fixture_begin(&fixture->alice, &output), ==, TG_OUTPUT_WRITE);
        fixture_put(fixture, fixture->alice, &output);
        if (mode != TG_MODE_T1) {
                if (fixture_read(&fixture->bob, fixture->slot, &output) == TG_OUTPUT_PIN_NEEDED)
                        fixture_type(&fixture->bob, FIXTURE_PIN, &output);
                /* Nobody has proved anything yet. */
                assert_no_binding(fixture->bob, FIXTURE_FORMAT);
                fixture_put(fixture, fixture->bob, &output);
                assert_no_binding(fixture->alice, FIXTURE_FORMAT);
                fixture_read(&fixture->alice, fixture->slot, &output);
                g_assert_cmpint(fixture_charged(&fixture->alice, &output), ==, TG_OUTPUT_CONFIRMED);
                fixture_put(fixture, fixture->alice, &output);
        }
        g_assert_cmpint(fixture_read(&fixture->bob, fixture->slot, &output), ==, TG_OUTPUT_MESSAGE);
}

static TgSecret *
binding(const TgExchange *side, const char *format)
{
        g_autoptr(GError) error = NULL;
        TgSecret *value = tg_exchange_binding(side, format, &error);

        g_assert_no_error(error);
        g_assert_cmpuint(tg_secret_size(value), ==, 32);
        return value;
}

static void
test_both_have_it_and_nobody_else(gconstpointer data)
{
        TgMode mode = (TgMode)GPOINTER_TO_INT(data);
        g_auto(Fixture) fixture = {0};
        g_auto(Fixture) other = {0};
        g_autoptr(TgSecret) alices = NULL;
        g_autoptr(TgSecret) bobs = NULL;
        g_autoptr(TgSecret) foreign = NULL;
        g_autoptr(TgSecret) others = NULL;

        run(&fixture, mode);
        run(&other, mode);
        alices = binding(fixture.alice, FIXTURE_FORMAT);
        bobs = binding(fixture.bob, FIXTURE_FORMAT);
        foreign = binding(fixture.alice, "org.example.other");
        others = binding(other.alice, FIXTURE_FORMAT);
        g_assert_true(tg_secret_equal(alices, bobs));
        g_assert_false(tg_secret_equal(alices, foreign));
        g_assert_false(tg_secret_equal(alices, others));
        /* Of which no later place of messages follows. */
        if (mode != TG_MODE_T1)
                g_assert_false(tg_secret_equal(alices, tg_exchange_exporter(fixture.alice)));
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_data_func("/exchange-binding/t1",
                             GINT_TO_POINTER(TG_MODE_T1),
                             test_both_have_it_and_nobody_else);
        g_test_add_data_func("/exchange-binding/t2",
                             GINT_TO_POINTER(TG_MODE_T2),
                             test_both_have_it_and_nobody_else);
        g_test_add_data_func("/exchange-binding/t2-pin",
                             GINT_TO_POINTER(TG_MODE_T2_PIN),
                             test_both_have_it_and_nobody_else);

        return g_test_run();
}
