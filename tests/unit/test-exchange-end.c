/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Words about the end that cross a verdict: each side has written before it read the other. */

#include "protocol/exchange.h"
#include "tests/unit/exchange-fixture.h"
#include "tests/unit/helper.h"

#define DECLINED "{\"outcome\":\"declined\"}"

/* Bob has answered with @pin, and Alice charges it. */
static void
answered(Fixture *fixture, TgMode mode, const char *pin)
{
        g_auto(TgOutput) output = {0};

        fixture_init(fixture, mode);
        g_assert_cmpint(fixture_begin(&fixture->alice, &output), ==, TG_OUTPUT_WRITE);
        fixture_put(fixture, fixture->alice, &output);
        if (fixture_read(&fixture->bob, fixture->slot, &output) == TG_OUTPUT_PIN_NEEDED)
                fixture_type(&fixture->bob, pin, &output);
        g_assert_cmpint(output.kind, ==, TG_OUTPUT_WRITE);
        fixture_put(fixture, fixture->bob, &output);
        g_assert_cmpint(
                fixture_read(&fixture->alice, fixture->slot, &output), ==, TG_OUTPUT_CHARGE);
}

static void
bob_declines(Fixture *fixture, TgOutput *output)
{
        g_assert_cmpint(
                fixture_say(&fixture->bob, TG_END_FORMAT, DECLINED, output), ==, TG_OUTPUT_WRITE);
}

static void
is_end(Fixture *fixture, gboolean is_late)
{
        g_auto(TgOutput) output = {0};

        g_assert_cmpint(fixture_read(&fixture->alice, fixture->slot, &output), ==, TG_OUTPUT_END);
        g_assert_cmpint(output.is_late, ==, is_late);
        fixture_assert_content(&output, TG_END_FORMAT, DECLINED);
}

/* ---- his word is there before her verdict ---- */

static void
test_it_replaces_the_answer(gconstpointer data)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_auto(TgOutput) word = {0};

        answered(&fixture, (TgMode)GPOINTER_TO_INT(data), FIXTURE_PIN);
        bob_declines(&fixture, &word);
        fixture_put(&fixture, fixture.bob, &word);
        g_assert_cmpint(fixture_charged(&fixture.alice, &output), ==, TG_OUTPUT_CONFIRMED);

        /* her write has failed, for the slot is not what she judged */
        is_end(&fixture, TRUE);
        g_assert_true(tg_exchange_is_given(fixture.alice));
}

static void
test_it_replaces_a_wrong_answer(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_auto(TgOutput) word = {0};

        answered(&fixture, TG_MODE_T2_PIN, FIXTURE_OTHER);
        bob_declines(&fixture, &word);
        fixture_put(&fixture, fixture.bob, &word);
        g_assert_cmpint(fixture_charged(&fixture.alice, &output), ==, TG_OUTPUT_WRONG_PIN);

        is_end(&fixture, FALSE);
        g_assert_false(tg_exchange_is_given(fixture.alice));
}

static void
test_it_comes_when_accept_is_written(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_auto(TgOutput) word = {0};

        answered(&fixture, TG_MODE_T2_PIN, FIXTURE_PIN);
        bob_declines(&fixture, &word);
        g_assert_cmpint(fixture_charged(&fixture.alice, &output), ==, TG_OUTPUT_CONFIRMED);
        fixture_put(&fixture, fixture.alice, &output);

        /* only the relay could put it there now */
        g_assert_cmpint(fixture_read(&fixture.alice, word.payload, &output), ==, TG_OUTPUT_IGNORED);
}

static void
test_nothing_else_is_taken_for_it(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_autofree char *answer = NULL;

        answered(&fixture, TG_MODE_T2_PIN, FIXTURE_OTHER);
        answer = g_strdup(fixture.slot);
        g_assert_cmpint(fixture_charged(&fixture.alice, &output), ==, TG_OUTPUT_WRONG_PIN);
        g_assert_cmpint(fixture_read(&fixture.alice, answer, &output), ==, TG_OUTPUT_NONE);
        g_assert_cmpuint(tg_exchange_attempts_left(fixture.alice), ==, 2);
}

/* ---- her message is there before his word ---- */

static void
test_accept_was_first(gconstpointer data)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_auto(TgOutput) word = {0};

        answered(&fixture, (TgMode)GPOINTER_TO_INT(data), FIXTURE_PIN);
        g_assert_cmpint(fixture_charged(&fixture.alice, &output), ==, TG_OUTPUT_CONFIRMED);
        fixture_put(&fixture, fixture.alice, &output);
        bob_declines(&fixture, &word);

        /* he does not get what she has sent, and says it again in a way that she can read */
        g_assert_cmpint(fixture_read(&fixture.bob, fixture.slot, &output), ==, TG_OUTPUT_SAY_AGAIN);
        g_assert_null(output.envelope);
        bob_declines(&fixture, &word);
        fixture_put(&fixture, fixture.bob, &word);
        is_end(&fixture, FALSE);
}

static void
test_the_next_offer_was_first(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_auto(TgOutput) word = {0};

        answered(&fixture, TG_MODE_T2_PIN, FIXTURE_OTHER);
        g_assert_cmpint(fixture_charged(&fixture.alice, &output), ==, TG_OUTPUT_WRONG_PIN);
        fixture_put(&fixture, fixture.alice, &output);
        bob_declines(&fixture, &word);

        g_assert_cmpint(fixture_read(&fixture.bob, fixture.slot, &output), ==, TG_OUTPUT_SAY_AGAIN);
        tg_exchange_pending(fixture.bob, &output);
        g_assert_cmpint(output.kind, ==, TG_OUTPUT_NONE);
        bob_declines(&fixture, &word);
        fixture_put(&fixture, fixture.bob, &word);
        is_end(&fixture, FALSE);
}

int
main(int argc, char **argv)
{
        static const struct {
                const char *name;
                TgMode mode;
        } modes[] = {
                {"no-pin", TG_MODE_T2    },
                {"pin",    TG_MODE_T2_PIN}
        };

        helper_init(&argc, &argv);
        for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
                g_autofree char *late = g_strdup_printf("/end/late/%s", modes[i].name);
                g_autofree char *anew = g_strdup_printf("/end/anew/%s", modes[i].name);
                gconstpointer mode = GINT_TO_POINTER(modes[i].mode);

                g_test_add_data_func(late, mode, test_it_replaces_the_answer);
                g_test_add_data_func(anew, mode, test_accept_was_first);
        }
        g_test_add_func("/end/late/wrong-pin", test_it_replaces_a_wrong_answer);
        g_test_add_func("/end/late/written", test_it_comes_when_accept_is_written);
        g_test_add_func("/end/late/nothing-else", test_nothing_else_is_taken_for_it);
        g_test_add_func("/end/anew/wrong-pin", test_the_next_offer_was_first);

        return g_test_run();
}
