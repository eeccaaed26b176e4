/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/webpush.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/error.h"
#include "protocol/json.h"

#define UNCOMPRESSED 0x04
#define RECORD_BYTES 4096
#define DELIMITER 0x02 /* of the last record */
#define TAG_BYTES 16
#define HEAD_BYTES (TG_WEBPUSH_SALT_BYTES + 4 + 1 + TG_WEBPUSH_KEY_BYTES)
#define MAX_INFO_BYTES 160
#define CEK_BYTES 16
#define NONCE_BYTES 12
#define JWT_HEAD "{\"typ\":\"JWT\",\"alg\":\"ES256\"}"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIGNUM, BN_clear_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BN_CTX, BN_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ECDSA_SIG, ECDSA_SIG_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EC_GROUP, EC_GROUP_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EC_POINT, EC_POINT_clear_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)

struct TgVapid {
        EVP_PKEY *pair;
        char *key;
};

/* Its queue of reasons is emptied: whoever looks next (libcurl) would take them for its own. */
static gboolean
broken(GError **error)
{
        ERR_clear_error();
        tg_set_error(
                error, TG_ERROR_FAILED, "the cryptographic library cannot make a push message");

        return FALSE;
}

/* ---- points ---- */

/* A curve of order 1 times a prime: what is on it, and not its zero, is a good point. */
static EC_POINT *
read_point(const EC_GROUP *group, const guint8 *bytes, gsize n_bytes)
{
        g_autoptr(EC_POINT) point = EC_POINT_new(group);

        if (point && n_bytes == TG_WEBPUSH_KEY_BYTES && bytes[0] == UNCOMPRESSED &&
            EC_POINT_oct2point(group, point, bytes, n_bytes, NULL) == 1 &&
            !EC_POINT_is_at_infinity(group, point))
                return g_steal_pointer(&point);
        ERR_clear_error();

        return NULL;
}

gboolean
tg_webpush_keys_set(
        TgWebPushKeys *self, const guint8 *key, gsize n_key, const guint8 *auth, gsize n_auth)
{
        g_autoptr(EC_GROUP) group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        g_autoptr(EC_POINT) point = NULL;

        *self = (TgWebPushKeys){0};
        point = group ? read_point(group, key, n_key) : NULL;
        if (!point || n_auth != TG_WEBPUSH_AUTH_BYTES)
                return FALSE;
        memcpy(self->key, key, n_key);
        memcpy(self->auth, auth, n_auth);

        return TRUE;
}

/* The public key of @scalar, and the x-coordinate of @scalar times @theirs. */
static gboolean
agree(const EC_GROUP *group,
      const BIGNUM *scalar,
      const EC_POINT *theirs,
      guint8 ret_key[TG_WEBPUSH_KEY_BYTES],
      guint8 ret_x[TG_WEBPUSH_SCALAR_BYTES])
{
        g_autoptr(BN_CTX) context = BN_CTX_secure_new();
        g_autoptr(EC_POINT) ours = EC_POINT_new(group), both = EC_POINT_new(group);
        g_autoptr(BIGNUM) x = BN_new();

        return context && ours && both && x &&
               EC_POINT_mul(group, ours, scalar, NULL, NULL, context) == 1 &&
               EC_POINT_mul(group, both, NULL, theirs, scalar, context) == 1 &&
               EC_POINT_point2oct(group,
                                  ours,
                                  POINT_CONVERSION_UNCOMPRESSED,
                                  ret_key,
                                  TG_WEBPUSH_KEY_BYTES,
                                  context) == TG_WEBPUSH_KEY_BYTES &&
               EC_POINT_get_affine_coordinates(group, both, x, NULL, context) == 1 &&
               BN_bn2binpad(x, ret_x, TG_WEBPUSH_SCALAR_BYTES) == TG_WEBPUSH_SCALAR_BYTES;
}

/* ---- keys ---- */

