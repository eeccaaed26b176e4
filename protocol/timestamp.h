/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one form in which times travel: RFC 3339, UTC, YYYY-MM-DDThh:mm:ssZ.
 * Knows the calendar and no clock.
 */

#include <glib.h>

/* That form and nothing else: no fraction, offset, lower case or leap second. */
gboolean tg_time_parse(const char *text, gsize n_chars, gint64 *ret_unix_s);

/* New memory. @unix_s is of the years 0000 to 9999, as all are that were parsed. */
char *tg_time_format(gint64 unix_s);
