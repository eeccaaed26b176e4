/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/header.h"

#include <string.h>

/* Splits @text at @separator outside of quoted strings; each piece trimmed, empty
 * ones left out. */
static char **
split(const char *text, char separator)
{
        g_autoptr(GPtrArray) pieces = g_ptr_array_new();
        const char *start = text;
        gboolean is_quoted = FALSE;

        for (const char *at = text;; at++) {
                if (*at == '"')
                        is_quoted = !is_quoted;
                else if (*at == '\\' && is_quoted && at[1] != '\0')
                        at++;
                else if (*at == '\0' || (*at == separator && !is_quoted)) {
                        char *piece = g_strstrip(g_strndup(start, (gsize)(at - start)));

                        if (*piece)
                                g_ptr_array_add(pieces, piece);
                        else
                                g_free(piece);
                        start = at + 1;
                }
                if (*at == '\0')
                        break;
        }
        g_ptr_array_add(pieces, NULL);

        return (char **)g_ptr_array_free(g_steal_pointer(&pieces), FALSE);
}

/* The value of the parameter @name among "NAME=VALUE" pieces, unquoted; or NULL. */
static char *
find_parameter(char **pieces, const char *name)
{
        gsize n_name = strlen(name);

        for (; *pieces; pieces++) {
                char *at = *pieces;
                gsize n;

                if (g_ascii_strncasecmp(at, name, n_name) != 0)
                        continue;
                at = g_strchug(at + n_name);
                if (*at != '=')
                        continue;
                at = g_strstrip(at + 1);
                n = strlen(at);
                if (n >= 2 && at[0] == '"' && at[n - 1] == '"')
                        return g_strndup(at + 1, n - 2);
                return g_strdup(at);
        }

        return NULL;
}

gboolean
tg_header_is_json(const char *content_type)
{
        g_auto(GStrv) pieces = NULL;
        g_autofree char *charset = NULL;

        if (strcmp(content_type, "application/json") == 0) /* what nearly everybody says */
                return TRUE;

        pieces = split(content_type, ';');
        if (!pieces[0] || g_ascii_strcasecmp(pieces[0], "application/json") != 0)
                return FALSE;
        charset = find_parameter(pieces + 1, "charset");

        return !charset || g_ascii_strcasecmp(charset, "utf-8") == 0;
}

/* The weight among a range's parameters (RFC 9110 section 12.4.2): 0 where it is none, for
 * what nobody can read nobody can have asked for. */
static double
read_weight(char **parameters)
{
        g_autofree char *q = find_parameter(parameters, "q");

        if (!q)
                return 1;
        if ((*q != '0' && *q != '1') || strlen(q) > 5 || strspn(q, "0123456789.") != strlen(q))
                return 0;

        return MIN(g_ascii_strtod(q, NULL), 1);
}

/* The quality that Accept gives @type itself, -1 when it does not name it. */
static double
quality(char **ranges, const char *type)
{
        for (; *ranges; ranges++) {
                g_auto(GStrv) pieces = split(*ranges, ';');

                if (pieces[0] && g_ascii_strcasecmp(pieces[0], type) == 0)
                        return read_weight(pieces + 1);
        }

        return -1;
}

gboolean
tg_header_prefers_json(const char *accept)
{
        g_auto(GStrv) ranges = split(accept, ',');
        double json = quality(ranges, "application/json");

        return json > 0 && json > quality(ranges, "text/html");
}

/* "de" and "de-AT" are "de"; "den" is not. "*" is whatever comes first here. */
static gboolean
range_is(const char *range, const char *const *tags, guint i)
{
        gsize n_tag = strlen(tags[i]);

        if (strcmp(range, "*") == 0)
                return i == 0;

        return g_ascii_strncasecmp(range, tags[i], n_tag) == 0 &&
               (range[n_tag] == '\0' || range[n_tag] == '-');
}

guint
tg_header_choose_language(const char *accept_language, const char *const *tags)
{
        g_auto(GStrv) ranges = split(accept_language, ',');
        double best = 0;
        guint chosen = 0;

        for (char **range = ranges; *range; range++) {
                g_auto(GStrv) pieces = split(*range, ';');
                double weight = pieces[0] ? read_weight(pieces + 1) : 0;

                for (guint i = 0; tags[i]; i++)
                        if (weight > best && range_is(pieces[0], tags, i)) {
                                best = weight;
                                chosen = i;
                        }
        }

        return chosen;
}

/* One entity tag: the text between its quotes, or FALSE. */
static gboolean
read_tag(const char *tag, gboolean *ret_is_weak, const char **ret_text, gsize *ret_n_chars)
{
        gsize n;

        *ret_is_weak = g_str_has_prefix(tag, "W/");
        if (*ret_is_weak)
                tag += 2;
        n = strlen(tag);
        if (n < 2 || tag[0] != '"' || tag[n - 1] != '"' || memchr(tag + 1, '"', n - 2))
                return FALSE;
        *ret_text = tag + 1;
        *ret_n_chars = n - 2;

        return TRUE;
}

TgTags
tg_header_match_tags(const char *tags, guint64 version, gboolean is_weak)
{
        g_auto(GStrv) list = NULL;
        char wanted[24];
        gsize n_wanted = (gsize)g_snprintf(wanted, sizeof wanted, "%" G_GUINT64_FORMAT, version);
        TgTags answer = TG_TAGS_DIFFER;

        /* A backslash is an ordinary character of an entity tag, and ours have none. */
        if (strchr(tags, '\\'))
                return TG_TAGS_MALFORMED;
        list = split(tags, ',');
        if (!list[0])
                return TG_TAGS_MALFORMED;
        if (strcmp(list[0], "*") == 0 && !list[1])
                return TG_TAGS_MATCH;

        for (char **tag = list; *tag; tag++) {
                gboolean is_tag_weak;
                const char *text;
                gsize n_chars;

                if (!read_tag(*tag, &is_tag_weak, &text, &n_chars))
                        return TG_TAGS_MALFORMED;
                if (n_chars == n_wanted && memcmp(text, wanted, n_wanted) == 0 &&
                    (is_weak || !is_tag_weak))
                        answer = TG_TAGS_MATCH;
        }

        return answer;
}

guint
tg_header_wait_s(const char *prefer, guint max_s)
{
        g_auto(GStrv) preferences = split(prefer, ',');

        for (char **preference = preferences; *preference; preference++) {
                g_auto(GStrv) pieces = split(*preference, ';');
                g_autofree char *wait = NULL;
                guint64 seconds;

                if (!pieces[0] || !pieces[1])
                        wait = find_parameter(pieces, "wait");
                else {
                        g_auto(GStrv) first = g_strdupv((char *[]){pieces[0], NULL});

                        wait = find_parameter(first, "wait");
                }
                if (!wait)
                        continue;

                /* RFC 7240 section 4.3: delta-seconds; the first one counts (section 2). */
                if (!g_ascii_string_to_unsigned(wait, 10, 0, G_MAXUINT32, &seconds, NULL))
                        return 0;
                return (guint)MIN(seconds, max_s);
        }

        return 0;
}

char **
tg_header_forwarded_for(const char *forwarded)
{
        g_auto(GStrv) elements = split(forwarded, ',');
        GPtrArray *nodes = g_ptr_array_new();

        for (char **element = elements; *element; element++) {
                g_auto(GStrv) pairs = split(*element, ';');
                char *node = find_parameter(pairs, "for");

                g_ptr_array_add(nodes, node ? node : g_strdup(""));
        }
        g_ptr_array_add(nodes, NULL);

        return (char **)g_ptr_array_free(nodes, FALSE);
}
