/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "daemon/vertical.h"
#include "daemon/verticals/x509-authority.h"
#include "daemon/verticals/x509-list.h"
#include "daemon/verticals/x509-request.h"
#include "daemon/verticals/x509.h"
#include "helper.h"
#include "x509-fixture.h"

/* ---- requests ---- */

#define CHALLENGE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
assert_request(GBytes *der, TgX509Key kind, const char *challenge, const char *part)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(EVP_PKEY) key = tg_x509_request_check(der, kind, challenge, &error);

        g_assert_true((key != NULL) == (part == NULL));
        if (part != NULL)
                x509_assert_says(error, TG_ERROR_INVALID, part);
        g_assert_cmpuint(ERR_peek_error(), ==, 0);
}

static void
test_a_request_is_for_its_share_and_key_alone(X509Fixture *self, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) der = tg_x509_request_new(self->key, CHALLENGE, &error);
        TgX509Key kind = self->grant.key;
        gsize n_bytes;
        const guint8 *octets;

        g_assert_no_error(error);
        octets = g_bytes_get_data(der, &n_bytes);
        assert_request(der, kind, CHALLENGE, NULL);
        assert_request(der,
                       kind,
                       "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                       "not made for this share");
        assert_request(der,
                       kind == TG_X509_P256 ? TG_X509_ED25519 : TG_X509_P256,
                       CHALLENGE,
                       "the kind that was offered");
        for (gsize i = 0; i < n_bytes; i++) {
                g_autofree guint8 *copy = g_memdup2(octets, n_bytes);
                g_autoptr(GBytes) cut = g_bytes_new(octets, i);
                g_autoptr(GBytes) changed = NULL;

                copy[i] ^= (guint8)(1 + i % 255);
                changed = g_bytes_new(copy, n_bytes);
                assert_request(changed, kind, CHALLENGE, "nothing was signed");
                assert_request(cut, kind, CHALLENGE, "no request");
        }
}

static GBytes *
request_with(EVP_PKEY *key, gboolean has_name, gboolean has_extension, gboolean has_attribute)
{
        g_autoptr(X509_REQ) request = X509_REQ_new();
        const EVP_MD *digest = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
        STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();

        X509_REQ_set_pubkey(request, key);
        X509_REQ_add1_attr_by_NID(request,
                                  NID_pkcs9_challengePassword,
                                  V_ASN1_PRINTABLESTRING,
                                  (const unsigned char *)CHALLENGE,
                                  (int)strlen(CHALLENGE));
        if (has_attribute)
                X509_REQ_add1_attr_by_NID(request,
                                          NID_pkcs9_unstructuredName,
                                          V_ASN1_PRINTABLESTRING,
                                          (const unsigned char *)"root",
                                          4);
        if (has_name)
                X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request),
                                           "CN",
                                           MBSTRING_UTF8,
                                           (const unsigned char *)"root",
                                           -1,
                                           -1,
                                           0);
        if (has_extension) {
                sk_X509_EXTENSION_push(
                        extensions,
                        X509V3_EXT_conf_nid(
                                NULL, NULL, NID_subject_alt_name, "email:root@example.org"));
                X509_REQ_add_extensions(request, extensions);
        }
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
        g_assert_cmpint(X509_REQ_sign(request, key, digest), >, 0);
        return TG_X509_ENCODE(X509_REQ, request);
}

static void
test_a_request_that_asks_for_more_is_refused(X509Fixture *self, gconstpointer data)
{
        static const char why[] = "asks for more than a signature";
        TgX509Key kind = self->grant.key;
        g_autoptr(GBytes) plain = request_with(self->key, FALSE, FALSE, FALSE);
        g_autoptr(GBytes) named = request_with(self->key, TRUE, FALSE, FALSE);
        g_autoptr(GBytes) extended = request_with(self->key, FALSE, TRUE, FALSE);
        g_autoptr(GBytes) more = request_with(self->key, FALSE, FALSE, TRUE);
        g_autoptr(EVP_PKEY) curve = EVP_EC_gen("P-384");
        g_autoptr(EVP_PKEY) rsa = EVP_RSA_gen(2048);
        g_autoptr(GBytes) other = request_with(curve, FALSE, FALSE, FALSE);
        g_autoptr(GBytes) large = request_with(rsa, FALSE, FALSE, FALSE);

        assert_request(plain, kind, CHALLENGE, NULL);
        assert_request(named, kind, CHALLENGE, why);
        assert_request(extended, kind, CHALLENGE, why);
        assert_request(more, kind, CHALLENGE, why);
        assert_request(other, kind, CHALLENGE, "the kind that was offered");
        assert_request(large, kind, CHALLENGE, "the kind that was offered");
}