static void
hmac(const guint8 *key, gsize n_key, const guint8 *bytes, gsize n_bytes, guint8 ret[32])
{
        if (!HMAC(EVP_sha256(), key, (int)n_key, bytes, n_bytes, ret, NULL))
                g_error("the cryptographic library has no hmac");
}

/* HKDF of RFC 5869 for at most one block, which is all that is needed here; the label goes with
 * its zero, and two public keys (NULL: none) after it. */
static void
derive(const guint8 *salt,
       const guint8 *secret,
       gsize n_secret,
       const char *label,
       const guint8 *theirs,
       const guint8 *ours,
       guint8 ret[TG_SHA256_BYTES])
{
        guint8 prk[TG_SHA256_BYTES], info[MAX_INFO_BYTES];
        gsize n_info = strlen(label) + 1;

        memcpy(info, label, n_info);
        if (theirs) {
                memcpy(info + n_info, theirs, TG_WEBPUSH_KEY_BYTES);
                memcpy(info + n_info + TG_WEBPUSH_KEY_BYTES, ours, TG_WEBPUSH_KEY_BYTES);
                n_info += 2 * TG_WEBPUSH_KEY_BYTES;
        }
        info[n_info++] = 1;
        hmac(salt, 16, secret, n_secret, prk);
        hmac(prk, sizeof prk, info, n_info, ret);
        OPENSSL_cleanse(prk, sizeof prk);
}
G_STATIC_ASSERT(TG_WEBPUSH_SALT_BYTES == 16 && TG_WEBPUSH_AUTH_BYTES == 16);

/* ---- a message ---- */

static gboolean
seal(const guint8 cek[TG_SHA256_BYTES],
     const guint8 nonce[TG_SHA256_BYTES],
     const guint8 *text,
     gsize n_text,
     guint8 *ret)
{
        g_autoptr(EVP_CIPHER_CTX) context = EVP_CIPHER_CTX_new();
        int n;

        return context && EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, cek, nonce) == 1 &&
               EVP_EncryptUpdate(context, ret, &n, text, (int)n_text) == 1 &&
               EVP_EncryptFinal_ex(context, ret + n_text, &n) == 1 &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, ret + n_text) == 1;
}

static GBytes *
build(const TgWebPushKeys *keys,
      const guint8 ours[TG_WEBPUSH_KEY_BYTES],
      const guint8 x[TG_WEBPUSH_SCALAR_BYTES],
      const guint8 salt[TG_WEBPUSH_SALT_BYTES],
      const guint8 *text,
      gsize n_text,
      GError **error)
{
        guint8 ikm[TG_SHA256_BYTES], cek[TG_SHA256_BYTES], nonce[TG_SHA256_BYTES];
        gsize n_body = HEAD_BYTES + n_text + TAG_BYTES;
        g_autofree guint8 *body = g_malloc(n_body);
        guint8 *at = body;
        guint32 record = GUINT32_TO_BE(RECORD_BYTES);
        gboolean is_sealed;

        memcpy(at, salt, TG_WEBPUSH_SALT_BYTES);
        at += TG_WEBPUSH_SALT_BYTES;
        memcpy(at, &record, sizeof record);
        at += sizeof record;
        *at++ = TG_WEBPUSH_KEY_BYTES;
        memcpy(at, ours, TG_WEBPUSH_KEY_BYTES);

        derive(keys->auth, x, TG_WEBPUSH_SCALAR_BYTES, "WebPush: info", keys->key, ours, ikm);
        derive(salt, ikm, sizeof ikm, "Content-Encoding: aes128gcm", NULL, NULL, cek);
        derive(salt, ikm, sizeof ikm, "Content-Encoding: nonce", NULL, NULL, nonce);
        is_sealed = seal(cek, nonce, text, n_text, body + HEAD_BYTES);
        OPENSSL_cleanse(ikm, sizeof ikm);
        OPENSSL_cleanse(cek, sizeof cek);
        OPENSSL_cleanse(nonce, sizeof nonce);
        if (!is_sealed) {
                broken(error);
                return NULL;
        }

        return g_bytes_new_take(g_steal_pointer(&body), n_body);
}

