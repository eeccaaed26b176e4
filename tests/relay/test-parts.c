/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The small parts of the relay that know neither requests nor sockets. */

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "relay/body.h"
#include "relay/header.h"
#include "relay/held.h"
#include "relay/prefix.h"
#include "relay/settings.h"

/* ---- headers ---- */

static void
test_content_type(void)
{
        g_assert_true(tg_header_is_json("application/json"));
        g_assert_true(tg_header_is_json("Application/JSON ; charset=\"UTF-8\""));
        g_assert_false(tg_header_is_json("application/json; charset=iso-8859-1"));
        g_assert_false(tg_header_is_json("application/jsonx"));
        g_assert_false(tg_header_is_json("application/problem+json"));
        g_assert_false(tg_header_is_json(""));
        g_assert_false(tg_header_is_json(";"));
}

static void
test_accept(void)
{
        g_assert_true(tg_header_prefers_json("application/json"));
        g_assert_true(tg_header_prefers_json("text/html;q=0.5, application/json"));
        g_assert_false(tg_header_prefers_json("text/html, application/json"));
        g_assert_false(tg_header_prefers_json("application/json;q=0"));
        g_assert_false(tg_header_prefers_json("*/*"));
        g_assert_false(tg_header_prefers_json(""));
        g_assert_false(tg_header_prefers_json("text/html,application/xhtml+xml,*/*;q=0.8"));
}

static void
test_entity_tags(void)
{
        static const struct {
                const char *tags;
                TgTags strong, weak;
        } cases[] = {
                {"\"7\"",             TG_TAGS_MATCH,     TG_TAGS_MATCH    },
                {"W/\"7\"",           TG_TAGS_DIFFER,    TG_TAGS_MATCH    },
                {"\"6\" , \"7\"",     TG_TAGS_MATCH,     TG_TAGS_MATCH    },
                {"\"6\",,W/\"a,b\",", TG_TAGS_DIFFER,    TG_TAGS_DIFFER   },
                {"*",                 TG_TAGS_MATCH,     TG_TAGS_MATCH    },
                {"\"07\"",            TG_TAGS_DIFFER,    TG_TAGS_DIFFER   },
                {"7",                 TG_TAGS_MALFORMED, TG_TAGS_MALFORMED},
                {"*, \"7\"",          TG_TAGS_MALFORMED, TG_TAGS_MALFORMED},
                {"\"7",               TG_TAGS_MALFORMED, TG_TAGS_MALFORMED},
                {"\"",                TG_TAGS_MALFORMED, TG_TAGS_MALFORMED},
                {"\"7\\\"\"",         TG_TAGS_MALFORMED, TG_TAGS_MALFORMED},
                {"",                  TG_TAGS_MALFORMED, TG_TAGS_MALFORMED},
                {" , ",               TG_TAGS_MALFORMED, TG_TAGS_MALFORMED},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_assert_cmpint(tg_header_match_tags(cases[i].tags, 7, FALSE), ==, cases[i].strong);
                g_assert_cmpint(tg_header_match_tags(cases[i].tags, 7, TRUE), ==, cases[i].weak);
        }
}

static void
test_prefer(void)
{
        g_assert_cmpuint(tg_header_wait_s("wait=10", 60), ==, 10);
        g_assert_cmpuint(tg_header_wait_s("respond-async, WAIT = \"10\"; foo=bar", 60), ==, 10);
        g_assert_cmpuint(tg_header_wait_s("wait=61", 60), ==, 60);
        g_assert_cmpuint(tg_header_wait_s("wait=5, wait=9", 60), ==, 5);
        g_assert_cmpuint(tg_header_wait_s("return=minimal; wait=9", 60), ==, 0);
        g_assert_cmpuint(tg_header_wait_s("wait", 60), ==, 0);
        g_assert_cmpuint(tg_header_wait_s("wait=", 60), ==, 0);
        g_assert_cmpuint(tg_header_wait_s("wait=1.5", 60), ==, 0);
        g_assert_cmpuint(tg_header_wait_s("wait=-1", 60), ==, 0);
        g_assert_cmpuint(tg_header_wait_s("waiting=9", 60), ==, 0);
        g_assert_cmpuint(tg_header_wait_s("\"", 60), ==, 0);
        g_assert_cmpuint(tg_header_wait_s("\"wait=9\\", 60), ==, 0);
}

