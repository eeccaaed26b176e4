/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "daemon/vertical.h"
#include "helper.h"

static const TgVertical *
totp(void)
{
        return tg_vertical_find("org.tigress.totp.secret");
}

static void
begin(const char *address, TgStepAnswer *ret_answer)
{
        g_autoptr(TgSecret) given = helper_secret(address);
        TgStepContext context = {.kind = TG_STEP_BEGIN, .role = TG_ROLE_INITIATOR, .given = given};

        tg_step_run(totp()->begin, &context, ret_answer);
}

static void
receive(const TgJson *content, TgStepAnswer *ret_answer)
{
        TgStepContext context = {
                .kind = TG_STEP_RECEIVE, .role = TG_ROLE_RECIPIENT, .message = content};

        tg_step_run(totp()->receive, &context, ret_answer);
}

static void
assert_secret(const TgSecret *secret, const char *text)
{
        g_autoptr(TgSecret) wanted = helper_secret(text);

        g_assert_nonnull(secret);
        g_assert_cmpstr((const char *)tg_secret_get(secret, NULL), ==, text);
        g_assert_true(tg_secret_equal(secret, wanted));
}

static void
test_an_address_travels_as_a_dictionary_and_comes_out_whole(void)
{
        static const struct {
                const char *given, *travels, *kept, *title;
        } cases[] = {
                {"otpauth://totp/"
                 "ACME%20Co:john.doe@email.com?secret=HXDMVJECJJWSRB3HWIZR4IFUGFTMXBOZ"
                 "&issuer=ACME%20Co&algorithm=SHA1&digits=6&period=30",         "{\"secret\":\"HXDMVJECJJWSRB3HWIZR4IFUGFTMXBOZ\",\"period\":30,\"digits\":6,"
                 "\"algorithm\":\"sha1\",\"username\":\"john.doe@email.com\",\"issuer\":\"ACME "
                 "Co\"}", "otpauth://totp/ACME%20Co:john.doe%40email.com?secret="
                 "HXDMVJECJJWSRB3HWIZR4IFUGFTMXBOZ&issuer=ACME%20Co&algorithm=SHA1&digits=6&period="
                 "30",                                                               "ACME Co: john.doe@email.com"},
 /* What is not said has a value all the same; padding and case mean nothing. */
                {"OTPAUTH://TOTP/alice?secret=jbswy3dpehpk3pxpmy%3D%3d%3D%3D%3D%3D&image=x#y\n",
                 "{\"secret\":\"JBSWY3DPEHPK3PXPMY\",\"period\":30,\"digits\":6,"
                 "\"algorithm\":\"sha1\",\"username\":\"alice\"}",                                                "otpauth://totp/alice?secret=JBSWY3DPEHPK3PXPMY&algorithm=SHA1&digits=6&period=30",
                 "alice"                                                                                                                                                                                                           },
                {"otpauth://totp/?period=60&digits=8&algorithm=sha512&secret=AE",
                 "{\"secret\":\"AE\",\"period\":60,\"digits\":8,\"algorithm\":\"sha512\"}",                       "otpauth://totp/?secret=AE&algorithm=SHA512&digits=8&period=60",
                 NULL                                                                                                                                                                                                              },
 /* The parameter counts more than the label; an issuer may have a quote. */
                {"otpauth://totp/Old%3Abob?secret=AAAA&issuer=%22New%22",
                 "{\"secret\":\"AAAA\",\"period\":30,\"digits\":6,\"algorithm\":\"sha1\","
                 "\"username\":\"bob\",\"issuer\":\"\\\"New\\\"\"}",                                              "otpauth://totp/%22New%22:bob?secret=AAAA&issuer=%22New%22"
                 "&algorithm=SHA1&digits=6&period=30",                                                                            "\"New\": bob"               },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(TgStepAnswer) said = {}, kept = {}, again = {};
                TgJson content;

                begin(cases[i].given, &said);
                g_assert_no_error(said.error);
                g_assert_true(said.kind == TG_ANSWER_SAY && said.is_last);
                assert_secret(said.content, cases[i].travels);
                content = helper_json(cases[i].travels);
                receive(&content, &kept);
                g_assert_no_error(kept.error);
                assert_secret(kept.provision.content, cases[i].kept);
                g_assert_cmpstr(kept.provision.title, ==, cases[i].title);
                /* What is kept can be given on. */
                begin(cases[i].kept, &again);
                assert_secret(again.content, cases[i].travels);
        }
}