static GBytes *
encrypt(const EC_GROUP *group,
        const TgWebPushKeys *keys,
        const BIGNUM *scalar,
        const guint8 salt[TG_WEBPUSH_SALT_BYTES],
        const void *data,
        gsize n_data,
        gsize n_padding,
        GError **error)
{
        g_autoptr(EC_POINT) theirs = read_point(group, keys->key, sizeof keys->key);
        gsize n_text = n_data + 1 + n_padding;
        g_autofree guint8 *text = NULL;
        guint8 ours[TG_WEBPUSH_KEY_BYTES], x[TG_WEBPUSH_SCALAR_BYTES];
        GBytes *body;

        if (!theirs || n_data > RECORD_BYTES || n_padding > RECORD_BYTES ||
            n_text + TAG_BYTES > RECORD_BYTES) {
                tg_set_error(error, TG_ERROR_INVALID, "this push message cannot be encrypted");
                return NULL;
        }
        if (!agree(group, scalar, theirs, ours, x)) {
                broken(error);
                return NULL;
        }
        text = g_malloc0(n_text);
        if (n_data > 0)
                memcpy(text, data, n_data);
        text[n_data] = DELIMITER;
        body = build(keys, ours, x, salt, text, n_text, error);
        OPENSSL_cleanse(x, sizeof x);

        return body;
}

GBytes *
tg_webpush_encrypt_with(const TgWebPushKeys *keys,
                        const guint8 scalar[TG_WEBPUSH_SCALAR_BYTES],
                        const guint8 salt[TG_WEBPUSH_SALT_BYTES],
                        const void *data,
                        gsize n_data,
                        gsize n_padding,
                        GError **error)
{
        g_autoptr(EC_GROUP) group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        g_autoptr(BIGNUM) number = BN_bin2bn(scalar, TG_WEBPUSH_SCALAR_BYTES, NULL);

        if (!group || !number) {
                broken(error);
                return NULL;
        }
        if (BN_is_zero(number) || BN_cmp(number, EC_GROUP_get0_order(group)) >= 0) {
                tg_set_error(error, TG_ERROR_INVALID, "this is no private key");
                return NULL;
        }

        return encrypt(group, keys, number, salt, data, n_data, n_padding, error);
}

GBytes *
tg_webpush_encrypt(
        const TgWebPushKeys *keys, const void *data, gsize n_data, gsize n_padding, GError **error)
{
        g_autoptr(EC_GROUP) group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        g_autoptr(BIGNUM) number = BN_secure_new();
        guint8 salt[TG_WEBPUSH_SALT_BYTES];
        gboolean is_drawn = group && number;

        while (is_drawn && BN_is_zero(number))
                is_drawn = BN_priv_rand_range(number, EC_GROUP_get0_order(group)) == 1;
        if (!is_drawn) {
                broken(error);
                return NULL;
        }
        tg_random(salt, sizeof salt);

        return encrypt(group, keys, number, salt, data, n_data, n_padding, error);
}

/* ---- who sends it ---- */

/* Nobody is asked for a passphrase, least of all at a terminal. */
static int
no_passphrase(char *buffer, int n_room, int is_writing, void *user_data)
{
        return -1;
}