/* ---- rate limits ---- */

static guint
take(TgRateLimit *limit, TgRate rate, const char *host, gint64 now_us)
{
        struct sockaddr_in in = {.sin_family = AF_INET};
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

        if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
                return tg_rate_limit_take(limit, rate, (struct sockaddr *)&in, now_us);
        g_assert_cmpint(inet_pton(AF_INET6, host, &in6.sin6_addr), ==, 1);

        return tg_rate_limit_take(limit, rate, (struct sockaddr *)&in6, now_us);
}

static void
test_buckets_fill_with_time(void)
{
        const TgRateRule rules[TG_N_RATES] = {
                {0,   0},
                {0.5, 3},
                {1,   1}
        };
        g_autoptr(TgRateLimit) limit = tg_rate_limit_new(rules);
        gint64 now_us = 5;

        for (guint i = 0; i < 3; i++)
                g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "192.0.2.1", now_us), ==, 0);
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "192.0.2.1", now_us), ==, 2);
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "192.0.2.2", now_us), ==, 0);
        /* the kinds do not share */
        g_assert_cmpuint(take(limit, TG_RATE_CREATION, "192.0.2.1", now_us), ==, 0);
        g_assert_cmpuint(take(limit, TG_RATE_CREATION, "192.0.2.1", now_us), ==, 1);
        for (guint i = 0; i < 100; i++)
                g_assert_cmpuint(take(limit, TG_RATE_CONNECTION, "192.0.2.1", now_us), ==, 0);

        now_us += 1900 * 1000;
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "192.0.2.1", now_us), ==, 1);
        now_us += 100 * 1000;
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "192.0.2.1", now_us), ==, 0);
        now_us += 60 * G_USEC_PER_SEC; /* never more than the burst */
        for (guint i = 0; i < 3; i++)
                g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "192.0.2.1", now_us), ==, 0);
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "192.0.2.1", now_us), !=, 0);
}

static void
test_sources_are_prefixes(void)
{
        const TgRateRule rules[TG_N_RATES] = {
                {1, 1},
                {1, 1},
                {1, 1}
        };
        g_autoptr(TgRateLimit) limit = tg_rate_limit_new(rules);
        struct sockaddr local = {.sa_family = AF_UNIX};

        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "2001:db8:0:1::1", 0), ==, 0);
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "2001:db8:0:ff:2::9", 0), !=, 0);
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "2001:db8:0:100::1", 0), ==, 0);
        /* one host by either protocol */
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "::ffff:192.0.2.1", 0), ==, 0);
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "192.0.2.1", 0), !=, 0);
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "::ffff:192.0.2.2", 0), ==, 0);
        /* a proxy on this machine stands for everybody */
        for (guint i = 0; i < 10; i++)
                g_assert_cmpuint(tg_rate_limit_take(limit, TG_RATE_REQUEST, &local, 0), ==, 0);
}

static void
test_sources_are_forgotten_hourly(void)
{
        const TgRateRule rules[TG_N_RATES] = {
                {1e-9, 1},
                {1e-9, 1},
                {1e-9, 1}
        };
        const gint64 hour_us = G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC;
        g_autoptr(TgRateLimit) limit = tg_rate_limit_new(rules);

        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "192.0.2.1", 0), ==, 0);
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "192.0.2.1", hour_us - 1), ==, 3600);
        g_assert_cmpuint(take(limit, TG_RATE_REQUEST, "192.0.2.1", hour_us), ==, 0);
}

static gboolean
enter(TgRateLimit *limit, const char *host, guint max, gint64 now_us, guint64 *ret_ticket)
{
        struct sockaddr_storage address;

        g_assert_true(tg_address_parse(host, &address));

        return tg_rate_limit_enter(
                limit, TG_PLACE_HELD, (const struct sockaddr *)&address, max, now_us, ret_ticket);
}

