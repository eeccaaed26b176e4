/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Both sides of org.tigress.wireguard.peer, step by step, without an exchange between. */

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/wireguard-fixture.h"

static void
test_both_ends_fit_together(void)
{
        g_auto(WireguardExchange) one = {};
        g_autofree char *key = NULL;
        g_autofree char *preshared = NULL;
        g_autofree char *stanza = NULL;
        g_autofree char *end = NULL;
        g_autofree char *text = NULL;

        wireguard_set_up();
        wireguard_run_all(&one, "a1", "{'dns': <['10.8.0.1']>, 'keepalive': <uint32 25>}");
        key = wireguard_member(one.request.content, "publicKey");
        preshared = wireguard_member(one.answer.content, "presharedKey");
        stanza = g_strdup_printf("# tigress a1\n[Peer]\nPublicKey = %s\nPresharedKey = %s\n"
                                 "AllowedIPs = 10.8.0.2/32, fd00:8::2/128\n",
                                 key,
                                 preshared);
        text = wireguard_contents_of(wireguard_peers);
        g_assert_cmpstr(text, ==, stanza);
        end = g_strdup_printf("\nAddress = 10.8.0.2/32, fd00:8::2/128\nDNS = 10.8.0.1\n\n[Peer]\n"
                              "PublicKey = " SERVER_KEY "\nPresharedKey = %s\n"
                              "Endpoint = vpn.example:51820\nAllowedIPs = 10.8.0.0/29, "
                              "fd00:8::/64\nPersistentKeepalive = 25\n",
                              preshared);
        g_assert_true(
                g_str_has_prefix(wireguard_configuration_of(&one), "[Interface]\nPrivateKey = "));
        g_assert_cmpstr(
                strchr(wireguard_configuration_of(&one) + strlen("[Interface]\n"), '\n'), ==, end);
        g_assert_cmpuint(tg_secret_size(one.kept.provision.content),
                         ==,
                         strlen(wireguard_configuration_of(&one)));
        g_assert_cmpstr(one.kept.provision.title, ==, "WireGuard: vpn.example:51820");
        /* The private key is nowhere but in what is kept. */
        g_assert_null(strstr((const char *)tg_secret_get(one.request.content, NULL), "rivate"));
        wireguard_tear_down();
}

static void
test_a_repeated_step_gives_the_same(void)
{
        g_auto(WireguardExchange) one = {};
        g_auto(TgStepAnswer) again = {};
        g_autofree char *before = NULL;
        g_autofree char *after = NULL;

        wireguard_set_up();
        wireguard_run_all(&one, "a1", "@a{sv} {}");
        before = wireguard_contents_of(wireguard_peers);
        wireguard_answer(&one, &again);
        g_assert_no_error(again.error);
        g_assert_true(tg_secret_equal(one.answer.content, again.content));
        after = wireguard_contents_of(wireguard_peers);
        g_assert_cmpstr(before, ==, after);
        wireguard_tear_down();
}

static void
test_an_address_is_given_once(void)
{
        static const char by_hand[] = "[Interface]\nAddress = 10.8.0.3/29\n\n[Peer]\n"
                                      "PublicKey = " OTHER_KEY "\nallowedips=10.8.0.4/31, ::/0\n";
        g_auto(WireguardExchange) one = {}, two = {}, three = {};
        g_auto(TgStepAnswer) none = {};
        g_autofree char *text = NULL;

        wireguard_set_up();
        g_assert_true(g_file_set_contents(wireguard_peers, by_hand, -1, NULL));
        wireguard_run_all(&one, "a1", "{'pool': <['10.8.0.0/29']>}");
        wireguard_assert_says(wireguard_configuration_of(&one), "Address = 10.8.0.2/32\n");
        wireguard_revoke(&one);
        wireguard_revoke(&one); /* after a crash it comes again */
        text = wireguard_contents_of(wireguard_peers);
        g_assert_cmpstr(text, ==, by_hand);
        /* Not the one that was taken back, nor those by hand; of .6 is the last but one. */
        wireguard_run_all(&two, "b2", "{'pool': <['10.8.0.0/29']>}");
        wireguard_assert_says(wireguard_configuration_of(&two), "Address = 10.8.0.6/32\n");
        wireguard_check("{'pool': <['10.8.0.0/29']>}", &none);
        helper_assert_error(none.error, TG_ERROR_INVALID, NULL);
        wireguard_assert_says(none.error->message, "no address left");
        /* Another peer's stanza stays where it is. */
        wireguard_run_all(&three, "c3", "{'pool': <['10.9.0.0/24']>}");
        wireguard_assert_says(wireguard_configuration_of(&three), "Address = 10.9.0.2/32\n");
        wireguard_revoke(&two);
        g_clear_pointer(&text, g_free);
        text = wireguard_contents_of(wireguard_peers);
        wireguard_assert_says(text, "10.9.0.2/32");
        wireguard_assert_says(text, by_hand);
        g_assert_null(strstr(text, "10.8.0.6"));
        wireguard_tear_down();
}

