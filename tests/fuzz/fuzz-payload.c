/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A payload: one octet (odd: the long key), then the JSON value that a slot holds. The keys are
 * FUZZ_KEY_OCTET all through, so that seeds can be sealed under them.
 */

#include <string.h>

#include "protocol/crypto.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/payload.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_KEY_OCTET 0x4b

/* The same JSON inside of a string, as some relays give it. */
static void
check_string_form(const TgJson *payload, const guint8 *digest)
{
        g_autoptr(GString) quoted = g_string_new(NULL);
        g_autofree char *text = g_strndup(payload->text, payload->n_chars);
        guint8 again[TG_SHA256_BYTES];
        TgJson string;

        if (payload->type != TG_JSON_OBJECT)
                return;
        tg_json_append_string(quoted, text);
        g_assert_true(tg_json_parse(quoted->str, quoted->len, G_MAXINT32, &string, NULL));
        g_assert_true(tg_payload_digest(&string, again, NULL));
        g_assert_cmpmem(digest, TG_SHA256_BYTES, again, TG_SHA256_BYTES);
}

static void
check_split(const TgJson *payload, gboolean is_opened)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *scratch = NULL;
        guint8 digest[TG_SHA256_BYTES];
        gboolean is_split, has_digest;
        TgJson type, data;
        gsize n_chars;

        is_split = tg_payload_split(payload, &scratch, &type, &data, &error);
        fuzz_check_error(error, !is_split);
        has_digest = tg_payload_digest(payload, digest, NULL);
        g_assert_cmpint(is_split, ==, has_digest);
        if (!is_split) {
                g_assert_cmpint(tg_error_code(error), ==, TG_ERROR_TAMPERED);
                g_assert_false(is_opened);
                return;
        }

        g_assert_cmpint(type.type, ==, TG_JSON_STRING);
        n_chars = tg_json_string_bytes(&data);
        g_assert_cmpuint(n_chars, <=, TG_MAX_PAYLOAD_CHARS);
        g_assert_cmpuint(n_chars % 4, ==, 0);
        g_assert_cmpuint(n_chars / 4 * 3, >=, TG_MIN_SEALED_BYTES);
        check_string_form(payload, digest);
}

/* Octets that are sealed come out as they went in, and not under another key. */
static void
check_seal(const TgSecret *key, const guint8 *bytes, gsize n_bytes)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) plaintext = fuzz_secret(bytes, n_bytes);
        g_autoptr(TgSecret) other = fuzz_key(FUZZ_KEY_OCTET ^ 1, tg_secret_size(key));
        g_autoptr(TgSecret) opened = NULL;
        g_autofree char *text = tg_payload_seal(key, NULL, plaintext, &error);
        TgJson payload;

        if (!text) {
                helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
                g_assert_cmpuint(n_bytes, >, TG_MAX_PLAINTEXT_BYTES);
                return;
        }
        payload = helper_json(text);
        opened = tg_payload_open(key, &payload, &error);
        g_assert_no_error(error);
        g_assert_true(tg_secret_equal(opened, plaintext));
        g_assert_null(tg_payload_open(other, &payload, NULL));
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        FuzzInput input = {bytes, n_bytes};
        gboolean is_long = fuzz_take_octet(&input) & 1;
        g_autoptr(TgSecret) key = fuzz_key(FUZZ_KEY_OCTET, is_long ? 32 : 16);
        g_autoptr(TgSecret) opened = NULL;
        g_autoptr(GError) error = NULL;
        TgJson payload;

        check_seal(key, input.at, input.n_left);
        if (!tg_json_parse((const char *)input.at, input.n_left, TG_MAX_BODY_BYTES, &payload, NULL))
                return;

        opened = tg_payload_open(key, &payload, &error);
        fuzz_check_error(error, !opened);
        g_assert_true(opened || tg_error_code(error) == TG_ERROR_TAMPERED);
        check_split(&payload, opened != NULL);
}
