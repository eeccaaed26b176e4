/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What may reach a terminal. The wallet has cleaned the words of strangers at
 * its border; this is the second lock, for everything that is printed, in
 * tables and in JSON alike: no octet that a terminal acts on, nothing that turns
 * the direction of writing or that nobody can see.
 */

#include <glib.h>

typedef enum {
        TG_ESCAPE_LINE,  /* for people, on one line: "\x1b", "\u{202e}" */
        TG_ESCAPE_LINES, /* the same; line feeds and tabs stay */
        TG_ESCAPE_JSON,  /* the inside of a JSON string: "\u001b", "\u202e" */
} TgEscape;

/* Writes @text, which may hold any octets, to @buffer in the form @form and
 * returns how many octets that took; with NULL it only counts. For people,
 * whatever the locale's character set cannot show is escaped as well. */
gsize tg_escape_to(TgEscape form, const char *text, gsize n_bytes, char *buffer);

/* The same into new memory, zero-terminated; NULL gives "". Not for secrets. */
char *tg_escape(TgEscape form, const char *text);

/* How many columns of a terminal @text (escaped) takes. */
gsize tg_escape_width(const char *text);
