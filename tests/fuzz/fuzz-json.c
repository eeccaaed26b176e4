/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The strict JSON profile: any text. */

#include <string.h>

#include "protocol/json.h"
#include "protocol/limits.h"
#include "tests/fuzz/fuzz.h"

/* A string's value by all ways that lead to it; and written again. */
static void
check_string(const TgJson *string, GString *out)
{
        g_autofree char *text = tg_json_dup_string(string);
        gsize n_bytes = tg_json_string_bytes(string);
        g_autofree char *quoted = NULL;
        const char *raw;
        gsize n_raw, n_quoted;

        g_assert_cmpuint(strlen(text), ==, n_bytes); /* no U+0000 */
        g_assert_true(g_utf8_validate(text, -1, NULL));
        g_assert_true(tg_json_string_equal(string, text));
        if (tg_json_string_raw(string, &raw, &n_raw)) {
                g_assert_cmpuint(n_raw, ==, n_bytes);
                g_assert_cmpmem(raw, n_raw, text, n_bytes);
        } else {
                g_assert_cmpuint(string->n_chars, >, n_bytes + 2);
        }
        if (n_bytes > 0) {
                g_autofree char *other = g_strdup(text);

                other[n_bytes - 1] ^= 1;
                g_assert_false(tg_json_string_equal(string, other));
                other[n_bytes - 1] = '\0';
                g_assert_false(tg_json_string_equal(string, other));
        }

        n_quoted = tg_json_quoted_chars(text, n_bytes);
        quoted = g_malloc(n_quoted);
        g_assert_true(tg_json_quote_to(quoted, text, n_bytes) == quoted + n_quoted);
        g_string_append_len(out, quoted, (gssize)n_quoted);
}

static void
check_number(const TgJson *number, GString *out)
{
        guint32 value;

        g_assert_cmpuint(number->n_chars, <=, TG_MAX_JSON_NUMBER_CHARS);
        if (tg_json_get_uint(number, &value)) {
                g_autofree char *text = g_strdup_printf("%u", value);

                g_assert_cmpuint(value, <=, G_MAXINT32);
                g_assert_cmpmem(text, strlen(text), number->text, number->n_chars);
        }
        g_string_append_len(out, number->text, (gssize)number->n_chars);
}

static void write_value(const TgJson *value, GString *out, guint depth);

static void
write_container(const TgJson *value, GString *out, guint depth)
{
        gboolean is_object = value->type == TG_JSON_OBJECT;
        TgJson name, child, found;
        TgJsonIter iter;
        guint n = 0;

        g_string_append_c(out, is_object ? '{' : '[');
        tg_json_iter_init(&iter, value);
        while (tg_json_iter_next(&iter, is_object ? &name : NULL, &child)) {
                if (n++)
                        g_string_append_c(out, ',');
                if (is_object) {
                        g_autofree char *text = tg_json_dup_string(&name);

                        check_string(&name, out);
                        g_string_append_c(out, ':');
                        /* no name stands twice, so it is this one that is found */
                        if (n < 64) {
                                g_assert_true(tg_json_get(value, text, &found));
                                g_assert_true(found.text == child.text);
                        }
                }
                write_value(&child, out, depth + 1);
        }
        g_string_append_c(out, is_object ? '}' : ']');
}

/* Reads the whole value and writes it without white space and needless escapes. */
static void
write_value(const TgJson *value, GString *out, guint depth)
{
        g_assert_cmpuint(depth, <=, TG_MAX_JSON_DEPTH);

        switch (value->type) {
        case TG_JSON_NULL:
        case TG_JSON_FALSE:
        case TG_JSON_TRUE:
                g_string_append_len(out, value->text, (gssize)value->n_chars);
                break;
        case TG_JSON_NUMBER:
                check_number(value, out);
                break;
        case TG_JSON_STRING:
                check_string(value, out);
                break;
        case TG_JSON_ARRAY:
        case TG_JSON_OBJECT:
                write_container(value, out, depth);
                break;
        }
}

/* At the limit and one octet before it. */
static void
check_limit(const char *text, gsize n_bytes)
{
        TgJson value;

        g_assert_true(tg_json_parse(text, n_bytes, n_bytes, &value, NULL));
        g_assert_false(tg_json_parse(text, n_bytes, n_bytes - 1, &value, NULL));
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        const char *text = (const char *)bytes;
        g_autoptr(GString) once = g_string_new(NULL);
        g_autoptr(GString) twice = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        TgJson value;

        if (!tg_json_parse(text, n_bytes, TG_MAX_BODY_BYTES, &value, &error)) {
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                return;
        }
        g_assert_no_error(error);
        g_assert_true(value.text >= text && value.text + value.n_chars <= text + n_bytes);
        check_limit(text, n_bytes);

        write_value(&value, once, 0);
        g_assert_cmpuint(once->len, <=, n_bytes); /* the shortest form of all */
        g_assert_true(tg_json_parse(once->str, once->len, G_MAXINT32, &value, &error));
        write_value(&value, twice, 0);
        g_assert_cmpstr(once->str, ==, twice->str);
}
