/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/names.h"
#include "tests/unit/helper.h"

static void
test_codes_names_and_statuses_are_the_published_ones(void)
{
        static const char *const names[] = {
                "Failed",
                "Invalid",
                "NotFound",
                "BadState",
                "Denied",
                "Expired",
                "Unreachable",
                "Tampered",
                "LimitReached",
                "UntrustedRelay",
                "KeyringUnavailable",
                "AlreadyUsed",
                "WrongPin",
                "Declined",
                "Cancelled",
        };

        g_assert_cmpuint(G_N_ELEMENTS(names), ==, TG_N_ERRORS);
        for (guint i = 0; i < TG_N_ERRORS; i++) {
                g_autofree char *bus_name = g_strconcat(TG_ERROR_PREFIX, names[i], NULL);

                g_assert_cmpstr(tg_error_name((TgError)i), ==, names[i]);
                g_assert_cmpstr(tg_error_bus_name((TgError)i), ==, bus_name);
                g_assert_cmpint(tg_error_exit_status((TgError)i), ==, (int)i + 1);
        }
}

static void
test_names_lead_back_to_their_code(void)
{
        for (guint i = 0; i < TG_N_ERRORS; i++) {
                TgError code;

                g_assert_true(tg_error_from_name(tg_error_name((TgError)i), &code));
                g_assert_cmpuint(code, ==, i);
                g_assert_true(tg_error_from_bus_name(tg_error_bus_name((TgError)i), &code));
                g_assert_cmpuint(code, ==, i);
        }
}

static void
test_foreign_names_are_nobodys(void)
{
        static const char *const foreign[] = {
                NULL,
                "",
                "expired",
                "Expired ",
                TG_ERROR_PREFIX,
                TG_ERROR_PREFIX "Nothing",
                "org.freedesktop.DBus.Error.Failed",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(foreign); i++) {
                TgError code = TG_ERROR_DECLINED;

                g_assert_false(tg_error_from_bus_name(foreign[i], &code));
                g_assert_false(tg_error_from_name(foreign[i], &code));
                g_assert_cmpint(code, ==, TG_ERROR_DECLINED);
        }
}

static void
test_errors_of_other_domains_are_failed(void)
{
        g_autoptr(GError) own = tg_error_new(TG_ERROR_EXPIRED, "the mailbox is gone");
        g_autoptr(GError) other = g_error_new(G_FILE_ERROR, TG_ERROR_EXPIRED, "no such file");
        g_autoptr(GError) beyond = g_error_new(TG_ERROR, TG_N_ERRORS, "of a later version");

        g_assert_cmpint(tg_error_code(own), ==, TG_ERROR_EXPIRED);
        g_assert_cmpint(tg_error_code(other), ==, TG_ERROR_FAILED);
        g_assert_cmpint(tg_error_code(beyond), ==, TG_ERROR_FAILED);
        g_assert_cmpint(tg_error_code(NULL), ==, TG_ERROR_FAILED);
}

static void
test_setting_fills_what_is_there(void)
{
        g_autoptr(GError) error = NULL;

        tg_set_error(NULL, TG_ERROR_INVALID, "nobody asked");
        tg_set_error(&error, TG_ERROR_INVALID, "%s has %d octets", "the key", 7);
        g_assert_error(error, TG_ERROR, TG_ERROR_INVALID);
        g_assert_cmpstr(error->message, ==, "the key has 7 octets");
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/error/codes-names-and-statuses-are-the-published-ones",
                        test_codes_names_and_statuses_are_the_published_ones);
        g_test_add_func("/error/names-lead-back-to-their-code", test_names_lead_back_to_their_code);
        g_test_add_func("/error/foreign-names-are-nobodys", test_foreign_names_are_nobodys);
        g_test_add_func("/error/errors-of-other-domains-are-failed",
                        test_errors_of_other_domains_are_failed);
        g_test_add_func("/error/setting-fills-what-is-there", test_setting_fills_what_is_there);

        return g_test_run();
}
