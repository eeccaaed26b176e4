/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/crypto.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "protocol/error.h"

#define MAX_HASH_BYTES 48
#define LABEL_PREFIX "tls13 "
#define MAX_LABEL_BYTES 255
#define MAX_CONTEXT_BYTES 255

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_KDF, EVP_KDF_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_KDF_CTX, EVP_KDF_CTX_free)

/* Our own calls fail only if the library does. Its queue of reasons is emptied:
 * whoever looks next (libcurl) would take them for its own. */
static gboolean
broken(GError **error, const char *what)
{
        ERR_clear_error();
        tg_set_error(error, TG_ERROR_FAILED, "the cryptographic library cannot %s", what);

        return FALSE;
}

void
tg_random(void *bytes, gsize n_bytes)
{
        if (n_bytes > G_MAXINT || RAND_bytes(bytes, (int)n_bytes) != 1)
                g_error("the system gives no random numbers");
}

void
tg_random_uuid(guint8 ret_uuid[16])
{
        tg_random(ret_uuid, 16);
        ret_uuid[6] = (ret_uuid[6] & 0x0f) | 0x40;
        ret_uuid[8] = (ret_uuid[8] & 0x3f) | 0x80;
}

void
tg_sha256(const void *bytes, gsize n_bytes, guint8 ret_digest[TG_SHA256_BYTES])
{
        if (EVP_Digest(bytes, n_bytes, ret_digest, NULL, EVP_sha256(), NULL) != 1)
                g_error("the cryptographic library has no sha-256");
}

void
tg_hmac_sha256(const TgSecret *key,
               const void *bytes,
               gsize n_bytes,
               guint8 ret_mac[TG_SHA256_BYTES])
{
        gsize n_key;
        const guint8 *key_bytes = tg_secret_get(key, &n_key);

        if (!HMAC(EVP_sha256(), key_bytes, (int)n_key, bytes, n_bytes, ret_mac, NULL))
                g_error("the cryptographic library has no hmac");
}

/* ---- HKDF ---- */

static gsize
hash_bytes(TgHash hash)
{
        return hash == TG_HASH_SHA384 ? 48 : 32;
}

/* @salt_or_info goes where @mode wants it; the result has @n_bytes. */
static TgSecret *
hkdf(TgHash hash,
     int mode,
     const TgSecret *key,
     const guint8 *salt_or_info,
     gsize n_salt_or_info,
     gsize n_bytes,
     GError **error)
{
        const char *name =
                mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY ? OSSL_KDF_PARAM_SALT : OSSL_KDF_PARAM_INFO;
        char digest[8];
        g_autoptr(EVP_KDF) kdf = NULL;
        g_autoptr(EVP_KDF_CTX) context = NULL;
        g_autoptr(TgSecret) result = NULL;
        guint8 *room;
        gsize n_key;
        const guint8 *key_bytes = tg_secret_get(key, &n_key);

        /* the parameters are not written to; the constructors just lack a const */
        g_strlcpy(digest, hash == TG_HASH_SHA384 ? "SHA384" : "SHA256", sizeof digest);
        const OSSL_PARAM parameters[] = {
                OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key_bytes, n_key),
                OSSL_PARAM_construct_octet_string(name, (void *)salt_or_info, n_salt_or_info),
                OSSL_PARAM_construct_end(),
        };

        result = tg_secret_new_blank(n_bytes, &room, error);
        if (!result)
                return NULL;

        kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
        context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
        if (!context || EVP_KDF_derive(context, room, n_bytes, parameters) != 1) {
                broken(error, "derive a key");
                return NULL;
        }

        return g_steal_pointer(&result);
}

TgSecret *
tg_hkdf_extract(TgHash hash, const TgSecret *ikm, GError **error)
{
        static const guint8 zeros[MAX_HASH_BYTES];

        return hkdf(hash,
                    EVP_KDF_HKDF_MODE_EXTRACT_ONLY,
                    ikm,
                    zeros,
                    hash_bytes(hash),
                    hash_bytes(hash),
                    error);
}

TgSecret *
tg_hkdf_expand_label(TgHash hash,
                     const TgSecret *secret,
                     const char *label,
                     const void *context,
                     gsize n_context,
                     gsize n_bytes,
                     GError **error)
{
        guint8 info[2 + 1 + MAX_LABEL_BYTES + 1 + MAX_CONTEXT_BYTES];
        gsize n_label = strlen(LABEL_PREFIX) + strlen(label);
        guint8 *at = info;

        if (n_label <= strlen(LABEL_PREFIX) || n_label > MAX_LABEL_BYTES ||
            n_context > MAX_CONTEXT_BYTES || n_bytes == 0 || n_bytes > 255 * hash_bytes(hash)) {
                tg_set_error(error, TG_ERROR_INVALID, "a derived key of an impossible shape");
                return NULL;
        }

        *at++ = (guint8)(n_bytes >> 8);
        *at++ = (guint8)n_bytes;
        *at++ = (guint8)n_label;
        at = (guint8 *)g_stpcpy((char *)at, LABEL_PREFIX);
        at = (guint8 *)g_stpcpy((char *)at, label);
        *at++ = (guint8)n_context;
        if (n_context > 0)
                memcpy(at, context, n_context);
        at += n_context;

        return hkdf(hash,
                    EVP_KDF_HKDF_MODE_EXPAND_ONLY,
                    secret,
                    info,
                    (gsize)(at - info),
                    n_bytes,
                    error);
}

