/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/text.h"
#include "tests/unit/helper.h"

static void
test_one_clean_line_remains(void)
{
        static const struct {
                const char *dirty;
                const char *clean;
        } texts[] = {
                {"",                                                                       ""                                    },
                {"Garden door",                                                            "Garden door"                         },
                {"  Garden \t\r\n door  ",                                                 "Garden door"                         },
                {"a\vb\fc\xc2\x85"
                 "d\xe2\x80\xa8"
                 "e\xe2\x80\xa9"
                 "f",                                                     "a b c d e f"                         },
                {"a\xc2\xa0"
                 "b\xe3\x80\x80"
                 "c\xe1\x9a\x80"
                 "d",                                                     "a b c d"                             },
                {"\033[31mred\033[0m",                                                     "[31mred[0m"                          },
                {"bell\a\b\x7f\xc2\x9b"
                 "31m",                                                   "bell31m"                             },
 /* bidirectional: embeddings, overrides, isolates, marks */
                {"\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae"
                 "gpj.exe",                                               "gpj.exe"                             },
                {"a\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c"
                 "b",                                                     "ab"                                  },
 /* zero width, joiners, soft hyphen, byte order mark, invisible operators */
                {"pay\xe2\x80\x8bpal\xe2\x80\x8c.\xe2\x80\x8d"
                 "com\xc2\xad\xef\xbb\xbf\xe2\x81\xa0\xe2\x81\xa4",       "paypal.com"                          },
 /* fillers and selectors */
                {"a\xe3\x85\xa4\xef\xbe\xa0\xe1\x85\x9f\xcd\x8f\xef\xb8\x8f\xf3\xa0\x84\x80"
                 "b",                                                     "ab"                                  },
 /* tags, private use, non-characters, interlinear annotation */
                {"a\xf3\xa0\x81\x81\xf3\xa0\x80\x81\xee\x80\x80\xf4\x80\x80\x80\xef\xb7\x90\xef\xbf"
                 "\xbe\xef\xbf\xb9"
                 "b",                                                     "ab"                                  },
                {"\xd8\xa7\xd9\x84\xd8\xa8\xd8\xa7\xd8\xa8 \xe4\xb8\xad \xf0\x9f\x94\x91",
                 "\xd8\xa7\xd9\x84\xd8\xa8\xd8\xa7\xd8\xa8 \xe4\xb8\xad \xf0\x9f\x94\x91"                                        },
                {"e\xcc\x81",                                                              "e\xcc\x81"                           },
                {"<b>&amp;\"'",                                                            "<b>&amp;\"'"                         },
 /* octets that are no UTF-8 show as such */
                {"a\xff"
                 "b",                                                     "a\xef\xbf\xbd"
                 "b"                                                                       },
                {"\xc0\xaf",                                                               "\xef\xbf\xbd\xef\xbf\xbd"            },
                {"\xe4\xb8",                                                               "\xef\xbf\xbd\xef\xbf\xbd"            },
                {"\xed\xa0\x80",                                                           "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autofree char *clean = tg_text_clean(texts[i].dirty, -1, 1000);

                g_assert_cmpstr(clean, ==, texts[i].clean);
        }
}

static void
test_a_zero_octet_does_not_hide_the_rest(void)
{
        g_autofree char *clean = tg_text_clean("ab\0cd", 5, 100);
        g_autofree char *none = tg_text_clean(NULL, -1, 100);

        g_assert_cmpstr(clean, ==, "abcd");
        g_assert_cmpstr(none, ==, "");
}

static void
test_the_cut_is_at_a_character(void)
{
        static const char text[] = "ab \xe4\xb8\xad\xf0\x9f\x94\x91"; /* 2 + 1 + 3 + 4 */
        static const struct {
                gsize max_bytes;
                const char *clean;
        } cuts[] = {
                {0,  ""               },
                {1,  "a"              },
                {2,  "ab"             },
                {3,  "ab"             },
                {5,  "ab"             },
                {6,  "ab \xe4\xb8\xad"},
                {9,  "ab \xe4\xb8\xad"},
                {10, text             },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cuts); i++) {
                g_autofree char *clean = tg_text_clean(text, -1, cuts[i].max_bytes);

                g_assert_cmpstr(clean, ==, cuts[i].clean);
        }
}

/* Any octets: what comes out is valid, short enough, and stays what it is. */
static void
test_clean_stays_clean(void)
{
        HelperRandom random = {0};

        for (guint round = 0; round < 20000; round++) {
                char dirty[64];
                gsize n = helper_random_below(&random, sizeof dirty);
                gsize max_bytes = helper_random_below(&random, 80);
                g_autofree char *clean = NULL;

                for (gsize i = 0; i < n; i++)
                        dirty[i] = (char)(helper_random_below(&random, 3)
                                                  ? helper_random_below(&random, 256)
                                                  : 0xe2 - helper_random_below(&random, 3) * 0x31);
                clean = tg_text_clean(dirty, (gssize)n, max_bytes);
                g_assert_true(g_utf8_validate(clean, -1, NULL));
                g_assert_cmpuint(strlen(clean), <=, max_bytes);
                g_assert_true(tg_text_is_clean(clean, max_bytes));
        }
}

static void
test_a_dirty_text_is_known_as_such(void)
{
        g_assert_true(tg_text_is_clean("Garden door", 11));
        g_assert_false(tg_text_is_clean("Garden door", 10));
        g_assert_false(tg_text_is_clean(" Garden", 100));
        g_assert_false(tg_text_is_clean("Garden\n", 100));
        g_assert_false(tg_text_is_clean("\xe2\x80\xae", 100));
        g_assert_false(tg_text_is_clean("\xff", 100));
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/text/one-clean-line-remains", test_one_clean_line_remains);
        g_test_add_func("/text/a-zero-octet-does-not-hide-the-rest",
                        test_a_zero_octet_does_not_hide_the_rest);
        g_test_add_func("/text/the-cut-is-at-a-character", test_the_cut_is_at_a_character);
        g_test_add_func("/text/clean-stays-clean", test_clean_stays_clean);
        g_test_add_func("/text/a-dirty-text-is-known-as-such", test_a_dirty_text_is_known_as_such);

        return g_test_run();
}