/* ---- offers ---- */

static void
assert_grant(const TgX509Grant *grant, const char *part)
{
        g_autofree char *offer = tg_x509_grant_write(grant);
        g_auto(TgX509Grant) read = {};
        g_autoptr(GError) error = NULL;
        g_autofree char *again = NULL;
        TgJson json;
        gboolean is_right;

        g_assert_true(tg_json_parse(offer, strlen(offer), strlen(offer), &json, NULL));
        is_right = tg_x509_grant_parse(&json, &read, &error);
        g_assert_true(is_right == (part == NULL));
        if (part != NULL) {
                x509_assert_says(error, TG_ERROR_INVALID, part);
                return;
        }
        again = tg_x509_grant_write(&read);
        g_assert_cmpstr(again, ==, offer);
}

static void
test_an_offer_reads_as_it_was_written(X509Fixture *self, gconstpointer data)
{
        TgX509Grant *grant = &self->grant;
        guint64 from_s = grant->from_s;

        assert_grant(grant, NULL);
        grant->from_s = grant->to_s;
        assert_grant(grant, "after its beginning");
        grant->from_s = from_s - 2 * DAY_S;
        assert_grant(grant, "not valid yet");
        grant->from_s = from_s;
        grant->to_s += 366 * DAY_S;
        assert_grant(grant, "is over, or would be");
        grant->to_s -= 366 * DAY_S;
        grant->serial[0] = 0x80;
        assert_grant(grant, "number is malformed");
        grant->serial[0] = 0;
        assert_grant(grant, "number is malformed");
}

static void
test_names_that_are_none_are_refused(X509Fixture *self, gconstpointer data)
{
        static const char *const subjects[] = {"",
                                               "alice",
                                               "O=Example",
                                               "CN=",
                                               "CN= alice",
                                               "CN=alice,",
                                               "CN=alice,CN=root",
                                               "CN=alice,XX=1",
                                               "CN=a\\,b",
                                               "CN=a+O=b",
                                               "CN=a=b",
                                               "CN=alice, O=b",
                                               "CN=alice,C=DEU",
                                               "CN=a,O=b,O=b,O=b,O=b,O=b,O=b,O=b,O=b"};
        static const char *const names[] = {"alice",
                                            "email:",
                                            "dns:*",
                                            "uri:a b",
                                            "email:\303\244",
                                            "ip:127.0.0.1",
                                            "dirName:x"};

        for (gsize i = 0; i < G_N_ELEMENTS(subjects); i++) {
                g_free(self->grant.subject);
                self->grant.subject = g_strdup(subjects[i]);
                assert_grant(&self->grant, i == 0 ? "" : "the subject is a list");
        }
        g_free(self->grant.subject);
        self->grant.subject = g_strdup("CN=\303\244,UID=a b,C=DE");
        assert_grant(&self->grant, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
                g_strfreev(self->grant.names);
                self->grant.names = g_strsplit(names[i], ",", -1);
                assert_grant(&self->grant, "alternative names");
        }
        g_strfreev(self->grant.names);
        self->grant.names = g_strsplit("dns:a,dns:a,dns:a,dns:a,dns:a,dns:a,dns:a,dns:a", ",", -1);
        assert_grant(&self->grant, NULL);
        g_strfreev(self->grant.names);
        self->grant.names =
                g_strsplit("dns:a,dns:a,dns:a,dns:a,dns:a,dns:a,dns:a,dns:a,dns:a", ",", -1);
        assert_grant(&self->grant, "malformed");
}

