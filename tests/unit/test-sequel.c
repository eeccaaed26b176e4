/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "daemon/sequel.h"
#include "helper.h"
#include "protocol/error.h"

#define ORIGIN "https://relay.example"
#define PLACE ORIGIN "/v1/m/12345678-9abc-4def-8012-3456789abcde"

static TgSecret *
link_of(TgLinkMode mode, const char *place)
{
        g_autoptr(TgSecret) secret = helper_secret("0123456789abcdef0123456789abcdef");
        g_autoptr(GError) error = NULL;
        TgSecret *link = tg_link_format(place, 0, mode, secret, &error);

        g_assert_no_error(error);
        return link;
}

static void
test_what_is_written_is_read(void)
{
        g_autoptr(TgSecret) text = link_of(TG_LINK_T2, PLACE);
        g_autoptr(TgSecret) next = tg_sequel_write(text, 1790000000, NULL);
        g_autoptr(GError) error = NULL;
        gint64 from_s = 0;
        g_autoptr(TgLink) link = tg_sequel_read(next, ORIGIN, &from_s, &error);

        g_assert_no_error(error);
        g_assert_cmpint(from_s, ==, 1790000000);
        g_assert_cmpstr(link->mailbox_url, ==, PLACE);
        g_assert_cmpuint(tg_secret_size(link->secret), ==, 32);
}

static void
assert_refused(const TgSecret *next)
{
        g_autoptr(GError) error = NULL;
        gint64 from_s = 0;
        g_autoptr(TgLink) link = tg_sequel_read(next, ORIGIN, &from_s, &error);

        g_assert_null(link);
        helper_assert_error(error, TG_ERROR_INVALID, NULL);
}

static void
test_a_link_to_elsewhere_or_of_another_mode_is_refused(void)
{
        g_autoptr(TgSecret) plain = link_of(TG_LINK_T1, PLACE);
        g_autoptr(TgSecret) spoken = link_of(TG_LINK_T2_PIN, PLACE);
        g_autoptr(TgSecret) foreign = link_of(
                TG_LINK_T2, "https://other.example/v1/m/12345678-9abc-4def-8012-3456789abcde");
        TgSecret *links[] = {plain, spoken, foreign};

        for (gsize i = 0; i < G_N_ELEMENTS(links); i++) {
                g_autoptr(TgSecret) next = tg_sequel_write(links[i], 1, NULL);

                assert_refused(next);
        }
}

static void
test_what_is_malformed_is_refused(void)
{
        g_autoptr(TgSecret) link = link_of(TG_LINK_T2, PLACE);
        g_autofree char *text =
                g_strndup((const char *)tg_secret_get(link, NULL), tg_secret_size(link));
        const char *const after[] = {
                "", ",\"from\":\"1\"", ",\"from\":-1", ",\"from\":1.5", ",\"from\":4294967296"};
        const char *const whole[] = {"{}",
                                     "{\"link\":1,\"from\":1}",
                                     "{\"link\":\"x\",\"from\":1}",
                                     "{\"from\":1}",
                                     "[]",
                                     "\"\""};

        for (gsize i = 0; i < G_N_ELEMENTS(after); i++) {
                g_autofree char *json = g_strdup_printf("{\"link\":\"%s\"%s}", text, after[i]);
                g_autoptr(TgSecret) next = helper_secret(json);

                assert_refused(next);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(whole); i++) {
                g_autoptr(TgSecret) next = helper_secret(whole[i]);

                assert_refused(next);
        }
}

static void
assert_due(gint64 from_s, gint64 over_s, gint64 first_s, gint64 last_s)
{
        for (guint i = 0; i < 100; i++) {
                gint64 due_s = tg_sequel_due(1000, from_s, over_s);

                g_assert_cmpint(due_s, >=, first_s);
                g_assert_cmpint(due_s, <=, last_s);
        }
}

/* Who wants to be asked at once, or never, is not asked more often, or less. */
static void
test_it_is_asked_for_in_good_time(void)
{
        assert_due(1400, 1800, 1500, 1600);
        assert_due(0, 1800, 1200, 1400);
        assert_due(0, 1001, 1005, 1005);
        assert_due(0, 900, 1005, 1005);
        assert_due(1000, 1010, 1005, 1005);
        assert_due(G_MAXUINT32, 1800, 1800, 1800);
        assert_due(1400, G_MAXUINT32, 1400, G_MAXUINT32);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/sequel/written", test_what_is_written_is_read);
        g_test_add_func("/sequel/elsewhere",
                        test_a_link_to_elsewhere_or_of_another_mode_is_refused);
        g_test_add_func("/sequel/malformed", test_what_is_malformed_is_refused);
        g_test_add_func("/sequel/it-is-asked-for-in-good-time", test_it_is_asked_for_in_good_time);
        return g_test_run();
}