/* ---- AEAD ---- */

static const EVP_CIPHER *
cipher_for(const TgSecret *key, GError **error)
{
        switch (tg_secret_size(key)) {
        case 16:
                return EVP_aes_128_gcm();
        case 32:
                return EVP_aes_256_gcm();
        default:
                tg_set_error(error, TG_ERROR_INVALID, "a key must have 16 or 32 octets");
                return NULL;
        }
}

static gboolean
seal(EVP_CIPHER_CTX *context,
     const void *ad,
     gsize n_ad,
     const void *bytes,
     gsize n_bytes,
     guint8 *text,
     guint8 *tag)
{
        int n;

        return (n_ad == 0 || EVP_EncryptUpdate(context, NULL, &n, ad, (int)n_ad) == 1) &&
               (n_bytes == 0 || EVP_EncryptUpdate(context, text, &n, bytes, (int)n_bytes) == 1) &&
               EVP_EncryptFinal_ex(context, text + n_bytes, &n) == 1 &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TG_AEAD_TAG_BYTES, tag) == 1;
}

gboolean
tg_aead_seal(const TgSecret *key,
             const guint8 *iv,
             const void *ad,
             gsize n_ad,
             const void *bytes,
             gsize n_bytes,
             guint8 *ret_sealed,
             GError **error)
{
        const EVP_CIPHER *cipher = cipher_for(key, error);
        g_autoptr(EVP_CIPHER_CTX) context = NULL;
        guint8 *text = ret_sealed + TG_AEAD_IV_BYTES;

        g_return_val_if_fail(n_ad <= G_MAXINT && n_bytes <= G_MAXINT, FALSE);

        if (!cipher)
                return FALSE;
        if (iv)
                memcpy(ret_sealed, iv, TG_AEAD_IV_BYTES);
        else
                tg_random(ret_sealed, TG_AEAD_IV_BYTES);

        /* 12 octets are GCM's own IV length: nothing to set */
        context = EVP_CIPHER_CTX_new();
        if (!context ||
            EVP_EncryptInit_ex(context, cipher, NULL, tg_secret_get(key, NULL), ret_sealed) != 1 ||
            !seal(context, ad, n_ad, bytes, n_bytes, text, text + n_bytes))
                return broken(error, "encrypt");

        return TRUE;
}

static gboolean
unseal(EVP_CIPHER_CTX *context,
       const void *ad,
       gsize n_ad,
       const guint8 *text,
       gsize n_bytes,
       guint8 *room)
{
        guint8 *tag = (guint8 *)text + n_bytes; /* read only, whatever the prototype says */
        int n;

        return (n_ad == 0 || EVP_DecryptUpdate(context, NULL, &n, ad, (int)n_ad) == 1) &&
               (n_bytes == 0 || EVP_DecryptUpdate(context, room, &n, text, (int)n_bytes) == 1) &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TG_AEAD_TAG_BYTES, tag) == 1 &&
               EVP_DecryptFinal_ex(context, room + n_bytes, &n) == 1;
}

TgSecret *
tg_aead_open(const TgSecret *key,
             const void *ad,
             gsize n_ad,
             const guint8 *sealed,
             gsize n_sealed,
             GError **error)
{
        const EVP_CIPHER *cipher = cipher_for(key, error);
        g_autoptr(EVP_CIPHER_CTX) context = NULL;
        g_autoptr(TgSecret) plaintext = NULL;
        guint8 *room;
        gsize n_bytes;

        g_return_val_if_fail(n_ad <= G_MAXINT && n_sealed <= G_MAXINT, NULL);

        if (!cipher)
                return NULL;
        if (n_sealed < TG_AEAD_IV_BYTES + TG_AEAD_TAG_BYTES) {
                tg_set_error(error, TG_ERROR_TAMPERED, "authentication of received data failed");
                return NULL;
        }
        n_bytes = n_sealed - TG_AEAD_IV_BYTES - TG_AEAD_TAG_BYTES;
        plaintext = tg_secret_new_blank(n_bytes, &room, error);
        if (!plaintext)
                return NULL;

        context = EVP_CIPHER_CTX_new();
        if (!context ||
            EVP_DecryptInit_ex(context, cipher, NULL, tg_secret_get(key, NULL), sealed) != 1) {
                broken(error, "decrypt");
                return NULL;
        }
        if (!unseal(context, ad, n_ad, sealed + TG_AEAD_IV_BYTES, n_bytes, room)) {
                ERR_clear_error();
                tg_set_error(error, TG_ERROR_TAMPERED, "authentication of received data failed");
                return NULL;
        }

        return g_steal_pointer(&plaintext);
}

/* ---- claim proof ---- */

gboolean
tg_claim_proof(const TgSecret *secret, guint8 ret_proof[32], GError **error)
{
        g_autoptr(TgSecret) prk = tg_hkdf_extract(TG_HASH_SHA256, secret, error);
        g_autoptr(TgSecret) proof = NULL;

        if (!prk)
                return FALSE;
        proof = tg_hkdf_expand_label(TG_HASH_SHA256, prk, "tigress claim", NULL, 0, 32, error);
        if (!proof)
                return FALSE;
        memcpy(ret_proof, tg_secret_get(proof, NULL), 32);

        return TRUE;
}

void
tg_claim_verifier(const guint8 proof[32], guint8 ret_verifier[32])
{
        tg_sha256(proof, 32, ret_verifier);
}
