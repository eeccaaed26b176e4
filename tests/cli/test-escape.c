/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <locale.h>
#include <string.h>

#include "cli/escape.h"

static void
test_a_terminal_gets_nothing_to_act_on(void)
{
        static const struct {
                const char *text;
                const char *line;
                const char *json;
        } cases[] = {
                {"plain \"text\"",                  "plain \"text\"",     "plain \\\"text\\\""                        },
                {"back\\slash",                     "back\\slash",        "back\\\\slash"                             },
                {"\033[2J\007",                     "\\x1b[2J\\x07",      "\\u001b[2J\\u0007"                         },
                {"a\nb\tc\r",                       "a\\x0ab\\x09c\\x0d", "a\\u000ab\\u0009c\\u000d"                  },
                {"\x7f\xc2\x9b",                    "\\x7f\\u{9b}",       "\\u007f\\u009b"                            },
                {"\xe2\x80\xae"
                 "gpj",            "\\u{202e}gpj",
                 "\\u202egpj"                                                                                         },
                {"\xe2\x80\x8b\xe2\x80\xa8",        "\\u{200b}\\u{2028}", "\\u200b\\u2028"                            },
                {"\xef\xb8\x8f\xcd\x8f",            "\\u{fe0f}\\u{34f}",  "\\ufe0f\\u034f"                            },
                {"\xf3\xa0\x81\x81",                "\\u{e0041}",         "\\udb40\\udc41"                            },
                {"\xee\x80\x80",                    "\\u{e000}",          "\\ue000"                                   },
                {"gr\xc3\xbc\xc3\x9f \xe4\xb8\xad",
                 "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad",                       "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad"           },
                {"\xf0\x9f\x90\xaf",                "\xf0\x9f\x90\xaf",   "\xf0\x9f\x90\xaf"                          },
                {"\xff\xc0\xaf\xed\xa0\x80",
                 "\\xff\\xc0\\xaf\\xed\\xa0\\x80",                        "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"},
                {"cut \xe4\xb8",                    "cut \\xe4\\xb8",     "cut \\ufffd\\ufffd"                        },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *line = tg_escape(TG_ESCAPE_LINE, cases[i].text);
                g_autofree char *json = tg_escape(TG_ESCAPE_JSON, cases[i].text);

                g_assert_cmpstr(line, ==, cases[i].line);
                g_assert_cmpstr(json, ==, cases[i].json);
        }
}

static void
test_lines_may_stay(void)
{
        g_autofree char *text = tg_escape(TG_ESCAPE_LINES, "one\n\ttwo\r\033");

        g_assert_cmpstr(text, ==, "one\n\ttwo\\x0d\\x1b");
}

static void
test_a_zero_octet_is_a_character(void)
{
        char buffer[32] = "";
        gsize n_chars = tg_escape_to(TG_ESCAPE_LINE, "a\0b", 3, NULL);

        g_assert_cmpuint(n_chars, ==, 6);
        g_assert_cmpuint(tg_escape_to(TG_ESCAPE_LINE, "a\0b", 3, buffer), ==, n_chars);
        g_assert_cmpstr(buffer, ==, "a\\x00b");
}

static void
test_nothing_is_nothing(void)
{
        g_autofree char *text = tg_escape(TG_ESCAPE_JSON, NULL);

        g_assert_cmpstr(text, ==, "");
}

static void
test_columns_are_counted_as_a_terminal_does(void)
{
        g_assert_cmpuint(tg_escape_width(""), ==, 0);
        g_assert_cmpuint(tg_escape_width("abc"), ==, 3);
        g_assert_cmpuint(tg_escape_width("\xe4\xb8\xad"), ==, 2);
        g_assert_cmpuint(tg_escape_width("e\xcc\x81"), ==, 1);
}

/* In a locale without UTF-8 people get ASCII, and programs UTF-8 all the same. */
static void
test_what_a_locale_cannot_show_is_escaped(void)
{
        g_autofree char *old = g_strdup(setlocale(LC_CTYPE, NULL));
        g_autofree char *line = NULL;
        g_autofree char *json = NULL;

        setlocale(LC_CTYPE, "C");
        line = tg_escape(TG_ESCAPE_LINE, "gr\xc3\xbcn");
        json = tg_escape(TG_ESCAPE_JSON, "gr\xc3\xbcn");
        setlocale(LC_CTYPE, old);

        g_assert_cmpstr(line, ==, "gr\\u{fc}n");
        g_assert_cmpstr(json, ==, "gr\xc3\xbcn");
}

int
main(int argc, char **argv)
{
        setlocale(LC_CTYPE, "C.UTF-8");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/escape/a-terminal-gets-nothing-to-act-on",
                        test_a_terminal_gets_nothing_to_act_on);
        g_test_add_func("/escape/lines-may-stay", test_lines_may_stay);
        g_test_add_func("/escape/a-zero-octet-is-a-character", test_a_zero_octet_is_a_character);
        g_test_add_func("/escape/nothing-is-nothing", test_nothing_is_nothing);
        g_test_add_func("/escape/columns-are-counted-as-a-terminal-does",
                        test_columns_are_counted_as_a_terminal_does);
        g_test_add_func("/escape/what-a-locale-cannot-show-is-escaped",
                        test_what_a_locale_cannot_show_is_escaped);

        return g_test_run();
}
