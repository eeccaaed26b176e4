/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is an address of Redis, and what is none. */

#include <string.h>

#include "protocol/error.h"
#include "relay/redis-address.h"

static void
test_addresses_are_read(void)
{
        static const struct {
                const char *text;
                gboolean is_tls;
                const char *path, *service, *user, *password, *hosts;
                guint database;
        } cases[] = {
                {"redis://h",                      FALSE, NULL,   NULL, NULL,  NULL,     "h 6379",                0    },
                {"redis://h:1/7",                  FALSE, NULL,   NULL, NULL,  NULL,     "h 1",                   7    },
                {"rediss://[::1]:65535/65535",     TRUE,  NULL,   NULL, NULL,  NULL,     "::1 65535",             65535},
                {"redis://u:p@[fe80::1]/",         FALSE, NULL,   NULL, "u",   "p",      "fe80::1 6379",          0    },
                {"redis://:p@h",                   FALSE, NULL,   NULL, NULL,  "p",      "h 6379",                0    },
                {"redis://u@h",                    FALSE, NULL,   NULL, "u",   NULL,     "h 6379",                0    },
                {"redis://u%3Av:p%40%2F%25:x@h",   FALSE, NULL,   NULL, "u:v", "p@/%:x", "h 6379",                0    },
                {"redis+unix:///r/s",              FALSE, "/r/s", NULL, NULL,  NULL,     "",                      0    },
                {"redis+unix://u:p@/r/s?db=3",     FALSE, "/r/s", NULL, "u",   "p",      "",                      3    },
                {"redis+sentinel://a,b:2,[::3]/m",
                 FALSE,                                   NULL,
                 "m",                                                   NULL,
                 NULL,                                                                   "a 26379,b 2,::3 26379",
                 0                                                                                                     },
                {"rediss+sentinel://u:p@a/m/4",    TRUE,  NULL,   "m",  "u",   "p",      "a 26379",               4    },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(TgRedisAddress) address = tg_redis_address_parse(cases[i].text, &error);
                g_autoptr(GString) hosts = g_string_new(NULL);

                g_assert_no_error(error);
                g_assert_true(tg_redis_address_is_one(cases[i].text));
                g_assert_true(tg_redis_address_has_password(cases[i].text) ==
                              (cases[i].password != NULL));
                g_assert_true(address->is_tls == cases[i].is_tls);
                g_assert_cmpstr(address->path, ==, cases[i].path);
                g_assert_cmpstr(address->service, ==, cases[i].service);
                g_assert_cmpstr(address->user, ==, cases[i].user);
                g_assert_cmpstr(address->password, ==, cases[i].password);
                g_assert_cmpuint(address->database, ==, cases[i].database);
                for (guint k = 0; k < address->hosts->len; k++) {
                        const TgRedisHost *host = &g_array_index(address->hosts, TgRedisHost, k);

                        g_string_append_printf(
                                hosts, "%s%s %s", k > 0 ? "," : "", host->name, host->port);
                }
                g_assert_cmpstr(hosts->str, ==, cases[i].hosts);
        }
}

static void
test_everything_else_is_refused(void)
{
        static const char *const cases[] = {
                "redis:h",
                "REDIS://h",
                "redis+tcp://h",
                "redis://",
                "redis:///1",
                "redis://:1",
                "redis://h:",
                "redis://h:0",
                "redis://h:65536",
                "redis://h:1x",
                "redis://h/x",
                "redis://h/65536",
                "redis://h/1/2",
                "redis://h/-1",
                "redis://a,b",
                "redis://[::1",
                "redis://[]",
                "redis://[::1]x",
                "redis://h?db=1",
                "redis://h#x",
                "redis://@h",
                "redis://canary:@h",
                "redis://:@h",
                "redis://u:canary%zz@h",
                "redis://u:canary%00@h",
                "redis+unix://h/p",
                "redis+unix://",
                "redis+unix:///p?x=1",
                "redis+unix:///p?db=x",
                "redis+sentinel://h",
                "redis+sentinel://h/",
                "redis+sentinel://h,/m",
                "redis+sentinel://h/m/1/2",
                "rediss+sentinel://u:canary@/m",
        };
        g_autofree char *name = g_strnfill(200, 'x');
        g_autofree char *path = g_strconcat("redis+unix:///", name, NULL);

        g_assert_null(tg_redis_address_parse(path, NULL));
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;

                if (tg_redis_address_parse(cases[i], &error))
                        g_error("taken: %s", cases[i]);
                g_assert_error(error, TG_ERROR, TG_ERROR_INVALID);
                g_assert_null(strstr(error->message, "canary"));
        }
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/redis-address/addresses-are-read", test_addresses_are_read);
        g_test_add_func("/redis-address/everything-else-is-refused",
                        test_everything_else_is_refused);

        return g_test_run();
}
