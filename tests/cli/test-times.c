/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/times.h"
#include "protocol/error.h"

static void
test_lengths_are_read_as_people_write_them(void)
{
        static const struct {
                const char *text;
                guint32 seconds;
        } good[] = {
                {"90s",        90         },
                {"30m",        1800       },
                {"24h",        86400      },
                {"7d",         604800     },
                {"60",         60         },
                {"0s",         0          },
                {"4294967295", G_MAXUINT32},
        };
        static const char *const bad[] = {
                "",
                "s",
                "-5s",
                "+5s",
                " 5s",
                "5 s",
                "5x",
                "5ms",
                "1h30m",
                "1.5h",
                "4294967296",
                "99999999999999999999",
                "49711d",
                "0x10",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
                guint32 seconds = 1;

                g_assert_true(tg_times_parse_duration(good[i].text, &seconds, NULL));
                g_assert_cmpuint(seconds, ==, good[i].seconds);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                guint32 seconds = 7;

                g_assert_false(tg_times_parse_duration(bad[i], &seconds, &error));
                g_assert_error(error, TG_ERROR, TG_ERROR_INVALID);
                g_assert_cmpuint(seconds, ==, 7);
        }
}

static void
test_moments_are_dates_or_from_now(void)
{
        static const struct {
                const char *text;
                gboolean is_end;
                guint64 when;
        } good[] = {
                {"7d",                        FALSE, 1000 + 604800},
                {"0s",                        TRUE,  1000         },
                {"2027-01-31",                FALSE, 1801353600   },
                {"2027-01-31",                TRUE,  1801439999   },
                {"2027-01-31T18:00:00",       TRUE,  1801418400   },
                {"2027-01-31T18:00:00Z",      FALSE, 1801418400   },
                {"2027-01-31T18:00:00+01:00", FALSE, 1801414800   },
        };
        static const char *const bad[] = {
                "",
                "soon",
                "-5s",
                "2027-01",
                "2027-02-30",
                "2027-01-31T25:00:00",
                "2027-01-31x",
                "1969-12-31",
                "31.1.2027",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
                guint64 when = 1;

                g_assert_true(
                        tg_times_parse_moment(good[i].text, good[i].is_end, 1000, &when, NULL));
                g_assert_cmpuint(when, ==, good[i].when);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                guint64 when = 7;

                g_assert_false(tg_times_parse_moment(bad[i], FALSE, 1000, &when, &error));
                g_assert_error(error, TG_ERROR, TG_ERROR_INVALID);
                g_assert_cmpuint(when, ==, 7);
        }
}

static void
test_lengths_are_told_in_two_units(void)
{
        static const struct {
                guint64 seconds;
                const char *text;
        } cases[] = {
                {0,      "0 s"        },
                {59,     "59 s"       },
                {60,     "1 min"      },
                {61,     "1 min 1 s"  },
                {3600,   "1 h"        },
                {3601,   "1 h"        },
                {86399,  "23 h 59 min"},
                {86400,  "1 day"      },
                {90000,  "1 day 1 h"  },
                {604800, "7 days"     },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = tg_times_duration(cases[i].seconds);

                g_assert_cmpstr(text, ==, cases[i].text);
        }
}

static void
test_moments_are_told_from_now(void)
{
        g_autofree char *unknown = tg_times_relative(0, 1000);
        g_autofree char *now = tg_times_relative(1000, 1000);
        g_autofree char *later = tg_times_relative(1060, 1000);
        g_autofree char *before = tg_times_relative(940, 1000);
        g_autofree char *never = tg_times_full(G_MAXUINT64, 1000);

        g_assert_cmpstr(unknown, ==, "-");
        g_assert_cmpstr(now, ==, "now");
        g_assert_cmpstr(later, ==, "in 1 min");
        g_assert_cmpstr(before, ==, "1 min ago");
        g_assert_true(g_str_has_prefix(never, "in "));
}

int
main(int argc, char **argv)
{
        g_setenv("TZ", "UTC", TRUE);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/times/lengths-are-read-as-people-write-them",
                        test_lengths_are_read_as_people_write_them);
        g_test_add_func("/times/moments-are-dates-or-from-now", test_moments_are_dates_or_from_now);
        g_test_add_func("/times/lengths-are-told-in-two-units", test_lengths_are_told_in_two_units);
        g_test_add_func("/times/moments-are-told-from-now", test_moments_are_told_from_now);

        return g_test_run();
}
