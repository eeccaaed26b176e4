/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A recipient of org.tigress.wireguard.peer, and what a hostile initiator sends him. */

#include <string.h>

#include "tests/unit/wireguard-fixture.h"

#define ROUNDS 3000

/* ---- a hostile other side ---- */

static const char offer_text[] =
        "{\"serverKey\":\"" SERVER_KEY "\",\"endpoint\":\"vpn.example:51820\",\"allowedIps\":"
        "[\"10.8.0.0/29\"],\"dns\":[\"10.8.0.1\"],\"keepalive\":25,\"proofKey\":\"" OTHER_KEY "\"}";
static const char answer_text[] = "{\"addresses\":[\"10.8.0.2\",\"fd00:8::2\"],\"presharedKey\":"
                                  "\"" OTHER_KEY "\"}";

static char *
replaced(const char *text, const char *part, const char *with)
{
        g_auto(GStrv) parts = g_strsplit(text, part, 2);

        g_assert_cmpuint(g_strv_length(parts), ==, 2);
        return g_strjoinv(with, parts);
}

static void
test_a_hostile_offer_is_refused(void)
{
        static const char *const cases[][2] = {
                {"vpn.example:51820", "vpn.example:51820\\nPostUp = id"                            },
                {"vpn.example:51820", "vpn.example\\u000aPostUp = id:1"                            },
                {"vpn.example:51820", "$(id):1"                                                    },
                {"vpn.example:51820", ":1"                                                         },
                {"vpn.example:51820", "[::1\\nPostUp = id]:1"                                      },
                {"\"10.8.0.0/29\"",   "\"10.8.0.0/29\\nPostUp = id\""                              },
                {"\"10.8.0.0/29\"",   "\"10.8.0.0/33\""                                            },
                {"\"10.8.0.0/29\"",   "\"10.8.0.0/029\""                                           },
                {"\"10.8.0.0/29\"",   "7"                                                          },
                {"[\"10.8.0.0/29\"]", "[]"                                                         },
                {"[\"10.8.0.0/29\"]", "\"10.8.0.0/29\""                                            },
                {"\"10.8.0.1\"",      "\"10.8.0.1 \""                                              },
                {"\"10.8.0.1\"",      "\"10.8.0.0/24\""                                            },
                {"\"10.8.0.1\"",      "\"1.1.1.1\",\"1.1.1.1\",\"1.1.1.1\",\"1.1.1.1\",\"1.1.1.1\""},
                {":25",               ":65536"                                                     },
                {":25",               ":-1"                                                        },
                {":25",               ":\"25\\nPostUp = id\""                                      },
                {SERVER_KEY,          "AAAA"                                                       },
                {SERVER_KEY,          "nq1DKDw8Ui8DEFC1aFgxzOq7MBcFTCqgLVyTBBkfHC\\n="             },
                {"\"" OTHER_KEY "\"", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\""           },
                {"\"" OTHER_KEY "\"", "null"                                                       },
        };
        WireguardExchange one = {.binding = helper_secret_filled(7, 32)};

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = replaced(offer_text, cases[i][0], cases[i][1]);
                g_auto(TgStepAnswer) refused = {};
                TgJson message = helper_json(text);

                wireguard_receive(&one, TG_ROLE_RECIPIENT, 0, NULL, &message, &refused);
                if (refused.kind != TG_ANSWER_FAILED)
                        g_error("taken: %s", text);
                helper_assert_error(refused.error, TG_ERROR_INVALID, NULL);
        }
        wireguard_clear_exchange(&one);
}

static void
make_request(WireguardExchange *self)
{
        TgJson message = helper_json(offer_text);

        self->binding = helper_secret_filled(7, 32);
        wireguard_receive(self, TG_ROLE_RECIPIENT, 0, NULL, &message, &self->request);
        g_assert_no_error(self->request.error);
}

static void
test_a_hostile_answer_is_refused(void)
{
        static const char *const cases[][2] = {
                {"\"10.8.0.2\",\"fd00:8::2\"", ""                                                  },
                {"\"10.8.0.2\",\"fd00:8::2\"", "\"10.8.0.2\",\"10.8.0.3\""                         },
                {"\"fd00:8::2\"",              "\"fd00:8::2\",\"fd00:8::3\""                       },
                {"10.8.0.2",                   "10.8.0.0/29"                                       },
                {"10.8.0.2",                   "127.0.0.1"                                         },
                {"10.8.0.2",                   "0.0.0.0"                                           },
                {"10.8.0.2",                   "224.0.0.1"                                         },
                {"10.8.0.2",                   "10.8.0.2\\nPostUp = id"                            },
                {"fd00:8::2",                  "::1"                                               },
                {"fd00:8::2",                  "ff02::1"                                           },
                {"fd00:8::2",                  "::ffff:127.0.0.1"                                  },
                {"\"" OTHER_KEY "\"",          "\"" OTHER_KEY "A\""                                },
                {"\"" OTHER_KEY "\"",          "\"TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWX\\n0=\""},
                {"\"" OTHER_KEY "\"",          "\"\""                                              },
                {"\"" OTHER_KEY "\"",          "null"                                              },
        };
        g_auto(WireguardExchange) one = {};

        make_request(&one);
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = replaced(answer_text, cases[i][0], cases[i][1]);
                g_auto(TgStepAnswer) refused = {};
                TgJson message = helper_json(text);

                wireguard_receive(
                        &one, TG_ROLE_RECIPIENT, 1, one.request.state, &message, &refused);
                if (refused.kind != TG_ANSWER_FAILED)
                        g_error("taken: %s", text);
                helper_assert_error(refused.error, TG_ERROR_INVALID, NULL);
                g_assert_null(refused.provision.content);
        }
}

