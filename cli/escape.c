/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/escape.h"

#include <string.h>

/* Room for the longest escape: "\u{10ffff}" and "\ud83d\ude00", and a zero. */
#define MAX_ESCAPED 16

/* Letters and marks by their class, but drawn as nothing. */
static const struct {
        gunichar first;
        gunichar last;
} blanks[] = {
        {0x034f,  0x034f },
        {0x115f,  0x1160 },
        {0x17b4,  0x17b5 },
        {0x180b,  0x180f },
        {0x2800,  0x2800 },
        {0x3164,  0x3164 },
        {0xfe00,  0xfe0f },
        {0xffa0,  0xffa0 },
        {0xe0100, 0xe01ef},
};

static gboolean
is_visible(gunichar character)
{
        GUnicodeType type = g_unichar_type(character);

        for (gsize i = 0; i < G_N_ELEMENTS(blanks); i++)
                if (character >= blanks[i].first && character <= blanks[i].last)
                        return FALSE;

        return g_unichar_isprint(character) && type != G_UNICODE_LINE_SEPARATOR &&
               type != G_UNICODE_PARAGRAPH_SEPARATOR && type != G_UNICODE_PRIVATE_USE;
}

static void
escape_json(gunichar character, char *buffer)
{
        if (character < 0x10000) {
                g_snprintf(buffer, MAX_ESCAPED, "\\u%04x", character);
                return;
        }
        g_snprintf(buffer,
                   MAX_ESCAPED,
                   "\\u%04x\\u%04x",
                   0xd800 + ((character - 0x10000) >> 10),
                   0xdc00 + ((character - 0x10000) & 0x3ff));
}

/* One character in the form @form, zero-terminated. */
static void
escape_character(TgEscape form, gboolean is_unicode, gunichar character, char *buffer)
{
        gboolean stays = is_visible(character);

        if (form == TG_ESCAPE_JSON) {
                if (character == '"' || character == '\\')
                        g_snprintf(buffer, MAX_ESCAPED, "\\%c", (char)character);
                else if (stays)
                        buffer[g_unichar_to_utf8(character, buffer)] = '\0';
                else
                        escape_json(character, buffer);
                return;
        }

        if (form == TG_ESCAPE_LINES && (character == '\n' || character == '\t'))
                stays = TRUE;
        if (stays && (is_unicode || character < 0x80))
                buffer[g_unichar_to_utf8(character, buffer)] = '\0';
        else if (character < 0x80)
                g_snprintf(buffer, MAX_ESCAPED, "\\x%02x", character);
        else
                g_snprintf(buffer, MAX_ESCAPED, "\\u{%x}", character);
}

/* An octet that is no UTF-8. JSON has no way to write one. */
static void
escape_octet(TgEscape form, guint8 octet, char *buffer)
{
        if (form == TG_ESCAPE_JSON)
                g_snprintf(buffer, MAX_ESCAPED, "\\ufffd");
        else
                g_snprintf(buffer, MAX_ESCAPED, "\\x%02x", octet);
}

gsize
tg_escape_to(TgEscape form, const char *text, gsize n_bytes, char *buffer)
{
        gboolean is_unicode = g_get_charset(NULL);
        const char *end = text + n_bytes;
        gsize n_written = 0;

        while (text < end) {
                /* A zero octet is a character here, but none for GLib. */
                gunichar character =
                        *text == '\0' ? 0 : g_utf8_get_char_validated(text, end - text);
                char escaped[MAX_ESCAPED];
                gsize n_escaped;

                if (character == (gunichar)-1 || character == (gunichar)-2) {
                        escape_octet(form, (guint8)*text, escaped);
                        text++;
                } else {
                        escape_character(form, is_unicode, character, escaped);
                        text += g_unichar_to_utf8(character, NULL);
                }

                n_escaped = strlen(escaped);
                if (buffer)
                        memcpy(buffer + n_written, escaped, n_escaped);
                n_written += n_escaped;
        }

        return n_written;
}

char *
tg_escape(TgEscape form, const char *text)
{
        gsize n_bytes = text ? strlen(text) : 0;
        gsize n_escaped = tg_escape_to(form, text, n_bytes, NULL);
        char *escaped = g_malloc(n_escaped + 1);

        tg_escape_to(form, text, n_bytes, escaped);
        escaped[n_escaped] = '\0';

        return escaped;
}

gsize
tg_escape_width(const char *text)
{
        gsize n_columns = 0;

        for (; *text; text = g_utf8_next_char(text)) {
                gunichar character = g_utf8_get_char(text);

                if (g_unichar_iszerowidth(character))
                        continue;
                n_columns += g_unichar_iswide(character) ? 2 : 1;
        }

        return n_columns;
}