static void
test_an_authority_that_is_none_is_refused(X509Fixture *self, gconstpointer data)
{
        g_autoptr(EVP_PKEY) small = EVP_RSA_gen(1024);
        const struct {
                X509Wrong wrong;
                EVP_PKEY *key;
                const char *part;
        } cases[] = {
                {{.is_no_ca = TRUE},       self->ca_key, "not one of an authority"     },
                {{.signs_no_lists = TRUE}, self->ca_key, "may not sign revocation"     },
                {{.ends_in_s = -60},       self->ca_key, "is over"                     },
                {{.ends_in_s = 600},       self->ca_key, "or would be before"          },
                {{},                       small,        "none of RSA (from 2048 bits)"},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_bytes_unref(self->grant.ca);
                self->grant.ca = x509_new_authority(cases[i].key, &cases[i].wrong);
                assert_grant(&self->grant, cases[i].part);
        }
        g_bytes_unref(self->grant.ca);
        self->grant.ca = g_bytes_new_static("rubbish", 7);
        assert_grant(&self->grant, "certificate is malformed");
}

/* ---- steps ---- */

static void
test_the_recipient_keeps_what_was_offered_and_nothing_else(X509Fixture *self, gconstpointer data)
{
        g_autofree char *offer = tg_x509_grant_write(&self->grant);
        g_autoptr(TgSecret) binding = helper_secret("0123456789abcdef0123456789abcdef");
        g_autofree char *challenge = tg_x509_challenge(&(TgStepContext){.binding = binding}, NULL);
        g_auto(TgStepAnswer) asked = {};
        g_auto(TgStepAnswer) unbound = {};
        g_auto(TgStepAnswer) kept = {};
        g_autoptr(GBytes) request = NULL;
        g_autoptr(EVP_PKEY) key = NULL;
        g_autoptr(GBytes) der = NULL;
        g_autoptr(TgSecret) answer = NULL;
        g_autoptr(TgSecret) passphrase = helper_secret("s3cret");
        g_autoptr(TgSecret) packed = NULL;
        g_autoptr(PKCS12) file = NULL;
        g_autoptr(EVP_PKEY) exported = NULL;
        g_autoptr(X509) certificate = NULL;
        const unsigned char *at;
        gsize n_bytes;

        x509_run_recipient(0, NULL, NULL, NULL, offer, &unbound);
        x509_assert_says(unbound.error, TG_ERROR_INVALID, "nothing can be proved");
        x509_run_recipient(0, binding, NULL, NULL, offer, &asked);
        g_assert_cmpint(asked.kind, ==, TG_ANSWER_SAY);
        request = x509_request_of(&asked);
        key = tg_x509_request_check(request, self->grant.key, challenge, NULL);
        g_assert_nonnull(key);

        static const char *const rubbish[] = {"{}",
                                              "{\"certificate\":1}",
                                              "{\"certificate\":\"!\"}",
                                              "{\"certificate\":\"AAAA\"}"};
        for (gsize i = 0; i < G_N_ELEMENTS(rubbish); i++) {
                g_auto(TgStepAnswer) refused = {};

                x509_run_recipient(1, binding, asked.state, NULL, rubbish[i], &refused);
                g_assert_cmpint(refused.kind, ==, TG_ANSWER_FAILED);
                g_assert_null(refused.provision.content);
        }
        der = x509_issue(self, &self->grant, key, self->ca_key);
        answer = tg_x509_say_octets("certificate", der, NULL);
        x509_run_recipient(
                1, binding, asked.state, NULL, (const char *)tg_secret_get(answer, NULL), &kept);
        g_assert_cmpint(kept.kind, ==, TG_ANSWER_KEEP);
        g_assert_cmpstr(kept.provision.title, ==, "Client certificate for alice");
        g_assert_cmpstr(kept.provision.issuer, ==, "CN=Example CA");
        g_assert_cmpuint(kept.provision.not_after_s, ==, self->grant.to_s);

        g_assert_null(tg_x509_export(kept.provision.content, "pkcs12", answer, NULL));
        packed = tg_x509_export(kept.provision.content, "pkcs12", passphrase, NULL);
        g_assert_nonnull(packed);
        at = tg_secret_get(packed, &n_bytes);
        file = d2i_PKCS12(NULL, &at, (long)n_bytes);
        g_assert_cmpint(PKCS12_parse(file, "wrong", &exported, &certificate, NULL), ==, 0);
        ERR_clear_error();
        g_assert_cmpint(PKCS12_parse(file, "s3cret", &exported, &certificate, NULL), ==, 1);
        g_assert_cmpint(EVP_PKEY_eq(exported, key), ==, 1);
        g_assert_cmpint(X509_check_private_key(certificate, exported), ==, 1);
}

