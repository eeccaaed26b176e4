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
                fixture_assert_display(&output);
                g_assert_cmpint(fixture_type(&fixture->bob, pin, &output), ==, TG_OUTPUT_WRITE);
        }
        fixture_assert_display(&output);
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
        fixture_assert_display(&output);
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

/* ---- tries ---- */

static void
expect_read(TgExchange **side, const char *payload, TgOutputKind kind)
{
        g_auto(TgOutput) output = {0};

        g_assert_cmpint(fixture_read(side, payload, &output), ==, kind);
}

static void
test_a_try_is_charged_before_it_is_judged(gconstpointer data)
{
        const char *pin = data;
        TgOutputKind wanted =
                g_str_equal(pin, FIXTURE_PIN) ? TG_OUTPUT_CONFIRMED : TG_OUTPUT_WRONG_PIN;
        g_auto(Fixture) fixture = {0};
        g_autoptr(TgSecret) saved = NULL;
        const TgInput charged = {.kind = TG_INPUT_CHARGED};

        fixture_init(&fixture, TG_MODE_T2_PIN);
        begin(&fixture);
        answer(&fixture, pin);
        fixture_refused(fixture.alice, &charged, TG_ERROR_BAD_STATE);
        g_assert_cmpuint(tg_exchange_attempts_used(fixture.alice), ==, 0);
        expect_read(&fixture.alice, fixture.slot, TG_OUTPUT_CHARGE);
        g_assert_cmpuint(tg_exchange_attempts_used(fixture.alice), ==, 1);
        g_assert_false(tg_exchange_is_given(fixture.alice));
        saved = tg_exchange_save(fixture.alice, NULL);

        /* however often the verdict is lost, it is the same and costs no second try */
        for (guint i = 0; i < 3; i++) {
                g_auto(TgOutput) output = {0};

                tg_exchange_pending(fixture.alice, &output);
                g_assert_cmpint(output.kind, ==, TG_OUTPUT_CHARGE);
                expect_read(&fixture.alice, fixture.slot, TG_OUTPUT_NONE);
                g_assert_cmpint(fixture_charged(&fixture.alice, &output), ==, wanted);
                g_assert_cmpuint(tg_exchange_attempts_used(fixture.alice), ==, 1);
                fixture_refused(fixture.alice, &charged, TG_ERROR_BAD_STATE);
                tg_exchange_free(fixture.alice);
                fixture.alice = tg_exchange_load(saved, NULL);
                g_assert_nonnull(fixture.alice);
        }
}

static void
test_no_other_octets_are_judged_after_a_charge(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_autoptr(TgExchange) other = NULL;

        fixture_init(&fixture, TG_MODE_T2_PIN);
        begin(&fixture);
        other = fixture_recipient(fixture.mode, fixture.secret);
        expect_read(&other, fixture.slot, TG_OUTPUT_PIN_NEEDED);
        answer(&fixture, FIXTURE_OTHER);
        expect_read(&fixture.alice, fixture.slot, TG_OUTPUT_CHARGE);
        g_assert_cmpint(fixture_type(&other, FIXTURE_PIN, &output), ==, TG_OUTPUT_WRITE);
        fixture_put(&fixture, other, &output);
        expect_read(&fixture.alice, fixture.slot, TG_OUTPUT_IGNORED);
        g_assert_cmpint(fixture_charged(&fixture.alice, &output), ==, TG_OUTPUT_WRONG_PIN);
}

