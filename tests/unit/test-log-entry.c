/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An entry of the log and its hash. The known answers were computed by another program, after the
 * description in log-entry.h alone. */

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/log-entry.h"
#include "tests/unit/helper.h"

#define SHARE "000102030405060708090a0b0c0d0e0f"

static const TgLogEntry first = {
        .number = 1,
        .time_s = 1700000000,
        .act = (char *)"shared",
        .by = (char *)"self",
        .share = (char *)SHARE,
        .format = (char *)"org.tigress.wifi.network",
        .title = (char *)"Guests",
        .person = (char *)"Zoë",
};

static const TgLogEntry second = {
        .number = 2,
        .time_s = 1700000060,
        .act = (char *)"completed",
        .by = (char *)"peer",
        .share = (char *)SHARE,
        .format = (char *)"org.tigress.wifi.network",
        .title = (char *)"Guests",
        .person = (char *)"Zoë",
        .text = (char *)"imported",
};

static void
assert_hash(const guint8 hash[TG_LOG_HASH_BYTES], const char *expected)
{
        g_autofree char *text = tg_hex_encode(hash, TG_LOG_HASH_BYTES);

        g_assert_cmpstr(text, ==, expected);
}

static void
test_known_answers(void)
{
        static const guint8 none[TG_LOG_HASH_BYTES];
        guint8 hash[TG_LOG_HASH_BYTES];

        tg_log_entry_hash(&first, none, hash);
        assert_hash(hash, "78a7da61d095db50d071e9c3cb0723173682e23feeee8ee8b983608d9aa7ab12");
        tg_log_entry_hash(&second, hash, hash);
        assert_hash(hash, "8f49e6c62e133678b8ed903726af3b1254c528e1f9a684ced343bae3835ea2d2");
}

/* Nothing that an entry says can be changed, or moved into the text beside it. */
static void
test_every_member_is_in_the_hash(void)
{
        static const guint8 none[TG_LOG_HASH_BYTES];
        static const guint8 other[TG_LOG_HASH_BYTES] = {1};
        TgLogEntry changed[] = {second,
                                second,
                                second,
                                second,
                                second,
                                second,
                                second,
                                second,
                                second,
                                second,
                                second};
        guint8 right[TG_LOG_HASH_BYTES];
        guint8 hash[TG_LOG_HASH_BYTES];

        changed[0].number = 3;
        changed[1].time_s++;
        changed[2].act = (char *)"declined";
        changed[3].by = (char *)"relay";
        changed[4].share = (char *)"";
        changed[5].credential = (char *)SHARE;
        changed[6].format = (char *)"org.tigress.wifi.networ";
        changed[6].title = (char *)"kGuests";
        changed[7].title = (char *)"guests";
        changed[8].person = (char *)"";
        changed[9].text = NULL;
        changed[10].person = (char *)"Zoëimported";
        changed[10].text = NULL;
        tg_log_entry_hash(&second, none, right);
        for (gsize i = 0; i < G_N_ELEMENTS(changed); i++) {
                tg_log_entry_hash(&changed[i], none, hash);
                g_assert_cmpint(memcmp(hash, right, sizeof hash), !=, 0);
        }
        tg_log_entry_hash(&second, other, hash);
        g_assert_cmpint(memcmp(hash, right, sizeof hash), !=, 0);
}

static void
test_what_was_written_is_read(void)
{
        g_autoptr(GBytes) octets = tg_log_entry_write(&first);
        g_auto(TgLogEntry) entry = {0};
        gsize n_octets;
        const guint8 *data = g_bytes_get_data(octets, &n_octets);

        g_assert_true(tg_log_entry_read(data, n_octets, &entry));
        g_assert_cmpuint(entry.number, ==, 1);
        g_assert_cmpint(entry.time_s, ==, 1700000000);
        g_assert_cmpstr(entry.act, ==, "shared");
        g_assert_cmpstr(entry.by, ==, "self");
        g_assert_cmpstr(entry.share, ==, SHARE);
        g_assert_cmpstr(entry.credential, ==, "");
        g_assert_cmpstr(entry.format, ==, "org.tigress.wifi.network");
        g_assert_cmpstr(entry.title, ==, "Guests");
        g_assert_cmpstr(entry.person, ==, "Zoë");
        g_assert_cmpstr(entry.text, ==, "");
}

static void
test_what_cannot_have_been_written_is_refused(void)
{
        g_autoptr(GBytes) octets = tg_log_entry_write(&second);
        gsize n_octets;
        const guint8 *data = g_bytes_get_data(octets, &n_octets);
        g_autofree guint8 *longer = g_malloc(n_octets + 1);
        g_auto(TgLogEntry) entry = {0};

        memcpy(longer, data, n_octets);
        longer[n_octets] = 0;
        for (gsize n = 0; n < n_octets; n++)
                g_assert_false(tg_log_entry_read(longer, n, &entry));
        g_assert_false(tg_log_entry_read(longer, n_octets + 1, &entry));
        longer[16] = 0xff; /* a length that nothing has */
        g_assert_false(tg_log_entry_read(longer, n_octets, &entry));
        longer[16] = 0;
        longer[n_octets - 1] = 0xff; /* no UTF-8 */
        g_assert_false(tg_log_entry_read(longer, n_octets, &entry));
        longer[n_octets - 1] = 0; /* nor is a zero one */
        g_assert_false(tg_log_entry_read(longer, n_octets, &entry));
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/log-entry/known-answers", test_known_answers);
        g_test_add_func("/log-entry/every-member-is-in-the-hash", test_every_member_is_in_the_hash);
        g_test_add_func("/log-entry/what-was-written-is-read", test_what_was_written_is_read);
        g_test_add_func("/log-entry/what-cannot-have-been-written-is-refused",
                        test_what_cannot_have_been_written_is_refused);

        return g_test_run();
}
