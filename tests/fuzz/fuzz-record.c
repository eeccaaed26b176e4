/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A sealed row of the wallet's store, after it was opened: any octets. */

#include <string.h>

#include "daemon/record.h"
#include "tests/fuzz/fuzz.h"

static void
read_all(const TgSecret *plaintext)
{
        for (guint field = 0; field < 256; field++) {
                g_autoptr(TgSecret) value = tg_record_get_secret(plaintext, (guint8)field);
                g_autofree char *text = tg_record_get_text(plaintext, (guint8)field);
                const guint8 *bytes = NULL;
                gsize n_bytes = 0;
                gboolean is_there = tg_record_get_slice(plaintext, (guint8)field, &bytes, &n_bytes);

                g_assert_cmpint(is_there, ==, value != NULL);
                if (text)
                        g_assert_cmpmem(text, strlen(text), bytes, n_bytes);
                if (value)
                        g_assert_cmpmem(
                                tg_secret_get(value, NULL), tg_secret_size(value), bytes, n_bytes);
                if (tg_record_get_number(plaintext, (guint8)field, 1) !=
                    tg_record_get_number(plaintext, (guint8)field, 2))
                        g_assert_true(!is_there || n_bytes != 8);
        }
}

/* The same fields make the same octets, in the order of their numbers. */
static void
check_write(const TgSecret *plaintext)
{
        g_autoptr(TgRecord) record = tg_record_new();
        g_autoptr(TgSecret) written = NULL;
        g_autoptr(GError) error = NULL;

        for (guint field = 0; field < 256; field++) {
                const guint8 *bytes;
                gsize n_bytes;

                if (tg_record_get_slice(plaintext, (guint8)field, &bytes, &n_bytes))
                        tg_record_put_bytes(record, (guint8)field, bytes, n_bytes);
        }
        written = tg_record_write(record, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(tg_secret_size(written), ==, tg_secret_size(plaintext));
        g_assert_true(tg_record_is_valid(written));
        for (guint field = 0; field < 256; field++) {
                g_autoptr(TgSecret) before = tg_record_get_secret(plaintext, (guint8)field);
                g_autoptr(TgSecret) after = tg_record_get_secret(written, (guint8)field);

                g_assert_true(fuzz_same(before, after));
        }
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        g_autoptr(TgSecret) plaintext = NULL;

        if (n_bytes > 128 * 1024)
                return;
        plaintext = fuzz_secret(bytes, n_bytes);
        read_all(plaintext);
        if (tg_record_is_valid(plaintext))
                check_write(plaintext);
}
