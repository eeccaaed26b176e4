/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/limits.h"
#include "tests/unit/helper.h"

static gboolean
is_accepted(const char *text, gsize n_bytes)
{
        /* exactly as long as it is, so that a look beyond the end is seen */
        g_autofree char *copy = g_memdup2(text, n_bytes);
        g_autoptr(GError) error = NULL;
        TgJson value;

        if (tg_json_parse(copy, n_bytes, TG_MAX_PLAINTEXT_BYTES, &value, &error))
                return TRUE;
        helper_assert_error(error, TG_ERROR_INVALID, NULL);

        return FALSE;
}

static void
test_grammar_is_that_of_the_rfc(void)
{
        static const char *const right[] = {
                "null",
                "true",
                "false",
                "0",
                "-0",
                "-1.5e+7",
                "1E-9",
                "\"\"",
                "[]",
                "{}",
                " [ ] ",
                "\t{\r}\n",
                "[1,2,3]",
                "[[],[{}]]",
                "{\"\":0}",
                "{ \"a\" : [ ] , \"b\" : { } }",
                "\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                "\"\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\"",
                "\"\x7f\"",
                "[0.0,0e0,10]",
                "{\"a\":{\"a\":{\"a\":1}}}",
        };
        static const char *const wrong[] = {
                "",          " ",          "nul",         "nulll",
                "True",      "+1",         ".5",          "1.",
                "01",        "-",          "-01",         "1e",
                "1e+",       "0x1",        "NaN",         "Infinity",
                "[",         "]",          "[1",          "[1,",
                "[1,]",      "[,1]",       "[1 2]",       "{",
                "}",         "{\"a\"",     "{\"a\":",     "{\"a\":1",
                "{\"a\":1,", "{\"a\":1,}", "{a:1}",       "{\"a\" 1}",
                "{1:1}",     "{,}",        "[}",          "{]",
                "\"",        "\"a",        "\"\\",        "\"\\\"",
                "\"\\x\"",   "\"\\u12\"",  "\"\\u12g4\"", "'a'",
                "1 2",       "{}{}",       "// x\n1",     "\xef\xbb\xbf{}",
                "\"\n\"",    "\"\t\"",     "\"\x01\"",    "\x0b{}",
                "[1]x",      "[tru]",      "\"\\u0000\"",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(right); i++)
                if (!is_accepted(right[i], strlen(right[i])))
                        g_error("refused: %s", right[i]);
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                if (is_accepted(wrong[i], strlen(wrong[i])))
                        g_error("accepted: %s", wrong[i]);
        g_assert_false(is_accepted("{}\0", 3));
        g_assert_false(is_accepted("\"a\0b\"", 5));
}

/* Every sequence of up to four octets, against GLib's own judgement. */
static void
test_utf8_is_judged_as_glib_does(void)
{
        static const guint8 octets[] = {0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
                                        0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef,
                                        0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xfe, 0xff};
        const gsize n = G_N_ELEMENTS(octets);

        for (gsize i = 0; i < n * n * n * n; i++) {
                char text[7] = {'"',
                                (char)octets[i % n],
                                (char)octets[i / n % n],
                                (char)octets[i / n / n % n],
                                (char)octets[i / n / n / n],
                                '"'};
                TgJson value;

                g_assert_cmpint(tg_json_parse(text, 6, 6, &value, NULL),
                                ==,
                                g_utf8_validate(text, 6, NULL));
        }
}