/* ---- who does not hold the key gets nothing ---- */

static void
assert_nothing_given(void)
{
        g_autofree char *list = wireguard_list_path();

        g_assert_false(g_file_test(wireguard_peers, G_FILE_TEST_EXISTS));
        g_assert_false(g_file_test(list, G_FILE_TEST_EXISTS));
}

static void
test_a_key_without_proof_gets_nothing(void)
{
        g_auto(WireguardExchange) one = {}, other = {};
        g_autofree char *key = NULL;
        g_autofree char *proof = NULL;
        g_autofree char *others_proof = NULL;
        g_autofree char *twisted = NULL;

        wireguard_set_up();
        wireguard_start(&one, "a1", "@a{sv} {}");
        wireguard_start(&other, "b2", "@a{sv} {}");
        key = wireguard_member(one.request.content, "publicKey");
        proof = wireguard_member(one.request.content, "proof");
        others_proof = wireguard_member(other.request.content, "proof");
        twisted = g_strdup(proof);
        twisted[0] = twisted[0] == 'A' ? 'B' : 'A';
        const char *const cases[][2] = {
                {OTHER_KEY,                                      proof       },
                {key,                                            others_proof},
                {key,                                            twisted     },
                {key,                                            ""          },
                {SERVER_KEY,                                     proof       },
                {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", proof       },
                {"AAAA",                                         proof       },
        };
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(TgStepAnswer) refused = {};
                g_autofree char *text = g_strdup_printf(
                        "{\"publicKey\":\"%s\",\"proof\":\"%s\"}", cases[i][0], cases[i][1]);
                TgJson message = helper_json(text);

                wireguard_receive(&one, TG_ROLE_INITIATOR, 1, one.offer.state, &message, &refused);
                g_assert_cmpint(refused.kind, ==, TG_ANSWER_FAILED);
                helper_assert_error(refused.error, TG_ERROR_INVALID, NULL);
                assert_nothing_given();
        }
        /* Of the same key, in another share: what was proved there counts there. */
        g_clear_pointer(&one.binding, tg_secret_unref);
        one.binding = helper_secret_filled('x', 32);
        wireguard_answer(&one, &one.answer);
        helper_assert_error(one.answer.error, TG_ERROR_INVALID, NULL);
        assert_nothing_given();
        tg_step_answer_clear(&one.answer);
        g_clear_pointer(&one.binding, tg_secret_unref);
        wireguard_answer(&one, &one.answer);
        helper_assert_error(one.answer.error, TG_ERROR_INVALID, NULL);
        assert_nothing_given();
        wireguard_tear_down();
}

/* ---- what the initiator may say ---- */

static void
test_terms_are_checked(void)
{
        static const struct {
                const char *terms, *why;
        } cases[] = {
                {"{'peers': <()>}",                           "\"peers\" is missing"},
                {"{'pool': <()>}",                            "\"pool\" is one"     },
                {"{'pool': <['10.8.0.1/24']>}",               "bits after"          },
                {"{'pool': <['10.8.0.0/24','10.9.0.0/24']>}", "\"pool\" is one"     },
                {"{'pool': <['10.8.0.0/31']>}",               "/8 to /30"           },
                {"{'pool': <['0.0.0.0/0']>}",                 "/8 to /30"           },
                {"{'pool': <['a','b','c']>}",                 "bits after"          },
                {"{'server-key': <()>}",                      "server's key"        },
                {"{'server-key': <'AAAA'>}",                  "server's key"        },
                {"{'endpoint': <()>}",                        "HOST:PORT"           },
                {"{'endpoint': <'vpn.example'>}",             "HOST:PORT"           },
                {"{'endpoint': <'vpn.example:0'>}",           "HOST:PORT"           },
                {"{'endpoint': <'vpn.example:65536'>}",       "HOST:PORT"           },
                {"{'endpoint': <'[fd00::1/64]:1'>}",          "HOST:PORT"           },
                {"{'endpoint': <'a b:1'>}",                   "HOST:PORT"           },
                {"{'allowed-ips': <@as []>}",                 "nothing is to go"    },
                {"{'allowed-ips': <['10.0.0.1/8']>}",         "bits after"          },
                {"{'dns': <['10.8.0.0/24']>}",                "name server"         },
                {"{'dns': <['ns.example']>}",                 "bits after"          },
                {"{'keepalive': <uint32 65536>}",             "keepalive"           },
        };

        wireguard_set_up();
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(TgStepAnswer) refused = {};

                wireguard_check(cases[i].terms, &refused);
                if (refused.kind != TG_ANSWER_FAILED)
                        g_error("taken: %s", cases[i].terms);
                helper_assert_error(refused.error, TG_ERROR_INVALID, NULL);
                wireguard_assert_says(refused.error->message, cases[i].why);
        }
        assert_nothing_given();
        wireguard_tear_down();
}

