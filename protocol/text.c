/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/text.h"

#include <string.h>

#define REPLACEMENT 0xfffd

/*
 * Code points that show nothing, though their category does not say so: fillers,
 * variation selectors, what Unicode calls default ignorable. They make two texts
 * look alike or carry data unseen. The tag block holds unassigned ones too.
 */
static const struct {
        gunichar first, last;
} invisible[] = {
        {0x034f,  0x034f }, /* combining grapheme joiner */
        {0x115f,  0x1160 }, /* hangul fillers */
        {0x17b4,  0x17b5 }, /* khmer inherent vowels */
        {0x180b,  0x180f }, /* mongolian selectors */
        {0x2060,  0x206f }, /* word joiner, bidirectional isolates, deprecated formats */
        {0x3164,  0x3164 }, /* hangul filler */
        {0xfe00,  0xfe0f }, /* variation selectors */
        {0xffa0,  0xffa0 }, /* halfwidth hangul filler */
        {0xfff0,  0xfffb }, /* unassigned, interlinear annotation */
        {0x1bca0, 0x1bca3}, /* shorthand format controls */
        {0x1d173, 0x1d17a}, /* musical format controls */
        {0xe0000, 0xe0fff}, /* tags, more variation selectors */
};

static gboolean
is_invisible(gunichar c)
{
        for (gsize i = 0; i < G_N_ELEMENTS(invisible); i++)
                if (c >= invisible[i].first && c <= invisible[i].last)
                        return TRUE;

        return FALSE;
}

typedef enum { KEEP, DROP, SPACE } Treatment;

static Treatment
treat(gunichar c)
{
        if (c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r' || c == 0x85)
                return SPACE;
        if ((c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef)) /* non-characters */
                return DROP;
        if (is_invisible(c))
                return DROP;

        switch ((int)g_unichar_type(c)) {
        case G_UNICODE_SPACE_SEPARATOR:
        case G_UNICODE_LINE_SEPARATOR:
        case G_UNICODE_PARAGRAPH_SEPARATOR:
                return SPACE;
        case G_UNICODE_CONTROL:
        case G_UNICODE_FORMAT: /* bidirectional and zero-width ones are of these */
        case G_UNICODE_PRIVATE_USE:
        case G_UNICODE_SURROGATE:
                return DROP;
        default:
                return KEEP;
        }
}

/* The next code point; one replacement character for each octet that belongs to none. */
static gunichar
take_character(const char **at, const char *end)
{
        gunichar c = '\0';

        if (**at != '\0') /* GLib takes this one for a text's end */
                c = g_utf8_get_char_validated(*at, end - *at);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
                (*at)++;
                return REPLACEMENT;
        }
        *at += g_utf8_skip[*(const guchar *)*at];

        return c;
}

char *
tg_text_clean(const char *text, gssize n_bytes, gsize max_bytes)
{
        g_autoptr(GString) clean = g_string_new(NULL);
        const char *at = text;
        const char *end;
        gboolean has_space = FALSE; /* one is owed before the next character */

        if (!text)
                return g_strdup("");

        end = text + (n_bytes < 0 ? strlen(text) : (gsize)n_bytes);
        while (at < end) {
                gunichar c = take_character(&at, end);
                char utf8[6];
                gsize n_utf8;

                switch (treat(c)) {
                case DROP:
                        continue;
                case SPACE:
                        has_space = clean->len > 0;
                        continue;
                case KEEP:
                        break;
                }

                n_utf8 = (gsize)g_unichar_to_utf8(c, utf8);
                if (clean->len + has_space + n_utf8 > max_bytes)
                        break;
                if (has_space)
                        g_string_append_c(clean, ' ');
                g_string_append_len(clean, utf8, (gssize)n_utf8);
                has_space = FALSE;
        }

        return g_string_free(g_steal_pointer(&clean), FALSE);
}

gboolean
tg_text_is_clean(const char *text, gsize max_bytes)
{
        g_autofree char *clean = tg_text_clean(text, -1, max_bytes);

        return g_strcmp0(text, clean) == 0;
}
