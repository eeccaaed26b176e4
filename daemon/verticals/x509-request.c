/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/x509-request.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "protocol/error.h"

#define CHALLENGE_PREFIX "tigress x509 request\n"

static EVP_PKEY *
no_memory(GError **error)
{
        ERR_clear_error();
        tg_set_error(error, TG_ERROR_LIMIT_REACHED, "there is no room for a key");
        return NULL;
}

/* ---- the key ---- */

EVP_PKEY *
tg_x509_key_new(TgX509Key kind, GError **error)
{
        EVP_PKEY *key = kind == TG_X509_P256 ? EVP_EC_gen("P-256")
                                             : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

        return key != NULL ? key : no_memory(error);
}

TgSecret *
tg_x509_key_save(EVP_PKEY *key, GError **error)
{
        g_autoptr(BIO) text = BIO_new(BIO_s_secmem());
        char *chars;
        long n_chars = 0;

        if (text != NULL &&
            PEM_write_bio_PKCS8PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) == 1)
                n_chars = BIO_get_mem_data(text, &chars);
        if (n_chars > 0)
                return tg_secret_new(chars, (gsize)n_chars, error);
        no_memory(error);
        return NULL;
}

EVP_PKEY *
tg_x509_key_load(const TgSecret *pem, GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(pem, &n_bytes);
        g_autoptr(BIO) text = BIO_new_mem_buf(bytes, (int)n_bytes);
        EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, NULL, (void *)"");

        if (key == NULL)
                tg_x509_invalid(error, "the stored key cannot be read");
        return key;
}

/* The encoding as a whole but for the key's own octets: there is one for each kind. */
static gboolean
is_of_kind(X509_PUBKEY *key, TgX509Key kind)
{
        static const guint8 p256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
        static const guint8 ed25519[] = {
                0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
        const guint8 *head = kind == TG_X509_P256 ? p256 : ed25519;
        gsize n_head = kind == TG_X509_P256 ? sizeof p256 : sizeof ed25519;
        g_autoptr(GBytes) der = TG_X509_ENCODE(X509_PUBKEY, key);

        return der != NULL && g_bytes_get_size(der) == n_head + (kind == TG_X509_P256 ? 64 : 32) &&
               memcmp(g_bytes_get_data(der, NULL), head, n_head) == 0;
}

/* ---- the request ---- */

char *
tg_x509_challenge(const TgStepContext *context, GError **error)
{
        guint8 mac[TG_SHA256_BYTES];

        if (context->binding == NULL) {
                tg_x509_invalid(error,
                                "nothing can be proved in this exchange: the other wallet is too "
                                "old");
                return NULL;
        }
        tg_hmac_sha256(context->binding, CHALLENGE_PREFIX, strlen(CHALLENGE_PREFIX), mac);
        return tg_hex_encode(mac, sizeof mac);
}

static X509_REQ *
fill(EVP_PKEY *key, const char *challenge)
{
        g_autoptr(X509_REQ) request = X509_REQ_new();

        if (X509_REQ_set_version(request, 0) == 1 && X509_REQ_set_pubkey(request, key) == 1 &&
            X509_REQ_add1_attr_by_NID(request,
                                      NID_pkcs9_challengePassword,
                                      V_ASN1_PRINTABLESTRING,
                                      (const unsigned char *)challenge,
                                      (int)strlen(challenge)) == 1)
                return g_steal_pointer(&request);
        return NULL;
}

GBytes *
tg_x509_request_new(EVP_PKEY *key, const char *challenge, GError **error)
{
        g_autoptr(X509_REQ) request = fill(key, challenge);
        const EVP_MD *digest;
        GBytes *der = NULL;

        if (request != NULL && tg_x509_digest_of(key, &digest) &&
            X509_REQ_sign(request, key, digest) > 0)
                der = TG_X509_ENCODE(X509_REQ, request);
        if (der == NULL)
                no_memory(error);
        return der;
}

/* What fill() makes of its key, with its signature: octet for octet. */
static gboolean
is_nothing_else(GBytes *der, X509_REQ *request, EVP_PKEY *key, const char *challenge)
{
        g_autoptr(X509_REQ) again = fill(key, challenge);
        g_autoptr(X509_ALGOR) algorithm = tg_x509_algorithm_of(key);
        g_autoptr(GBytes) octets = NULL;
        const ASN1_BIT_STRING *signature;

        X509_REQ_get0_signature(request, &signature, NULL);
        if (again == NULL || algorithm == NULL ||
            X509_REQ_set1_signature_algo(again, algorithm) != 1)
                return FALSE;
        X509_REQ_set0_signature(again, ASN1_STRING_dup(signature));
        octets = TG_X509_ENCODE(X509_REQ, again);
        return octets != NULL && g_bytes_get_size(octets) == g_bytes_get_size(der) &&
               tg_bytes_equal(g_bytes_get_data(octets, NULL),
                              g_bytes_get_data(der, NULL),
                              g_bytes_get_size(der));
}

EVP_PKEY *
tg_x509_request_check(GBytes *der, TgX509Key kind, const char *challenge, GError **error)
{
        gsize n_bytes;
        const unsigned char *octets = g_bytes_get_data(der, &n_bytes);
        const unsigned char *at = octets;
        g_autoptr(X509_REQ) request = NULL;
        const char *why = NULL;
        EVP_PKEY *key = NULL;

        if (n_bytes <= TG_X509_MAX_REQUEST_BYTES)
                request = d2i_X509_REQ(NULL, &at, (long)n_bytes);
        if (request == NULL || at != octets + n_bytes)
                why = "what has arrived is no request for a certificate: nothing was signed";
        else if (!is_of_kind(X509_REQ_get_X509_PUBKEY(request), kind) ||
                 (key = X509_REQ_get0_pubkey(request)) == NULL)
                why = "the other side asks for no signature of a key of the kind that was offered: "
                      "nothing was signed";
        else if (X509_REQ_verify(request, key) != 1)
                why = "the other side has not proved that it holds the key that it wants to be "
                      "signed: nothing was signed";
        else if (!is_nothing_else(der, request, key, challenge))
                why = "the other side's request was not made for this share, or asks for more than "
                      "a signature of its key: nothing was signed";
        if (why != NULL) {
                tg_x509_invalid(error, why);
                return NULL;
        }
        EVP_PKEY_up_ref(key);
        return key;
}