static char *
shown(const TgStepAnswer *answer, const char *wanted)
{
        GVariantIter iter;
        const char *name;
        const char *value;

        g_variant_iter_init(&iter, answer->details);
        while (g_variant_iter_next(&iter, "(&s&s)", &name, &value))
                if (g_str_equal(name, wanted))
                        return g_strdup(value);
        return g_strdup("");
}

static void
test_all_traffic_is_said_plainly(void)
{
        static const char *const cases[][2] = {
                {"['0.0.0.0/0','::/0']",        "ALL traffic goes through the tunnel"                },
                {"['0.0.0.0/1','128.0.0.0/1']", "ALL traffic of IPv4 goes through the tunnel"        },
                {"['2000::/3']",                "ALL traffic of IPv6 goes through the tunnel"        },
                {"['10.0.0.0/8']",              "what goes to these networks goes through the tunnel"},
        };

        wireguard_set_up();
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *more = g_strdup_printf("{'allowed-ips': <%s>}", cases[i][0]);
                g_auto(TgStepAnswer) answered = {};
                g_autofree char *traffic = NULL;

                wireguard_check(more, &answered);
                g_assert_no_error(answered.error);
                traffic = shown(&answered, "Traffic");
                g_assert_cmpstr(traffic, ==, cases[i][1]);
        }
        wireguard_tear_down();
}

/* ---- files that are not as they should be ---- */

static void
test_a_damaged_list_gives_nothing(void)
{
        g_auto(WireguardExchange) one = {};
        g_autofree char *list = wireguard_list_path();
        g_autofree char *text = NULL;

        wireguard_set_up();
        wireguard_start(&one, "a1", "@a{sv} {}");
        g_assert_true(g_file_set_contents(list, "b2 10.8.0.2\nc3 10.8\n", -1, NULL));
        wireguard_answer(&one, &one.answer);
        helper_assert_error(one.answer.error, TG_ERROR_FAILED, NULL);
        text = wireguard_contents_of(wireguard_peers);
        g_assert_cmpstr(text, ==, "");
        wireguard_tear_down();
}

static void
test_a_link_is_not_followed(void)
{
        g_auto(TgStepAnswer) refused = {};

        wireguard_set_up();
        g_assert_cmpint(symlink("/etc/passwd", wireguard_peers), ==, 0);
        wireguard_check("@a{sv} {}", &refused);
        helper_assert_error(refused.error, TG_ERROR_FAILED, NULL);
        wireguard_tear_down();
}

int
main(int argc, char **argv)
{
        g_autofree char *home = wireguard_init(&argc, &argv);
        int status;

        g_test_add_func("/wireguard/both-ends-fit-together", test_both_ends_fit_together);
        g_test_add_func("/wireguard/a-repeated-step-gives-the-same",
                        test_a_repeated_step_gives_the_same);
        g_test_add_func("/wireguard/an-address-is-given-once", test_an_address_is_given_once);
        g_test_add_func("/wireguard/a-key-without-proof-gets-nothing",
                        test_a_key_without_proof_gets_nothing);
        g_test_add_func("/wireguard/terms-are-checked", test_terms_are_checked);
        g_test_add_func("/wireguard/all-traffic-is-said-plainly", test_all_traffic_is_said_plainly);
        g_test_add_func("/wireguard/a-damaged-list-gives-nothing",
                        test_a_damaged_list_gives_nothing);
        g_test_add_func("/wireguard/a-link-is-not-followed", test_a_link_is_not_followed);
        status = g_test_run();
        wireguard_finish(home);
        return status;
}
