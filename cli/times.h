/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Times as people write and read them: "90s", "7d"; "in 23 h", "5 min ago".
 */

#include <glib.h>

/* "90s", "30m", "24h", "7d", or a number of seconds. TG_ERROR_INVALID otherwise. */
gboolean tg_times_parse_duration(const char *text, guint32 *ret_seconds, GError **error);

/* A time from now ("30m", "7d"), or a date of local time: "2027-01-31", "2027-01-31T18:00:00", also
 * with a zone ("Z", "+01:00"). A date alone is its first second, or with @is_end its last.
 * TG_ERROR_INVALID otherwise. */
gboolean tg_times_parse_moment(
        const char *text, gboolean is_end, guint64 now, guint64 *ret_when, GError **error);

/* "23 h 59 min", "5 min", "1 day": two units at most; new memory. */
char *tg_times_duration(guint64 seconds);

/* "in 23 h", "5 min ago", "now"; "-" for 0, which is unknown. */
char *tg_times_relative(guint64 when, guint64 now);

/* "2024-02-29 13:00:00 +0100, in 23 h", local time; "-" for 0. */
char *tg_times_full(guint64 when, guint64 now);

guint64 tg_times_now(void);
