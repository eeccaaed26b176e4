/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/bytes.h"

#include <string.h>

static const char alphabets[][65] = {
        [TG_BASE64_STANDARD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        [TG_BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

/* Value of a character, 64 for what is in no alphabet. */
#define FOREIGN 64
#define BASE64_VALUES(plus, slash, minus, underscore)                                              \
        {                                                                                          \
                [0 ... 255] = FOREIGN, ['+'] = plus, ['/'] = slash, ['-'] = minus,                 \
                       ['_'] = underscore, ['0'] = 52, 53, 54, 55, 56, 57, 58, 59, 60,             \
                       61, ['A'] = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,   \
                       18, 19, 20, 21, 22, 23, 24, 25, ['a'] = 26, 27, 28, 29, 30, 31, 32, 33, 34, \
                       35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51          \
        }

/* One table for each alphabet: the check for foreign characters costs nothing then. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const guint8 values[][256] = {
        [TG_BASE64_STANDARD] = BASE64_VALUES(62, 63, FOREIGN, FOREIGN),
        [TG_BASE64_URL] = BASE64_VALUES(FOREIGN, FOREIGN, 62, 63),
};
#pragma GCC diagnostic pop

gsize
tg_base64_decoded_room(gsize n_chars)
{
        return n_chars / 4 * 3 + 3;
}

gsize
tg_base64_encoded_chars(TgBase64 form, gsize n_bytes)
{
        gsize n_chars = n_bytes / 3 * 4;
        gsize n_rest = n_bytes % 3;

        if (n_rest == 0)
                return n_chars;

        return n_chars + (form == TG_BASE64_STANDARD ? 4 : n_rest + 1);
}

/* Takes the padding off @*n_chars; FALSE when it is not what the form wants. */
static gboolean
strip_padding(TgBase64 form, const char *text, gsize *n_chars)
{
        gsize n = *n_chars;
        gsize n_padding = 0;

        while (n_padding < 2 && n > n_padding && text[n - n_padding - 1] == '=')
                n_padding++;
        n -= n_padding;

        if (n % 4 == 1)
                return FALSE;
        if (n_padding == 0 && form == TG_BASE64_STANDARD && n % 4 != 0)
                return FALSE;
        if (n_padding > 0 && (form == TG_BASE64_URL || (n + n_padding) % 4 != 0))
                return FALSE;

        *n_chars = n;
        return TRUE;
}

static TgBase64
alphabet_of(const char *text, gsize n_chars)
{
        if (memchr(text, '-', n_chars) || memchr(text, '_', n_chars))
                return TG_BASE64_URL;

        return TG_BASE64_STANDARD;
}

/* The last two or three characters. */
static gboolean
decode_tail(const guint8 *table, const guint8 *text, gsize n_chars, guint8 *buffer)
{
        guint8 a = table[text[0]];
        guint8 b = table[text[1]];
        guint8 c = n_chars == 3 ? table[text[2]] : 0;

        if ((a | b | c) & FOREIGN)
                return FALSE;
        /* bits that belong to no octet */
        if (n_chars == 2 ? (b & 0x0f) : (c & 0x03))
                return FALSE;

        if (buffer) {
                buffer[0] = (guint8)(a << 2 | b >> 4);
                if (n_chars == 3)
                        buffer[1] = (guint8)(b << 4 | c >> 2);
        }

        return TRUE;
}

/* @buffer NULL: only checks. */
static gboolean
decode(TgBase64 form, const char *text, gsize n_chars, guint8 *buffer, gsize *ret_n_bytes)
{
        const guint8 *in = (const guint8 *)text;
        const guint8 *table;
        gsize n_groups;
        guint8 foreign = 0;

        if (n_chars > 0 && !strip_padding(form, text, &n_chars))
                return FALSE;
        if (form == TG_BASE64_ANY)
                form = n_chars > 0 ? alphabet_of(text, n_chars) : TG_BASE64_STANDARD;
        table = values[form];

        n_groups = n_chars / 4;
        for (gsize i = 0; i < n_groups; i++, in += 4) {
                guint8 a = table[in[0]], b = table[in[1]], c = table[in[2]], d = table[in[3]];

                foreign |= a | b | c | d;
                if (!buffer)
                        continue;
                *buffer++ = (guint8)(a << 2 | b >> 4);
                *buffer++ = (guint8)(b << 4 | c >> 2);
                *buffer++ = (guint8)(c << 6 | d);
        }
        if (foreign & FOREIGN)
                return FALSE;
        if (n_chars % 4 != 0 && !decode_tail(table, in, n_chars % 4, buffer))
                return FALSE;

        *ret_n_bytes = n_groups * 3 + (n_chars % 4 ? n_chars % 4 - 1 : 0);
        return TRUE;
}

gboolean
tg_base64_decode(TgBase64 form, const char *text, gsize n_chars, guint8 *buffer, gsize *ret_n_bytes)
{
        g_return_val_if_fail(buffer != NULL, FALSE);

        return decode(form, text, n_chars, buffer, ret_n_bytes);
}

gboolean
tg_base64_check(TgBase64 form, const char *text, gsize n_chars, gsize *ret_n_bytes)
{
        return decode(form, text, n_chars, NULL, ret_n_bytes);
}

void
tg_base64_encode_to(TgBase64 form, const guint8 *bytes, gsize n_bytes, char *buffer)
{
        const char *alphabet;

        g_return_if_fail(form == TG_BASE64_STANDARD || form == TG_BASE64_URL);

        alphabet = alphabets[form];
        for (; n_bytes >= 3; n_bytes -= 3, bytes += 3) {
                *buffer++ = alphabet[bytes[0] >> 2];
                *buffer++ = alphabet[(bytes[0] << 4 | bytes[1] >> 4) & 0x3f];
                *buffer++ = alphabet[(bytes[1] << 2 | bytes[2] >> 6) & 0x3f];
                *buffer++ = alphabet[bytes[2] & 0x3f];
        }
        if (n_bytes == 0)
                return;

        *buffer++ = alphabet[bytes[0] >> 2];
        if (n_bytes == 1) {
                *buffer++ = alphabet[bytes[0] << 4 & 0x3f];
        } else {
                *buffer++ = alphabet[(bytes[0] << 4 | bytes[1] >> 4) & 0x3f];
                *buffer++ = alphabet[bytes[1] << 2 & 0x3f];
        }
        for (; form == TG_BASE64_STANDARD && n_bytes < 3; n_bytes++)
                *buffer++ = '=';
}

char *
tg_base64_encode(TgBase64 form, const guint8 *bytes, gsize n_bytes)
{
        gsize n_chars = tg_base64_encoded_chars(form, n_bytes);
        char *text = g_malloc(n_chars + 1);

        tg_base64_encode_to(form, bytes, n_bytes, text);
        text[n_chars] = '\0';

        return text;
}

gboolean
tg_base64_decode_exact(
        TgBase64 form, const char *text, gsize n_chars, guint8 *buffer, gsize n_bytes)
{
        gsize n_decoded;

        /* before anything is written: the buffer has room for n_bytes only */
        if (!tg_base64_check(form, text, n_chars, &n_decoded) || n_decoded != n_bytes)
                return FALSE;

        return tg_base64_decode(form, text, n_chars, buffer, &n_decoded);
}

char *
tg_hex_encode(const guint8 *bytes, gsize n_bytes)
{
        static const char digits[] = "0123456789abcdef";
        char *text = g_malloc(n_bytes * 2 + 1);

        for (gsize i = 0; i < n_bytes; i++) {
                text[2 * i] = digits[bytes[i] >> 4];
                text[2 * i + 1] = digits[bytes[i] & 0x0f];
        }
        text[n_bytes * 2] = '\0';

        return text;
}

/* -1 for what is no hex digit. */
static int
hex_octet(const char *text)
{
        int high = g_ascii_xdigit_value(text[0]);
        int low = high < 0 ? -1 : g_ascii_xdigit_value(text[1]);

        return low < 0 ? -1 : high << 4 | low;
}

GBytes *
tg_hex_decode(const char *text)
{
        gsize n_chars = strlen(text);
        g_autofree guint8 *bytes = NULL;

        if (n_chars % 2 != 0)
                return NULL;

        bytes = g_malloc(n_chars / 2 + 1);
        for (gsize i = 0; i < n_chars / 2; i++) {
                int octet = hex_octet(text + 2 * i);

                if (octet < 0)
                        return NULL;
                bytes[i] = (guint8)octet;
        }

        return g_bytes_new_take(g_steal_pointer(&bytes), n_chars / 2);
}

gboolean
tg_bytes_equal(const guint8 *a, const guint8 *b, gsize n_bytes)
{
        /* volatile: no compiler may stop at the first difference */
        const volatile guint8 *left = a;
        const volatile guint8 *right = b;
        guint8 difference = 0;

        for (gsize i = 0; i < n_bytes; i++)
                difference |= left[i] ^ right[i];

        return difference == 0;
}

gboolean
tg_uuid_parse(const char *text, gsize n_chars, guint8 ret_uuid[TG_UUID_BYTES])
{
        guint8 uuid[TG_UUID_BYTES];
        gsize at = 0;

        if (n_chars != TG_UUID_CHARS)
                return FALSE;

        for (gsize i = 0; i < TG_UUID_BYTES; i++) {
                int octet;

                if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-')
                        return FALSE;
                octet = hex_octet(text + at);
                if (octet < 0)
                        return FALSE;
                uuid[i] = (guint8)octet;
                at += 2;
        }

        memcpy(ret_uuid, uuid, sizeof uuid);
        return TRUE;
}

void
tg_uuid_format(const guint8 uuid[TG_UUID_BYTES], char ret_text[TG_UUID_CHARS + 1])
{
        static const char digits[] = "0123456789abcdef";
        char *at = ret_text;

        for (gsize i = 0; i < TG_UUID_BYTES; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *at++ = '-';
                *at++ = digits[uuid[i] >> 4];
                *at++ = digits[uuid[i] & 0x0f];
        }
        *at = '\0';
}
