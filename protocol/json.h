/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The strict JSON profile (RFC 8259 and the rules at tg_json_parse): a scanner over slices of
 * somebody else's memory, and a few functions that write. It copies nothing, so it can run over
 * secret memory; numbers stay text, because no conversion keeps them.
 *
 * A TgJson is a view: it is valid as long as the text that was parsed.
 */

#include <glib.h>

typedef enum {
        TG_JSON_NULL,
        TG_JSON_FALSE,
        TG_JSON_TRUE,
        TG_JSON_NUMBER,
        TG_JSON_STRING,
        TG_JSON_ARRAY,
        TG_JSON_OBJECT,
} TgJsonType;

typedef struct {
        TgJsonType type;
        const char *text; /* the value as it stands, quotes and brackets included */
        gsize n_chars;
} TgJson;

/* Checks the whole of @text against the profile (UTF-8, grammar, duplicate
 * members after unescaping, depth, surrogates, U+0000, number length, at most
 * @max_bytes) and returns the one value. TG_ERROR_INVALID otherwise; the message
 * names the rule and the octet's position, never the text. */
gboolean
tg_json_parse(const char *text, gsize n_bytes, gsize max_bytes, TgJson *ret_value, GError **error);

/* The functions below take values that came from tg_json_parse(). */

/* The member @name of an object; FALSE when @object is no object or has none. */
gboolean tg_json_get(const TgJson *object, const char *name, TgJson *ret_value);
/* The same, and of this type. */
gboolean
tg_json_get_typed(const TgJson *object, const char *name, TgJsonType type, TgJson *ret_value);

typedef struct {
        const char *at;
        const char *end;
} TgJsonIter;

/* Walks an array or object; ret_name (NULL allowed) is the member's name as a
 * string value. */
void tg_json_iter_init(TgJsonIter *iter, const TgJson *container);
gboolean tg_json_iter_next(TgJsonIter *iter, TgJson *ret_name, TgJson *ret_value);

/* Unescaped length in octets, without copying. */
gsize tg_json_string_bytes(const TgJson *string);
/* Unescapes into @buffer (tg_json_string_bytes() octets, no zero added). */
void tg_json_string_copy(const TgJson *string, char *buffer);
/* The same into new, zero-terminated memory. Not for secrets. */
char *tg_json_dup_string(const TgJson *string);
/* The member @name, where it is a string of at most @max_bytes octets; NULL where it is not: what
 * a stranger may leave out is not said when it is absent, of another type or too long. */
char *tg_json_dup_text(const TgJson *object, const char *name, gsize max_bytes);
/* Compares after unescaping. */
gboolean tg_json_string_equal(const TgJson *string, const char *text);
/* The raw characters between the quotes, when there is no escape among them
 * (base64 texts, UUIDs: taken without copying); FALSE when there is one. */
gboolean tg_json_string_raw(const TgJson *string, const char **ret_text, gsize *ret_n_chars);

/* A plain-digit integer 0 … 2147483647 (profile rule 6). */
gboolean tg_json_get_uint(const TgJson *number, guint32 *ret_value);

/* Escaped length with quotes / write it at @buffer, returning the end: for
 * building in secret memory. @text is valid UTF-8 of @n_bytes octets. */
gsize tg_json_quoted_chars(const char *text, gsize n_bytes);
char *tg_json_quote_to(char *buffer, const char *text, gsize n_bytes);

/* Appends @text (UTF-8) with quotes and escapes. Not for secrets. */
void tg_json_append_string(GString *json, const char *text);

/* How many containers are around the innermost value: 0 for a number, 1 for [1]. */
guint tg_json_depth(const TgJson *value);
/* Whether @object may stand in another one: a content sits one level deep in what travels. */
gboolean tg_json_fits_inside(const TgJson *object);
