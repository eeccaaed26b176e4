/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/bytes.h"
#include "tests/unit/helper.h"

static void
test_every_length_survives_base64(void)
{
        static const TgBase64 forms[] = {TG_BASE64_STANDARD, TG_BASE64_URL};
        HelperRandom random = {0};

        for (gsize n = 0; n < 200; n++) {
                guint8 bytes[200], back[300];

                for (gsize i = 0; i < n; i++)
                        bytes[i] = (guint8)helper_random_below(&random, 256);
                for (gsize f = 0; f < G_N_ELEMENTS(forms); f++) {
                        g_autofree char *text = tg_base64_encode(forms[f], bytes, n);
                        gsize n_chars = strlen(text), n_back = 0, n_checked = 0;

                        g_assert_cmpuint(n_chars, ==, tg_base64_encoded_chars(forms[f], n));
                        g_assert_cmpuint(tg_base64_decoded_room(n_chars), >=, n);
                        g_assert_true(tg_base64_decode(forms[f], text, n_chars, back, &n_back));
                        g_assert_cmpmem(back, n_back, bytes, n);
                        g_assert_true(tg_base64_check(forms[f], text, n_chars, &n_checked));
                        g_assert_cmpuint(n_checked, ==, n);
                        g_assert_true(
                                tg_base64_decode(TG_BASE64_ANY, text, n_chars, back, &n_back));
                        g_assert_cmpmem(back, n_back, bytes, n);
                        g_assert_null(strpbrk(text, forms[f] == TG_BASE64_URL ? "+/=" : "-_"));
                }
        }
}

/* What is accepted is canonical: it is what encoding gives. */
static void
test_one_text_for_one_value(void)
{
        HelperRandom random = {0};
        guint n_accepted = 0;

        for (guint round = 0; round < 200000; round++) {
                static const char letters[] = "AQgw9+/-_=BC \n";
                char text[12];
                guint8 bytes[16];
                gsize n_chars = helper_random_below(&random, sizeof text + 1), n_bytes;
                g_autofree char *again = NULL;

                for (gsize i = 0; i < n_chars; i++)
                        text[i] = letters[helper_random_below(&random, sizeof letters - 1)];
                if (!tg_base64_decode(TG_BASE64_STANDARD, text, n_chars, bytes, &n_bytes))
                        continue;
                n_accepted++;
                again = tg_base64_encode(TG_BASE64_STANDARD, bytes, n_bytes);
                g_assert_cmpmem(again, strlen(again), text, n_chars);
        }
        g_assert_cmpuint(n_accepted, >, 100);
}

/* Whatever comes behind the end, five characters are no whole number of octets. */
static void
test_no_text_has_one_character_too_many(void)
{
        for (guint form = TG_BASE64_STANDARD; form <= TG_BASE64_ANY; form++) {
                gsize n_bytes;

                g_assert_false(tg_base64_check((TgBase64)form, "AAAAAAAA", 1, &n_bytes));
                g_assert_false(tg_base64_check((TgBase64)form, "AAAAAAAA", 5, &n_bytes));
        }
}

static void
test_exact_length_or_nothing(void)
{
        guint8 bytes[3] = {9, 9, 9};

        g_assert_true(tg_base64_decode_exact(TG_BASE64_URL, "AQID", 4, bytes, 3));
        g_assert_cmpmem(bytes, 3, "\1\2\3", 3);
        /* longer than the buffer: refused before a single octet is written */
        g_assert_false(tg_base64_decode_exact(TG_BASE64_URL, "_____w", 6, bytes, 3));
        g_assert_false(tg_base64_decode_exact(TG_BASE64_URL, "_w", 2, bytes, 3));
        g_assert_cmpmem(bytes, 3, "\1\2\3", 3);
}

static void
test_hex_both_ways(void)
{
        static const char *const wrong[] = {"0", "0g", "g0", "012", " 00", "0x00", "0 "};
        g_autofree char *text = tg_hex_encode((const guint8 *)"\0\x7f\xff\x9a", 4);
        g_autoptr(GBytes) bytes = tg_hex_decode("007FfF9a");
        g_autoptr(GBytes) none = tg_hex_decode("");

        g_assert_cmpstr(text, ==, "007fff9a");
        g_assert_cmpmem(
                g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), "\0\x7f\xff\x9a", 4);
        g_assert_cmpuint(g_bytes_get_size(none), ==, 0);
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                g_assert_null(tg_hex_decode(wrong[i]));
}

static void
test_comparison_sees_each_bit(void)
{
        guint8 a[40] = {0}, b[40] = {0};

        g_assert_true(tg_bytes_equal(a, b, sizeof a));
        g_assert_true(tg_bytes_equal(a, b, 0));
        for (gsize bit = 0; bit < sizeof a * 8; bit++) {
                b[bit / 8] ^= (guint8)(1 << bit % 8);
                g_assert_false(tg_bytes_equal(a, b, sizeof a));
                b[bit / 8] ^= (guint8)(1 << bit % 8);
        }
}

static void
test_uuid_has_one_form(void)
{
        static const char *const wrong[] = {
                "",
                "6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0",
                "6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0bc",
                "6d1c2b9aa15e45f1b0ce3e61ead95a0b",
                "6d1c2b9a-a15e-45f1-b0ce+3e61ead95a0b",
                "6d1c2b9-aa15e-45f1-b0ce-3e61ead95a0b",
                "6g1c2b9a-a15e-45f1-b0ce-3e61ead95a0b",
                "{d1c2b9a-a15e-45f1-b0ce-3e61ead95a0}",
        };
        guint8 uuid[TG_UUID_BYTES];
        char text[TG_UUID_CHARS + 1];

        g_assert_true(tg_uuid_parse("6D1C2B9A-a15e-45f1-B0CE-3e61ead95a0b", 36, uuid));
        tg_uuid_format(uuid, text);
        g_assert_cmpstr(text, ==, "6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b");
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                g_assert_false(tg_uuid_parse(wrong[i], strlen(wrong[i]), uuid));
        tg_uuid_format(uuid, text);
        g_assert_cmpstr(text, ==, "6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b");
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/bytes/every-length-survives-base64", test_every_length_survives_base64);
        g_test_add_func("/bytes/one-text-for-one-value", test_one_text_for_one_value);
        g_test_add_func("/bytes/no-text-has-one-character-too-many",
                        test_no_text_has_one_character_too_many);
        g_test_add_func("/bytes/exact-length-or-nothing", test_exact_length_or_nothing);
        g_test_add_func("/bytes/hex-both-ways", test_hex_both_ways);
        g_test_add_func("/bytes/comparison-sees-each-bit", test_comparison_sees_each_bit);
        g_test_add_func("/bytes/uuid-has-one-form", test_uuid_has_one_form);

        return g_test_run();
}
