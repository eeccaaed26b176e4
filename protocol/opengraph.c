/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/opengraph.h"

#include <string.h>

/* A slice of the page. */
typedef struct {
        const char *text;
        gsize n_chars;
} Slice;

static gboolean
slice_is(Slice slice, const char *word)
{
        return slice.n_chars == strlen(word) &&
               g_ascii_strncasecmp(slice.text, word, slice.n_chars) == 0;
}

static const char *
skip_space(const char *at, const char *end)
{
        while (at < end && g_ascii_isspace(*at))
                at++;

        return at;
}

/* The next attribute of a tag at @*at; FALSE at the tag's (or the page's) end. */
static gboolean
next_attribute(const char **at, const char *end, Slice *ret_name, Slice *ret_value)
{
        const char *p = *at;
        const char *start;

        while (p < end && (g_ascii_isspace(*p) || *p == '/'))
                p++;
        if (p == end || *p == '>')
                return FALSE;

        start = p++; /* whatever it is: no name is empty, so each turn gets further */
        while (p < end && !g_ascii_isspace(*p) && *p != '=' && *p != '>' && *p != '/')
                p++;
        *ret_name = (Slice){start, (gsize)(p - start)};
        *ret_value = (Slice){p, 0};

        *at = p;
        p = skip_space(p, end);
        if (p == end || *p != '=')
                return TRUE;
        p = skip_space(p + 1, end);
        if (p < end && (*p == '"' || *p == '\'')) {
                const char *quote = memchr(p + 1, *p, (gsize)(end - p - 1));

                if (!quote)
                        return FALSE;
                *ret_value = (Slice){p + 1, (gsize)(quote - p - 1)};
                *at = quote + 1;
                return TRUE;
        }

        start = p;
        while (p < end && !g_ascii_isspace(*p) && *p != '>')
                p++;
        *ret_value = (Slice){start, (gsize)(p - start)};
        *at = p;
        return TRUE;
}

/* "#39", "#x27": the character, 0 if it is none that may stand in a text. */
static gunichar
numeric_entity(Slice name)
{
        gboolean is_hex = name.n_chars > 1 && (name.text[1] | 0x20) == 'x';
        guint base = is_hex ? 16 : 10;
        gsize first = is_hex ? 2 : 1;
        guint32 value = 0;

        if (name.n_chars == first || name.n_chars > first + 7)
                return 0;
        for (gsize i = first; i < name.n_chars; i++) {
                int digit = g_ascii_xdigit_value(name.text[i]);

                if (digit < 0 || (guint)digit >= base)
                        return 0;
                value = value * base + (guint)digit;
        }

        return g_unichar_validate(value) ? value : 0;
}

/* A name between '&' and ';'; 0 when it is not one of the few that everybody writes. */
static gunichar
entity(Slice name)
{
        static const struct {
                const char *name;
                gunichar c;
        } entities[] = {
                {"amp",  '&' },
                {"lt",   '<' },
                {"gt",   '>' },
                {"quot", '"' },
                {"apos", '\''},
                {"nbsp", 0xa0},
        };

        if (name.n_chars > 0 && name.text[0] == '#')
                return numeric_entity(name);
        for (gsize i = 0; i < G_N_ELEMENTS(entities); i++)
                if (slice_is(name, entities[i].name))
                        return entities[i].c;

        return 0;
}

static char *
unescape(Slice value)
{
        g_autoptr(GString) text = g_string_new(NULL);
        const char *at = value.text;
        const char *end = value.text + value.n_chars;

        while (at < end) {
                const char *stop = NULL;
                gunichar c = 0;

                if (*at == '&')
                        stop = memchr(at, ';', (gsize)MIN(end - at, 12));
                if (stop)
                        c = entity((Slice){at + 1, (gsize)(stop - at - 1)});
                if (c) {
                        g_string_append_unichar(text, c);
                        at = stop + 1;
                } else {
                        g_string_append_c(text, *at++);
                }
        }

        return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The content of the meta tag whose attributes begin at @at, if it is this property's. */
static gboolean
read_meta(const char **at, const char *end, const char *property, Slice *ret_content)
{
        gboolean is_it = FALSE, has_content = FALSE;
        Slice name, value;

        while (next_attribute(at, end, &name, &value)) {
                if (slice_is(name, "property") || slice_is(name, "name")) {
                        is_it |= slice_is(value, property);
                } else if (slice_is(name, "content")) {
                        *ret_content = value;
                        has_content = TRUE;
                }
        }

        return is_it && has_content;
}

char *
tg_opengraph_get(const char *html, gsize n_bytes, const char *property)
{
        const char *end = html + n_bytes;
        const char *at = html;

        while (at < end && (at = memchr(at, '<', (gsize)(end - at)))) {
                Slice content = {0};

                at++;
                if (end - at < 6 || g_ascii_strncasecmp(at, "meta", 4) != 0 ||
                    !(g_ascii_isspace(at[4]) || at[4] == '/'))
                        continue;
                at += 4;
                if (read_meta(&at, end, property, &content))
                        return unescape(content);
        }

        return NULL;
}
