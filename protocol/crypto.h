/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The only user of OpenSSL's EVP interface: AEAD, HKDF, scrypt, and the digests of digest.h.
 * Every failed open is TG_ERROR_TAMPERED without saying which check failed.
 */

#include <glib.h>

#include "protocol/digest.h"
#include "protocol/secret.h"

#define TG_AEAD_IV_BYTES 12
#define TG_AEAD_TAG_BYTES 16
#define TG_MAX_HASH_BYTES 48

typedef enum { TG_HASH_SHA256, TG_HASH_SHA384 } TgHash;

/* The digest's length: 32 or 48 octets. */
gsize tg_hash(TgHash hash, const void *bytes, gsize n_bytes, guint8 ret_digest[TG_MAX_HASH_BYTES]);

void tg_hmac_sha256(const TgSecret *key,
                    const void *bytes,
                    gsize n_bytes,
                    guint8 ret_mac[TG_SHA256_BYTES]);

/* HKDF-Extract with an absent salt (HashLen zero octets), RFC 5869. */
TgSecret *tg_hkdf_extract(TgHash hash, const TgSecret *ikm, GError **error);
TgSecret *tg_hkdf_extract_salted(
        TgHash hash, const void *salt, gsize n_salt, const TgSecret *ikm, GError **error);
/* HKDF-Expand with @info as it stands. */
TgSecret *tg_hkdf_expand(TgHash hash,
                         const TgSecret *prk,
                         const void *info,
                         gsize n_info,
                         gsize n_bytes,
                         GError **error);
/* HKDF-Expand-Label of RFC 8446 section 7.1; @label without "tls13 ". */
TgSecret *tg_hkdf_expand_label(TgHash hash,
                               const TgSecret *secret,
                               const char *label,
                               const void *context,
                               gsize n_context,
                               gsize n_bytes,
                               GError **error);

/* scrypt of RFC 7914 with N = 2^@log2_n, r = 8, p = 1: takes 2^@log2_n KiB and, at 14, some
 * hundredths of a second. @password may be empty. */
TgSecret *tg_scrypt(const TgSecret *password,
                    const TgSecret *salt,
                    guint log2_n,
                    gsize n_bytes,
                    GError **error);

/* AES-128-GCM or AES-256-GCM by the key's length (16, 32; else TG_ERROR_INVALID).
 * @ret_sealed is IV || C || T, @n_bytes + 28 octets of the caller's. A fresh
 * random IV when @iv is NULL (known-answer tests give one). */
gboolean tg_aead_seal(const TgSecret *key,
                      const guint8 *iv,
                      const void *ad,
                      gsize n_ad,
                      const void *bytes,
                      gsize n_bytes,
                      guint8 *ret_sealed,
                      GError **error);
TgSecret *tg_aead_open(const TgSecret *key,
                       const void *ad,
                       gsize n_ad,
                       const guint8 *sealed,
                       gsize n_sealed,
                       GError **error);

/* Ciphers by name, for one message under a key and a nonce that are both derived: C || T,
 * @n_plaintext + 16 octets, no associated data. A key or nonce of another length than the
 * cipher's is TG_ERROR_INVALID. */
typedef enum {
        TG_CIPHER_AES_128_GCM,
        TG_CIPHER_AES_256_GCM,
        TG_CIPHER_CHACHA20_POLY1305, /* RFC 8439 */
} TgCipher;

gsize tg_cipher_key_bytes(TgCipher cipher);
gboolean tg_cipher_seal(TgCipher cipher,
                        const TgSecret *key,
                        const TgSecret *nonce,
                        const TgSecret *plaintext,
                        guint8 *ret_sealed,
                        GError **error);
TgSecret *tg_cipher_open(TgCipher cipher,
                         const TgSecret *key,
                         const TgSecret *nonce,
                         const guint8 *sealed,
                         gsize n_sealed,
                         GError **error);

/* What a recipient proves to the relay: HKDF over the decoded fragment, all octets of
 * it; the relay knows the hash. */
gboolean
tg_claim_proof(const TgSecret *secret, guint8 ret_proof[TG_CLAIM_PROOF_BYTES], GError **error);
