/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/timestamp.h"

#define DAY_S 86400
#define DAYS_OF_400_YEARS 146097
#define DAYS_TO_EPOCH 719468                    /* from 0000-03-01 to 1970-01-01 */
#define MIN_S (-G_GINT64_CONSTANT(62167219200)) /* 0000-01-01T00:00:00Z */
#define MAX_S G_GINT64_CONSTANT(253402300799)   /* 9999-12-31T23:59:59Z */

/* Years that begin in March put the leap day last, which makes the rest of the
 * year regular (the usual civil-day algorithm; proleptic Gregorian). */
static gint64
days_of(guint year, guint month, guint day)
{
        gint64 y = (gint64)year - (month <= 2);
        gint64 era = (y >= 0 ? y : y - 399) / 400;
        gint64 year_of_era = y - era * 400;
        gint64 day_of_year = (153 * ((gint64)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        gint64 day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

        return era * DAYS_OF_400_YEARS + day_of_era - DAYS_TO_EPOCH;
}

static gboolean
is_leap(guint year)
{
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static guint
days_in_month(guint year, guint month)
{
        static const guint8 n_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

        return month == 2 && is_leap(year) ? 29 : n_days[month - 1];
}

static guint
number_at(const char *text, gsize n_digits)
{
        guint number = 0;

        for (gsize i = 0; i < n_digits; i++)
                number = number * 10 + (guint)(text[i] - '0');

        return number;
}

gboolean
tg_time_parse(const char *text, gsize n_chars, gint64 *ret_unix_s)
{
        static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
        guint year, month, day, hour, minute, second;

        if (n_chars != sizeof form - 1)
                return FALSE;
        for (gsize i = 0; i < n_chars; i++)
                if (form[i] == 'd' ? !g_ascii_isdigit(text[i]) : text[i] != form[i])
                        return FALSE;

        year = number_at(text, 4);
        month = number_at(text + 5, 2);
        day = number_at(text + 8, 2);
        hour = number_at(text + 11, 2);
        minute = number_at(text + 14, 2);
        second = number_at(text + 17, 2);
        if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
            minute > 59 || second > 59)
                return FALSE;

        *ret_unix_s = days_of(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second;
        return TRUE;
}

char *
tg_time_format(gint64 unix_s)
{
        gint64 days, era, second, day_of_era, year_of_era, day_of_year, month;
        gint64 year, day;

        g_return_val_if_fail(unix_s >= MIN_S && unix_s <= MAX_S, NULL);

        days = unix_s / DAY_S - (unix_s % DAY_S < 0);
        second = unix_s - days * DAY_S;

        days += DAYS_TO_EPOCH;
        era = (days >= 0 ? days : days - DAYS_OF_400_YEARS + 1) / DAYS_OF_400_YEARS;
        day_of_era = days - era * DAYS_OF_400_YEARS;
        year_of_era =
                (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
        day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        month = (5 * day_of_year + 2) / 153; /* from March */
        day = day_of_year - (153 * month + 2) / 5 + 1;
        month += month < 10 ? 3 : -9;
        year = year_of_era + era * 400 + (month <= 2);

        return g_strdup_printf("%04d-%02d-%02dT%02d:%02d:%02dZ",
                               (int)year,
                               (int)month,
                               (int)day,
                               (int)(second / 3600),
                               (int)(second / 60 % 60),
                               (int)(second % 60));
}
