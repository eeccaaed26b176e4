/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The configuration of a WireGuard tunnel, which lay where other programs write too, read again. */

#include <string.h>

#include "daemon/vertical.h"
#include "daemon/verticals/wireguard-tunnel.h"
#include "tests/unit/helper.h"

#define PRIVATE_KEY "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
#define SERVER_KEY "nq1DKDw8Ui8DEFC1aFgxzOq7MBcFTCqgLVyTBBkfHCk="
#define PRESHARED_KEY "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="

static const char usual[] = "[Interface]\n"
                            "PrivateKey = " PRIVATE_KEY "\n"
                            "Address = 10.8.0.2/32, fd00:8::2/128\n"
                            "DNS = 10.8.0.1\n"
                            "\n"
                            "[Peer]\n"
                            "PublicKey = " SERVER_KEY "\n"
                            "PresharedKey = " PRESHARED_KEY "\n"
                            "Endpoint = vpn.example:51820\n"
                            "AllowedIPs = 10.8.0.0/24, fd00:8::/64\n"
                            "PersistentKeepalive = 25\n";

static gboolean
parse(const char *text, gsize n, TgWireguardTunnel *ret_tunnel)
{
        g_autoptr(TgSecret) given = tg_secret_new(text, n, NULL);
        g_autoptr(GError) error = NULL;

        if (tg_wireguard_tunnel_parse(given, ret_tunnel, &error))
                return TRUE;
        helper_assert_error(error, TG_ERROR_INVALID, PRIVATE_KEY);
        return FALSE;
}

static char *
replaced(const char *part, const char *with)
{
        g_auto(GStrv) parts = g_strsplit(usual, part, 2);

        g_assert_cmpuint(g_strv_length(parts), ==, 2);
        return g_strjoinv(with, parts);
}

static void
assert_survives(const char *text)
{
        g_auto(TgWireguardTunnel) tunnel = {};
        g_autoptr(TgSecret) written = NULL;
        g_autoptr(GError) error = NULL;

        if (!parse(text, strlen(text), &tunnel))
                g_error("refused: %s", text);
        written = tg_wireguard_tunnel_format(&tunnel, &error);
        g_assert_no_error(error);
        g_assert_cmpstr((const char *)tg_secret_get(written, NULL), ==, text);
}

static void
test_what_was_written_is_read_and_written_the_same(void)
{
        static const char *const cases[][2] = {
                {"25\n",                       "25\n"                       },
                {"PersistentKeepalive = 25\n", ""                           },
                {"DNS = 10.8.0.1\n",           ""                           },
                {"DNS = 10.8.0.1\n",           "DNS = 10.8.0.1, fd00:8::1\n"},
                {"10.8.0.2/32, ",              ""                           },
                {", fd00:8::2/128",            ""                           },
                {"vpn.example",                "[2001:db8::1]"              },
                {"10.8.0.0/24, fd00:8::/64",   "0.0.0.0/0, ::/0"            },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = replaced(cases[i][0], cases[i][1]);

                assert_survives(text);
        }
}

static void
test_the_parts_are_told_apart(void)
{
        g_auto(TgWireguardTunnel) tunnel = {};
        guint8 key[TG_X25519_BYTES];

        g_assert_true(parse(usual, strlen(usual), &tunnel));
        g_assert_cmpuint(tg_secret_size(tunnel.private_key), ==, TG_X25519_BYTES);
        g_assert_true(tg_wireguard_key_decode(PRIVATE_KEY, key));
        g_assert_cmpmem(tg_secret_get(tunnel.private_key, NULL), sizeof key, key, sizeof key);
        g_assert_true(tg_wireguard_key_decode(PRESHARED_KEY, key));
        g_assert_cmpmem(tg_secret_get(tunnel.preshared_key, NULL), sizeof key, key, sizeof key);
        g_assert_cmpstr(tunnel.offer.server_key, ==, SERVER_KEY);
        g_assert_cmpstr(tunnel.offer.endpoint, ==, "vpn.example:51820");
        g_assert_cmpuint(tunnel.n_addresses, ==, 2);
        g_assert_cmpuint(tunnel.offer.n_routes, ==, 2);
        g_assert_cmpuint(tunnel.offer.n_name_servers, ==, 1);
        g_assert_cmpuint(tunnel.offer.keepalive_s, ==, 25);
}

