/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/times.h"

#include "protocol/error.h"

static const struct {
        char letter;
        guint32 seconds;
        const char *name;   /* in a long form */
        const char *plural; /* where it differs */
} units[] = {
        {'d', 86400, "day", "days"},
        {'h', 3600,  "h",   "h"   },
        {'m', 60,    "min", "min" },
        {'s', 1,     "s",   "s"   },
};

gboolean
tg_times_parse_duration(const char *text, guint32 *ret_seconds, GError **error)
{
        char *end = NULL;
        guint64 number = g_ascii_isdigit(*text) ? g_ascii_strtoull(text, &end, 10) : 0;
        guint64 scale = 0;

        if (end && *end == '\0')
                scale = 1;
        for (gsize i = 0; end && i < G_N_ELEMENTS(units); i++)
                if (end[0] == units[i].letter && end[1] == '\0')
                        scale = units[i].seconds;

        if (scale == 0 || number > G_MAXUINT32 / scale) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "this is no length of time\nwrite it as 90s, 30m, 24h or 7d");
                return FALSE;
        }

        *ret_seconds = (guint32)(number * scale);
        return TRUE;
}

gboolean
tg_times_parse_moment(
        const char *text, gboolean is_end, guint64 now, guint64 *ret_when, GError **error)
{
        g_autoptr(GTimeZone) zone = g_time_zone_new_local();
        gboolean is_date = g_regex_match_simple("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", text, 0, 0);
        g_autofree char *whole = NULL;
        g_autoptr(GDateTime) time = NULL;
        guint32 seconds;

        if (tg_times_parse_duration(text, &seconds, NULL)) {
                *ret_when = now + seconds;
                return TRUE;
        }
        whole = is_date ? g_strconcat(text, is_end ? "T23:59:59" : "T00:00:00", NULL)
                        : g_strdup(text);
        time = g_date_time_new_from_iso8601(whole, zone);
        if (!time || g_date_time_to_unix(time) <= 0) {
                tg_set_error(
                        error,
                        TG_ERROR_INVALID,
                        "this is no time\nwrite it as 2027-01-31, 2027-01-31T18:00:00, or from "
                        "now: 30m, 24h, 7d");
                return FALSE;
        }
        *ret_when = (guint64)g_date_time_to_unix(time);
        return TRUE;
}

static void
append_unit(GString *text, gsize unit, guint64 count)
{
        g_string_append_printf(text,
                               "%s%" G_GUINT64_FORMAT " %s",
                               text->len > 0 ? " " : "",
                               count,
                               count == 1 ? units[unit].name : units[unit].plural);
}

char *
tg_times_duration(guint64 seconds)
{
        GString *text = g_string_new(NULL);
        gsize unit = 0;

        while (unit + 1 < G_N_ELEMENTS(units) && seconds < units[unit].seconds)
                unit++;

        append_unit(text, unit, seconds / units[unit].seconds);
        seconds %= units[unit].seconds;
        if (unit + 1 < G_N_ELEMENTS(units) && seconds >= units[unit + 1].seconds)
                append_unit(text, unit + 1, seconds / units[unit + 1].seconds);

        return g_string_free(text, FALSE);
}

char *
tg_times_relative(guint64 when, guint64 now)
{
        g_autofree char *length = NULL;

        if (when == 0)
                return g_strdup("-");
        if (when == now)
                return g_strdup("now");

        length = tg_times_duration(when > now ? when - now : now - when);
        return when > now ? g_strdup_printf("in %s", length) : g_strdup_printf("%s ago", length);
}

char *
tg_times_full(guint64 when, guint64 now)
{
        g_autoptr(GDateTime) time = NULL;
        g_autofree char *date = NULL;
        g_autofree char *relative = tg_times_relative(when, now);

        if (when > 0 && when <= G_MAXINT64)
                time = g_date_time_new_from_unix_local((gint64)when);
        if (!time)
                return g_steal_pointer(&relative);

        date = g_date_time_format(time, "%Y-%m-%d %H:%M:%S %z");
        return g_strdup_printf("%s, %s", date, relative);
}

guint64
tg_times_now(void)
{
        return (guint64)(g_get_real_time() / G_USEC_PER_SEC);
}
