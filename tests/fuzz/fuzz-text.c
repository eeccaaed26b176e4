/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The small forms: base64, hex, UUIDs, times, entity tags, text of strangers. Any octets. */

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/mailbox.h"
#include "protocol/text.h"
#include "protocol/timestamp.h"
#include "tests/fuzz/fuzz.h"

/* Canonical: what is taken is what would have been written. */
static void
check_base64(TgBase64 form, const char *text, gsize n_chars)
{
        g_autofree guint8 *room = g_malloc(MAX(tg_base64_decoded_room(n_chars), 1));
        g_autofree char *again = NULL;
        gsize n_bytes, n_checked;
        gboolean is_taken = tg_base64_decode(form, text, n_chars, room, &n_bytes);

        g_assert_cmpint(is_taken, ==, tg_base64_check(form, text, n_chars, &n_checked));
        if (!is_taken)
                return;
        g_assert_cmpuint(n_bytes, ==, n_checked);
        if (form == TG_BASE64_ANY)
                return;
        g_assert_cmpuint(tg_base64_encoded_chars(form, n_bytes), ==, n_chars);
        again = tg_base64_encode(form, room, n_bytes);
        g_assert_cmpmem(text, n_chars, again, strlen(again));
}

/* All octets have a text, and come back from it. */
static void
check_encode(TgBase64 form, const guint8 *bytes, gsize n_bytes)
{
        g_autofree char *text = tg_base64_encode(form, bytes, n_bytes);
        g_autofree guint8 *room = g_malloc(MAX(n_bytes, 1));

        g_assert_true(tg_base64_decode_exact(form, text, strlen(text), room, n_bytes));
        g_assert_cmpmem(bytes, n_bytes, room, n_bytes);
        g_assert_false(tg_base64_decode_exact(form, text, strlen(text), room, n_bytes + 1));
}

static void
check_hex(const char *text, const guint8 *bytes, gsize n_bytes)
{
        g_autofree char *hex = tg_hex_encode(bytes, n_bytes);
        g_autoptr(GBytes) back = tg_hex_decode(hex);
        g_autoptr(GBytes) decoded = tg_hex_decode(text);

        g_assert_cmpmem(bytes, n_bytes, g_bytes_get_data(back, NULL), g_bytes_get_size(back));
        if (decoded)
                g_assert_cmpuint(g_bytes_get_size(decoded) * 2, ==, strlen(text));
}

static void
check_uuid(const char *text, gsize n_chars)
{
        guint8 uuid[TG_UUID_BYTES];
        char again[TG_UUID_CHARS + 1];

        if (!tg_uuid_parse(text, n_chars, uuid))
                return;
        tg_uuid_format(uuid, again);
        g_assert_cmpuint(n_chars, ==, TG_UUID_CHARS);
        g_assert_cmpint(g_ascii_strncasecmp(text, again, TG_UUID_CHARS), ==, 0);
}

static void
check_time(const char *text, gsize n_chars)
{
        g_autofree char *again = NULL;
        gint64 unix_s;

        if (!tg_time_parse(text, n_chars, &unix_s))
                return;
        again = tg_time_format(unix_s);
        g_assert_cmpmem(text, n_chars, again, strlen(again));
}

static void
check_tag(const char *text)
{
        g_autofree char *again = NULL;
        guint64 version;

        if (!tg_etag_parse(text, &version))
                return;
        again = g_strdup_printf("\"%" G_GUINT64_FORMAT "\"", version);
        g_assert_cmpstr(text, ==, again);
}

static void
check_clean(const char *text, gsize n_bytes)
{
        static const gsize limits[] = {0, 1, 7, 256, G_MAXUINT32};

        for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
                g_autofree char *clean = tg_text_clean(text, (gssize)n_bytes, limits[i]);

                g_assert_cmpuint(strlen(clean), <=, limits[i]);
                g_assert_true(g_utf8_validate(clean, -1, NULL));
                g_assert_null(strpbrk(clean, "\t\n\v\f\r\033\177"));
                g_assert_true(tg_text_is_clean(clean, limits[i]));
        }
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        const char *text = (const char *)bytes;
        g_autofree char *copy = g_strndup(text, n_bytes);

        check_base64(TG_BASE64_STANDARD, text, n_bytes);
        check_base64(TG_BASE64_URL, text, n_bytes);
        check_base64(TG_BASE64_ANY, text, n_bytes);
        check_encode(TG_BASE64_STANDARD, bytes, n_bytes);
        check_encode(TG_BASE64_URL, bytes, n_bytes);
        check_hex(copy, bytes, n_bytes);
        check_uuid(text, n_bytes);
        check_time(text, n_bytes);
        check_tag(copy);
        check_clean(text, n_bytes);
}
