/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The characters of a JSON string with their escapes resolved. For the two
 * halves of json.h alone; works on what the scanner has found to be right.
 */

#include <glib.h>

#include "protocol/json.h"

/* The type of the value that begins at @text. */
TgJsonType tg_json_type_at(const char *text);

/* Value of the four hex digits after "\u". */
guint32 tg_json_hex4(const char *text);

/* Steps over the escape that begins at @*at, a surrogate pair being one, and
 * gives its octets; returns how many. */
gsize tg_json_take_escape(const char **at, guint8 buffer[4]);

/* The octets one after the other: set at and end, the rest zero. */
typedef struct {
        const char *at;
        const char *end;
        guint8 pending[4];
        guint n_pending, next;
} TgJsonOctets;

int tg_json_octets_next(TgJsonOctets *self); /* -1 at the end */
