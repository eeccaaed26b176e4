/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What this program says: the result on stdout (tables and fields for people,
 * JSON lines for programs), everything else on stderr. All words go through
 * escape.h here; callers give them as they are.
 */

#include <glib.h>

#include "protocol/secret.h"

void tg_output_init(gboolean is_json);
gboolean tg_output_is_json(void);

/* stderr. An error is "sentence" or "sentence\nhint". */
void tg_output_error(const GError *error);
void tg_output_hint(const char *format, ...) G_GNUC_PRINTF(1, 2);
void tg_output_note(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* Plain words of our own, without the program's name: what a dialogue consists of. */
void tg_output_say(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* What is being waited for: on a terminal one line that is written anew, else a note
 * when it changes. It goes when anything else is written. */
void tg_output_progress(const char *format, ...) G_GNUC_PRINTF(1, 2);
void tg_output_progress_end(void);

/* stdout. A line that could not be written is remembered: tg_output_finish(). */
void tg_output_line(const char *text);
/* "Name:    value", for a page about one thing; nothing for an empty value. The second
 * goes to stderr, as part of a dialogue. */
void tg_output_field(const char *name, const char *value);
void tg_output_say_field(const char *name, const char *value);

/* The secret and a line feed, by write(2): no buffer of stdio keeps it. */
gboolean tg_output_secret(const TgSecret *secret, GError **error);

/* FALSE when something of the result was lost (disk full, reader gone). */
gboolean tg_output_finish(GError **error);

typedef enum {
        TG_COLOUR_NONE,
        TG_COLOUR_GOOD,
        TG_COLOUR_WARNING,
        TG_COLOUR_BAD,
        TG_COLOUR_HEADING,
} TgColour;

/* Sequences around words on stdout; empty where no colours are wanted. */
const char *tg_output_colour(TgColour colour);

/* A system error's reason, lower case: "no such file or directory". */
const char *tg_output_reason(int errno_value);
