/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages to push services, and who sends them, beyond the known answers of test-vectors. */

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/webpush.h"
#include "tests/unit/helper.h"

#define SUBSCRIBER                                                                                 \
        "BFaP0vkObOw1uqL27ah8x_8e81HEjPd-bBJZJ6eo06dMVQUNAqMOvqdofYrSpwTOVxuIpw1udCFrmsKa7kWP0gM"
#define NOW 1800000000

static void
get_subscriber(guint8 ret_key[TG_WEBPUSH_KEY_BYTES])
{
        g_assert_true(tg_base64_decode_exact(
                TG_BASE64_URL, SUBSCRIBER, strlen(SUBSCRIBER), ret_key, TG_WEBPUSH_KEY_BYTES));
}

static void
test_each_message_is_under_a_key_of_its_own(void)
{
        guint8 key[TG_WEBPUSH_KEY_BYTES], auth[TG_WEBPUSH_AUTH_BYTES] = {1};
        g_autoptr(GBytes) one = NULL, two = NULL;
        g_autoptr(GError) error = NULL;
        const guint8 *a, *b;
        TgWebPushKeys keys;
        gsize n_bytes;

        get_subscriber(key);
        g_assert_true(tg_webpush_keys_set(&keys, key, sizeof key, auth, sizeof auth));
        one = tg_webpush_encrypt(&keys, "", 0, 128, &error);
        two = tg_webpush_encrypt(&keys, "", 0, 128, &error);
        g_assert_no_error(error);
        a = g_bytes_get_data(one, &n_bytes);
        b = g_bytes_get_data(two, NULL);
        g_assert_cmpuint(n_bytes, ==, 16 + 4 + 1 + 65 + 129 + 16);
        g_assert_cmpuint(g_bytes_get_size(two), ==, n_bytes);
        g_assert_true(memcmp(a, b, 16) != 0);
        g_assert_true(memcmp(a + 21, b + 21, 65) != 0);
        g_assert_null(tg_webpush_encrypt(&keys, "", 0, 4096, &error));
        helper_assert_error(error, TG_ERROR_INVALID, NULL);
}

/* One bit of a good key is one of another point, or of none: almost always of none, and what is
 * taken is on the curve. */
static void
test_only_points_are_keys(void)
{
        EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        guint8 key[TG_WEBPUSH_KEY_BYTES], zeros[TG_WEBPUSH_KEY_BYTES] = {4}, infinity[1] = {0};
        guint8 auth[TG_WEBPUSH_AUTH_BYTES] = {0};
        TgWebPushKeys keys;
        guint n_taken = 0;

        get_subscriber(key);
        g_assert_true(tg_webpush_keys_set(&keys, key, sizeof key, auth, sizeof auth));
        g_assert_false(tg_webpush_keys_set(&keys, zeros, sizeof zeros, auth, sizeof auth));
        g_assert_false(tg_webpush_keys_set(&keys, infinity, 1, auth, sizeof auth));
        g_assert_false(tg_webpush_keys_set(&keys, key, 0, auth, sizeof auth));
        g_assert_false(tg_webpush_keys_set(&keys, key, sizeof key, auth, 15));
        for (guint bit = 0; bit < 8 * sizeof key; bit++) {
                EC_POINT *point = EC_POINT_new(group);
                gboolean is_point, is_taken;

                key[bit / 8] ^= (guint8)(1 << bit % 8);
                is_point = EC_POINT_oct2point(group, point, key, sizeof key, NULL) == 1;
                is_taken = tg_webpush_keys_set(&keys, key, sizeof key, auth, sizeof auth);
                g_assert_true(is_taken == (is_point && key[0] == 4));
                n_taken += is_taken;
                key[bit / 8] ^= (guint8)(1 << bit % 8);
                EC_POINT_free(point);
        }
        g_assert_cmpuint(n_taken, <, 8);
        EC_GROUP_free(group);
}

/* ---- VAPID ---- */

static char *
make_pem(const char *curve, gboolean is_sealed)
{
        EVP_PKEY *pair = curve ? EVP_EC_gen(curve) : EVP_RSA_gen(2048);
        BIO *bio = BIO_new(BIO_s_mem());
        char *bytes, *pem;
        long n_bytes;

        g_assert_true(PEM_write_bio_PrivateKey(bio,
                                               pair,
                                               is_sealed ? EVP_aes_128_cbc() : NULL,
                                               (const guint8 *)"pass",
                                               is_sealed ? 4 : 0,
                                               NULL,
                                               NULL) == 1);
        n_bytes = BIO_get_mem_data(bio, &bytes);
        pem = g_strndup(bytes, (gsize)n_bytes);
        BIO_free(bio);
        EVP_PKEY_free(pair);

        return pem;
}

