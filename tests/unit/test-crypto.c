/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "tests/unit/helper.h"

static void
assert_hex(const guint8 *bytes, gsize n_bytes, const char *hex)
{
        g_autofree char *got = tg_hex_encode(bytes, n_bytes);

        g_assert_cmpstr(got, ==, hex);
}

static void
test_digests_are_the_published_ones(void)
{
        g_autoptr(TgSecret) key = helper_secret("Jefe");
        static const char text[] = "what do ya want for nothing?";
        guint8 digest[TG_MAX_HASH_BYTES], long_digest[TG_MAX_HASH_BYTES];

        tg_sha256("abc", 3, digest); /* FIPS 180-2 */
        assert_hex(digest, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        g_assert_cmpuint(tg_hash(TG_HASH_SHA256, "abc", 3, digest), ==, 32);
        assert_hex(digest, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        g_assert_cmpuint(tg_hash(TG_HASH_SHA384, "abc", 3, long_digest), ==, 48);
        assert_hex(long_digest,
                   48,
                   "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                   "8086072ba1e7cc2358baeca134c825a7");
        tg_hmac_sha256(key, text, strlen(text), digest); /* RFC 4231, case 2 */
        assert_hex(digest, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void
test_extracting_is_the_published_one(void)
{
        /* RFC 5869, case 3: no salt */
        g_autoptr(TgSecret) ikm = helper_secret_filled(0x0b, 22);
        g_autoptr(TgSecret) prk = tg_hkdf_extract(TG_HASH_SHA256, ikm, NULL);

        assert_hex(tg_secret_get(prk, NULL),
                   tg_secret_size(prk),
                   "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
}

static void
test_salt_and_info_are_taken(void)
{
        /* RFC 5869, case 1 */
        g_autoptr(TgSecret) ikm = helper_secret_filled(0x0b, 22);
        g_autoptr(TgSecret) salt = helper_secret_from_hex("000102030405060708090a0b0c");
        g_autoptr(TgSecret) info = helper_secret_from_hex("f0f1f2f3f4f5f6f7f8f9");
        g_autoptr(TgSecret) prk = tg_hkdf_extract_salted(
                TG_HASH_SHA256, tg_secret_get(salt, NULL), tg_secret_size(salt), ikm, NULL);
        g_autoptr(TgSecret) okm = NULL;

        assert_hex(tg_secret_get(prk, NULL),
                   tg_secret_size(prk),
                   "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
        okm = tg_hkdf_expand(
                TG_HASH_SHA256, prk, tg_secret_get(info, NULL), tg_secret_size(info), 42, NULL);
        assert_hex(tg_secret_get(okm, NULL),
                   tg_secret_size(okm),
                   "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                   "34007208d5b887185865");
}

static void
test_impossible_derivations_are_refused(void)
{
        g_autoptr(TgSecret) secret = helper_secret_filled(1, 32);
        g_autofree char *label = g_strnfill(250, 'x');
        guint8 context[256] = {0};
        static const struct {
                gsize skipped; /* of the label's 250 characters */
                gsize n_context, n_bytes;
                gboolean is_possible;
        } cases[] = {
                {1,   255, 32,           TRUE },
                {0,   0,   32,           FALSE},
                {250, 0,   32,           FALSE},
                {200, 256, 32,           FALSE},
                {200, 0,   0,            FALSE},
                {200, 0,   255 * 32,     TRUE },
                {200, 0,   255 * 32 + 1, FALSE},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(TgSecret) key = tg_hkdf_expand_label(TG_HASH_SHA256,
                                                               secret,
                                                               label + cases[i].skipped,
                                                               context,
                                                               cases[i].n_context,
                                                               cases[i].n_bytes,
                                                               &error);

                g_assert_cmpint(key != NULL, ==, cases[i].is_possible);
                if (!key)
                        helper_assert_error(error, TG_ERROR_INVALID, NULL);
        }
}

static void
test_sealing_is_the_published_one(void)
{
        /* McGrew and Viega, GCM, test cases 2 and 14 */
        static const struct {
                gsize n_key;
                const char *sealed;
        } cases[] = {
                {16,
                 "0000000000000000000000000388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67"
                 "b21257bddf"},
                {32,
                 "000000000000000000000000cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98"
                 "b5d48ab919"},
        };
        static const guint8 zeros[16];

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(TgSecret) key = helper_secret_filled(0, cases[i].n_key);
                guint8 sealed[16 + 28];

                g_assert_true(tg_aead_seal(key, zeros, NULL, 0, zeros, 16, sealed, NULL));
                assert_hex(sealed, sizeof sealed, cases[i].sealed);
        }
}

static void
test_each_changed_bit_is_noticed(void)
{
        g_autoptr(TgSecret) key = helper_secret_filled(7, 32);
        guint8 sealed[28 + 5];
        guint8 ad[3] = "row";
        g_autoptr(TgSecret) opened = NULL;

        g_assert_true(tg_aead_seal(key, NULL, ad, sizeof ad, "hello", 5, sealed, NULL));
        opened = tg_aead_open(key, ad, sizeof ad, sealed, sizeof sealed, NULL);
        g_assert_cmpstr((const char *)tg_secret_get(opened, NULL), ==, "hello");
        for (gsize bit = 0; bit < sizeof sealed * 8; bit++) {
                g_autoptr(GError) error = NULL;

                sealed[bit / 8] ^= (guint8)(1 << bit % 8);
                g_assert_null(tg_aead_open(key, ad, sizeof ad, sealed, sizeof sealed, &error));
                helper_assert_error(error, TG_ERROR_TAMPERED, "hello");
                sealed[bit / 8] ^= (guint8)(1 << bit % 8);
        }
        for (gsize bit = 0; bit < sizeof ad * 8; bit++) {
                ad[bit / 8] ^= (guint8)(1 << bit % 8);
                g_assert_null(tg_aead_open(key, ad, sizeof ad, sealed, sizeof sealed, NULL));
                ad[bit / 8] ^= (guint8)(1 << bit % 8);
        }
        for (gsize n = 0; n < sizeof sealed; n++) {
                g_autofree guint8 *cut = g_memdup2(sealed, n);
                g_autoptr(GError) error = NULL;

                g_assert_null(tg_aead_open(key, ad, sizeof ad, cut, n, &error));
                helper_assert_error(error, TG_ERROR_TAMPERED, "hello");
        }
        g_assert_null(tg_aead_open(key, NULL, 0, sealed, sizeof sealed, NULL));
}

static void
test_sealed_octets_open_again(void)
{
        static const gsize sizes[] = {0, 1, 15, 16, 17, 65536};

        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autoptr(TgSecret) key = tg_secret_new_random(16, NULL);
                g_autoptr(TgSecret) text = helper_secret_filled(0x5a, sizes[i]);
                g_autofree guint8 *first = g_malloc(sizes[i] + 28);
                g_autofree guint8 *second = g_malloc(sizes[i] + 28);
                g_autoptr(TgSecret) back = NULL;

                g_assert_true(tg_aead_seal(
                        key, NULL, NULL, 0, tg_secret_get(text, NULL), sizes[i], first, NULL));
                g_assert_true(tg_aead_seal(
                        key, NULL, NULL, 0, tg_secret_get(text, NULL), sizes[i], second, NULL));
                /* a fresh IV each time */
                g_assert_cmpint(memcmp(first, second, 12), !=, 0);
                back = tg_aead_open(key, NULL, 0, first, sizes[i] + 28, NULL);
                g_assert_true(tg_secret_equal(back, text));
        }
}

static void
test_keys_have_16_or_32_octets(void)
{
        guint8 sealed[28] = {0};

        for (gsize n = 0; n < 70; n++) {
                g_autoptr(TgSecret) key = helper_secret_filled(1, n);
                g_autoptr(GError) error = NULL;
                gboolean is_right = n == 16 || n == 32;

                g_assert_cmpint(
                        tg_aead_seal(key, NULL, NULL, 0, "", 0, sealed, &error), ==, is_right);
                if (is_right)
                        continue;
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                g_assert_null(tg_aead_open(key, NULL, 0, sealed, sizeof sealed, NULL));
        }
}

static void
check_cipher(TgCipher cipher, gsize n_bytes)
{
        g_autoptr(TgSecret) key = tg_secret_new_random(tg_cipher_key_bytes(cipher), NULL);
        g_autoptr(TgSecret) nonce = tg_secret_new_random(12, NULL);
        g_autoptr(TgSecret) text = helper_secret_filled(0x5a, n_bytes);
        g_autoptr(TgSecret) back = NULL;
        g_autofree guint8 *sealed = g_malloc(n_bytes + 16);

        g_assert_true(tg_cipher_seal(cipher, key, nonce, text, sealed, NULL));
        back = tg_cipher_open(cipher, key, nonce, sealed, n_bytes + 16, NULL);
        g_assert_true(tg_secret_equal(back, text));
        for (gsize bit = 0; bit < (n_bytes + 16) * 8; bit += 7) {
                g_autoptr(GError) error = NULL;

                sealed[bit / 8] ^= (guint8)(1 << bit % 8);
                g_assert_null(tg_cipher_open(cipher, key, nonce, sealed, n_bytes + 16, &error));
                helper_assert_error(error, TG_ERROR_TAMPERED, NULL);
                sealed[bit / 8] ^= (guint8)(1 << bit % 8);
        }
        g_assert_null(tg_cipher_open(cipher, key, nonce, sealed, n_bytes + 15, NULL));
        g_assert_null(tg_cipher_open(cipher, key, nonce, sealed, 15, NULL));
}

static void
test_ciphers_open_what_they_sealed_and_nothing_else(void)
{
        for (TgCipher cipher = TG_CIPHER_AES_128_GCM; cipher <= TG_CIPHER_CHACHA20_POLY1305;
             cipher++) {
                check_cipher(cipher, 0);
                check_cipher(cipher, 1);
                check_cipher(cipher, 64);
                check_cipher(cipher, 200);
        }
}

static void
test_ciphers_refuse_keys_and_nonces_of_another_length(void)
{
        static const struct {
                TgCipher cipher;
                gsize n_key, n_nonce;
        } cases[] = {
                {TG_CIPHER_AES_128_GCM,       32, 12},
                {TG_CIPHER_AES_256_GCM,       16, 12},
                {TG_CIPHER_CHACHA20_POLY1305, 16, 12},
                {TG_CIPHER_CHACHA20_POLY1305, 32, 8 },
                {TG_CIPHER_AES_128_GCM,       16, 16},
        };
        guint8 sealed[16] = {0};

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(TgSecret) key = helper_secret_filled(1, cases[i].n_key);
                g_autoptr(TgSecret) nonce = helper_secret_filled(2, cases[i].n_nonce);
                g_autoptr(TgSecret) nothing = helper_secret("");
                g_autoptr(GError) error = NULL;

                g_assert_false(
                        tg_cipher_seal(cases[i].cipher, key, nonce, nothing, sealed, &error));
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                g_assert_null(
                        tg_cipher_open(cases[i].cipher, key, nonce, sealed, sizeof sealed, NULL));
        }
}

/* Computed with Python's hmac and hashlib. */
static void
test_claim_proof_is_of_all_octets_of_the_fragment(void)
{
        static const struct {
                const char *fragment, *proof, *verifier;
        } cases[] = {
                {"000102030405060708090a0b0c0d0e0f",
                 "c41d8528e2ea5bc6a15e2978256b697eea4f335662a8d9fe0aca254ea5a1bf74", "c9eb443aa9e5635a7b6b49206835f3970fb8e8c325e7953b0291901455ed07c5"},
                {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                 "713195e6c1197d16bf4945a252dcd647bfd0a459bc645409d950d4baf32f945a", "bd6c2144df2ce914199bbed37e85464240fcb5baa1a957db69e9d97ce030413b"},
                {"01000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                 "94847f03191182c0371c2700e4abe3d0dc8b93e8f2b5d5866f453b62e5209640", "53deb57adea857ff16adda715431796d3217315ee4798e63e3ffc0a1a84863b0"},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(TgSecret) fragment = helper_secret_from_hex(cases[i].fragment);
                guint8 proof[32], verifier[32];

                g_assert_true(tg_claim_proof(fragment, proof, NULL));
                assert_hex(proof, 32, cases[i].proof);
                tg_claim_verifier(proof, verifier);
                assert_hex(verifier, 32, cases[i].verifier);
        }
}

static void
test_random_uuids_are_of_version_4(void)
{
        guint8 a[16], b[16];

        tg_random_uuid(a);
        tg_random_uuid(b);
        g_assert_cmpint(a[6] >> 4, ==, 4);
        g_assert_cmpint(a[8] >> 6, ==, 2);
        g_assert_cmpint(memcmp(a, b, 16), !=, 0);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/crypto/digests-are-the-published-ones",
                        test_digests_are_the_published_ones);
        g_test_add_func("/crypto/extracting-is-the-published-one",
                        test_extracting_is_the_published_one);
        g_test_add_func("/crypto/salt-and-info-are-taken", test_salt_and_info_are_taken);
        g_test_add_func("/crypto/impossible-derivations-are-refused",
                        test_impossible_derivations_are_refused);
        g_test_add_func("/crypto/sealing-is-the-published-one", test_sealing_is_the_published_one);
        g_test_add_func("/crypto/each-changed-bit-is-noticed", test_each_changed_bit_is_noticed);
        g_test_add_func("/crypto/sealed-octets-open-again", test_sealed_octets_open_again);
        g_test_add_func("/crypto/keys-have-16-or-32-octets", test_keys_have_16_or_32_octets);
        g_test_add_func("/crypto/ciphers-open-what-they-sealed-and-nothing-else",
                        test_ciphers_open_what_they_sealed_and_nothing_else);
        g_test_add_func("/crypto/ciphers-refuse-keys-and-nonces-of-another-length",
                        test_ciphers_refuse_keys_and_nonces_of_another_length);
        g_test_add_func("/crypto/claim-proof-is-of-all-octets-of-the-fragment",
                        test_claim_proof_is_of_all_octets_of_the_fragment);
        g_test_add_func("/crypto/random-uuids-are-of-version-4",
                        test_random_uuids_are_of_version_4);

        return g_test_run();
}
