/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/exchange-private.h"
#include "protocol/limits.h"
#include "tests/unit/exchange-fixture.h"
#include "tests/unit/helper.h"

/*
 * What an exchange itself refuses, without a record of it being loaded in between: that would
 * notice many a thing, but a program that goes on for a while does not load.
 */

static gboolean
run(TgExchange *side, const TgInput *input, TgOutput *output, GError **error)
{
        tg_output_clear(output);
        *output = (TgOutput){0};

        return tg_exchange_dispatch(side, input, output, error);
}

static TgOutputKind
do_input(TgExchange *side, const TgInput *input, TgOutput *output)
{
        g_autoptr(GError) error = NULL;

        run(side, input, output, &error);
        g_assert_no_error(error);

        return output->kind;
}

static TgOutputKind
show(TgExchange *side, const char *text, TgOutput *output)
{
        TgJson payload = helper_json(text);
        const TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &payload};

        return do_input(side, &input, output);
}

static TgOutputKind
type(TgExchange *side, const char *digits, TgOutput *output)
{
        g_autoptr(TgSecret) pin = helper_secret(digits);
        const TgInput input = {.kind = TG_INPUT_PIN, .pin = pin};

        return do_input(side, &input, output);
}

static TgOutputKind
judge(TgExchange *side, TgOutput *output)
{
        const TgInput input = {.kind = TG_INPUT_CHARGED};

        return do_input(side, &input, output);
}

/* ---- tries ---- */

static void
test_the_initiator_counts_to_three_by_itself(void)
{
        static const TgOutputKind wanted[] = {
                TG_OUTPUT_WRONG_PIN, TG_OUTPUT_WRONG_PIN, TG_OUTPUT_BURNED};
        const TgInput charged = {.kind = TG_INPUT_CHARGED};
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) offer = {0};
        g_auto(TgOutput) answer = {0};

        fixture_init(&fixture, TG_MODE_T2_PIN);
        fixture_begin(&fixture.alice, &offer);
        for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++) {
                show(fixture.bob, offer.payload, &answer);
                type(fixture.bob, FIXTURE_OTHER, &answer);
                g_assert_cmpint(show(fixture.alice, answer.payload, &offer), ==, TG_OUTPUT_CHARGE);
                g_assert_cmpuint(tg_exchange_attempts_used(fixture.alice), ==, i + 1);
                g_assert_cmpint(judge(fixture.alice, &offer), ==, wanted[i]);
        }
        g_assert_null(offer.payload);
        g_assert_cmpint(show(fixture.alice, answer.payload, &offer), ==, TG_OUTPUT_IGNORED);
        fixture_refused(fixture.alice, &charged, TG_ERROR_BAD_STATE);
}

/* Of a relay that has the link and plays the initiator: with offers for ten attempts. */
static void
test_the_recipient_refuses_a_fourth_offer(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) offer = {0};
        g_auto(TgOutput) answer = {0};
        g_autoptr(TgSecret) content = helper_secret("{}");
        const TgInput begin = {.kind = TG_INPUT_BEGIN, .format = "x.y", .content = content};
        g_autoptr(TgSecret) before = NULL;
        g_autoptr(TgSecret) after = NULL;

        fixture_init(&fixture, TG_MODE_T2_PIN);
        fixture.alice->attempts_max = TG_MAX_ATTEMPTS;
        do_input(fixture.alice, &begin, &offer);
        tg_exchange_set_place(fixture.alice, FIXTURE_PLACE, NULL);
        for (guint i = 1; i <= 3; i++) {
                g_assert_cmpint(
                        show(fixture.bob, offer.payload, &answer), ==, TG_OUTPUT_PIN_NEEDED);
                g_assert_cmpuint(tg_exchange_attempts_left(fixture.bob), ==, 4 - i);
                g_assert_cmpint(type(fixture.bob, FIXTURE_OTHER, &answer), ==, TG_OUTPUT_WRITE);
                show(fixture.alice, answer.payload, &offer);
                g_assert_cmpint(judge(fixture.alice, &offer), ==, TG_OUTPUT_WRONG_PIN);
        }

        before = tg_exchange_save(fixture.bob, NULL);
        g_assert_cmpint(show(fixture.bob, offer.payload, &answer), ==, TG_OUTPUT_IGNORED);
        helper_assert_error(answer.error, TG_ERROR_LIMIT_REACHED, NULL);
        after = tg_exchange_save(fixture.bob, NULL);
        g_assert_true(tg_secret_equal(before, after));
        g_assert_cmpuint(tg_exchange_attempts_used(fixture.bob), ==, 3);
        const TgInput pin = {.kind = TG_INPUT_PIN, .pin = fixture.secret};
        fixture_refused(fixture.bob, &pin, TG_ERROR_BAD_STATE);
}