static void
test_what_was_changed_is_refused(void)
{
        static const char *const cases[][2] = {
                {"[Peer]\n",                                "PostUp = id\n[Peer]\n"                       },
                {"\n\n",                                    "\nPostUp = id\n\n"                           },
                {"25\n",                                    "25\nPostUp = id\n"                           },
                {"25\n",                                    "25\n[Peer]\n"                                },
                {"25\n",                                    "25\nPersistentKeepalive = 26\n"              },
                {"25\n",                                    "25\n\n"                                      },
                {"25\n",                                    "0\n"                                         },
                {"25\n",                                    "65536\n"                                     },
                {"25\n",                                    "25"                                          },
                {PRIVATE_KEY,                               "AAAA"                                        },
                {PRIVATE_KEY,                               PRIVATE_KEY "A"                               },
                {PRIVATE_KEY,                               "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBm=k"},
                {PRESHARED_KEY,                             ""                                            },
                {SERVER_KEY,                                "x"                                           },
                {"PrivateKey = ",                           "PrivateKey ="                                },
                {"10.8.0.2/32",                             "10.8.0.2/24"                                 },
                {"10.8.0.2/32",                             "127.0.0.1/32"                                },
                {"fd00:8::2/128",                           "10.8.0.3/32"                                 },
                {"fd00:8::2/128",                           "fd00:8::2/128, fd00:8::3/128"                },
                {"10.8.0.0/24",                             "10.8.0.1/24"                                 },
                {"AllowedIPs = 10.8.0.0/24, fd00:8::/64\n", "AllowedIPs = \n"                             },
                {"DNS = 10.8.0.1",                          "DNS = 10.8.0.0/24"                           },
                {"vpn.example:51820",                       "vpn.example"                                 },
                {"vpn.example:51820",                       "$(id):1"                                     },
                {"[Interface]\n",                           "[Interface]\r\n"                             },
                {"[Interface]\n",                           "# mine\n[Interface]\n"                       },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = replaced(cases[i][0], cases[i][1]);
                g_auto(TgWireguardTunnel) tunnel = {};

                if (parse(text, strlen(text), &tunnel))
                        g_error("taken: %s", text);
                g_assert_null(tunnel.private_key);
        }
        for (gsize n = 0; n < strlen(usual); n++) {
                g_auto(TgWireguardTunnel) tunnel = {};
                gboolean is_whole = n == strlen(usual) - strlen("PersistentKeepalive = 25\n");

                g_assert_cmpint(parse(usual, n, &tunnel), ==, is_whole);
        }
}

/* A zero ends no line and hides nothing. */
static void
test_zeros_are_refused(void)
{
        for (gsize i = 0; i < strlen(usual); i++) {
                g_auto(TgWireguardTunnel) tunnel = {};
                g_autofree char *text = g_strdup(usual);

                text[i] = '\0';
                g_assert_false(parse(text, strlen(usual), &tunnel));
        }
}

/* Nobody is asked for what is wrong by itself. */
static void
test_what_is_no_tunnel_is_put_nowhere(void)
{
        const TgVertical *vertical = tg_vertical_find("org.tigress.wireguard.peer");
        const TgTarget *target = tg_vertical_target(vertical, "networkmanager");
        static const char *const cases[][2] = {
                {"[Peer]\n",                 "PostUp = id\n[Peer]\n"         },
                {PRIVATE_KEY,                "AAAA"                          },
                {"10.8.0.0/24, fd00:8::/64", "10.8.0.0/24, ::/0\nPostUp = id"},
                {"10.8.0.2/32, ",            ""                              }, /* but a route */
                {", fd00:8::2/128",          ""                              },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = replaced(cases[i][0], cases[i][1]);
                g_autoptr(TgSecret) given = helper_secret(text);
                g_auto(TgStepAnswer) answer = {};
                TgStepContext context = {
                        .kind = TG_STEP_USE, .role = TG_ROLE_RECIPIENT, .given = given};

                tg_step_run(target->use, &context, &answer);
                if (answer.kind != TG_ANSWER_FAILED)
                        g_error("used: %s", text);
                helper_assert_error(answer.error, TG_ERROR_INVALID, PRIVATE_KEY);
        }
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/wireguard-tunnel/what-was-written-is-read-and-written-the-same",
                        test_what_was_written_is_read_and_written_the_same);
        g_test_add_func("/wireguard-tunnel/the-parts-are-told-apart",
                        test_the_parts_are_told_apart);
        g_test_add_func("/wireguard-tunnel/what-was-changed-is-refused",
                        test_what_was_changed_is_refused);
        g_test_add_func("/wireguard-tunnel/zeros-are-refused", test_zeros_are_refused);
        g_test_add_func("/wireguard-tunnel/what-is-no-tunnel-is-put-nowhere",
                        test_what_is_no_tunnel_is_put_nowhere);

        return g_test_run();
}
