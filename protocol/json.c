/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/json.h"

#include <string.h>

#include "protocol/json-string.h"
#include "protocol/limits.h"

/*
 * Reads text that tg_json_parse() has judged, and so looks for no errors again;
 * and writes.
 */

static const char *
skip_space(const char *at)
{
        while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
                at++;

        return at;
}

/* From an opening quote past the closing one. The next quote is looked for once,
 * not after each escape: a string may be nothing but escapes. */
static const char *
skip_string(const char *at, const char *end)
{
        const char *quote = NULL;

        at++;
        for (;;) {
                const char *escape;

                if (!quote || quote < at)
                        quote = memchr(at, '"', (gsize)(end - at));
                escape = memchr(at, '\\', (gsize)(quote - at));
                if (!escape)
                        return quote + 1;
                at = escape + 2;
        }
}

static const char *
skip_value(const char *at, const char *end)
{
        guint depth = 0;

        if (*at != '"' && *at != '{' && *at != '[') {
                while (at < end && !strchr(",]} \n\r\t", *at))
                        at++;
                return at;
        }

        do {
                if (*at == '"') {
                        at = skip_string(at, end);
                        continue;
                }
                if (*at == '{' || *at == '[')
                        depth++;
                else if (*at == '}' || *at == ']')
                        depth--;
                at++;
        } while (depth > 0);

        return at;
}

static TgJson
value_at(const char *at, const char *end)
{
        return (TgJson){tg_json_type_at(at), at, (gsize)(skip_value(at, end) - at)};
}

void
tg_json_iter_init(TgJsonIter *iter, const TgJson *container)
{
        g_return_if_fail(container->type == TG_JSON_ARRAY || container->type == TG_JSON_OBJECT);

        iter->at = container->text;
        iter->end = container->text + container->n_chars;
}

/* iter->at stands at the opening bracket or after the value given last. */
gboolean
tg_json_iter_next(TgJsonIter *iter, TgJson *ret_name, TgJson *ret_value)
{
        const char *at = skip_space(iter->at);

        if (at + 1 >= iter->end) /* the closing bracket */
                return FALSE;
        at = skip_space(at + 1); /* past the opening bracket or a comma */
        if (at + 1 >= iter->end)
                return FALSE;

        if (iter->end[-1] == '}') {
                TgJson name = value_at(at, iter->end);

                if (ret_name)
                        *ret_name = name;
                at = skip_space(name.text + name.n_chars) + 1; /* the colon */
                at = skip_space(at);
        }
        *ret_value = value_at(at, iter->end);
        iter->at = ret_value->text + ret_value->n_chars;

        return TRUE;
}

gboolean
tg_json_get(const TgJson *object, const char *name, TgJson *ret_value)
{
        TgJsonIter iter;
        TgJson member, value;

        if (object->type != TG_JSON_OBJECT)
                return FALSE;

        tg_json_iter_init(&iter, object);
        while (tg_json_iter_next(&iter, &member, &value)) {
                if (!tg_json_string_equal(&member, name))
                        continue;
                *ret_value = value;
                return TRUE;
        }

        return FALSE;
}

gboolean
tg_json_get_typed(const TgJson *object, const char *name, TgJsonType type, TgJson *ret_value)
{
        TgJson value;

        if (!tg_json_get(object, name, &value) || value.type != type)
                return FALSE;
        *ret_value = value;

        return TRUE;
}

/* ---- strings ---- */

static TgJsonOctets
octets_of(const TgJson *string)
{
        return (TgJsonOctets){.at = string->text + 1, .end = string->text + string->n_chars - 1};
}

gboolean
tg_json_string_raw(const TgJson *string, const char **ret_text, gsize *ret_n_chars)
{
        g_return_val_if_fail(string->type == TG_JSON_STRING, FALSE);

        if (memchr(string->text, '\\', string->n_chars))
                return FALSE;
        *ret_text = string->text + 1;
        *ret_n_chars = string->n_chars - 2;

        return TRUE;
}

gsize
tg_json_string_bytes(const TgJson *string)
{
        TgJsonOctets octets;
        const char *text;
        gsize n_bytes = 0;

        g_return_val_if_fail(string->type == TG_JSON_STRING, 0);

        if (tg_json_string_raw(string, &text, &n_bytes))
                return n_bytes;

        octets = octets_of(string);
        while (tg_json_octets_next(&octets) >= 0)
                n_bytes++;

        return n_bytes;
}

