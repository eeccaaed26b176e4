/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/timestamp.h"
#include "tests/unit/helper.h"

static void
test_known_times_both_ways(void)
{
        static const struct {
                const char *text;
                gint64 unix_s;
        } times[] = {
                {"1970-01-01T00:00:00Z", 0                              },
                {"1970-01-01T00:00:01Z", 1                              },
                {"1969-12-31T23:59:59Z", -1                             },
                {"2000-02-29T12:00:00Z", 951825600                      },
                {"2024-02-29T23:59:59Z", 1709251199                     },
                {"2038-01-19T03:14:08Z", G_GINT64_CONSTANT(2147483648)  },
                {"2100-03-01T00:00:00Z", G_GINT64_CONSTANT(4107542400)  },
                {"0000-01-01T00:00:00Z", G_GINT64_CONSTANT(-62167219200)},
                {"9999-12-31T23:59:59Z", G_GINT64_CONSTANT(253402300799)},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(times); i++) {
                g_autofree char *text = tg_time_format(times[i].unix_s);
                gint64 unix_s;

                g_assert_cmpstr(text, ==, times[i].text);
                g_assert_true(tg_time_parse(text, strlen(text), &unix_s));
                g_assert_cmpint(unix_s, ==, times[i].unix_s);
        }
}

/* A prime step meets every month, day and hour of 400 years. */
static void
test_calendar_is_that_of_glib(void)
{
        for (gint64 unix_s = -62135596800; unix_s < 253402300799; unix_s += 86400 * 61 + 7919) {
                g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(unix_s);
                g_autofree char *wanted = g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ");
                g_autofree char *text = tg_time_format(unix_s);
                gint64 back;

                if (g_date_time_get_year(time) >= 1000) /* GLib does not fill up with zeros */
                        g_assert_cmpstr(text, ==, wanted);
                g_assert_true(tg_time_parse(text, strlen(text), &back));
                g_assert_cmpint(back, ==, unix_s);
        }
}

static void
test_other_forms_are_refused(void)
{
        static const char *const wrong[] = {
                "",
                "2030-01-31",
                "2030-01-31T23:59:59",
                "2030-01-31T23:59:59z",
                "2030-01-31t23:59:59Z",
                "2030-01-31 23:59:59Z",
                "2030-01-31T23:59:59.0Z",
                "2030-01-31T23:59:59+00:00",
                "2030-1-31T23:59:59Z",
                " 2030-01-31T23:59:59Z",
                "+030-01-31T23:59:59Z",
                "2030-00-31T23:59:59Z",
                "2030-13-31T23:59:59Z",
                "2030-01-00T23:59:59Z",
                "2030-01-32T23:59:59Z",
                "2030-04-31T23:59:59Z",
                "2030-02-29T23:59:59Z",
                "2100-02-29T23:59:59Z",
                "2030-01-31T24:00:00Z",
                "2030-01-31T23:60:00Z",
                "2016-12-31T23:59:60Z",
        };
        gint64 unix_s = 7;

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                if (tg_time_parse(wrong[i], strlen(wrong[i]), &unix_s))
                        g_error("accepted: %s", wrong[i]);
        g_assert_cmpint(unix_s, ==, 7);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/timestamp/known-times-both-ways", test_known_times_both_ways);
        g_test_add_func("/timestamp/calendar-is-that-of-glib", test_calendar_is_that_of_glib);
        g_test_add_func("/timestamp/other-forms-are-refused", test_other_forms_are_refused);

        return g_test_run();
}