static void
test_places_are_left(void)
{
        const TgRateRule rules[TG_N_RATES] = {0};
        const gint64 hour_us = G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC;
        g_autoptr(TgRateLimit) limit = tg_rate_limit_new(rules);
        guint64 first, second, third;

        g_assert_true(enter(limit, "2001:db8::1", 2, 0, &first));
        g_assert_true(enter(limit, "2001:db8:0:ff::1", 2, 0, &second));
        g_assert_false(enter(limit, "2001:db8::1", 2, 0, &third));
        g_assert_cmpuint(third, ==, 0);
        g_assert_true(enter(limit, "2001:db8:1::1", 2, 0, &third));
        g_assert_cmpuint(third, !=, first);
        g_assert_true(enter(limit, "2001:db8::1", 0, 0, &third)); /* no limit */
        tg_rate_limit_leave(limit, TG_PLACE_HELD, third);
        tg_rate_limit_leave(limit, TG_PLACE_CONNECTION, second); /* none of those */
        g_assert_false(enter(limit, "2001:db8::1", 2, 0, &third));
        tg_rate_limit_leave(limit, TG_PLACE_HELD, second);
        g_assert_true(enter(limit, "2001:db8::1", 2, 0, &second));

        /* known by another name from then on, and no old place is left for the new */
        g_assert_true(enter(limit, "2001:db8::1", 1, hour_us, &third));
        g_assert_cmpuint(third, !=, first);
        tg_rate_limit_leave(limit, TG_PLACE_HELD, first);
        tg_rate_limit_leave(limit, TG_PLACE_HELD, second);
        g_assert_false(enter(limit, "2001:db8::1", 1, hour_us, &first));
}

/* ---- sources ---- */

static void
test_prefixes(void)
{
        static const struct {
                const char *prefix, *address;
                gboolean is_in;
        } cases[] = {
                {"192.0.2.1",      "192.0.2.1",        TRUE },
                {"192.0.2.1",      "192.0.2.2",        FALSE},
                {"192.0.2.1",      "::ffff:192.0.2.1", TRUE },
                {"192.0.2.0/24",   "192.0.2.255",      TRUE },
                {"192.0.2.0/24",   "192.0.3.0",        FALSE},
                {"192.0.2.128/25", "192.0.2.127",      FALSE},
                {"192.0.2.128/25", "192.0.2.200",      TRUE },
                {"0.0.0.0/0",      "203.0.113.9",      TRUE },
                {"0.0.0.0/0",      "2001:db8::1",      FALSE},
                {"::/0",           "203.0.113.9",      TRUE },
                {"2001:db8::/33",  "2001:db8:8000::1", FALSE},
                {"2001:db8::/33",  "2001:db8:7fff::1", TRUE },
                {"unix",           "127.0.0.1",        FALSE},
        };
        static const char *const wrong[] = {
                "",
                "192.0.2",
                "192.0.2.1/33",
                "::/129",
                "192.0.2.1/",
                "192.0.2.1/-1",
                "x",
                "/8",
        };
        const struct sockaddr local = {.sa_family = AF_UNIX};
        TgPrefix prefix;

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                struct sockaddr_storage address;

                g_assert_true(tg_prefix_parse(cases[i].prefix, &prefix));
                g_assert_true(tg_address_parse(cases[i].address, &address));
                g_assert_true(tg_prefix_contains(&prefix, (const struct sockaddr *)&address) ==
                              cases[i].is_in);
                g_assert_true(tg_prefix_contains(&prefix, &local) == prefix.is_local);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                g_assert_false(tg_prefix_parse(wrong[i], &prefix));
}

/* ---- held reads ---- */

static void
init_read(TgHeldRead *read, guint8 id, guint8 claim, gint64 wait_until_us, gint64 expires_us)
{
        memset(read, 0, sizeof *read);
        memset(read->id, id, sizeof read->id);
        memset(read->claim, claim, sizeof read->claim);
        read->wait_until_us = wait_until_us;
        read->expires_us = expires_us;
}

static void
test_newer_read_ends_the_older(void)
{
        g_autoptr(TgHeld) held = tg_held_new();
        TgHeldRead a, b, c, d;

        init_read(&a, 1, 1, 100, 1000);
        init_read(&b, 1, 2, 100, 1000);
        init_read(&c, 1, 1, 200, 1000);
        init_read(&d, 2, 1, 200, 1000);
        g_assert_null(tg_held_add(held, &a));
        g_assert_null(tg_held_add(held, &b));
        g_assert_null(tg_held_add(held, &d));
        g_assert_true(tg_held_add(held, &c) == &a); /* one a claim and mailbox */
        tg_held_remove(held, &a);                   /* no more in there: no harm */

        g_assert_nonnull(tg_held_take(held, b.id));
        g_assert_nonnull(tg_held_take(held, b.id));
        g_assert_null(tg_held_take(held, b.id));
        g_assert_true(tg_held_take_any(held) == &d);
        g_assert_null(tg_held_take_any(held));
}

