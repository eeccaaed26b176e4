/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/bounds.h"
#include "protocol/limits.h"
#include "tests/unit/helper.h"

static void
assert_equal(const TgBounds *a, const TgBounds *b)
{
        g_assert_cmpint(a->not_before_s, ==, b->not_before_s);
        g_assert_cmpint(a->not_after_s, ==, b->not_after_s);
        g_assert_cmpuint(a->n_uses, ==, b->n_uses);
        g_assert_cmpint(a->is_final, ==, b->is_final);
}

/* All sixteen sets of them. */
static void
test_what_is_written_is_read(void)
{
        for (guint i = 0; i < 16; i++) {
                TgBounds bounds = {
                        .not_before_s = i & 1 ? 1 : 0,
                        .not_after_s = i & 2 ? G_GINT64_CONSTANT(253402300799) : 0,
                        .n_uses = i & 4 ? TG_MAX_USES : 0,
                        .is_final = (i & 8) != 0,
                };
                TgBounds read = {.n_uses = 7};
                g_autofree char *text = tg_bounds_write(&bounds);
                g_autoptr(GError) error = NULL;

                g_assert_cmpint(text != NULL, ==, tg_bounds_are_set(&bounds));
                g_assert_cmpint(text != NULL, ==, i != 0);
                g_assert_true(text == NULL || strlen(text) <= TG_MAX_BOUNDS_CHARS);
                g_assert_true(tg_bounds_check(&bounds, NULL));
                g_assert_true(tg_bounds_parse(text, &read, &error));
                assert_equal(&bounds, &read);
        }
}

static void
test_order_and_white_space_are_free(void)
{
        TgBounds wanted = {.not_before_s = 5, .not_after_s = 6, .n_uses = 2, .is_final = TRUE};
        TgBounds read;

        g_assert_true(tg_bounds_parse(" {\"reshare\" : false, \"uses\":2,\"\\u006eotAfter\":6,"
                                      "\n\"notBefore\":5} ",
                                      &read,
                                      NULL));
        assert_equal(&wanted, &read);
}

static void
test_what_cannot_be_kept_to_is_refused(void)
{
        static const char *const texts[] = {
                "",
                "null",
                "[]",
                "7",
                "\"uses\"",
                "{}",
                "{\"uses\":0}",
                "{\"uses\":00}",
                "{\"uses\":-1}",
                "{\"uses\":1.0}",
                "{\"uses\":1e3}",
                "{\"uses\":\"1\"}",
                "{\"uses\":null}",
                "{\"uses\":true}",
                "{\"uses\":[1]}",
                "{\"uses\":1000001}",
                "{\"uses\":4294967297}",
                "{\"uses\":18446744073709551617}",
                "{\"uses\":1,\"uses\":2}",
                "{\"uses\":1,\"\\u0075ses\":2}",
                "{\"uses\":1}x",
                "{\"uses\":1",
                "{\"notBefore\":0}",
                "{\"notBefore\":-5}",
                "{\"notBefore\":253402300800}",
                "{\"notAfter\":99999999999999999999}",
                "{\"notAfter\":1.5}",
                "{\"notAfter\":false}",
                "{\"notBefore\":6,\"notAfter\":6}",
                "{\"notBefore\":7,\"notAfter\":6}",
                "{\"reshare\":true}",
                "{\"reshare\":0}",
                "{\"reshare\":\"false\"}",
                "{\"uses\":1,\"only\":\"here\"}",
                "{\"uses\":1,\"Uses\":1}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
                TgBounds bounds = {.n_uses = 7};
                g_autoptr(GError) error = NULL;

                if (tg_bounds_parse(texts[i], &bounds, &error))
                        g_error("taken: %s", texts[i]);
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                g_assert_cmpuint(bounds.n_uses, ==, 7);
        }
}

static void
test_a_long_text_is_refused(void)
{
        g_autofree char *fill = g_strnfill(TG_MAX_BOUNDS_CHARS, ' ');
        g_autofree char *text = g_strconcat("{\"uses\":1}", fill, NULL);
        g_autoptr(GError) error = NULL;
        TgBounds bounds;

        g_assert_false(tg_bounds_parse(text, &bounds, &error));
        helper_assert_error(error, TG_ERROR_INVALID, NULL);
}

static void
test_what_cannot_be_is_not_sent(void)
{
        const TgBounds wrong[] = {
                {.not_before_s = -1                            },
                {.not_after_s = G_GINT64_CONSTANT(253402300800)},
                {.not_before_s = 9,                              .not_after_s = 9},
                {.not_before_s = 9,                                              .not_after_s = 8},
                {.n_uses = TG_MAX_USES + 1},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_false(tg_bounds_check(&wrong[i], &error));
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
        }
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);

        g_test_add_func("/bounds/what-is-written-is-read", test_what_is_written_is_read);
        g_test_add_func("/bounds/order-and-white-space", test_order_and_white_space_are_free);
        g_test_add_func("/bounds/what-cannot-be-kept-to", test_what_cannot_be_kept_to_is_refused);
        g_test_add_func("/bounds/a-long-text", test_a_long_text_is_refused);
        g_test_add_func("/bounds/what-cannot-be", test_what_cannot_be_is_not_sent);

        return g_test_run();
}