static void
test_the_third_wrong_pin_burns(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_autoptr(TgSecret) saved = NULL;

        fixture_init(&fixture, TG_MODE_T2_PIN);
        begin(&fixture);
        for (guint i = 1; i <= 3; i++) {
                g_assert_cmpuint(tg_exchange_attempts_left(fixture.alice), ==, 4 - i);
                g_assert_cmpuint(tg_exchange_attempts_left(fixture.bob), ==, 4 - i);
                answer(&fixture, FIXTURE_OTHER);
                g_assert_cmpint(
                        judge(&fixture), ==, i < 3 ? TG_OUTPUT_WRONG_PIN : TG_OUTPUT_BURNED);
        }
        g_assert_cmpuint(tg_exchange_attempts_left(fixture.alice), ==, 0);
        g_assert_null(tg_exchange_pin(fixture.alice));
        g_assert_false(tg_exchange_is_given(fixture.alice));
        tg_exchange_pending(fixture.alice, &output);
        g_assert_cmpint(output.kind, ==, TG_OUTPUT_BURNED);
        expect_read(&fixture.alice, fixture.slot, TG_OUTPUT_IGNORED);
        saved = tg_exchange_save(fixture.alice, NULL);
        g_assert_null(memmem(tg_secret_get(saved, NULL),
                             tg_secret_size(saved),
                             FIXTURE_PIN,
                             strlen(FIXTURE_PIN)));
        g_assert_cmpuint(tg_secret_size(saved), <, 2048); /* a tombstone */
}

static void
test_without_pin_one_wrong_answer_burns(void)
{
        g_auto(Fixture) fixture = {0};
        g_autofree char *offer = NULL;
        g_autoptr(TgExchange) stranger = NULL;
        g_auto(TgOutput) output = {0};

        /* wrong is an answer for another mailbox: without PIN there is no other way */
        fixture_init(&fixture, TG_MODE_T2);
        fixture_begin(&fixture.alice, &output);
        offer = g_strdup(output.payload);
        const TgExchangeTerms terms = {
                .role = TG_ROLE_RECIPIENT,
                .mode = TG_MODE_T2,
                .secret = fixture.secret,
                .claim = "8abc2d25-8136-459b-baa9-420dc7ca40f3",
                .place = "https://another.example.net/v1/m/0b1e5f0a-3c0f-4f1c-9a55-8f6a6c2b7d10",
                .scrypt_log2_n = 1,
        };
        stranger = tg_exchange_new(&terms, NULL);
        g_assert_cmpint(fixture_read(&stranger, offer, &output), ==, TG_OUTPUT_WRITE);
        fixture_put(&fixture, stranger, &output);
        g_assert_cmpint(judge(&fixture), ==, TG_OUTPUT_BURNED);
}

static void
test_a_second_device_gets_no_new_tries(void)
{
        g_auto(Fixture) fixture = {0};

        fixture_init(&fixture, TG_MODE_T2_PIN);
        begin(&fixture);
        answer(&fixture, FIXTURE_OTHER);
        g_assert_cmpint(judge(&fixture), ==, TG_OUTPUT_WRONG_PIN);
        tg_exchange_free(fixture.bob);
        fixture.bob = fixture_recipient(fixture.mode, fixture.secret); /* joins at the second */
        g_assert_cmpuint(tg_exchange_attempts_left(fixture.bob), ==, 3);
        answer(&fixture, FIXTURE_OTHER);
        g_assert_cmpint(judge(&fixture), ==, TG_OUTPUT_WRONG_PIN);
        g_assert_cmpuint(tg_exchange_attempts_used(fixture.alice), ==, 2);
        answer(&fixture, FIXTURE_PIN);
        g_assert_cmpint(judge(&fixture), ==, TG_OUTPUT_CONFIRMED);
        receive(&fixture);
}

static void
test_the_recipient_answers_three_times(void)
{
        g_auto(Fixture) fixture = {0};

        fixture_init(&fixture, TG_MODE_T2_PIN);
        begin(&fixture);
        for (guint i = 0; i < 3; i++) {
                answer(&fixture, FIXTURE_OTHER);
                if (i < 2)
                        g_assert_cmpint(judge(&fixture), ==, TG_OUTPUT_WRONG_PIN);
        }
        g_assert_cmpuint(tg_exchange_attempts_left(fixture.bob), ==, 0);
        const TgInput pin = {.kind = TG_INPUT_PIN, .pin = fixture.secret};
        fixture_refused(fixture.bob, &pin, TG_ERROR_BAD_STATE);
}