static void
test_reads_are_due_by_two_clocks(void)
{
        g_autoptr(TgHeld) held = tg_held_new();
        TgHeldRead a, b, c;

        g_assert_cmpint(tg_held_next_us(held, 0, 0), ==, -1);
        init_read(&a, 1, 1, 100, 1000);
        init_read(&b, 2, 1, 900, 50);
        init_read(&c, 3, 1, 900, 1000);
        tg_held_add(held, &a);
        tg_held_add(held, &b);
        tg_held_add(held, &c);
        g_assert_cmpint(tg_held_next_us(held, 10, 20), ==, 30);
        g_assert_null(tg_held_take_due(held, 99, 49));
        g_assert_true(tg_held_take_due(held, 99, 50) == &b);
        g_assert_null(tg_held_take_due(held, 99, 50));
        g_assert_cmpint(tg_held_next_us(held, 99, 50), ==, 1);
        g_assert_true(tg_held_take_due(held, 100, 50) == &a);
        g_assert_null(tg_held_take_due(held, 100, 50));
        /* the clock on the wall is set forward */
        g_assert_true(tg_held_take_due(held, 100, 5000) == &c);
        g_assert_cmpint(tg_held_next_us(held, 100, 5000), ==, -1);
}

/* ---- bodies ---- */

static void
test_bodies(void)
{
        TgBodies all = {0};
        TgBody body = {0}, small = {0};
        g_autofree char *bytes = g_malloc0(TG_MAX_BODY_BYTES);

        g_assert_true(tg_body_add(&body, &all, bytes, TG_MAX_BODY_BYTES));
        g_assert_false(body.is_too_large);
        g_assert_cmpuint(all.n_bytes, ==, TG_MAX_BODY_BYTES);
        g_assert_true(tg_body_add(&body, &all, bytes, 1)); /* read on, but not kept */
        g_assert_true(body.is_too_large);
        g_assert_null(body.bytes);
        g_assert_cmpuint(all.n_bytes, ==, 0);
        for (guint i = 0; i < 126; i++) /* 16 MiB less one octet short of 128 KiB */
                g_assert_true(tg_body_add(&body, &all, bytes, TG_MAX_BODY_BYTES));
        g_assert_false(tg_body_add(&body, &all, bytes, TG_MAX_BODY_BYTES));

        all.n_bytes = 64 * 1024 * 1024;
        g_assert_true(tg_body_add(&small, &all, bytes, 1));
        g_assert_true(small.is_starved);

        memset(&small, 0, sizeof small);
        g_assert_true(tg_body_expect(&small, NULL));
        g_assert_true(tg_body_expect(&small, "131072"));
        g_assert_false(small.is_too_large);
        g_assert_true(tg_body_expect(&small, "131073"));
        g_assert_true(small.is_too_large);
        g_assert_false(tg_body_expect(&small, "16777217"));
        g_assert_false(tg_body_expect(&small, "99999999999999999999999"));
}

/* ---- settings ---- */

static TgSettings *
load(const char *text, GError **error)
{
        g_autofree char *path = NULL;
        TgSettingOptions options = {.public_url = (char *)"https://relay.example"};
        int fd = g_file_open_tmp("relay-conf-XXXXXX", &path, NULL);
        TgSettings *settings;

        g_close(fd, NULL);
        g_file_set_contents(path, text, -1, NULL);
        options.file = path;
        settings = tg_settings_load(&options, error);
        g_unlink(path);

        return settings;
}