static gboolean
read_public(EVP_PKEY *pair, guint8 ret_key[TG_WEBPUSH_KEY_BYTES])
{
        char curve[32];
        gsize n_bytes;

        return EVP_PKEY_get_utf8_string_param(
                       pair, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof curve, NULL) == 1 &&
               strcmp(curve, SN_X9_62_prime256v1) == 0 &&
               EVP_PKEY_set_utf8_string_param(
                       pair, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed") == 1 &&
               EVP_PKEY_get_octet_string_param(pair,
                                               OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                               ret_key,
                                               TG_WEBPUSH_KEY_BYTES,
                                               &n_bytes) == 1 &&
               n_bytes == TG_WEBPUSH_KEY_BYTES && ret_key[0] == UNCOMPRESSED;
}

TgVapid *
tg_vapid_new(const char *pem, GError **error)
{
        g_autoptr(BIO) bio = BIO_new_mem_buf(pem, -1);
        g_autoptr(EVP_PKEY) pair =
                bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
        guint8 key[TG_WEBPUSH_KEY_BYTES];
        TgVapid *self;

        ERR_clear_error();
        if (!pair || !EVP_PKEY_is_a(pair, "EC") || !read_public(pair, key)) {
                ERR_clear_error();
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "this is no private key of P-256 in PEM without a passphrase");
                return NULL;
        }
        self = g_new0(TgVapid, 1);
        self->pair = g_steal_pointer(&pair);
        self->key = tg_base64_encode(TG_BASE64_URL, key, sizeof key);

        return self;
}

void
tg_vapid_free(TgVapid *self)
{
        if (!self)
                return;
        EVP_PKEY_free(self->pair);
        g_free(self->key);
        g_free(self);
}

const char *
tg_vapid_get_key(const TgVapid *self)
{
        return self->key;
}

/* r || s, in place of the structure that OpenSSL makes. */
static gboolean
sign(const TgVapid *self, const char *text, guint8 ret[2 * TG_WEBPUSH_SCALAR_BYTES])
{
        g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
        g_autoptr(ECDSA_SIG) signature = NULL;
        guint8 der[128];
        const guint8 *at = der;
        gsize n_der = sizeof der;

        if (!context || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, self->pair) != 1 ||
            EVP_DigestSign(context, der, &n_der, (const guint8 *)text, strlen(text)) != 1)
                return FALSE;
        signature = d2i_ECDSA_SIG(NULL, &at, (long)n_der);

        return signature &&
               BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret, TG_WEBPUSH_SCALAR_BYTES) ==
                       TG_WEBPUSH_SCALAR_BYTES &&
               BN_bn2binpad(ECDSA_SIG_get0_s(signature),
                            ret + TG_WEBPUSH_SCALAR_BYTES,
                            TG_WEBPUSH_SCALAR_BYTES) == TG_WEBPUSH_SCALAR_BYTES;
}

static char *
format_claims(const char *origin, gint64 expires_s, const char *contact)
{
        GString *claims = g_string_new("{\"aud\":");

        tg_json_append_string(claims, origin);
        g_string_append_printf(claims, ",\"exp\":%" G_GINT64_FORMAT, expires_s);
        if (contact) {
                g_string_append(claims, ",\"sub\":");
                tg_json_append_string(claims, contact);
        }
        g_string_append_c(claims, '}');

        return g_string_free(claims, FALSE);
}

char *
tg_vapid_authorize(const TgVapid *self,
                   const char *origin,
                   gint64 expires_s,
                   const char *contact,
                   GError **error)
{
        g_autofree char *claims = format_claims(origin, expires_s, contact);
        g_autofree char *head =
                tg_base64_encode(TG_BASE64_URL, (const guint8 *)JWT_HEAD, strlen(JWT_HEAD));
        g_autofree char *body =
                tg_base64_encode(TG_BASE64_URL, (const guint8 *)claims, strlen(claims));
        g_autofree char *text = g_strconcat(head, ".", body, NULL);
        g_autofree char *end = NULL;
        guint8 signature[2 * TG_WEBPUSH_SCALAR_BYTES];

        if (!sign(self, text, signature)) {
                broken(error);
                return NULL;
        }
        end = tg_base64_encode(TG_BASE64_URL, signature, sizeof signature);

        return g_strconcat("vapid t=", text, ".", end, ", k=", self->key, NULL);
}