static void
test_a_typing_error_costs_nothing(void)
{
        static const char *const wrong[] = {
                "1234567", "2134566", "123456", "12345668", "123456a", ""};
        g_auto(Fixture) fixture = {0};

        fixture_init(&fixture, TG_MODE_T2_PIN);
        begin(&fixture);
        expect_read(&fixture.bob, fixture.slot, TG_OUTPUT_PIN_NEEDED);
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(TgSecret) typed = helper_secret(wrong[i]);
                const TgInput input = {.kind = TG_INPUT_PIN, .pin = typed};

                fixture_refused(fixture.bob, &input, TG_ERROR_INVALID);
        }
        g_assert_cmpuint(tg_exchange_attempts_used(fixture.bob), ==, 0);
        g_assert_cmpuint(tg_exchange_attempts_left(fixture.bob), ==, 3);
}

/* ---- what a relay can do ---- */

static void
test_old_answers_and_reflections_are_ignored(void)
{
        g_auto(Fixture) fixture = {0};
        g_autofree char *first_offer = NULL;
        g_autofree char *first_answer = NULL;
        g_autofree char *second_offer = NULL;
        g_autofree char *second_answer = NULL;

        fixture_init(&fixture, TG_MODE_T2_PIN);
        begin(&fixture);
        first_offer = g_strdup(fixture.slot);
        expect_read(&fixture.alice, first_offer, TG_OUTPUT_NONE);
        answer(&fixture, FIXTURE_OTHER);
        first_answer = g_strdup(fixture.slot);
        expect_read(&fixture.bob, first_answer, TG_OUTPUT_NONE);
        expect_read(&fixture.bob, first_offer, TG_OUTPUT_NONE);
        g_assert_cmpint(judge(&fixture), ==, TG_OUTPUT_WRONG_PIN);
        second_offer = g_strdup(fixture.slot);

        expect_read(&fixture.alice, first_answer, TG_OUTPUT_NONE); /* still what it was */
        expect_read(&fixture.alice, first_offer, TG_OUTPUT_IGNORED);
        answer(&fixture, FIXTURE_PIN);
        second_answer = g_strdup(fixture.slot);
        expect_read(&fixture.bob, first_offer, TG_OUTPUT_IGNORED);
        expect_read(&fixture.bob, first_answer, TG_OUTPUT_IGNORED);
        expect_read(&fixture.bob, second_offer, TG_OUTPUT_NONE);
        g_assert_cmpint(judge(&fixture), ==, TG_OUTPUT_CONFIRMED);
        g_assert_cmpuint(tg_exchange_attempts_used(fixture.alice), ==, 2);
        receive(&fixture);

        expect_read(&fixture.bob, fixture.slot, TG_OUTPUT_NONE); /* taken already */
        expect_read(&fixture.bob, second_offer, TG_OUTPUT_IGNORED);
        expect_read(&fixture.alice, first_answer, TG_OUTPUT_IGNORED);
        expect_read(&fixture.alice, second_answer, TG_OUTPUT_NONE);
        expect_read(&fixture.alice, second_offer, TG_OUTPUT_IGNORED);
        expect_read(&fixture.alice, "{}", TG_OUTPUT_IGNORED);
        expect_read(&fixture.alice, "7", TG_OUTPUT_IGNORED);
        g_assert_cmpuint(tg_exchange_attempts_used(fixture.alice), ==, 2);
}

static void
test_only_the_one_who_was_accepted_reads_on(void)
{
        g_auto(Fixture) fixture = {0};
        g_autoptr(TgExchange) other = NULL;
        g_auto(TgOutput) output = {0};

        fixture_init(&fixture, TG_MODE_T2);
        begin(&fixture);
        other = fixture_recipient(fixture.mode, fixture.secret);
        expect_read(&other, fixture.slot, TG_OUTPUT_WRITE);
        answer(&fixture, NULL);
        g_assert_cmpint(judge(&fixture), ==, TG_OUTPUT_CONFIRMED);
        expect_read(&other, fixture.slot, TG_OUTPUT_IGNORED);
        tg_exchange_pending(other, &output);
        expect_read(&fixture.alice, output.payload, TG_OUTPUT_IGNORED);
        receive(&fixture);
}

