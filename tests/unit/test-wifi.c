/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "daemon/vertical.h"
#include "helper.h"
#include "protocol/wifi.h"

#define N_ROUNDS 20000

static const TgVertical *
wifi(void)
{
        return tg_vertical_find("org.tigress.wifi.network");
}

static void
begin(const char *text, TgStepAnswer *ret_answer)
{
        g_autoptr(TgSecret) given = helper_secret(text);
        TgStepContext context = {.kind = TG_STEP_BEGIN, .role = TG_ROLE_INITIATOR, .given = given};

        tg_step_run(wifi()->begin, &context, ret_answer);
}

static void
receive(const TgJson *content, TgStepAnswer *ret_answer)
{
        TgStepContext context = {
                .kind = TG_STEP_RECEIVE, .role = TG_ROLE_RECIPIENT, .message = content};

        tg_step_run(wifi()->receive, &context, ret_answer);
}

static void
assert_secret(const TgSecret *secret, const char *text)
{
        g_assert_nonnull(secret);
        g_assert_cmpstr((const char *)tg_secret_get(secret, NULL), ==, text);
        g_assert_cmpuint(tg_secret_size(secret), ==, strlen(text));
}

static void
test_a_text_travels_as_an_object_and_comes_out_whole(void)
{
        static const char psk[] =
                "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        g_autofree char *with_psk = g_strconcat("WIFI:T:WPA;S:n;P:", psk, ";;", NULL);
        g_autofree char *psk_travels = g_strconcat("{\"ssid\":\"n\",\"security\":\"wpa-psk\","
                                                   "\"hidden\":false,\"password\":\"",
                                                   psk,
                                                   "\"}",
                                                   NULL);
        const struct {
                const char *given, *travels, *kept, *name;
        } cases[] = {
                {"WIFI:T:WPA;S:My Home;P:correct horse;;",
                 "{\"ssid\":\"My Home\",\"security\":\"wpa-psk\",\"hidden\":false,\"password\":"
                 "\"correct horse\"}",                                                               "WIFI:T:WPA;S:My Home;P:correct horse;;",
                 "My Home"                                                                                                                                               },
                {"wifi:h:TRUE;P:p\\;a\\:s\\\\s\\,\\\"word;R:1;T:SAE;S:caf\xc3\xa9;;\n",
                 "{\"ssid\":\"caf\xc3\xa9\",\"security\":\"sae\",\"hidden\":true,\"password\":"
                 "\"p;a:s\\\\s,\\\"word\"}",                                                         "WIFI:T:SAE;S:caf\xc3\xa9;P:p\\;a\\:s\\\\s\\,\\\"word;H:true;;",
                 "caf\xc3\xa9"                                                                                                                                           },
                {"WIFI:S:free;;",
                 "{\"ssid\":\"free\",\"security\":\"open\",\"hidden\":false}",                       "WIFI:T:nopass;S:free;;",
                 "free"                                                                                                                                                  },
                {"WIFI:T:nopass;S:free;P:;H:;;",
                 "{\"ssid\":\"free\",\"security\":\"open\",\"hidden\":false}",                       "WIFI:T:nopass;S:free;;",
                 "free"                                                                                                                                                  },
 /* What would pass for octets in hex stands between quotes. */
                {"WIFI:T:WPA2;S:\"beef\";P:\"12345678\";;",
                 "{\"ssid\":\"beef\",\"security\":\"wpa-psk\",\"hidden\":false,\"password\":"
                 "\"12345678\"}",                                                                    "WIFI:T:WPA;S:\"beef\";P:\"12345678\";;",
                 "beef"                                                                                                                                                  },
                {"WIFI:T:WPA;S:\"x\\\";P:\\\"quoted\\\";;",
                 "{\"ssid\":\"\\\"x\\\"\",\"security\":\"wpa-psk\",\"hidden\":false,\"password\":"
                 "\"\\\"quoted\\\"\"}",                                                              "WIFI:T:WPA;S:\\\"x\\\";P:\\\"quoted\\\";;",
                 "\"x\""                                                                                                                                                 },
                {with_psk,                                                              psk_travels, with_psk,                                                        "n"},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(TgStepAnswer) said = {}, kept = {}, again = {};
                TgJson content;

                begin(cases[i].given, &said);
                g_assert_no_error(said.error);
                g_assert_true(said.kind == TG_ANSWER_SAY && said.is_last);
                assert_secret(said.content, cases[i].travels);
                g_assert_cmpstr(said.name, ==, cases[i].name);
                content = helper_json(cases[i].travels);
                receive(&content, &kept);
                g_assert_no_error(kept.error);
                assert_secret(kept.provision.content, cases[i].kept);
                g_assert_cmpstr(kept.provision.title, ==, cases[i].name);
                /* What is kept can be given on. */
                begin(cases[i].kept, &again);
                g_assert_no_error(again.error);
                assert_secret(again.content, cases[i].travels);
        }
}

