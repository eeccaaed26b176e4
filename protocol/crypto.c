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

#define LABEL_PREFIX "tls13 "
#define MAX_LABEL_BYTES 255
#define MAX_CONTEXT_BYTES 255
#define IMPOSSIBLE_SHAPE "a derived key of an impossible shape"
#define NOT_AUTHENTIC "authentication of received data failed"

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

static gsize
hash_bytes(TgHash hash)
{
        return hash == TG_HASH_SHA384 ? 48 : 32;
}

gsize
tg_hash(TgHash hash, const void *bytes, gsize n_bytes, guint8 ret_digest[TG_MAX_HASH_BYTES])
{
        const EVP_MD *md = hash == TG_HASH_SHA384 ? EVP_sha384() : EVP_sha256();

        if (EVP_Digest(bytes, n_bytes, ret_digest, NULL, md, NULL) != 1)
                g_error("the cryptographic library has no sha-2");

        return hash_bytes(hash);
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
        static const guint8 zeros[TG_MAX_HASH_BYTES];

        return tg_hkdf_extract_salted(hash, zeros, hash_bytes(hash), ikm, error);
}

TgSecret *
tg_hkdf_extract_salted(
        TgHash hash, const void *salt, gsize n_salt, const TgSecret *ikm, GError **error)
{
        return hkdf(
                hash, EVP_KDF_HKDF_MODE_EXTRACT_ONLY, ikm, salt, n_salt, hash_bytes(hash), error);
}

TgSecret *
tg_hkdf_expand(TgHash hash,
               const TgSecret *prk,
               const void *info,
               gsize n_info,
               gsize n_bytes,
               GError **error)
{
        if (n_bytes == 0 || n_bytes > 255 * hash_bytes(hash)) {
                tg_set_error(error, TG_ERROR_INVALID, IMPOSSIBLE_SHAPE);
                return NULL;
        }

        return hkdf(hash, EVP_KDF_HKDF_MODE_EXPAND_ONLY, prk, info, n_info, n_bytes, error);
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
            n_context > MAX_CONTEXT_BYTES || n_bytes > G_MAXUINT16) {
                tg_set_error(error, TG_ERROR_INVALID, IMPOSSIBLE_SHAPE);
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

        return tg_hkdf_expand(hash, secret, info, (gsize)(at - info), n_bytes, error);
}

/* ---- scrypt ---- */

TgSecret *
tg_scrypt(
        const TgSecret *password, const TgSecret *salt, guint log2_n, gsize n_bytes, GError **error)
{
        gsize n_password, n_salt;
        const char *password_text = (const char *)tg_secret_get(password, &n_password);
        const guint8 *salt_bytes = tg_secret_get(salt, &n_salt);
        g_autoptr(TgSecret) result = NULL;
        guint8 *room;

        g_return_val_if_fail(log2_n >= 1 && log2_n < 32, NULL);

        result = tg_secret_new_blank(n_bytes, &room, error);
        if (!result)
                return NULL;
        if (EVP_PBE_scrypt(password_text,
                           n_password,
                           salt_bytes,
                           n_salt,
                           G_GUINT64_CONSTANT(1) << log2_n,
                           8,
                           1,
                           0,
                           room,
                           n_bytes) != 1) {
                broken(error, "derive a key");
                return NULL;
        }

        return g_steal_pointer(&result);
}

/* ---- AEAD ---- */

/* All of them have nonces of 12 octets by themselves: nothing to set. */
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
seal(const EVP_CIPHER *cipher,
     const TgSecret *key,
     const guint8 *iv,
     const void *ad,
     gsize n_ad,
     const void *bytes,
     gsize n_bytes,
     guint8 *ret_text,
     GError **error)
{
        g_autoptr(EVP_CIPHER_CTX) context = EVP_CIPHER_CTX_new();
        guint8 *tag = ret_text + n_bytes;
        int n;

        g_return_val_if_fail(n_ad <= G_MAXINT && n_bytes <= G_MAXINT, FALSE);

        if (!context ||
            EVP_EncryptInit_ex(context, cipher, NULL, tg_secret_get(key, NULL), iv) != 1 ||
            (n_ad > 0 && EVP_EncryptUpdate(context, NULL, &n, ad, (int)n_ad) != 1) ||
            (n_bytes > 0 && EVP_EncryptUpdate(context, ret_text, &n, bytes, (int)n_bytes) != 1) ||
            EVP_EncryptFinal_ex(context, tag, &n) != 1 ||
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TG_AEAD_TAG_BYTES, tag) != 1)
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