/* By the public key that the header itself names, as a push service does it. */
static gboolean
is_signed(const char *key_text, const char *text, gsize n_text, const guint8 signature[64])
{
        static const guint8 head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
        guint8 spki[sizeof head + TG_WEBPUSH_KEY_BYTES], *der = NULL;
        const guint8 *at = spki;
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        ECDSA_SIG *pair = ECDSA_SIG_new();
        EVP_PKEY *key;
        gboolean is_right;
        int n_der;

        memcpy(spki, head, sizeof head);
        g_assert_true(tg_base64_decode_exact(TG_BASE64_URL,
                                             key_text,
                                             strlen(key_text),
                                             spki + sizeof head,
                                             TG_WEBPUSH_KEY_BYTES));
        key = d2i_PUBKEY(NULL, &at, sizeof spki);
        ECDSA_SIG_set0(pair, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
        n_der = i2d_ECDSA_SIG(pair, &der);
        g_assert_true(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1);
        is_right = EVP_DigestVerify(context, der, (gsize)n_der, (const guint8 *)text, n_text) == 1;
        OPENSSL_free(der);
        ECDSA_SIG_free(pair);
        EVP_PKEY_free(key);
        EVP_MD_CTX_free(context);

        return is_right;
}

static void
assert_part(const char *part, const char *wanted)
{
        g_autofree guint8 *bytes = g_malloc(tg_base64_decoded_room(strlen(part)));
        gsize n_bytes;

        g_assert_true(tg_base64_decode(TG_BASE64_URL, part, strlen(part), bytes, &n_bytes));
        g_assert_cmpmem(bytes, n_bytes, wanted, strlen(wanted));
}

static void
test_authorization_is_a_signed_token(void)
{
        g_autofree char *pem = make_pem("P-256", FALSE);
        g_autoptr(GError) error = NULL;
        g_autoptr(TgVapid) vapid = tg_vapid_new(pem, &error);

        g_assert_no_error(error);
        /* Short numbers in the signature, which are padded, come once in 128 times. */
        for (guint i = 0; i < 600; i++) {
                g_autofree char *value = tg_vapid_authorize(
                        vapid, "https://push.example:8443", NOW + i, "mailto:a\"b@x", &error);
                g_autofree char *claims =
                        g_strdup_printf("{\"aud\":\"https://push.example:8443\",\"exp\":%u,\"sub\":"
                                        "\"mailto:a\\\"b@x\"}",
                                        NOW + i);
                g_auto(GStrv) words = g_strsplit(value, ", k=", -1), parts = NULL;
                guint8 signature[64];

                g_assert_no_error(error);
                g_assert_true(g_str_has_prefix(value, "vapid t="));
                g_assert_cmpuint(g_strv_length(words), ==, 2);
                g_assert_cmpstr(words[1], ==, tg_vapid_get_key(vapid));
                parts = g_strsplit(words[0] + 8, ".", -1);
                g_assert_cmpuint(g_strv_length(parts), ==, 3);
                assert_part(parts[0], "{\"typ\":\"JWT\",\"alg\":\"ES256\"}");
                assert_part(parts[1], claims);
                g_assert_true(tg_base64_decode_exact(
                        TG_BASE64_URL, parts[2], strlen(parts[2]), signature, sizeof signature));
                g_assert_true(is_signed(words[1],
                                        words[0] + 8,
                                        strlen(parts[0]) + 1 + strlen(parts[1]),
                                        signature));
                signature[i % 64] ^= 1;
                g_assert_false(is_signed(words[1],
                                         words[0] + 8,
                                         strlen(parts[0]) + 1 + strlen(parts[1]),
                                         signature));
        }
}

static void
test_no_contact_is_no_claim(void)
{
        g_autofree char *pem = make_pem("P-256", FALSE);
        g_autoptr(TgVapid) vapid = tg_vapid_new(pem, NULL);
        g_autofree char *value = tg_vapid_authorize(vapid, "https://x.example", 7, NULL, NULL);
        g_auto(GStrv) parts = g_strsplit(value, ".", -1);

        assert_part(parts[1], "{\"aud\":\"https://x.example\",\"exp\":7}");
}

static void
test_other_keys_are_refused(void)
{
        g_autofree char *other = make_pem("P-384", FALSE), *rsa = make_pem(NULL, FALSE),
                        *sealed = make_pem("P-256", TRUE), *good = make_pem("P-256", FALSE),
                        *cut = g_strndup(good, strlen(good) / 2);
        const char *const wrong[] = {other, rsa, sealed, cut, "", "nothing"};

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(tg_vapid_new(wrong[i], &error));
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
        }
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/webpush/each-message-is-under-a-key-of-its-own",
                        test_each_message_is_under_a_key_of_its_own);
        g_test_add_func("/webpush/only-points-are-keys", test_only_points_are_keys);
        g_test_add_func("/webpush/authorization-is-a-signed-token",
                        test_authorization_is_a_signed_token);
        g_test_add_func("/webpush/no-contact-is-no-claim", test_no_contact_is_no_claim);
        g_test_add_func("/webpush/other-keys-are-refused", test_other_keys_are_refused);

        return g_test_run();
}