static void
test_what_cannot_be_joined_is_not_shared(void)
{
        static const struct {
                const char *given, *why;
        } cases[] = {
                {"",                                                              "no text"      },
                {"WIFI",                                                          "no text"      },
                {"HTTP:T:WPA;S:n;P:s3cretpass;;",                                 "no text"      },
                {"WIFI:garbage;;",                                                "no text"      },
                {"WIFI:T:WPA;S:n;P:s3cretpass;",                                  "does not end" },
                {"WIFI:T:WPA;S:n;P:s3cretpass",                                   "does not end" },
                {"WIFI:T:WPA;S:n;P:s3cretpass;;more",                             "after its end"},
                {"WIFI:T:WPA;S:n;P:s3cretpass\\;;",                               "does not end" },
                {"WIFI:T:WPA;S:;P:s3cretpass;;",                                  "name"         },
                {"WIFI:T:WPA;P:s3cretpass;;",                                     "name"         },
                {"WIFI:T:WPA;S:n\x01;P:s3cretpass;;",                             "name"         },
                {"WIFI:T:WPA;S:n\xff;P:s3cretpass;;",                             "name"         },
                {"WIFI:T:WPA;S:123456789012345678901234567890123;P:s3cretpass;;", "name"         },
                {"WIFI:T:WPA;S:n;S:m;P:s3cretpass;;",                             "twice"        },
                {"WIFI:T:WPA;S:n;P:s3cretpass;p:s3cretpass;;",                    "twice"        },
                {"WIFI:T:WEP;S:n;P:s3cretpass;;",                                 "WEP"          },
                {"WIFI:T:WPA2-EAP;S:n;P:s3cretpass;;",                            "802.1X"       },
                {"WIFI:T:WPA;S:n;P:s3cretpass;E:PEAP;;",                          "802.1X"       },
                {"WIFI:T:WPA;S:n;P:s3cretpass;I:carol;;",                         "802.1X"       },
                {"WIFI:T:WPA9;S:n;P:s3cretpass;;",                                "not known"    },
                {"WIFI:T:WPA;S:n;P:s3cret;;",                                     "8 to 63"      },
                {"WIFI:T:WPA;S:n;P:s3cretp\xc3\xa4ss;;",                          "8 to 63"      },
                {"WIFI:T:WPA;S:n;;",                                              "8 to 63"      },
                {"WIFI:T:SAE;S:n;;",                                              "missing"      },
                {"WIFI:T:SAE;S:n;P:s3cretpass\x7f;;",                             "malformed"    },
                {"WIFI:T:nopass;S:n;P:s3cretpass;;",                              "no password"  },
                {"WIFI:S:n;P:s3cretpass;;",                                       "no password"  },
                {"WIFI:T:WPA;S:n;P:s3cretpass;H:maybe;;",                         "neither"      },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(TgStepAnswer) answer = {};

                begin(cases[i].given, &answer);
                g_assert_cmpint(answer.kind, ==, TG_ANSWER_FAILED);
                helper_assert_error(answer.error, TG_ERROR_INVALID, "s3cret");
                if (strstr(answer.error->message, cases[i].why) == NULL)
                        g_error("%s: %s", cases[i].given, answer.error->message);
        }
}

static void
test_what_a_peer_sends_is_checked(void)
{
        static const char *const contents[] = {
                "{}",
                "{\"ssid\":\"n\",\"security\":\"wpa-psk\",\"hidden\":false}",
                "{\"ssid\":\"n\",\"security\":\"wpa-psk\",\"password\":\"s3cretpass\"}",
                "{\"ssid\":\"n\",\"security\":\"wpa-psk\",\"hidden\":0,\"password\":"
                "\"s3cretpass\"}",
                "{\"ssid\":\"n\",\"security\":\"wpa-psk\",\"hidden\":false,\"password\":\"short\"}",
                "{\"ssid\":\"n\",\"security\":\"wpa-psk\",\"hidden\":false,\"password\":12345678}",
                "{\"ssid\":\"n\",\"security\":\"wep\",\"hidden\":false,\"password\":"
                "\"s3cretpass\"}",
                "{\"ssid\":\"n\",\"security\":\"wpa-eap\",\"hidden\":false,\"password\":"
                "\"s3cretpass\"}",
                "{\"ssid\":\"n\",\"security\":\"open\",\"hidden\":false,\"password\":"
                "\"s3cretpass\"}",
                "{\"ssid\":\"\",\"security\":\"open\",\"hidden\":false}",
                "{\"ssid\":7,\"security\":\"open\",\"hidden\":false}",
                "{\"ssid\":\"a\\nb\",\"security\":\"open\",\"hidden\":false}",
                "{\"ssid\":\"123456789012345678901234567890123\",\"security\":\"open\",\"hidden\":"
                "false}",
                "{\"ssid\":\"n\",\"security\":\"sae\",\"hidden\":false,\"password\":\"a\\u0007b\"}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(contents); i++) {
                g_auto(TgStepAnswer) answer = {};
                TgJson content = helper_json(contents[i]);

                receive(&content, &answer);
                if (answer.kind != TG_ANSWER_FAILED)
                        g_error("taken: %s", contents[i]);
                helper_assert_error(answer.error, TG_ERROR_INVALID, "s3cret");
                g_assert_null(answer.provision.content);
        }
}