/* ---- ends ---- */

static void
test_an_end_before_the_answer_charges_nothing(gconstpointer data)
{
        gboolean has_answered = GPOINTER_TO_INT(data);
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_autoptr(TgSecret) pin = helper_secret(FIXTURE_PIN);
        const TgInput typed = {.kind = TG_INPUT_PIN, .pin = pin};
        const TgInput charged = {.kind = TG_INPUT_CHARGED};

        fixture_init(&fixture, TG_MODE_T2_PIN);
        begin(&fixture);
        if (has_answered)
                answer(&fixture, FIXTURE_PIN);
        else
                expect_read(&fixture.bob, fixture.slot, TG_OUTPUT_PIN_NEEDED);
        g_assert_true(tg_exchange_peer_reads_end(fixture.bob));
        g_assert_cmpint(
                fixture_say(&fixture.bob, TG_END_FORMAT, "{\"outcome\":\"declined\"}", &output),
                ==,
                TG_OUTPUT_WRITE);
        fixture_put(&fixture, fixture.bob, &output);
        fixture_refused(fixture.bob, &typed, TG_ERROR_BAD_STATE);
        expect_read(&fixture.bob, fixture.slot, TG_OUTPUT_NONE);

        g_assert_cmpint(fixture_read(&fixture.alice, fixture.slot, &output), ==, TG_OUTPUT_END);
        g_assert_cmpstr(output.envelope->format, ==, TG_END_FORMAT);
        g_assert_cmpuint(tg_exchange_attempts_used(fixture.alice), ==, 0);
        g_assert_false(tg_exchange_is_given(fixture.alice));
        fixture_refused(fixture.alice, &charged, TG_ERROR_BAD_STATE);
        expect_read(&fixture.alice, fixture.slot, TG_OUTPUT_IGNORED);
}

static void
refuse_say(TgExchange *side, const char *format, TgError code)
{
        g_autoptr(TgSecret) content = helper_secret("{}");
        const TgInput input = {.kind = TG_INPUT_SAY, .format = format, .content = content};

        fixture_refused(side, &input, code);
}

static void
test_nobody_speaks_out_of_turn(gconstpointer data)
{
        g_auto(Fixture) fixture = {0};

        fixture_init(&fixture, (TgMode)GPOINTER_TO_INT(data));
        refuse_say(fixture.bob, "x.y", TG_ERROR_BAD_STATE);
        refuse_say(fixture.bob, TG_END_FORMAT, TG_ERROR_BAD_STATE);
        refuse_say(fixture.alice, "x.y", TG_ERROR_BAD_STATE);
        refuse_say(fixture.alice, TG_END_FORMAT, TG_ERROR_INVALID);
        begin(&fixture);
        refuse_say(fixture.alice, "tigress.t2.accept", TG_ERROR_INVALID);
        if (fixture.mode == TG_MODE_T1)
                return;
        refuse_say(fixture.alice, "x.y", TG_ERROR_BAD_STATE);
        answer(&fixture, FIXTURE_PIN);
        refuse_say(fixture.bob, "x.y", TG_ERROR_BAD_STATE);
}

static void
test_messages_of_the_exchange_are_no_content(void)
{
        static const char *const formats[] = {"tigress.t2.accept", "tigress.x", TG_END_FORMAT};
        g_auto(Fixture) fixture = {0};
        g_autoptr(TgThread) peer =
                tg_thread_new(TG_ROLE_INITIATOR, (const guint8 *)"sixteen octets..", FALSE);

        fixture_init(&fixture, TG_MODE_T1);
        for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
                g_autofree char *payload = tg_thread_write(
                        peer, fixture.secret, formats[i], (const guint8 *)"{}", 2, NULL, NULL);

                expect_read(&fixture.bob, payload, TG_OUTPUT_IGNORED);
        }
}