void
tg_json_string_copy(const TgJson *string, char *buffer)
{
        TgJsonOctets octets;
        const char *text;
        gsize n_bytes;
        int octet;

        g_return_if_fail(string->type == TG_JSON_STRING);

        if (tg_json_string_raw(string, &text, &n_bytes)) {
                memcpy(buffer, text, n_bytes);
                return;
        }

        octets = octets_of(string);
        while ((octet = tg_json_octets_next(&octets)) >= 0)
                *buffer++ = (char)octet;
}

char *
tg_json_dup_string(const TgJson *string)
{
        gsize n_bytes = tg_json_string_bytes(string);
        char *text = g_malloc(n_bytes + 1);

        tg_json_string_copy(string, text);
        text[n_bytes] = '\0';

        return text;
}

char *
tg_json_dup_text(const TgJson *object, const char *name, gsize max_bytes)
{
        TgJson value;

        if (!tg_json_get_typed(object, name, TG_JSON_STRING, &value) ||
            tg_json_string_bytes(&value) > max_bytes)
                return NULL;

        return tg_json_dup_string(&value);
}

gboolean
tg_json_string_equal(const TgJson *string, const char *text)
{
        TgJsonOctets octets;
        const char *raw;
        gsize n_chars;
        int octet;

        g_return_val_if_fail(string->type == TG_JSON_STRING, FALSE);

        if (tg_json_string_raw(string, &raw, &n_chars))
                return strlen(text) == n_chars && memcmp(raw, text, n_chars) == 0;

        octets = octets_of(string);
        while ((octet = tg_json_octets_next(&octets)) >= 0)
                if (*text == '\0' || octet != (guint8)*text++)
                        return FALSE;

        return *text == '\0';
}

gboolean
tg_json_get_uint(const TgJson *number, guint32 *ret_value)
{
        guint64 value = 0;

        if (number->type != TG_JSON_NUMBER || number->n_chars > 10)
                return FALSE;

        for (gsize i = 0; i < number->n_chars; i++) {
                if (!g_ascii_isdigit(number->text[i]))
                        return FALSE;
                value = value * 10 + (guint64)(number->text[i] - '0');
        }
        if (value > G_MAXINT32)
                return FALSE;
        *ret_value = (guint32)value;

        return TRUE;
}

/* ---- writing ---- */

/* The letter after '\\' for what must be escaped, 'u' for the long form, 0 for the rest. */
static char
escape_letter(guint8 octet)
{
        switch (octet) {
        case '"':
        case '\\':
                return (char)octet;
        case '\b':
                return 'b';
        case '\f':
                return 'f';
        case '\n':
                return 'n';
        case '\r':
                return 'r';
        case '\t':
                return 't';
        default:
                return octet < 0x20 ? 'u' : '\0';
        }
}

gsize
tg_json_quoted_chars(const char *text, gsize n_bytes)
{
        gsize n_chars = 2;

        for (gsize i = 0; i < n_bytes; i++) {
                char letter = escape_letter((guint8)text[i]);

                n_chars += letter == 'u' ? 6 : letter ? 2 : 1;
        }

        return n_chars;
}

char *
tg_json_quote_to(char *buffer, const char *text, gsize n_bytes)
{
        static const char digits[] = "0123456789abcdef";

        *buffer++ = '"';
        for (gsize i = 0; i < n_bytes; i++) {
                guint8 octet = (guint8)text[i];
                char letter = escape_letter(octet);

                if (!letter) {
                        *buffer++ = (char)octet;
                        continue;
                }
                *buffer++ = '\\';
                *buffer++ = letter;
                if (letter == 'u') {
                        memcpy(buffer, "00", 2);
                        buffer[2] = digits[octet >> 4];
                        buffer[3] = digits[octet & 0x0f];
                        buffer += 4;
                }
        }
        *buffer++ = '"';

        return buffer;
}

void
tg_json_append_string(GString *json, const char *text)
{
        gsize n_bytes = strlen(text);
        gsize before = json->len;

        g_string_set_size(json, before + tg_json_quoted_chars(text, n_bytes));
        tg_json_quote_to(json->str + before, text, n_bytes);
}

guint
tg_json_depth(const TgJson *value)
{
        guint depth = 0;
        guint deepest = 0;
        gboolean is_string = FALSE;

        for (gsize i = 0; i < value->n_chars; i++) {
                char c = value->text[i];

                if (is_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                is_string = FALSE;
                } else if (c == '"') {
                        is_string = TRUE;
                } else if (c == '{' || c == '[') {
                        depth++;
                        deepest = MAX(deepest, depth);
                } else if (c == '}' || c == ']') {
                        depth--;
                }
        }
        return deepest;
}

gboolean
tg_json_fits_inside(const TgJson *object)
{
        return tg_json_depth(object) < TG_MAX_JSON_DEPTH;
}
