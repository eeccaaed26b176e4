/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/limits.h"
#include "protocol/payload.h"
#include "tests/unit/helper.h"

static char *
quoted(const char *text)
{
        GString *json = g_string_new(NULL);

        tg_json_append_string(json, text);

        return g_string_free(json, FALSE);
}

/* As PHP and others write it. */
static char *
with_escaped_solidi(const char *text)
{
        g_auto(GStrv) parts = g_strsplit(text, "/", -1);

        return g_strjoinv("\\/", parts);
}

static char *
seal(const TgSecret *key, const char *text)
{
        g_autoptr(TgSecret) plaintext = helper_secret(text);
        g_autoptr(GError) error = NULL;
        char *payload = tg_payload_seal(key, NULL, plaintext, &error);

        g_assert_no_error(error);

        return payload;
}

/* A payload has one identity in all its spellings. */
static void
test_all_spellings_open_and_are_the_same(void)
{
        g_autoptr(TgSecret) key = helper_secret_filled(3, 32);
        g_autofree char *plain = NULL;
        g_autofree char *escaped = NULL;
        g_autofree char *string = NULL;
        g_autofree char *both = NULL;
        guint8 first[32];

        do { /* until there is something to escape */
                g_free(plain);
                plain = seal(key, "the plaintext");
        } while (!strchr(plain, '/'));
        escaped = with_escaped_solidi(plain);
        string = quoted(plain);
        both = quoted(escaped);

        const char *const spellings[] = {plain, escaped, string, both};
        for (gsize i = 0; i < G_N_ELEMENTS(spellings); i++) {
                TgJson payload = helper_json(spellings[i]);
                g_autoptr(TgSecret) opened = tg_payload_open(key, &payload, NULL);
                guint8 digest[32];

                g_assert_nonnull(opened);
                g_assert_cmpstr((const char *)tg_secret_get(opened, NULL), ==, "the plaintext");
                g_assert_true(tg_payload_digest(&payload, digest, NULL));
                if (i == 0)
                        memcpy(first, digest, sizeof first);
                g_assert_cmpmem(digest, 32, first, 32);
        }
}

static void
test_parts_are_found_where_they_stand(void)
{
        g_autofree char *text =
                g_strdup_printf("{\"x\":0,\"data\":\"%s\",\"type\":\"AEAD_AES_128_GCM\"}",
                                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==");
        TgJson payload = helper_json(text), type, data;
        g_autofree char *scratch = NULL;

        g_assert_true(tg_payload_split(&payload, &scratch, &type, &data, NULL));
        g_assert_null(scratch);
        g_assert_true(tg_json_string_equal(&type, "AEAD_AES_128_GCM"));
        g_assert_cmpuint(data.n_chars, ==, 42);
}

static void
test_what_needs_no_key_is_refused_without_one(void)
{
        static const char *const wrong[] = {
                "null",
                "[]",
                "7",
                "\"\"",
                "\"[]\"",
                "\"{\"",
                "{}",
                "{\"type\":\"AEAD_AES_128_GCM\"}",
                "{\"data\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\"}",
                "{\"type\":\"AEAD_AES_192_GCM\",\"data\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
                "\"}",
                "{\"type\":\"AEAD_AES_128_GCM\",\"data\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
                "{\"type\":\"AEAD_AES_128_GCM\",\"data\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
                "\"}",
                "{\"type\":\"AEAD_AES_128_GCM\",\"data\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=="
                "\"}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                TgJson payload = helper_json(wrong[i]), type, data;
                g_autofree char *scratch = NULL;
                g_autoptr(GError) error = NULL;
                guint8 digest[32];

                g_assert_false(tg_payload_split(&payload, &scratch, &type, &data, &error));
                helper_assert_error(error, TG_ERROR_TAMPERED, "AAAA");
                g_assert_false(tg_payload_digest(&payload, digest, NULL));
        }
}

static void
test_the_largest_fits_and_one_more_does_not(void)
{
        g_autoptr(TgSecret) key = helper_secret_filled(3, 32);
        g_autoptr(TgSecret) largest = helper_secret_filled('x', TG_MAX_PLAINTEXT_BYTES);
        g_autoptr(TgSecret) beyond = helper_secret_filled('x', TG_MAX_PLAINTEXT_BYTES + 1);
        g_autofree char *text = tg_payload_seal(key, NULL, largest, NULL);
        g_autoptr(TgSecret) opened = NULL;
        g_autoptr(GError) error = NULL;
        TgJson payload = helper_json(text), data;

        g_assert_true(tg_json_get(&payload, "data", &data));
        g_assert_cmpuint(data.n_chars - 2, ==, TG_MAX_PAYLOAD_CHARS);
        opened = tg_payload_open(key, &payload, NULL);
        g_assert_true(tg_secret_equal(opened, largest));

        g_assert_null(tg_payload_seal(key, NULL, beyond, &error));
        helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
}

/* Sealed elsewhere with one octet too many: refused before it is opened. */
static void
test_a_longer_one_than_any_is_refused(void)
{
        g_autoptr(TgSecret) key = helper_secret_filled(3, 32);
        g_autofree char *data = g_strnfill(87424, 'A');
        g_autofree char *text =
                g_strdup_printf("{\"type\":\"AEAD_AES_256_GCM\",\"data\":\"%s\"}", data);
        g_autoptr(GError) error = NULL;
        TgJson payload = helper_json(text);

        g_assert_null(tg_payload_open(key, &payload, &error));
        helper_assert_error(error, TG_ERROR_TAMPERED, "AAAA");
        g_assert_nonnull(strstr(error->message, "length"));
}

static void
test_a_full_heap_is_not_taken_for_tampering(void)
{
        g_autoptr(TgSecret) key = helper_secret_filled(3, 32);
        g_autofree char *text = seal(key, "text");
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)tg_secret_unref);
        g_autoptr(GError) error = NULL;
        TgJson payload = helper_json(text);
        TgSecret *secret;
        guint8 *room;

        for (gsize n = 1024 * 1024; n >= 1; n /= 2)
                while ((secret = tg_secret_new_blank(n, &room, NULL)))
                        g_ptr_array_add(all, secret);
        g_assert_null(tg_payload_open(key, &payload, &error));
        helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/payload/all-spellings-open-and-are-the-same",
                        test_all_spellings_open_and_are_the_same);
        g_test_add_func("/payload/parts-are-found-where-they-stand",
                        test_parts_are_found_where_they_stand);
        g_test_add_func("/payload/what-needs-no-key-is-refused-without-one",
                        test_what_needs_no_key_is_refused_without_one);
        g_test_add_func("/payload/the-largest-fits-and-one-more-does-not",
                        test_the_largest_fits_and_one_more_does_not);
        g_test_add_func("/payload/a-longer-one-than-any-is-refused",
                        test_a_longer_one_than_any_is_refused);
        g_test_add_func("/payload/a-full-heap-is-not-taken-for-tampering",
                        test_a_full_heap_is_not_taken_for_tampering);

        return g_test_run();
}
