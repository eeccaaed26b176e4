/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the preview page says, in each language that it speaks. One table, the
 * translations of a sentence side by side: who changes one sees the others.
 * Knows no HTML; a {name} in a text is something that the page puts there.
 */

#include <glib.h>

typedef enum {
        TG_LANGUAGE_ENGLISH, /* whatever is asked for and not here is this */
        TG_LANGUAGE_GERMAN,
        TG_LANGUAGE_SPANISH,
        TG_LANGUAGE_FRENCH,
} TgLanguage;
#define TG_N_LANGUAGES (TG_LANGUAGE_FRENCH + 1)

/* The one that Accept-Language (RFC 9110 section 12.5.4; NULL: absent) likes best. */
TgLanguage tg_preview_choose(const char *accept_language);

/* As Content-Language and HTML name it; static. */
const char *tg_preview_language_tag(TgLanguage language);

/* Static, or NULL if there is no such text. */
const char *tg_preview_text(const char *name, TgLanguage language);

/* The names of all texts, one by one; NULL after the last. */
const char *tg_preview_text_name(guint index);

/* The minute in which @unix_s is, in UTC, and so that it is read as that. */
char *tg_preview_format_time(gint64 unix_s, TgLanguage language);