/* ---- terms and records ---- */

static void
refuse_terms(TgExchangeTerms terms)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(tg_exchange_new(&terms, &error));
        helper_assert_error(error, TG_ERROR_INVALID, NULL);
}

static void
test_terms_must_fit_together(void)
{
        g_autoptr(TgSecret) secret = helper_secret_filled(7, 32);
        g_autoptr(TgSecret) pin = helper_secret(FIXTURE_PIN);
        g_autoptr(TgSecret) no_pin = helper_secret("1234567");
        g_autoptr(TgSecret) odd = helper_secret_filled(7, 24);
        const TgExchangeTerms good = {
                .role = TG_ROLE_INITIATOR,
                .mode = TG_MODE_T2_PIN,
                .secret = secret,
                .claim = "8abc2d25-8136-459b-baa9-420dc7ca40f2",
                .pin = pin,
        };
        g_autoptr(TgExchange) exchange = tg_exchange_new(&good, NULL);
        TgExchangeTerms bad;

        g_assert_nonnull(exchange);
        bad = good, bad.pin = NULL, refuse_terms(bad);
        bad = good, bad.pin = no_pin, refuse_terms(bad);
        bad = good, bad.mode = TG_MODE_T2, refuse_terms(bad);
        bad = good, bad.mode = TG_MODE_T1, refuse_terms(bad);
        bad = good, bad.role = TG_ROLE_RECIPIENT, refuse_terms(bad);
        bad = good, bad.secret = odd, refuse_terms(bad);
        bad = good, bad.claim = "me", refuse_terms(bad);
        bad = good, bad.claim = NULL, refuse_terms(bad);
        bad.role = TG_ROLE_RECIPIENT, bad.pin = NULL, bad.claim = good.claim, refuse_terms(bad);
}

static void
test_an_offer_of_another_mode_is_ignored(void)
{
        g_auto(Fixture) fixture = {0};
        g_autoptr(TgExchange) other = NULL;

        fixture_init(&fixture, TG_MODE_T2);
        begin(&fixture);
        other = fixture_recipient(TG_MODE_T2_PIN, fixture.secret);
        expect_read(&other, fixture.slot, TG_OUTPUT_IGNORED);
}

static void
try_records(const TgExchange *side)
{
        g_autoptr(TgSecret) saved = tg_exchange_save(side, NULL);
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(saved, &n_bytes);

        for (gsize n = 0; n < n_bytes; n += 1 + n / 64) {
                g_autoptr(TgSecret) cut = tg_secret_new(bytes, n, NULL);
                g_autoptr(GError) error = NULL;

                g_assert_null(tg_exchange_load(cut, &error));
                helper_assert_error(error, TG_ERROR_FAILED, NULL);
        }
        for (gsize i = 0; i < n_bytes; i += 1 + i / 200) {
                g_autoptr(TgSecret) altered = NULL;
                g_autoptr(TgExchange) loaded = NULL;
                guint8 *room;

                altered = tg_secret_new_blank(n_bytes, &room, NULL);
                memcpy(room, bytes, n_bytes);
                room[i] ^= 0xff;
                loaded = tg_exchange_load(altered, NULL);
                if (loaded) {
                        g_auto(TgOutput) output = {0};

                        tg_exchange_pending(loaded, &output); /* whatever it is, it holds */
                } else if (i < 11) {
                        continue;
                }
                g_assert_false(loaded && i < 11); /* the numbers have no spare values there */
        }
}

static void
test_a_record_is_not_believed(void)
{
        g_auto(Fixture) fixture = {0};
        g_autoptr(TgSecret) saved = NULL;

        fixture_init(&fixture, TG_MODE_T2_PIN);
        try_records(fixture.alice);
        try_records(fixture.bob);
        begin(&fixture);
        saved = tg_exchange_save(fixture.alice, NULL);
        g_assert_null(
                memmem(tg_secret_get(saved, NULL), tg_secret_size(saved), "the-credential", 14));
        try_records(fixture.alice);
        answer(&fixture, FIXTURE_PIN);
        try_records(fixture.bob);
        g_assert_cmpint(judge(&fixture), ==, TG_OUTPUT_CONFIRMED);
        try_records(fixture.alice);
        receive(&fixture);
        try_records(fixture.bob);
}