/* Nor does a record say that a fourth PIN is asked for. */
static void
test_a_record_gives_no_fourth_entry(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_autoptr(TgSecret) saved = NULL;
        g_autoptr(TgExchange) loaded = NULL;
        g_autoptr(GError) error = NULL;

        fixture_init(&fixture, TG_MODE_T2_PIN);
        fixture_begin(&fixture.alice, &output);
        fixture_put(&fixture, fixture.alice, &output);
        fixture_read(&fixture.bob, fixture.slot, &output);
        fixture.bob->attempts_used = TG_MAX_PIN_TRIES - 1;
        fixture_restart(&fixture.bob);
        fixture.bob->attempts_used = TG_MAX_PIN_TRIES;
        saved = tg_exchange_save(fixture.bob, NULL);
        loaded = tg_exchange_load(saved, &error);
        g_assert_null(loaded);
        helper_assert_error(error, TG_ERROR_FAILED, NULL);
}

/* Nor that there is an answer from nowhere. */
static void
test_a_record_gives_no_answer_without_its_place(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_autoptr(TgSecret) saved = NULL;
        g_autoptr(TgExchange) loaded = NULL;
        g_autoptr(GError) error = NULL;

        fixture_init(&fixture, TG_MODE_T2);
        fixture_begin(&fixture.alice, &output);
        fixture_put(&fixture, fixture.alice, &output);
        fixture_read(&fixture.bob, fixture.slot, &output);
        fixture_put(&fixture, fixture.bob, &output);
        g_assert_cmpint(fixture_read(&fixture.alice, fixture.slot, &output), ==, TG_OUTPUT_CHARGE);
        g_clear_pointer(&fixture.alice->place, g_free);
        saved = tg_exchange_save(fixture.alice, NULL);
        loaded = tg_exchange_load(saved, &error);
        g_assert_null(loaded);
        helper_assert_error(error, TG_ERROR_FAILED, NULL);
}

/* ---- what is begun must be possible to end ---- */

static void
test_what_the_peer_would_refuse_is_refused_at_once(void)
{
        static const struct {
                const char *format;
                const char *content;
        } wrong[] = {
                {"x.y",       "[]"               },
                {"x.y",       "7"                },
                {"x.y",       ""                 },
                {"x.y",       " {}"              },
                {"x.y",       "{}}"              },
                {"x.y",       "{},\"more\":{}"   },
                {"x.y",       "{\"a\":1,\"a\":2}"},
                {"",          "{}"               },
                {"tigress.x", "{}"               },
        };
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        char title[] = "A key";
        const TgHeader header = {.title = title, .reads_end = TRUE};

        fixture_init(&fixture, TG_MODE_T2_PIN);
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(TgSecret) content = helper_secret(wrong[i].content);
                const TgInput input = {
                        .kind = TG_INPUT_BEGIN,
                        .format = wrong[i].format,
                        .content = content,
                        .header = &header,
                };

                fixture_refused(fixture.alice, &input, TG_ERROR_INVALID);
        }
        g_assert_cmpint(fixture_begin(&fixture.alice, &output), ==, TG_OUTPUT_WRITE);
}

static void
test_a_display_that_could_not_be_loaded_is_refused(void)
{
        g_auto(Fixture) fixture = {0};
        g_autoptr(TgSecret) content = helper_secret(FIXTURE_CONTENT);
        g_autofree char *title = g_strnfill(TG_MAX_TITLE_BYTES + 1, 'x');
        g_autofree char *text = g_strnfill(TG_MAX_DESCRIPTION_BYTES + 1, 'x');
        g_autofree char *url = g_strnfill(TG_MAX_IMAGE_URL_BYTES + 1, 'x');
        TgHeader header = {.title = title, .description = text, .image_url = url};
        g_auto(TgOutput) output = {0};
        const TgInput input = {
                .kind = TG_INPUT_BEGIN,
                .format = FIXTURE_FORMAT,
                .content = content,
                .header = &header,
        };

        fixture_init(&fixture, TG_MODE_T2);
        fixture_refused(fixture.alice, &input, TG_ERROR_INVALID);
        title[TG_MAX_TITLE_BYTES] = '\0';
        fixture_refused(fixture.alice, &input, TG_ERROR_INVALID);
        text[TG_MAX_DESCRIPTION_BYTES] = '\0';
        fixture_refused(fixture.alice, &input, TG_ERROR_INVALID);
        url[TG_MAX_IMAGE_URL_BYTES] = '\0';
        g_assert_cmpint(do_input(fixture.alice, &input, &output), ==, TG_OUTPUT_WRITE);
        fixture_restart(&fixture.alice);
}