static void
test_what_is_no_address_is_not_shared(void)
{
        static const struct {
                const char *given, *why;
        } cases[] = {
                {"",                                                "no address"},
                {"otpauth://",                                      "no address"},
                {"https://totp/a?secret=AAAA",                      "no address"},
                {"otpauth://motp/a?secret=AAAA",                    "no address"},
                {"otpauth:totp/a?secret=AAAA",                      "no address"},
                {"otpauth://hotp/a?secret=AAAA&counter=1",          "counted"   },
                {"otpauth://totp/a",                                "no key"    },
                {"otpauth://totp/a?secret=",                        "base32"    },
                {"otpauth://totp/a?secret=AAA1",                    "base32"    },
                {"otpauth://totp/a?secret=A",                       "base32"    },
                {"otpauth://totp/a?secret=AAA",                     "base32"    },
                {"otpauth://totp/a?secret=AAAAAA",                  "base32"    },
                {"otpauth://totp/a?secret=AA%41A",                  "base32"    },
                {"otpauth://totp/a?secret=AA AA",                   "base32"    },
                {"otpauth://totp/a?secret=AAAA&secret=BBBB",        "twice"     },
                {"otpauth://totp/a?secret=AAAA&digits=5",           "digits"    },
                {"otpauth://totp/a?secret=AAAA&digits=9",           "digits"    },
                {"otpauth://totp/a?secret=AAAA&digits=",            "digits"    },
                {"otpauth://totp/a?secret=AAAA&digits=0x6",         "digits"    },
                {"otpauth://totp/a?secret=AAAA&period=0",           "seconds"   },
                {"otpauth://totp/a?secret=AAAA&period=3601",        "seconds"   },
                {"otpauth://totp/a?secret=AAAA&period=99999999999", "seconds"   },
                {"otpauth://totp/a?secret=AAAA&algorithm=MD5",      "algorithm" },
                {"otpauth://totp/%zz?secret=AAAA",                  "malformed" },
                {"otpauth://totp/%ff?secret=AAAA",                  "malformed" },
                {"otpauth://totp/a?secret=AAAA&issuer=%c3",         "malformed" },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(TgStepAnswer) answer = {};

                begin(cases[i].given, &answer);
                g_assert_cmpint(answer.kind, ==, TG_ANSWER_FAILED);
                helper_assert_error(answer.error, TG_ERROR_INVALID, "AAAA");
                g_assert_nonnull(strstr(answer.error->message, cases[i].why));
        }
}

static void
test_an_address_that_never_ends_is_not_shared(void)
{
        g_autofree char *key = g_strnfill(520, 'A');
        g_autofree char *long_key = g_strconcat("otpauth://totp/a?secret=", key, NULL);
        g_autofree char *name = g_strnfill(5000, 'a');
        g_autofree char *long_name = g_strconcat("otpauth://totp/", name, "?secret=AAAA", NULL);
        const char *const cases[] = {long_key, long_name};

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(TgStepAnswer) answer = {};

                begin(cases[i], &answer);
                helper_assert_error(answer.error, TG_ERROR_INVALID, NULL);
        }
}

static void
test_what_is_no_dictionary_is_not_kept(void)
{
        static const char *const contents[] = {
                "{}",
                "{\"secret\":\"AAAA\",\"period\":30,\"digits\":6}",
                "{\"secret\":\"AAAA\",\"period\":\"30\",\"digits\":6,\"algorithm\":\"sha1\"}",
                "{\"secret\":\"AAAA\",\"period\":30.0,\"digits\":6,\"algorithm\":\"sha1\"}",
                "{\"secret\":\"AAAA\",\"period\":-1,\"digits\":6,\"algorithm\":\"sha1\"}",
                "{\"secret\":\"AAAA\",\"period\":30,\"digits\":66,\"algorithm\":\"sha1\"}",
                "{\"secret\":\"AAAA\",\"period\":30,\"digits\":6,\"algorithm\":\"md5\"}",
                "{\"secret\":\"AA&A\",\"period\":30,\"digits\":6,\"algorithm\":\"sha1\"}",
                "{\"secret\":\"AA\\u0041A\",\"period\":30,\"digits\":6,\"algorithm\":\"sha1\"}",
                "{\"secret\":[\"AAAA\"],\"period\":30,\"digits\":6,\"algorithm\":\"sha1\"}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(contents); i++) {
                g_auto(TgStepAnswer) answer = {};
                TgJson content = helper_json(contents[i]);

                receive(&content, &answer);
                helper_assert_error(answer.error, TG_ERROR_INVALID, NULL);
                g_assert_null(answer.provision.content);
        }
}

/* An address is one line of other programs' input: a peer's name must not become a part of it. */
static void
test_names_of_a_stranger_are_text(void)
{
        g_auto(TgStepAnswer) answer = {};
        TgJson content = helper_json(
                "{\"secret\":\"AAAA\",\"period\":30,\"digits\":6,\"algorithm\":\"sha1\","
                "\"username\":\"a?secret=BBBB&x\\u001b[31m\",\"issuer\":\"\\u202e:#\\n&digits="
                "8\"}");

        receive(&content, &answer);
        g_assert_no_error(answer.error);
        assert_secret(answer.provision.content,
                      "otpauth://totp/%3A%23%20%26digits%3D8:a%3Fsecret%3DBBBB%26x%5B31m"
                      "?secret=AAAA&issuer=%3A%23%20%26digits%3D8"
                      "&algorithm=SHA1&digits=6&period=30");
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/totp/an-address-travels-as-a-dictionary-and-comes-out-whole",
                        test_an_address_travels_as_a_dictionary_and_comes_out_whole);
        g_test_add_func("/totp/what-is-no-address-is-not-shared",
                        test_what_is_no_address_is_not_shared);
        g_test_add_func("/totp/an-address-that-never-ends-is-not-shared",
                        test_an_address_that_never_ends_is_not_shared);
        g_test_add_func("/totp/what-is-no-dictionary-is-not-kept",
                        test_what_is_no_dictionary_is_not_kept);
        g_test_add_func("/totp/names-of-a-stranger-are-text", test_names_of_a_stranger_are_text);

        return g_test_run();
}
