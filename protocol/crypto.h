/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The only user of OpenSSL's EVP interface: AEAD, HKDF, digests, random octets.
 * Every failed open is TG_ERROR_TAMPERED without saying which check failed.
 */

#include <glib.h>

#include "protocol/secret.h"

#define TG_SHA256_BYTES 32
#define TG_AEAD_IV_BYTES 12
#define TG_AEAD_TAG_BYTES 16

typedef enum { TG_HASH_SHA256, TG_HASH_SHA384 } TgHash;

/* For IVs, nonces, ids. Aborts when the system's generator fails: nothing
 * sensible can follow. */
void tg_random(void *bytes, gsize n_bytes);
/* A version 4 UUID's 16 octets. */
void tg_random_uuid(guint8 ret_uuid[16]);

void tg_sha256(const void *bytes, gsize n_bytes, guint8 ret_digest[TG_SHA256_BYTES]);
void tg_hmac_sha256(const TgSecret *key,
                    const void *bytes,
                    gsize n_bytes,
                    guint8 ret_mac[TG_SHA256_BYTES]);

/* HKDF-Extract with an absent salt (HashLen zero octets), RFC 5869. */
TgSecret *tg_hkdf_extract(TgHash hash, const TgSecret *ikm, GError **error);
/* HKDF-Expand-Label of RFC 8446 section 7.1; @label without "tls13 ". */
TgSecret *tg_hkdf_expand_label(TgHash hash,
                               const TgSecret *secret,
                               const char *label,
                               const void *context,
                               gsize n_context,
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

/* What a recipient proves to the relay: HKDF over the decoded fragment, all octets of
 * it; the relay knows the hash. */
gboolean tg_claim_proof(const TgSecret *secret, guint8 ret_proof[32], GError **error);
void tg_claim_verifier(const guint8 proof[32], guint8 ret_verifier[32]);