static void
test_settings(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSettings) settings =
                load("[Relay]\nListen=[::]:443;127.0.0.1:80\nPublicUrl=https://other.example\n"
                     "MaxLife=3600\nMaxTitle=10\nStore=sqlite:/x/y\nTellEnd=0\n",
                     &error);

        g_assert_no_error(error);
        g_assert_cmpuint(g_strv_length(settings->listen), ==, 2);
        g_assert_cmpstr(settings->public_url, ==, "https://relay.example"); /* the option wins */
        g_assert_cmpstr(settings->store, ==, "/x/y");
        g_assert_cmpuint(settings->max_life_s, ==, 3600);
        g_assert_cmpuint(settings->told_s, ==, 0);
        g_assert_cmpuint(settings->limits.max_title_bytes, ==, 10);
        g_assert_cmpuint(settings->limits.max_sealed_bytes, ==, TG_MAX_SEALED_BYTES);
        g_assert_cmpuint(settings->default_life_s, ==, TG_DEFAULT_LIFE_S);
}

static void
test_broken_settings_are_refused(void)
{
        static const struct {
                const char *text, *named;
        } cases[] = {
                {"[Relay]\nMaxlife=1\n",               "Maxlife="   },
                {"[Relay]\nMaxLife=0\n",               "MaxLife="   },
                {"[Relay]\nMaxLife=1h\n",              "MaxLife="   },
                {"[Relay]\nMaxLife=\n",                "MaxLife="   },
                {"[Relay]\nMaxPayload=200000\n",       "MaxPayload="},
                {"[Relay]\nCertificate=/c\n",          "Key="       },
                {"[Relay]\nStore=mysql://localhost\n", "store"      },
                {"[Relay]\nStore=sqlite:\n",           "store"      },
                {"[Wallet]\n",                         "[Relay]"    },
                {"[Relay]\nMaxLife=1\n[Other]\n",      "[Relay]"    },
                {"junk",                               "[Relay]"    },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(load(cases[i].text, &error));
                g_assert_error(error, TG_ERROR, TG_ERROR_INVALID);
                g_assert_nonnull(strstr(error->message, cases[i].named));
        }
}

static void
test_public_address(void)
{
        static const struct {
                const char *given, *origin;
        } cases[] = {
                {"https://Relay.Example",       "https://relay.example"     },
                {"https://relay.example/",      "https://relay.example"     },
                {"https://relay.example:443",   "https://relay.example"     },
                {"https://relay.example:8443/", "https://relay.example:8443"},
                {"https://[2001:db8::1]:8443",  "https://[2001:db8::1]:8443"},
                {"http://relay.example",        NULL                        },
                {"https://relay.example/v1",    NULL                        },
                {"https://relay.example?x",     NULL                        },
                {"https://relay.example#x",     NULL                        },
                {"https://user@relay.example",  NULL                        },
                {"https://",                    NULL                        },
                {"relay.example",               NULL                        },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                TgSettingOptions options = {
                        .public_url = (char *)cases[i].given,
                        .file = (char *)"/dev/null",
                };
                g_autoptr(GError) error = NULL;
                g_autoptr(TgSettings) settings = NULL;

                options.file = NULL;
                options.is_trial = TRUE; /* reads no file */
                settings = tg_settings_load(&options, &error);
                g_assert_cmpstr(settings ? settings->public_url : NULL, ==, cases[i].origin);
                g_assert_true((error != NULL) == (cases[i].origin == NULL));
        }
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/header/content-type", test_content_type);
        g_test_add_func("/header/accept", test_accept);
        g_test_add_func("/header/entity-tags", test_entity_tags);
        g_test_add_func("/header/prefer", test_prefer);
        g_test_add_func("/rate-limit/buckets-fill-with-time", test_buckets_fill_with_time);
        g_test_add_func("/rate-limit/sources-are-prefixes", test_sources_are_prefixes);
        g_test_add_func("/rate-limit/sources-are-forgotten-hourly",
                        test_sources_are_forgotten_hourly);
        g_test_add_func("/rate-limit/places-are-left", test_places_are_left);
        g_test_add_func("/source/prefixes", test_prefixes);
        g_test_add_func("/held/newer-read-ends-the-older", test_newer_read_ends_the_older);
        g_test_add_func("/held/reads-are-due-by-two-clocks", test_reads_are_due_by_two_clocks);
        g_test_add_func("/body/limits", test_bodies);
        g_test_add_func("/settings/file-and-options", test_settings);
        g_test_add_func("/settings/broken-settings-are-refused", test_broken_settings_are_refused);
        g_test_add_func("/settings/public-address", test_public_address);

        return g_test_run();
}