static void
test_surrogates_come_in_pairs(void)
{
        static const char *const wrong[] = {
                "\"\\ud83d\"",
                "\"\\ude00\"",
                "\"\\ud83dx\"",
                "\"\\ud83d\\n\"",
                "\"\\ud83d\\u0041\"",
                "\"\\ud83d\\ud83d\"",
                "\"\\ude00\\ud83d\"",
                "\"\\ud83d\\ude0\"",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                g_assert_false(is_accepted(wrong[i], strlen(wrong[i])));
}

static void
test_depth_ends_at_sixteen(void)
{
        for (guint depth = 1; depth < 40; depth++) {
                g_autoptr(GString) text = g_string_new(NULL);

                for (guint i = 0; i < depth; i++)
                        g_string_append(text, i % 2 ? "[" : "{\"a\":");
                g_string_append_c(text, '0');
                for (guint i = depth; i-- > 0;)
                        g_string_append_c(text, i % 2 ? ']' : '}');
                g_assert_cmpint(is_accepted(text->str, text->len), ==, depth <= 16);
        }
}

static void
test_limits_of_length_are_exact(void)
{
        g_autofree char *number = g_strnfill(64, '9');
        g_autofree char *longer = g_strnfill(65, '9');
        g_autofree char *spaces = g_strnfill(TG_MAX_PLAINTEXT_BYTES + 1, ' ');

        g_assert_true(is_accepted(number, 64));
        g_assert_false(is_accepted(longer, 65));
        spaces[0] = '1';
        g_assert_true(is_accepted(spaces, TG_MAX_PLAINTEXT_BYTES));
        g_assert_false(is_accepted(spaces, TG_MAX_PLAINTEXT_BYTES + 1));
}

static void
test_duplicates_are_found_whatever_their_spelling(void)
{
        static const char *const wrong[] = {
                "{\"a\":1,\"a\":1}",
                "{\"a\":1,\"\\u0061\":1}",
                "{\"\\u0061\":1,\"a\":1}",
                "{\"\":1,\"b\":2,\"\":3}",
                "{\"x\":[{\"y\":{\"z\":1,\"z\":2}}]}",
                "[{\"a\":1},{\"b\":1,\"b\":1}]",
                "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}",
                "{\"\\/\":1,\"/\":1}",
                "{\"a\":1,\"b\":{\"c\":1},\"a\":1}",
                /* over the number that is compared one by one */
                "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"\\u0061\":0}",
        };
        static const char *const right[] = {
                "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
                "[{\"a\":1},{\"a\":1}]",
                "{\"a\":1,\"A\":1,\"aa\":1,\"\":1}",
                "{\"\\\\u0061\":1,\"a\":1}",
                "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":{\"a\":0}}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                if (is_accepted(wrong[i], strlen(wrong[i])))
                        g_error("accepted: %s", wrong[i]);
        for (gsize i = 0; i < G_N_ELEMENTS(right); i++)
                g_assert_true(is_accepted(right[i], strlen(right[i])));
}

/* Were it quadratic, this would take longer than any test may. */
static void
test_a_hostile_number_of_members_is_no_load(void)
{
        const guint n = 300000;

        for (guint repeated = 0; repeated < 2; repeated++) {
                g_autoptr(GString) text = g_string_new("{");
                TgJson value;

                for (guint i = 0; i < n; i++)
                        g_string_append_printf(text, "\"\\u0061%05x\":0,", i ^ 0x2aaaa);
                g_string_append_printf(text, "\"a%05x\":0}", repeated ? 0x2aaaa + 5 : n + 0x80000);
                g_assert_cmpint(tg_json_parse(text->str, text->len, G_MAXINT32, &value, NULL),
                                ==,
                                repeated == 0);
        }
}

static void
test_a_string_of_escapes_is_no_load(void)
{
        g_autoptr(GString) text = g_string_new("{\"a\":\"");
        TgJson object, value;

        for (guint i = 0; i < 2000000; i++)
                g_string_append(text, "\\n");
        g_string_append(text, "\",\"b\":7}");
        g_assert_true(tg_json_parse(text->str, text->len, G_MAXINT32, &object, NULL));
        g_assert_true(tg_json_get_typed(&object, "b", TG_JSON_NUMBER, &value));
        g_assert_cmpmem(value.text, value.n_chars, "7", 1);
}

static void
test_errors_name_rule_and_place_but_not_the_text(void)
{
        g_autoptr(GError) error = NULL;
        TgJson value;

        g_assert_false(tg_json_parse("{\"hush\":01}", 11, 100, &value, &error));
        helper_assert_error(error, TG_ERROR_INVALID, "hush");
        g_assert_nonnull(strstr(error->message, "octet 9"));
}

static void
test_members_are_found(void)
{
        static const char text[] = " {\"a\":{\"x\":1}, \"b\" : [ 1 , \"]}\" , {} ] ,\"\\u0063\":"
                                   "\"\\\"}\",\"d\":-1.5e3 ,\"e\":null,\"f\":false,\"g\":true} ";
        static const struct {
                const char *name;
                TgJsonType type;
                const char *text;
        } members[] = {
                {"a", TG_JSON_OBJECT, "{\"x\":1}"          },
                {"b", TG_JSON_ARRAY,  "[ 1 , \"]}\" , {} ]"},
                {"c", TG_JSON_STRING, "\"\\\"}\""          },
                {"d", TG_JSON_NUMBER, "-1.5e3"             },
                {"e", TG_JSON_NULL,   "null"               },
                {"f", TG_JSON_FALSE,  "false"              },
                {"g", TG_JSON_TRUE,   "true"               },
        };
        TgJson object = helper_json(text), value, name;
        TgJsonIter iter;
        gsize n = 0;

        g_assert_cmpmem(object.text, object.n_chars, text + 1, strlen(text) - 2);
        for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
                g_assert_true(tg_json_get(&object, members[i].name, &value));
                g_assert_cmpint(value.type, ==, members[i].type);
                g_assert_cmpmem(
                        value.text, value.n_chars, members[i].text, strlen(members[i].text));
        }
        g_assert_false(tg_json_get(&object, "x", &value));
        g_assert_false(tg_json_get_typed(&object, "a", TG_JSON_ARRAY, &value));

        tg_json_iter_init(&iter, &object);
        while (tg_json_iter_next(&iter, &name, &value))
                g_assert_true(tg_json_string_equal(&name, members[n++].name));
        g_assert_cmpuint(n, ==, G_N_ELEMENTS(members));
        g_assert_true(tg_json_get(&object, "b", &value));
        g_assert_false(tg_json_get(&value, "a", &value));
}

static void
test_containers_are_walked_to_their_end(void)
{
        static const struct {
                const char *text;
                guint n_children;
        } containers[] = {
                {"[]",                            0},
                {"[ ]",                           0},
                {"{}",                            0},
                {"{\n}",                          0},
                {"[1]",                           1},
                {"[ [ ] , [ ] ]",                 2},
                {"[[],{},3]",                     3},
                {"{\"a\":{}}",                    1},
                {"{ \"a\" : 1 , \"b\" : [ 2 ] }", 2},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(containers); i++) {
                g_autofree char *copy = g_memdup2(containers[i].text, strlen(containers[i].text));
                TgJson container, value;
                TgJsonIter iter;
                guint n = 0;

                g_assert_true(tg_json_parse(
                        copy, strlen(containers[i].text), G_MAXINT32, &container, NULL));
                tg_json_iter_init(&iter, &container);
                while (tg_json_iter_next(&iter, NULL, &value))
                        n++;
                g_assert_cmpuint(n, ==, containers[i].n_children);
        }
}

static void
test_strings_are_unescaped(void)
{
        TgJson string = helper_json("\"\\u00e9\\ud83d\\ude00a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0800\"");
        static const char wanted[] = "\xc3\xa9\xf0\x9f\x98\x80"
                                     "a\"\\/\b\f\n\r\t\xe0\xa0\x80";
        g_autofree char *text = tg_json_dup_string(&string);
        const char *raw;
        gsize n_raw;

        g_assert_cmpstr(text, ==, wanted);
        g_assert_cmpuint(tg_json_string_bytes(&string), ==, strlen(wanted));
        g_assert_true(tg_json_string_equal(&string, wanted));
        g_assert_false(tg_json_string_equal(&string, "\xc3\xa9"));
        g_assert_false(tg_json_string_equal(&string,
                                            "\xc3\xa9\xf0\x9f\x98\x80"
                                            "a\"\\/\b\f\n\r\t\xe0\xa0\x80 "));
        g_assert_false(tg_json_string_raw(&string, &raw, &n_raw));

        string = helper_json("\"abc\"");
        g_assert_true(tg_json_string_raw(&string, &raw, &n_raw));
        g_assert_cmpmem(raw, n_raw, "abc", 3);
        g_assert_true(tg_json_string_equal(&string, "abc"));
        g_assert_false(tg_json_string_equal(&string, "ab"));
        g_assert_false(tg_json_string_equal(&string, "abcd"));
}

static void
test_our_integers_are_plain_digits(void)
{
        static const char *const wrong[] = {"-0",
                                            "-1",
                                            "1.0",
                                            "1e0",
                                            "1E1",
                                            "0.",
                                            "2147483648",
                                            "99999999999",
                                            "\"1\"",
                                            "true"};
        guint32 number = 7;
        TgJson value = helper_json("2147483647");

        g_assert_true(tg_json_get_uint(&value, &number));
        g_assert_cmpuint(number, ==, 2147483647);
        value = helper_json(" 0 ");
        g_assert_true(tg_json_get_uint(&value, &number));
        g_assert_cmpuint(number, ==, 0);
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                if (!tg_json_parse(wrong[i], strlen(wrong[i]), 100, &value, NULL))
                        continue;
                g_assert_false(tg_json_get_uint(&value, &number));
        }
        g_assert_cmpuint(number, ==, 0);
}

static void
test_what_is_quoted_reads_back(void)
{
        g_autoptr(GString) all = g_string_new(NULL);
        g_autoptr(GString) json = g_string_new("[");
        g_autofree char *text = NULL;
        TgJson list, value;
        TgJsonIter iter;

        for (gunichar c = 1; c < 0x800; c++)
                g_string_append_unichar(all, c);
        g_string_append_unichar(all, 0x1f600);

        tg_json_append_string(json, all->str);
        g_string_append_c(json, ']');
        g_assert_cmpuint(json->len, ==, 2 + tg_json_quoted_chars(all->str, all->len));
        list = helper_json(json->str);
        tg_json_iter_init(&iter, &list);
        g_assert_true(tg_json_iter_next(&iter, NULL, &value));
        text = tg_json_dup_string(&value);
        g_assert_cmpstr(text, ==, all->str);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/json/grammar-is-that-of-the-rfc", test_grammar_is_that_of_the_rfc);
        g_test_add_func("/json/utf8-is-judged-as-glib-does", test_utf8_is_judged_as_glib_does);
        g_test_add_func("/json/surrogates-come-in-pairs", test_surrogates_come_in_pairs);
        g_test_add_func("/json/depth-ends-at-sixteen", test_depth_ends_at_sixteen);
        g_test_add_func("/json/limits-of-length-are-exact", test_limits_of_length_are_exact);
        g_test_add_func("/json/duplicates-are-found-whatever-their-spelling",
                        test_duplicates_are_found_whatever_their_spelling);
        g_test_add_func("/json/a-hostile-number-of-members-is-no-load",
                        test_a_hostile_number_of_members_is_no_load);
        g_test_add_func("/json/a-string-of-escapes-is-no-load",
                        test_a_string_of_escapes_is_no_load);
        g_test_add_func("/json/errors-name-rule-and-place-but-not-the-text",
                        test_errors_name_rule_and_place_but_not_the_text);
        g_test_add_func("/json/members-are-found", test_members_are_found);
        g_test_add_func("/json/containers-are-walked-to-their-end",
                        test_containers_are_walked_to_their_end);
        g_test_add_func("/json/strings-are-unescaped", test_strings_are_unescaped);
        g_test_add_func("/json/our-integers-are-plain-digits", test_our_integers_are_plain_digits);
        g_test_add_func("/json/what-is-quoted-reads-back", test_what_is_quoted_reads_back);

        return g_test_run();
}