/* ---- reading again ---- */

/* A relay without entity tags shows it at every look: that is no interference. */
static void
test_what_was_read_last_is_no_news(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_autofree char *late = NULL;

        fixture_init(&fixture, TG_MODE_T1);
        fixture_begin(&fixture.alice, &output);
        fixture_put(&fixture, fixture.alice, &output);
        g_assert_cmpint(fixture_read(&fixture.bob, fixture.slot, &output), ==, TG_OUTPUT_MESSAGE);
        g_assert_cmpint(fixture_read(&fixture.bob, fixture.slot, &output), ==, TG_OUTPUT_NONE);

        /* overtaken: written before Bob's was read */
        fixture_say(&fixture.alice, "x.y", "{\"n\":1}", &output);
        late = g_strdup(output.payload);
        fixture_say(&fixture.bob, "x.y", "{\"n\":2}", &output);
        g_assert_cmpint(fixture_read(&fixture.bob, late, &output), ==, TG_OUTPUT_MESSAGE);
        g_assert_true(output.is_overtaken);
        g_assert_cmpint(fixture_read(&fixture.bob, late, &output), ==, TG_OUTPUT_NONE);
        tg_exchange_pending(fixture.bob, &output);
        g_assert_cmpint(output.kind, ==, TG_OUTPUT_WRITE);
        g_assert_cmpint(fixture_read(&fixture.bob, fixture.slot, &output), ==, TG_OUTPUT_IGNORED);
}

/* A relay may give a payload as a string that holds the same JSON: it is judged as it stands. */
static void
test_an_answer_in_a_string_is_judged_after_a_crash(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_autoptr(GString) text = g_string_new(NULL);

        fixture_init(&fixture, TG_MODE_T2_PIN);
        fixture_begin(&fixture.alice, &output);
        fixture_put(&fixture, fixture.alice, &output);
        fixture_read(&fixture.bob, fixture.slot, &output);
        fixture_type(&fixture.bob, FIXTURE_PIN, &output);
        tg_json_append_string(text, output.payload);
        g_assert_cmpint(fixture_read(&fixture.alice, text->str, &output), ==, TG_OUTPUT_CHARGE);
        g_assert_cmpint(fixture_charged(&fixture.alice, &output), ==, TG_OUTPUT_CONFIRMED);
}

/* ---- little memory ---- */

#define N_SMALL 4096 /* blocks of the smallest size that are given back one by one */

typedef struct {
        GPtrArray *large;
        GPtrArray *small;
} Heap;

