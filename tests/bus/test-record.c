/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plaintext of sealed rows: written, read back, and garbage refused. */

#include <string.h>

#include "daemon/record.h"
#include "protocol/error.h"
#include "tests/bus/fixture.h"

enum {
        FIELD_TEXT = 1,
        FIELD_NUMBER = 2,
        FIELD_SECRET = 3,
        FIELD_EMPTY = 200,
        FIELD_ABSENT = 255,
};

static TgSecret *
secret_of(const char *text)
{
        return tg_secret_new(text, strlen(text), NULL);
}

static TgSecret *
write_record(TgRecord *record)
{
        g_autoptr(GError) error = NULL;
        TgSecret *plaintext = tg_record_write(record, &error);

        g_assert_no_error(error);
        return plaintext;
}

static TgSecret *
full_record(void)
{
        g_autoptr(TgRecord) record = tg_record_new();
        g_autoptr(TgSecret) secret = secret_of("a key");

        tg_record_put_text(record, FIELD_TEXT, "a title");
        tg_record_put_number(record, FIELD_NUMBER, G_MAXUINT64 - 7);
        tg_record_put_secret(record, FIELD_SECRET, secret);
        tg_record_put_text(record, FIELD_EMPTY, "");
        tg_record_put_text(record, FIELD_ABSENT, NULL);
        tg_record_put_secret(record, FIELD_ABSENT, NULL);
        return write_record(record);
}

static void
test_what_was_written_is_read(void)
{
        g_autoptr(TgSecret) plaintext = full_record();
        g_autoptr(TgSecret) secret = tg_record_get_secret(plaintext, FIELD_SECRET);
        g_autoptr(TgSecret) expected = secret_of("a key");
        g_autofree char *text = tg_record_get_text(plaintext, FIELD_TEXT);
        g_autofree char *empty = tg_record_get_text(plaintext, FIELD_EMPTY);
        const guint8 *bytes;
        gsize n_bytes;

        g_assert_true(tg_record_is_valid(plaintext));
        g_assert_cmpstr(text, ==, "a title");
        g_assert_cmpstr(empty, ==, "");
        g_assert_true(tg_secret_equal(secret, expected));
        g_assert_cmpuint(tg_record_get_number(plaintext, FIELD_NUMBER, 0), ==, G_MAXUINT64 - 7);
        g_assert_true(tg_record_get_slice(plaintext, FIELD_TEXT, &bytes, &n_bytes));
        g_assert_cmpmem(bytes, n_bytes, "a title", 7);
}

static void
test_what_is_absent_reads_as_absent(void)
{
        g_autoptr(TgSecret) plaintext = full_record();
        g_autoptr(TgRecord) nothing = tg_record_new();
        g_autoptr(TgSecret) empty = write_record(nothing);
        const guint8 *bytes;
        gsize n_bytes;

        g_assert_false(tg_record_get_slice(plaintext, FIELD_ABSENT, &bytes, &n_bytes));
        g_assert_null(tg_record_get_text(plaintext, FIELD_ABSENT));
        g_assert_null(tg_record_get_secret(plaintext, FIELD_ABSENT));
        g_assert_cmpuint(tg_record_get_number(plaintext, FIELD_ABSENT, 42), ==, 42);
        g_assert_true(tg_record_is_valid(empty));
        g_assert_null(tg_record_get_text(empty, FIELD_TEXT));
}

/* Of another kind than asked for. */
static void
test_what_does_not_fit_reads_as_absent(void)
{
        g_autoptr(TgRecord) record = tg_record_new();
        g_autoptr(TgSecret) plaintext = NULL;

        tg_record_put_bytes(record, FIELD_TEXT, "with\0zero", 9);
        tg_record_put_bytes(record, FIELD_NUMBER, "seven..", 7);
        plaintext = write_record(record);
        g_assert_true(tg_record_is_valid(plaintext));
        g_assert_null(tg_record_get_text(plaintext, FIELD_TEXT));
        g_assert_cmpuint(tg_record_get_number(plaintext, FIELD_NUMBER, 42), ==, 42);
}

/* What is on disk now has to be readable by what comes later. */
static void
test_the_layout_stays(void)
{
        static const guint8 expected[] = {
                1,                                         /* layout */
                2, 0, 0, 0, 8, 0,   0,   0, 0, 0, 0, 1, 2, /* number 258 */
                1, 0, 0, 0, 2, 'h', 'i',
        };
        g_autoptr(TgRecord) record = tg_record_new();
        g_autoptr(TgSecret) plaintext = NULL;
        const guint8 *bytes;
        gsize n_bytes;

        tg_record_put_number(record, FIELD_NUMBER, 258);
        tg_record_put_text(record, FIELD_TEXT, "hi");
        plaintext = write_record(record);
        bytes = tg_secret_get(plaintext, &n_bytes);
        g_assert_cmpmem(bytes, n_bytes, expected, sizeof expected);
}