static void
test_a_share_has_1024_messages(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};

        fixture_init(&fixture, TG_MODE_T1);
        begin(&fixture);
        receive(&fixture);
        g_autoptr(TgSecret) content = helper_secret("{}");
        const TgInput input = {.kind = TG_INPUT_SAY, .format = "x.y", .content = content};
        while (tg_exchange_count(fixture.bob) < 1024) {
                tg_output_clear(&output);
                output = (TgOutput){0};
                g_assert_true(tg_exchange_dispatch(fixture.bob, &input, &output, NULL));
        }
        fixture_refused(fixture.bob, &input, TG_ERROR_LIMIT_REACHED);
        tg_output_clear(&output);
        g_assert_true(tg_exchange_dispatch(fixture.alice, &input, &output, NULL));
        g_autofree char *late = g_strdup(output.payload);
        expect_read(&fixture.bob, late, TG_OUTPUT_IGNORED);
}

static void
add_for_modes(const char *name, GTestDataFunc test)
{
        static const char *const modes[] = {
                [TG_MODE_T1] = "plain",
                [TG_MODE_T2] = "without-pin",
                [TG_MODE_T2_PIN] = "with-pin",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
                g_autofree char *path = g_strdup_printf("/exchange/%s-%s", name, modes[i]);

                g_test_add_data_func(path, GSIZE_TO_POINTER(i), test);
        }
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);

        add_for_modes("the-information-arrives", test_the_information_arrives);
        add_for_modes("nobody-speaks-out-of-turn", test_nobody_speaks_out_of_turn);
        g_test_add_data_func("/exchange/a-right-try-is-charged-before-it-is-judged",
                             FIXTURE_PIN,
                             test_a_try_is_charged_before_it_is_judged);
        g_test_add_data_func("/exchange/a-wrong-try-is-charged-before-it-is-judged",
                             FIXTURE_OTHER,
                             test_a_try_is_charged_before_it_is_judged);
        g_test_add_data_func("/exchange/an-end-instead-of-an-answer-charges-nothing",
                             GINT_TO_POINTER(FALSE),
                             test_an_end_before_the_answer_charges_nothing);
        g_test_add_data_func("/exchange/an-end-over-an-answer-charges-nothing",
                             GINT_TO_POINTER(TRUE),
                             test_an_end_before_the_answer_charges_nothing);

#define ADD(path, name) g_test_add_func("/exchange/" path, test_##name)
        ADD("no-other-octets-are-judged-after-a-charge", no_other_octets_are_judged_after_a_charge);
        ADD("the-third-wrong-pin-burns", the_third_wrong_pin_burns);
        ADD("without-pin-one-wrong-answer-burns", without_pin_one_wrong_answer_burns);
        ADD("a-second-device-gets-no-new-tries", a_second_device_gets_no_new_tries);
        ADD("the-recipient-answers-three-times", the_recipient_answers_three_times);
        ADD("a-typing-error-costs-nothing", a_typing_error_costs_nothing);
        ADD("old-answers-and-reflections-are-ignored", old_answers_and_reflections_are_ignored);
        ADD("only-the-one-who-was-accepted-reads-on", only_the_one_who_was_accepted_reads_on);
        ADD("messages-of-the-exchange-are-no-content", messages_of_the_exchange_are_no_content);
        ADD("terms-must-fit-together", terms_must_fit_together);
        ADD("an-offer-of-another-mode-is-ignored", an_offer_of_another_mode_is_ignored);
        ADD("a-record-is-not-believed", a_record_is_not_believed);
        ADD("a-share-has-1024-messages", a_share_has_1024_messages);

        return g_test_run();
}
