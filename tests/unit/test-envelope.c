/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/envelope.h"
#include "protocol/limits.h"
#include "tests/unit/helper.h"

static TgSecret *
build(const char *format, const char *content, const TgHeader *header, GError **error)
{
        return tg_envelope_build(format, (const guint8 *)content, strlen(content), header, error);
}

static void
test_what_is_written_is_read(void)
{
        char title[] = "Door \"B\" \xc3\xa9";
        char image[] = "https://a.example/x.png";
        char limits[] = "{\"uses\":3}";
        g_autoptr(TgSecret) next = helper_secret("{\"link\":\"x\",\"from\":1}");
        TgHeader header = {
                .present = TRUE,
                .sid = {1, 2, 3, 0xff},
                .role = TG_ROLE_RECIPIENT,
                .seq = 2147483647,
                .has_ack = TRUE,
                .ack = 9,
                .reads_end = TRUE,
                .title = title,
                .image_url = image,
                .limits = limits,
                .next = next,
        };
        g_autoptr(TgSecret) plaintext = build("a\"b", "{\"n\":1.10,\"e\":1e999}", &header, NULL);
        g_autoptr(TgEnvelope) envelope = tg_envelope_parse(plaintext, NULL);

        g_assert_nonnull(envelope);
        g_assert_cmpstr(envelope->format, ==, "a\"b");
        /* numbers are nobody's business */
        g_assert_cmpmem(
                envelope->content.text, envelope->content.n_chars, "{\"n\":1.10,\"e\":1e999}", 20);
        g_assert_true(envelope->header.present);
        g_assert_cmpmem(envelope->header.sid, TG_SID_BYTES, header.sid, TG_SID_BYTES);
        g_assert_cmpint(envelope->header.role, ==, TG_ROLE_RECIPIENT);
        g_assert_cmpuint(envelope->header.seq, ==, 2147483647);
        g_assert_true(envelope->header.has_ack);
        g_assert_cmpuint(envelope->header.ack, ==, 9);
        g_assert_true(envelope->header.reads_end);
        g_assert_cmpstr(envelope->header.title, ==, title);
        g_assert_null(envelope->header.description);
        g_assert_cmpstr(envelope->header.image_url, ==, image);
        g_assert_cmpstr(envelope->header.limits, ==, limits);
        g_assert_nonnull(envelope->header.next);
        g_assert_true(tg_secret_equal(envelope->header.next, next));
}

/* Whoever takes the credential judges them: they are not ignored, and not lost. */
static void
test_limits_of_any_shape_are_handed_on(void)
{
        static const char *const values[] = {"7", "\"x\"", "null", "{\"a\":[1, 2]}", "[]"};
        g_autofree char *fill = g_strnfill(TG_MAX_BOUNDS_CHARS, '1');
        g_autofree char *list = g_strdup_printf("[\"%s\"]", fill);

        for (gsize i = 0; i <= G_N_ELEMENTS(values); i++) {
                const char *value = i < G_N_ELEMENTS(values) ? values[i] : list;
                g_autofree char *text =
                        g_strdup_printf("{\"format\":\"f\",\"content\":{},\"tigress\":{\"v\":1,"
                                        "\"sid\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"role\":\"s\","
                                        "\"seq\":0,\"limits\":%s}}",
                                        value);
                g_autoptr(TgSecret) plaintext = helper_secret(text);
                g_autoptr(TgEnvelope) envelope = tg_envelope_parse(plaintext, NULL);

                g_assert_nonnull(envelope);
                g_assert_cmpstr(envelope->header.limits, ==, value == list ? "null" : value);
        }
}

static void
test_the_shortest_message_is_the_published_one(void)
{
        TgHeader none = {0};
        g_autoptr(TgSecret) plaintext = build("f", "{}", &none, NULL);
        g_autoptr(TgSecret) same = build("f", "{}", NULL, NULL);

        g_assert_cmpstr((const char *)tg_secret_get(plaintext, NULL),
                        ==,
                        "{\"format\":\"f\",\"content\":{}}");
        g_assert_true(tg_secret_equal(plaintext, same));
}

/* Without memory for what follows it is not read as if nothing did. */
static void
test_what_follows_is_not_lost_for_want_of_memory(void)
{
        g_autoptr(TgSecret) next = helper_secret("{\"link\":\"x\",\"from\":1}");
        TgHeader header = {.present = TRUE, .next = next};
        g_autoptr(TgSecret) plaintext = build("f", "{}", &header, NULL);
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)tg_secret_unref);
        g_autoptr(GError) error = NULL;
        TgEnvelope *none;
        TgEnvelope *envelope;

        for (gsize n = 65536; n > 0; n /= 2)
                for (TgSecret *one; (one = tg_secret_new_random(n, NULL)) != NULL;)
                        g_ptr_array_add(all, one);
        none = tg_envelope_parse(plaintext, &error);
        g_ptr_array_set_size(all, 0);
        g_assert_null(none);
        helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
        envelope = tg_envelope_parse(plaintext, NULL);
        g_assert_nonnull(envelope->header.next);
        tg_envelope_free(envelope);
}