static TgSecret *
open_text(const EVP_CIPHER *cipher,
          const TgSecret *key,
          const guint8 *iv,
          const void *ad,
          gsize n_ad,
          const guint8 *text,
          gsize n_text,
          GError **error)
{
        g_autoptr(EVP_CIPHER_CTX) context = NULL;
        g_autoptr(TgSecret) plaintext = NULL;
        guint8 *room;
        gsize n_bytes;

        g_return_val_if_fail(n_ad <= G_MAXINT && n_text <= G_MAXINT, NULL);

        if (n_text < TG_AEAD_TAG_BYTES) {
                tg_set_error(error, TG_ERROR_TAMPERED, NOT_AUTHENTIC);
                return NULL;
        }
        n_bytes = n_text - TG_AEAD_TAG_BYTES;
        plaintext = tg_secret_new_blank(n_bytes, &room, error);
        if (!plaintext)
                return NULL;

        context = EVP_CIPHER_CTX_new();
        if (!context ||
            EVP_DecryptInit_ex(context, cipher, NULL, tg_secret_get(key, NULL), iv) != 1) {
                broken(error, "decrypt");
                return NULL;
        }
        if (!unseal(context, ad, n_ad, text, n_bytes, room)) {
                ERR_clear_error();
                tg_set_error(error, TG_ERROR_TAMPERED, NOT_AUTHENTIC);
                return NULL;
        }

        return g_steal_pointer(&plaintext);
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
        guint8 *text = ret_sealed + TG_AEAD_IV_BYTES;

        if (!cipher)
                return FALSE;
        if (iv)
                memcpy(ret_sealed, iv, TG_AEAD_IV_BYTES);
        else
                tg_random(ret_sealed, TG_AEAD_IV_BYTES);

        return seal(cipher, key, ret_sealed, ad, n_ad, bytes, n_bytes, text, error);
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

        if (!cipher)
                return NULL;
        if (n_sealed < TG_AEAD_IV_BYTES) {
                tg_set_error(error, TG_ERROR_TAMPERED, NOT_AUTHENTIC);
                return NULL;
        }

        return open_text(cipher,
                         key,
                         sealed,
                         ad,
                         n_ad,
                         sealed + TG_AEAD_IV_BYTES,
                         n_sealed - TG_AEAD_IV_BYTES,
                         error);
}

/* ---- AEAD by the name of the cipher ---- */

gsize
tg_cipher_key_bytes(TgCipher cipher)
{
        return cipher == TG_CIPHER_AES_128_GCM ? 16 : 32;
}

/* NULL unless key and nonce are as long as the cipher wants them. */
static const EVP_CIPHER *
named_cipher(TgCipher cipher, const TgSecret *key, const TgSecret *nonce, GError **error)
{
        if (tg_secret_size(key) != tg_cipher_key_bytes(cipher) ||
            tg_secret_size(nonce) != TG_AEAD_IV_BYTES) {
                tg_set_error(error, TG_ERROR_INVALID, "a key or a nonce has not its length");
                return NULL;
        }
        switch (cipher) {
        case TG_CIPHER_AES_128_GCM:
                return EVP_aes_128_gcm();
        case TG_CIPHER_AES_256_GCM:
                return EVP_aes_256_gcm();
        case TG_CIPHER_CHACHA20_POLY1305:
                return EVP_chacha20_poly1305();
        }

        g_assert_not_reached();
}

gboolean
tg_cipher_seal(TgCipher cipher,
               const TgSecret *key,
               const TgSecret *nonce,
               const TgSecret *plaintext,
               guint8 *ret_sealed,
               GError **error)
{
        const EVP_CIPHER *evp = named_cipher(cipher, key, nonce, error);
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(plaintext, &n_bytes);

        return evp && seal(evp,
                           key,
                           tg_secret_get(nonce, NULL),
                           NULL,
                           0,
                           bytes,
                           n_bytes,
                           ret_sealed,
                           error);
}

TgSecret *
tg_cipher_open(TgCipher cipher,
               const TgSecret *key,
               const TgSecret *nonce,
               const guint8 *sealed,
               gsize n_sealed,
               GError **error)
{
        const EVP_CIPHER *evp = named_cipher(cipher, key, nonce, error);

        if (!evp)
                return NULL;

        return open_text(evp, key, tg_secret_get(nonce, NULL), NULL, 0, sealed, n_sealed, error);
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
