/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Options of a verb: one table that is parsed, shown by --help and checked against
 * the manual. What was typed wrong is not repeated in errors: it may have been a
 * secret.
 */

#include <glib.h>

typedef enum {
        TG_OPTION_FLAG,  /* target: gboolean */
        TG_OPTION_TEXT,  /* target: const char *; given twice is an error */
        TG_OPTION_TEXTS, /* target: GPtrArray * of const char *, NULL when not given */
} TgOptionKind;

typedef struct {
        const char *name; /* without its dashes */
        TgOptionKind kind;
        gpointer target;
        const char *argument; /* what --help calls the value; NULL for a flag */
        const char *help;     /* on one line; NULL: the next option's is for both */
} TgOption;

/* Takes options out of @arguments, wherever they stand up to "--", and leaves the rest in
 * order. Both tables end in {}; @verb_options may be NULL. TG_ERROR_INVALID. */
gboolean tg_option_parse(const TgOption *options,
                         const TgOption *verb_options,
                         GPtrArray *arguments,
                         GError **error);

/* Appends a line an option. */
void tg_option_help(const TgOption *options, GString *help);