static void
test_the_recipient_makes_no_key_for_what_is_over(X509Fixture *self, gconstpointer data)
{
        g_autoptr(TgSecret) binding = helper_secret("0123456789abcdef0123456789abcdef");
        g_auto(TgStepAnswer) refused = {};
        g_autofree char *offer = NULL;

        self->grant.from_s -= 7200;
        self->grant.to_s -= 7200;
        offer = tg_x509_grant_write(&self->grant);
        x509_run_recipient(0, binding, NULL, NULL, offer, &refused);
        x509_assert_says(refused.error, TG_ERROR_INVALID, "over already");
        g_assert_null(refused.state);
}

/* ---- lists ---- */

static X509_CRL *
add_to_list(X509Fixture *self, X509_CRL *list, guint8 number)
{
        guint8 serial[TG_X509_SERIAL_BYTES] = {0x40, [15] = number};
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) part = tg_x509_list_add(
                list, self->ca, serial, sizeof serial, 1000000000 + number, &error);
        g_autoptr(GBytes) signature = NULL;
        g_autoptr(GBytes) pem = NULL;
        X509_CRL *next;

        g_assert_no_error(error);
        signature = x509_sign_part(part, self->ca_key);
        pem = tg_x509_list_write(part, self->ca, signature);
        next = tg_x509_list_parse(pem, self->ca, &error);
        g_assert_no_error(error);
        g_assert_true(tg_x509_list_has(next, serial, sizeof serial));
        return next;
}

static void
test_a_list_only_grows(X509Fixture *self, gconstpointer data)
{
        g_autoptr(X509_CRL) first = add_to_list(self, NULL, 1);
        g_autoptr(X509_CRL) second = add_to_list(self, first, 2);
        g_autoptr(ASN1_INTEGER) number = X509_CRL_get_ext_d2i(second, NID_crl_number, NULL, NULL);
        guint8 serial[TG_X509_SERIAL_BYTES] = {0x40, [15] = 1};

        g_assert_cmpint(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(second)), ==, 2);
        g_assert_true(tg_x509_list_has(second, serial, sizeof serial));
        serial[15] = 3;
        g_assert_false(tg_x509_list_has(second, serial, sizeof serial));
        g_assert_cmpint(ASN1_INTEGER_get(number), ==, 2);
}

static void
test_a_foreign_list_is_left_alone(X509Fixture *self, gconstpointer data)
{
        g_autoptr(X509_CRL) list = add_to_list(self, NULL, 1);
        g_autoptr(EVP_PKEY) key = tg_x509_key_new(self->grant.key, NULL);
        g_autoptr(GBytes) der = x509_new_authority(key, &(X509Wrong){});
        g_autoptr(X509) other = tg_x509_authority_parse(der, NULL);
        g_autoptr(GBytes) list_der = TG_X509_ENCODE(X509_CRL, list);
        g_autoptr(GBytes) pem = tg_x509_pem(PEM_STRING_X509_CRL, list_der);
        g_autoptr(GBytes) rubbish = g_bytes_new_static("rubbish", 7);
        g_autoptr(GError) foreign = NULL;
        g_autoptr(GError) no_list = NULL;

        g_assert_null(tg_x509_list_parse(pem, other, &foreign));
        x509_assert_says(foreign, TG_ERROR_FAILED, "not this authority's");
        g_assert_null(tg_x509_list_parse(rubbish, self->ca, &no_list));
        x509_assert_says(no_list, TG_ERROR_FAILED, "no list in PEM");
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        x509_add_test("request", test_a_request_is_for_its_share_and_key_alone);
        x509_add_test("request/more", test_a_request_that_asks_for_more_is_refused);
        x509_add_test("offer", test_an_offer_reads_as_it_was_written);
        x509_add_test("offer/names", test_names_that_are_none_are_refused);
        x509_add_test("offer/authority", test_an_authority_that_is_none_is_refused);
        x509_add_test("recipient", test_the_recipient_keeps_what_was_offered_and_nothing_else);
        x509_add_test("recipient/over", test_the_recipient_makes_no_key_for_what_is_over);
        x509_add_test("list", test_a_list_only_grows);
        x509_add_test("list/foreign", test_a_foreign_list_is_left_alone);
        return g_test_run();
}