static void
heap_clear(Heap *self)
{
        g_clear_pointer(&self->large, g_ptr_array_unref);
        g_clear_pointer(&self->small, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Heap, heap_clear)

/* All of it, in halves of halves. */
static void
heap_fill(Heap *self)
{
        TgSecret *block;

        self->large = g_ptr_array_new_with_free_func((GDestroyNotify)tg_secret_unref);
        self->small = g_ptr_array_new_with_free_func((GDestroyNotify)tg_secret_unref);
        for (guint i = 0; i < N_SMALL; i++)
                g_ptr_array_add(self->small, helper_secret(""));
        for (gsize n_bytes = TG_SECURE_HEAP_BYTES; n_bytes > 0; n_bytes /= 2)
                while ((block = tg_secret_new_random(n_bytes, NULL)))
                        g_ptr_array_add(self->large, block);
        while ((block = tg_secret_new(NULL, 0, NULL)))
                g_ptr_array_add(self->large, block);
}

/* With each amount of memory it is either done or refused for want of it, and never judged. */
static TgOutputKind
try_with_little_memory(TgExchange *side, const TgInput *input, TgOutput *output)
{
        g_auto(Heap) heap = {0};
        g_autoptr(GError) error = NULL;
        guint n_refused = 0;

        heap_fill(&heap);
        while (!run(side, input, output, &error)) {
                helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
                g_clear_error(&error);
                g_assert_cmpuint(heap.small->len, >, 8);
                g_ptr_array_set_size(heap.small, (gint)heap.small->len - 3);
                n_refused++;
        }
        g_assert_cmpuint(n_refused, >, 10);

        return output->kind;
}

/* A peer's share that could not be looked at is not a wrong one. */
static void
test_want_of_memory_makes_no_share_wrong(void)
{
        g_autoptr(TgSecret) w = tg_spake2_scalar_new(NULL);
        g_autoptr(TgSecret) x = tg_spake2_scalar_new(NULL);
        g_autoptr(TgSecret) y = tg_spake2_scalar_new(NULL);
        g_autoptr(TgSecret) element = NULL;
        g_autoptr(GError) error = NULL;
        g_auto(Heap) heap = {0};
        guint8 share[TG_SPAKE2_SHARE_BYTES];
        guint n_refused = 0;

        g_assert_true(tg_spake2_share(TG_SPAKE2_B, w, y, share, NULL));
        heap_fill(&heap);
        g_assert_true(tg_spake2_is_share(share, sizeof share));
        while (!(element = tg_spake2_element(TG_SPAKE2_A, w, x, share, &error))) {
                helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
                g_clear_error(&error);
                g_ptr_array_set_size(heap.small, (gint)heap.small->len - 1);
                n_refused++;
        }
        g_assert_cmpuint(n_refused, >, 10);
}

static void
test_want_of_memory_is_no_verdict(void)
{
        g_auto(Fixture) fixture = {0};
        g_auto(TgOutput) output = {0};
        g_autofree char *offer = NULL;
        g_autofree char *answer = NULL;
        const TgInput charged = {.kind = TG_INPUT_CHARGED};
        TgJson payload;
        const TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &payload};
        g_autoptr(TgSecret) pin = helper_secret(FIXTURE_PIN);
        const TgInput typed = {.kind = TG_INPUT_PIN, .pin = pin};

        fixture_init(&fixture, TG_MODE_T2_PIN);
        fixture_begin(&fixture.alice, &output);
        offer = g_strdup(output.payload);
        payload = helper_json(offer);
        g_assert_cmpint(
                try_with_little_memory(fixture.bob, &input, &output), ==, TG_OUTPUT_PIN_NEEDED);
        g_assert_cmpint(try_with_little_memory(fixture.bob, &typed, &output), ==, TG_OUTPUT_WRITE);
        answer = g_strdup(output.payload);
        payload = helper_json(answer);
        g_assert_cmpint(
                try_with_little_memory(fixture.alice, &input, &output), ==, TG_OUTPUT_CHARGE);
        g_assert_cmpint(
                try_with_little_memory(fixture.alice, &charged, &output), ==, TG_OUTPUT_CONFIRMED);
        g_clear_pointer(&answer, g_free);
        answer = g_strdup(output.payload);
        payload = helper_json(answer);
        g_assert_cmpint(
                try_with_little_memory(fixture.bob, &input, &output), ==, TG_OUTPUT_MESSAGE);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);

#define ADD(path, name) g_test_add_func("/exchange-limits/" path, test_##name)
        ADD("the-initiator-counts-to-three-by-itself", the_initiator_counts_to_three_by_itself);
        ADD("the-recipient-refuses-a-fourth-offer", the_recipient_refuses_a_fourth_offer);
        ADD("a-record-gives-no-fourth-entry", a_record_gives_no_fourth_entry);
        ADD("a-record-gives-no-answer-without-its-place",
            a_record_gives_no_answer_without_its_place);
        ADD("what-the-peer-would-refuse-is-refused-at-once",
            what_the_peer_would_refuse_is_refused_at_once);
        ADD("a-display-that-could-not-be-loaded-is-refused",
            a_display_that_could_not_be_loaded_is_refused);
        ADD("what-was-read-last-is-no-news", what_was_read_last_is_no_news);
        ADD("an-answer-in-a-string-is-judged-after-a-crash",
            an_answer_in_a_string_is_judged_after_a_crash);
        ADD("want-of-memory-makes-no-share-wrong", want_of_memory_makes_no_share_wrong);
        ADD("want-of-memory-is-no-verdict", want_of_memory_is_no_verdict);

        return g_test_run();
}