/* Whatever it holds, a message with a header has one of five lengths. */
static void
test_lengths_are_those_of_the_buckets(void)
{
        gsize last = 0;
        guint n_buckets = 0;

        for (gsize n = 0; n<70000; n += n % 4096> 3800 || n % 4096 < 100 ? 1 : 509) {
                TgHeader header = {.present = TRUE};
                g_autofree char *fill = g_strnfill(n, 'x');
                g_autofree char *content = g_strdup_printf("{\"x\":\"%s\"}", fill);
                g_autoptr(GError) error = NULL;
                g_autoptr(TgSecret) plaintext = build("f", content, &header, &error);
                gsize n_bytes;

                if (!plaintext) {
                        helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
                        g_assert_cmpuint(n, >, TG_MAX_PLAINTEXT_BYTES - 128);
                        continue;
                }
                n_bytes = tg_secret_size(plaintext);
                g_assert_cmpuint(n_bytes, ==, tg_padding_bucket(n_bytes));
                g_assert_cmpuint(n_bytes, >=, last);
                g_assert_cmpuint(n_bytes, >, n);
                n_buckets += n_bytes > last;
                last = n_bytes;
        }
        g_assert_cmpuint(n_buckets, ==, 5);
        g_assert_cmpuint(last, ==, TG_MAX_PLAINTEXT_BYTES);
}

static void
test_content_cannot_reach_out_of_its_place(void)
{
        static const char *const wrong[] = {
                "",
                "[]",
                "\"x\"",
                "null",
                "{",
                "{}}",
                "{},\"x\":{}",
                "{},\"format\":\"tigress.end\"",
                "{},\"tigress\":{}",
                " {}",
                "{} ",
                "{\"a\":1,\"a\":2}",
                "{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}",
                "{\"a\":\"\\u0000\"}",
                "{\"a\":\"\xff\"}",
        };
        TgHeader header = {.present = TRUE};

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) bare = NULL;
                g_autoptr(GError) error = NULL;

                if (build("f", wrong[i], &header, &error) || build("f", wrong[i], NULL, &bare))
                        g_error("accepted: %s", wrong[i]);
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                helper_assert_error(bare, TG_ERROR_INVALID, NULL);
        }
        g_assert_null(build("", "{}", &header, NULL));
}

static void
test_unknown_shapes_of_extras_are_ignored(void)
{
        static const char *const extras[] = {
                "\"end\":0",
                "\"end\":2",
                "\"end\":1.0",
                "\"end\":true",
                "\"end\":\"1\"",
                "\"end\":null",
                "\"display\":null",
                "\"display\":[]",
                "\"display\":\"x\"",
                "\"display\":{\"title\":7}",
                "\"display\":{\"titel\":\"x\"}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(extras); i++) {
                g_autofree char *text = g_strdup_printf(
                        "{\"format\":\"f\",\"content\":{},\"tigress\":{\"v\":1,\"sid\":"
                        "\"O4tzD7e6xxGp0eMPLzaIcA\",\"role\":\"s\",\"seq\":0,%s}}",
                        extras[i]);
                g_autoptr(TgSecret) plaintext = helper_secret(text);
                g_autoptr(TgEnvelope) envelope = tg_envelope_parse(plaintext, NULL);

                g_assert_nonnull(envelope);
                g_assert_false(envelope->header.reads_end);
                g_assert_null(envelope->header.title);
        }
}

static void
test_oversized_display_is_not_taken(void)
{
        g_autofree char *longer = g_strnfill(TG_MAX_TITLE_BYTES + 1, 'x');
        TgHeader header = {.present = TRUE, .title = longer};
        g_autoptr(TgSecret) plaintext = build("f", "{}", &header, NULL);
        g_autoptr(TgEnvelope) envelope = tg_envelope_parse(plaintext, NULL);

        g_assert_null(envelope->header.title);
        longer[TG_MAX_TITLE_BYTES] = '\0';
        g_clear_pointer(&envelope, tg_envelope_free);
        g_clear_pointer(&plaintext, tg_secret_unref);
        plaintext = build("f", "{}", &header, NULL);
        envelope = tg_envelope_parse(plaintext, NULL);
        g_assert_cmpstr(envelope->header.title, ==, longer);
}