/* Reads every field; what the sanitizers see is the point. */
static void
read_everything(const TgSecret *plaintext)
{
        for (guint field = 0; field <= 255; field++) {
                g_free(tg_record_get_text(plaintext, (guint8)field));
                tg_secret_unref(tg_record_get_secret(plaintext, (guint8)field));
                tg_record_get_number(plaintext, (guint8)field, 0);
        }
}

static void
test_a_cut_record_is_invalid(void)
{
        g_autoptr(TgSecret) plaintext = full_record();
        /* Where a field ends a shorter record ends too; nothing else is one. */
        gsize n_valid = 0;

        for (gsize n = 0; n < tg_secret_size(plaintext); n++) {
                g_autoptr(TgSecret) cut = tg_secret_slice(plaintext, 0, n, NULL);

                n_valid += tg_record_is_valid(cut);
                read_everything(cut);
        }
        g_assert_cmpuint(n_valid, ==, 4);
}

static void
test_lengths_that_lie_are_invalid(void)
{
        static const struct {
                gsize n_bytes;
                guint8 bytes[16];
        } cases[] = {
                {0,  {0}                                },
                {1,  {0}                                }, /* no layout of ours */
                {1,  {2}                                },
                {6,  {2, 1, 0, 0, 0, 0}                 }, /* a later one: whole, but not for us */
                {6,  {1, 1, 0, 0, 0, 1}                 },
                {6,  {1, 1, 0xff, 0xff, 0xff, 0xff}     },
                {7,  {1, 1, 0xff, 0xff, 0xff, 0xfb, 'x'}},
                {7,  {1, 1, 0, 0, 0, 2, 'x'}            },
                {2,  {1, 1}                             },
                {5,  {1, 1, 0, 0, 0}                    },
                {11, {1, 7, 0, 0, 0, 0, 7, 0, 0, 0, 0}  }, /* a field twice */
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(TgSecret) plaintext =
                        tg_secret_new(cases[i].bytes, cases[i].n_bytes, NULL);

                g_assert_false(tg_record_is_valid(plaintext));
                read_everything(plaintext);
        }
}

static void
test_garbage_is_survived(void)
{
        for (guint i = 0; i < 2000; i++) {
                guint8 bytes[48];
                g_autoptr(TgSecret) plaintext = NULL;

                for (gsize j = 0; j < sizeof bytes; j++)
                        bytes[j] = (guint8)g_test_rand_int_range(0, j % 6 == 5 ? 12 : 3);
                bytes[0] = 1;
                plaintext = tg_secret_new(bytes, sizeof bytes, NULL);
                tg_record_is_valid(plaintext);
                read_everything(plaintext);
        }
}

/* Full memory is told at the end, by the first that failed. */
static void
test_a_record_that_does_not_fit_is_refused(void)
{
        g_autoptr(TgRecord) record = tg_record_new();
        g_autoptr(GError) error = NULL;
        g_autofree guint8 *large = g_malloc0(1 << 22);

        tg_record_put_text(record, FIELD_TEXT, "fits");
        tg_record_put_bytes(record, FIELD_SECRET, large, 1 << 22);
        tg_record_put_number(record, FIELD_NUMBER, 1);
        g_assert_null(tg_record_write(record, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_LIMIT_REACHED);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        g_test_add_func("/record/what-was-written-is-read", test_what_was_written_is_read);
        g_test_add_func("/record/what-is-absent-reads-as-absent",
                        test_what_is_absent_reads_as_absent);
        g_test_add_func("/record/what-does-not-fit-reads-as-absent",
                        test_what_does_not_fit_reads_as_absent);
        g_test_add_func("/record/the-layout-stays", test_the_layout_stays);
        g_test_add_func("/record/a-cut-record-is-invalid", test_a_cut_record_is_invalid);
        g_test_add_func("/record/lengths-that-lie-are-invalid", test_lengths_that_lie_are_invalid);
        g_test_add_func("/record/garbage-is-survived", test_garbage_is_survived);
        g_test_add_func("/record/that-does-not-fit-is-refused",
                        test_a_record_that_does_not_fit_is_refused);
        return test_run();
}
