/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Octets as text and back: base64 in strict forms (canonical, nothing skipped),
 * hex, UUIDs; and comparison in constant time. Knows nothing of what the octets mean.
 */

#include <glib.h>

typedef enum {
        TG_BASE64_STANDARD, /* RFC 4648 section 4, padding required */
        TG_BASE64_URL,      /* section 5, padding refused */
        TG_BASE64_ANY,      /* decoding only: either alphabet but not both, padding right or
                               absent (fragments of links) */
} TgBase64;

/* Octets of output room that decoding @n_chars needs at most / characters that
 * encoding needs, without a terminating zero. */
gsize tg_base64_decoded_room(gsize n_chars);
gsize tg_base64_encoded_chars(TgBase64 form, gsize n_bytes);

/* Decodes into @buffer (of tg_base64_decoded_room() octets, which may be secret
 * memory). FALSE, and nothing promised about @buffer, for anything that is not
 * canonical: foreign characters, white space, wrong padding, trailing bits. */
gboolean tg_base64_decode(
        TgBase64 form, const char *text, gsize n_chars, guint8 *buffer, gsize *ret_n_bytes);

/* The same check without a result: only how many octets it would be. */
gboolean tg_base64_check(TgBase64 form, const char *text, gsize n_chars, gsize *ret_n_bytes);

/* Writes tg_base64_encoded_chars() characters to @buffer, no zero after them. */
void tg_base64_encode_to(TgBase64 form, const guint8 *bytes, gsize n_bytes, char *buffer);

/* The same into new memory, zero-terminated. Not for secrets. */
char *tg_base64_encode(TgBase64 form, const guint8 *bytes, gsize n_bytes);

/* Decodes to exactly @n_bytes octets, or FALSE. */
gboolean tg_base64_decode_exact(
        TgBase64 form, const char *text, gsize n_chars, guint8 *buffer, gsize n_bytes);

/* Lower-case hex, new memory. */
char *tg_hex_encode(const guint8 *bytes, gsize n_bytes);
/* Either case; NULL when @text is not hex of an even length. */
GBytes *tg_hex_decode(const char *text);

gboolean tg_bytes_equal(const guint8 *a, const guint8 *b, gsize n_bytes); /* constant time */

#define TG_UUID_BYTES 16
#define TG_UUID_CHARS 36

/* 8-4-4-4-12, hex in either case, exactly @n_chars long. */
gboolean tg_uuid_parse(const char *text, gsize n_chars, guint8 ret_uuid[TG_UUID_BYTES]);
/* Lower case, zero-terminated. */
void tg_uuid_format(const guint8 uuid[TG_UUID_BYTES], char ret_text[TG_UUID_CHARS + 1]);
