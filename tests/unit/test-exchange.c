/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/exchange.h"
#include "tests/unit/exchange-fixture.h"
#include "tests/unit/helper.h"

/* ---- the way it is meant ---- */

/* From the offer in the slot to Bob's answer in it. */
static void
answer(Fixture *fixture, const char *pin)
{
        g_auto(TgOutput) output = {0};

        if (fixture->mode == TG_MODE_T2) {
                g_assert_cmpint(
                        fixture_read(&fixture->bob, fixture->slot, &output), ==, TG_OUTPUT_WRITE);
        } else {
                g_assert_cmpint(fixture_read(&fixture->bob, fixture->slot, &output),
                                ==,
                                TG_OUTPUT_PIN_NEEDED);
                g_assert_cmpstr(output.display.title, ==, "A key");
                g_assert_cmpint(fixture_type(&fixture->bob, pin, &output), ==, TG_OUTPUT_WRITE);
        }
        g_assert_cmpstr(output.display.title, ==, "A key");
        fixture_put(fixture, fixture->bob, &output);
}

static TgOutputKind
judge(Fixture *fixture)
{
        g_auto(TgOutput) output = {0};
        TgOutputKind kind;

        g_assert_cmpint(
                fixture_read(&fixture->alice, fixture->slot, &output), ==, TG_OUTPUT_CHARGE);
        kind = fixture_charged(&fixture->alice, &output);
        if (output.payload)
                fixture_put(fixture, fixture->alice, &output);

        return kind;
}

static void
begin(Fixture *fixture)
{
        g_auto(TgOutput) output = {0};

        g_assert_cmpint(fixture_begin(&fixture->alice, &output), ==, TG_OUTPUT_WRITE);
        fixture_put(fixture, fixture->alice, &output);
}

static void
receive(Fixture *fixture)
{
        g_auto(TgOutput) output = {0};

        g_assert_cmpint(fixture_read(&fixture->bob, fixture->slot, &output), ==, TG_OUTPUT_MESSAGE);
        fixture_assert_content(&output, FIXTURE_FORMAT, FIXTURE_CONTENT);
        g_assert_cmpstr(output.display.title, ==, "A key");
}

static void
test_the_information_arrives(gconstpointer data)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};

        fixture_init(&fixture, (TgMode)GPOINTER_TO_INT(data));
        g_assert_false(tg_exchange_is_given(fixture.alice));
        begin(&fixture);
        if (fixture.mode != TG_MODE_T1) {
                g_assert_false(tg_exchange_is_given(fixture.alice));
                answer(&fixture, FIXTURE_PIN);
                g_assert_cmpint(judge(&fixture), ==, TG_OUTPUT_CONFIRMED);
                g_assert_true(tg_exchange_is_confirmed(fixture.alice));
        }
        g_assert_true(tg_exchange_is_given(fixture.alice));
        receive(&fixture);

        /* and on, under the keys of the exchange */
        g_assert_cmpint(
                fixture_say(&fixture.bob, "x.y", "{\"n\":1}", &output), ==, TG_OUTPUT_WRITE);
        fixture_put(&fixture, fixture.bob, &output);
        g_assert_cmpint(fixture_read(&fixture.alice, fixture.slot, &output), ==, TG_OUTPUT_MESSAGE);
        fixture_assert_content(&output, "x.y", "{\"n\":1}");
        g_assert_false(output.is_overtaken);
        g_assert_true(tg_exchange_peer_reads_end(fixture.bob));
        g_assert_cmpint(
                fixture_say(&fixture.bob, TG_END_FORMAT, "{}", &output), ==, TG_OUTPUT_WRITE);
        fixture_put(&fixture, fixture.bob, &output);
        g_assert_cmpint(fixture_read(&fixture.alice, fixture.slot, &output), ==, TG_OUTPUT_END);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);

        g_test_add_data_func("/exchange/the-information-arrives-plain",
                             GINT_TO_POINTER(TG_MODE_T1),
                             test_the_information_arrives);
        g_test_add_data_func("/exchange/the-information-arrives-without-pin",
                             GINT_TO_POINTER(TG_MODE_T2),
                             test_the_information_arrives);
        g_test_add_data_func("/exchange/the-information-arrives-with-pin",
                             GINT_TO_POINTER(TG_MODE_T2_PIN),
                             test_the_information_arrives);

        return g_test_run();
}