/* wg-quick runs what stands behind some names: of ours there are these and no others. */
static void
assert_only_known_lines(const TgSecret *content)
{
        static const char *const names[] = {"[Interface]",
                                            "PrivateKey = ",
                                            "Address = ",
                                            "DNS = ",
                                            "",
                                            "[Peer]",
                                            "PublicKey = ",
                                            "PresharedKey = ",
                                            "Endpoint = ",
                                            "AllowedIPs = ",
                                            "PersistentKeepalive = ",
                                            NULL};
        const char *text = (const char *)tg_secret_get(content, NULL);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        guint at = 0;

        for (guint i = 0; lines[i] != NULL; i++) {
                if (*lines[i] == '\0' && lines[i + 1] == NULL)
                        return;
                while (names[at] != NULL &&
                       (*names[at] == '\0' ? *lines[i] != '\0'
                                           : !g_str_has_prefix(lines[i], names[at])))
                        at++;
                if (names[at++] == NULL)
                        g_error("an unknown line %s in\n%s", lines[i], text);
        }
}

static char *
mutant_of(const char *text, HelperRandom *random)
{
        static const char spice[] = "\"{}[],:/.0123456789abcdef\\n \nuAz=+$;";
        g_autoptr(GString) mutant = g_string_new(text);

        for (guint i = helper_random_below(random, 3) + 1; i-- > 0;) {
                gssize at = helper_random_below(random, (guint32)mutant->len);
                char c = spice[helper_random_below(random, sizeof spice - 1)];

                switch (helper_random_below(random, 3)) {
                case 0:
                        mutant->str[at] = c;
                        break;
                case 1:
                        g_string_insert_c(mutant, at, c);
                        break;
                default:
                        g_string_erase(mutant, at, 1);
                }
        }
        return g_strdup(mutant->str);
}

static void
test_mutants_are_refused_or_plain(void)
{
        HelperRandom random = {0};
        guint n_kept = 0;
        guint n_refused = 0;

        for (guint round = 0; round < ROUNDS; round++) {
                g_autofree char *offer = mutant_of(offer_text, &random);
                g_autofree char *last = mutant_of(answer_text, &random);
                g_auto(WireguardExchange) one = {.binding = helper_secret_filled(7, 32)};
                TgJson message;
                TgJson json;

                if (!tg_json_parse(offer, strlen(offer), strlen(offer), &message, NULL) ||
                    message.type != TG_JSON_OBJECT)
                        message = helper_json(offer_text);
                wireguard_receive(&one, TG_ROLE_RECIPIENT, 0, NULL, &message, &one.request);
                if (one.request.kind == TG_ANSWER_FAILED) {
                        n_refused++;
                        continue;
                }
                if (!tg_json_parse(last, strlen(last), strlen(last), &json, NULL) ||
                    json.type != TG_JSON_OBJECT)
                        json = helper_json(answer_text);
                wireguard_receive(&one, TG_ROLE_RECIPIENT, 1, one.request.state, &json, &one.kept);
                if (one.kept.kind == TG_ANSWER_FAILED) {
                        n_refused++;
                        continue;
                }
                n_kept++;
                assert_only_known_lines(one.kept.provision.content);
        }
        g_assert_cmpuint(n_kept, >, ROUNDS / 20);
        g_assert_cmpuint(n_refused, >, ROUNDS / 20);
}

int
main(int argc, char **argv)
{
        g_autofree char *home = wireguard_init(&argc, &argv);
        int status;

        g_test_add_func("/wireguard/a-hostile-offer-is-refused", test_a_hostile_offer_is_refused);
        g_test_add_func("/wireguard/a-hostile-answer-is-refused", test_a_hostile_answer_is_refused);
        g_test_add_func("/wireguard/mutants-are-refused-or-plain",
                        test_mutants_are_refused_or_plain);
        status = g_test_run();
        wireguard_finish(home);
        return status;
}