static void
test_errors_do_not_tell_what_was_in_it(void)
{
        g_autoptr(TgSecret) plaintext =
                helper_secret("{\"format\":\"f\",\"content\":{\"pin\":hush}}");
        g_autoptr(GError) error = NULL;

        g_assert_null(tg_envelope_parse(plaintext, &error));
        helper_assert_error(error, TG_ERROR_TAMPERED, "hush");
        g_assert_null(strstr(error->message, "pin"));
}

static void
test_outcomes_travel(void)
{
        static const TgOutcome outcomes[] = {
                TG_OUTCOME_COMPLETED, TG_OUTCOME_DECLINED, TG_OUTCOME_FAILED};

        for (gsize i = 0; i < G_N_ELEMENTS(outcomes); i++) {
                g_autofree char *text = tg_end_content(outcomes[i], "no \"thanks\"\n");
                g_autofree char *reason = NULL;
                TgJson content = helper_json(text);
                TgOutcome outcome;

                tg_end_parse(&content, &outcome, &reason);
                g_assert_cmpint(outcome, ==, outcomes[i]);
                g_assert_cmpstr(reason, ==, "no \"thanks\"");
        }
}

static void
test_strange_ends_are_failures_without_effect(void)
{
        static const char *const texts[] = {
                "{}",
                "{\"outcome\":\"rejoiced\"}",
                "{\"outcome\":\"Completed\"}",
                "{\"outcome\":1,\"reason\":1}",
                "{\"outcome\":null,\"reason\":\" \\u202e\\n\"}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
                TgJson content = helper_json(texts[i]);
                g_autofree char *reason = NULL;
                TgOutcome outcome;

                tg_end_parse(&content, &outcome, &reason);
                g_assert_cmpint(outcome, ==, TG_OUTCOME_FAILED);
                g_assert_null(reason);
        }
}

static void
test_reasons_are_cleaned_and_cut(void)
{
        g_autofree char *longer = g_strnfill(1000, 'x');
        g_autofree char *ours = tg_end_content(TG_OUTCOME_DECLINED, longer);
        g_autofree char *none = tg_end_content(TG_OUTCOME_DECLINED, NULL);
        g_autofree char *theirs = g_strdup_printf(
                "{\"outcome\":\"declined\",\"reason\":\"\\u202e\\u001b[1m%s\"}", longer);
        TgJson content = helper_json(ours), value;
        g_autofree char *reason = NULL;
        TgOutcome outcome;

        g_assert_cmpstr(none, ==, "{\"outcome\":\"declined\"}");
        g_assert_true(tg_json_get(&content, "reason", &value));
        g_assert_cmpuint(tg_json_string_bytes(&value), ==, TG_MAX_REASON_BYTES);
        content = helper_json(theirs);
        tg_end_parse(&content, &outcome, &reason);
        g_assert_cmpint(outcome, ==, TG_OUTCOME_DECLINED);
        g_assert_cmpuint(strlen(reason), ==, TG_MAX_REASON_BYTES);
        g_assert_true(g_str_has_prefix(reason, "[1mxxx"));
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/envelope/what-is-written-is-read", test_what_is_written_is_read);
        g_test_add_func("/envelope/the-shortest-message-is-the-published-one",
                        test_the_shortest_message_is_the_published_one);
        g_test_add_func("/envelope/lengths-are-those-of-the-buckets",
                        test_lengths_are_those_of_the_buckets);
        g_test_add_func("/envelope/content-cannot-reach-out-of-its-place",
                        test_content_cannot_reach_out_of_its_place);
        g_test_add_func("/envelope/unknown-shapes-of-extras-are-ignored",
                        test_unknown_shapes_of_extras_are_ignored);
        g_test_add_func("/envelope/limits-of-any-shape-are-handed-on",
                        test_limits_of_any_shape_are_handed_on);
        g_test_add_func("/envelope/oversized-display-is-not-taken",
                        test_oversized_display_is_not_taken);
        g_test_add_func("/envelope/errors-do-not-tell-what-was-in-it",
                        test_errors_do_not_tell_what_was_in_it);
        g_test_add_func("/envelope/outcomes-travel", test_outcomes_travel);
        g_test_add_func("/envelope/strange-ends-are-failures-without-effect",
                        test_strange_ends_are_failures_without_effect);
        g_test_add_func("/envelope/reasons-are-cleaned-and-cut", test_reasons_are_cleaned_and_cut);

        g_test_add_func("/envelope/what-follows-is-not-lost-for-want-of-memory",
                        test_what_follows_is_not_lost_for_want_of_memory);
        return g_test_run();
}