/* The text goes to telephones: a name must not become another field of it. */
static void
test_a_name_does_not_become_a_field(void)
{
        g_auto(TgStepAnswer) answer = {};
        TgJson content = helper_json("{\"ssid\":\"a;P:other;T:nopass\",\"security\":\"sae\","
                                     "\"hidden\":false,\"password\":\"x;H:true;\\\\\"}");

        receive(&content, &answer);
        g_assert_no_error(answer.error);
        assert_secret(answer.provision.content,
                      "WIFI:T:SAE;S:a\\;P\\:other\\;T\\:nopass;P:x\\;H\\:true\\;\\\\;;");
}

/* Whatever is taken is the same once it was written and read again. */
static gboolean
survives(const char *text, gsize n)
{
        g_auto(TgWifi) first = {}, second = {};
        g_autoptr(TgSecret) given = tg_secret_new(text, n, NULL);
        g_autoptr(TgSecret) written = NULL;
        g_autoptr(TgSecret) rewritten = NULL;
        g_autoptr(GError) error = NULL;

        if (!tg_wifi_parse_text(given, &first, &error)) {
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                return FALSE;
        }
        written = tg_wifi_format_text(&first, &error);
        g_assert_no_error(error);
        tg_wifi_parse_text(written, &second, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(first.ssid, ==, second.ssid);
        g_assert_cmpint(first.security, ==, second.security);
        g_assert_cmpint(first.is_hidden, ==, second.is_hidden);
        g_assert_true(first.password == NULL ? second.password == NULL
                                             : tg_secret_equal(first.password, second.password));
        rewritten = tg_wifi_format_text(&second, &error);
        g_assert_true(tg_secret_equal(written, rewritten));
        return TRUE;
}

static void
test_mutants_survive_or_are_refused(void)
{
        static const char seed[] = "WIFI:T:WPA;S:\"My\\;Ho\\\"me\";P:p\\\\ass\\:word1;H:true;;";
        static const char spice[] = "\\\";:,WSPTHEAI\xc3\xa9\n0aF";
        HelperRandom random = {0};
        guint n_taken = 0;

        g_assert_true(survives(seed, strlen(seed)));
        for (gsize n = 0; n < strlen(seed); n++)
                survives(seed, n);
        for (guint round = 0; round < N_ROUNDS; round++) {
                g_autoptr(GString) mutant = g_string_new(seed);

                for (guint i = helper_random_below(&random, 4); i-- > 0 && mutant->len > 0;) {
                        gssize at = helper_random_below(&random, (guint32)mutant->len);
                        char c = spice[helper_random_below(&random, sizeof spice - 1)];

                        if (helper_random_below(&random, 3) == 0)
                                g_string_erase(mutant, at, 1);
                        else if (helper_random_below(&random, 2) == 0)
                                g_string_insert_c(mutant, at, c);
                        else
                                mutant->str[at] = c;
                }
                n_taken += survives(mutant->str, mutant->len);
        }
        g_assert_cmpuint(n_taken, >, N_ROUNDS / 20);
        g_assert_cmpuint(n_taken, <, N_ROUNDS);
}

/* It has lain where other programs write. Nobody is asked for what is wrong by itself. */
static void
test_what_is_no_network_is_put_nowhere(void)
{
        static const char *const texts[] = {
                "",
                "s3cretpass",
                "WIFI:T:WEP;S:n;P:s3cretpass;;",
                "WIFI:T:WPA;S:n;P:s3cret;;",
                "WIFI:T:WPA;S:n;P:s3cret\npass;;",
                "WIFI:T:WPA;S:a\nb;P:s3cretpass;;",
                "WIFI:T:WPA;S:123456789012345678901234567890123;P:s3cretpass;;",
                "WIFI:T:WPA;P:s3cretpass;;",
        };
        const TgTarget *target = tg_vertical_target(wifi(), "networkmanager");

        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(TgSecret) given = helper_secret(texts[i]);
                g_auto(TgStepAnswer) answer = {};
                TgStepContext context = {
                        .kind = TG_STEP_USE, .role = TG_ROLE_RECIPIENT, .given = given};

                tg_step_run(target->use, &context, &answer);
                if (answer.kind != TG_ANSWER_FAILED)
                        g_error("used: %s", texts[i]);
                helper_assert_error(answer.error, TG_ERROR_INVALID, "s3cret");
        }
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/wifi/a-text-travels-as-an-object-and-comes-out-whole",
                        test_a_text_travels_as_an_object_and_comes_out_whole);
        g_test_add_func("/wifi/what-cannot-be-joined-is-not-shared",
                        test_what_cannot_be_joined_is_not_shared);
        g_test_add_func("/wifi/what-a-peer-sends-is-checked", test_what_a_peer_sends_is_checked);
        g_test_add_func("/wifi/a-name-does-not-become-a-field",
                        test_a_name_does_not_become_a_field);
        g_test_add_func("/wifi/what-is-no-network-is-put-nowhere",
                        test_what_is_no_network_is_put_nowhere);
        g_test_add_func("/wifi/mutants-survive-or-are-refused",
                        test_mutants_survive_or_are_refused);

        return g_test_run();
}
