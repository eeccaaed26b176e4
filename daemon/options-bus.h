/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Dictionaries of options (a{sv}) read by a table of the keys that are allowed; any
 * other key, a wrong type or a key given twice is TG_ERROR_INVALID and named.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

#include "daemon/terms-bus.h"

typedef enum {
        TG_OPTION_TEXT,   /* s: char **; clean text of at most n_max octets */
        TG_OPTION_WORD,   /* s: char **; printable ASCII of at most n_max octets */
        TG_OPTION_NUMBER, /* u: guint * */
        TG_OPTION_TIME,   /* t: gint64 *; seconds since 1970, what is too large as the largest */
        TG_OPTION_FLAG,   /* b: gboolean * */
        TG_OPTION_PATH,   /* o: char ** */
        TG_OPTION_DICTIONARY, /* a{ss}: GHashTable ** */
        TG_OPTION_TERMS,      /* a{sv}: TgOptionTerms *; keys of a vertical's own */
        TG_OPTION_LIST,       /* as: char *** (NULL-terminated), of at most n_max */
        TG_OPTION_VALUE,      /* s, ay or h: TgValue ** (a secret) of at most n_max octets */
} TgOptionType;

typedef struct {
        const TgTermKey *keys;
        const TgCaller *caller;
        GVariant **terms;
} TgOptionTerms;

typedef struct {
        const char *name; /* NULL ends the table */
        TgOptionType type;
        gpointer target; /* left alone when the key is absent */
        gsize n_max;
} TgOption;

gboolean tg_options_read(sd_bus_message *message, const TgOption *options, GError **error);
