/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/relay/issuer.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "relay/credentials.h"

struct Issuer {
        EVP_PKEY *key;
        char *pem;
        guint8 id[TG_SHA256_BYTES];
};

static EVP_PKEY *
generate(const char *algorithm, guint bits, gboolean is_pss)
{
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
        EVP_PKEY *key = NULL;

        g_assert_nonnull(context);
        g_assert_cmpint(EVP_PKEY_keygen_init(context), ==, 1);
        if (bits > 0)
                g_assert_cmpint(EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits), ==, 1);
        if (is_pss) {
                g_assert_cmpint(EVP_PKEY_CTX_set_rsa_pss_keygen_md(context, EVP_sha384()), ==, 1);
                g_assert_cmpint(
                        EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(context, EVP_sha384()), ==, 1);
                g_assert_cmpint(EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(context, 48), ==, 1);
        }
        g_assert_cmpint(EVP_PKEY_keygen(context, &key), ==, 1);
        EVP_PKEY_CTX_free(context);

        return key;
}

static char *
write_key(EVP_PKEY *key, gboolean is_private)
{
        BIO *bio = BIO_new(BIO_s_mem());
        char *bytes, *text;
        long n_bytes;

        if (is_private)
                g_assert_true(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
        else
                g_assert_true(PEM_write_bio_PUBKEY(bio, key));
        n_bytes = BIO_get_mem_data(bio, &bytes);
        text = g_strndup(bytes, (gsize)n_bytes);
        BIO_free(bio);

        return text;
}

char *
make_key(const char *algorithm, guint bits, gboolean is_private, gboolean is_pss)
{
        EVP_PKEY *key = generate(algorithm, bits, is_pss);
        char *text = write_key(key, is_private);

        EVP_PKEY_free(key);

        return text;
}

Issuer *
issuer_new(void)
{
        Issuer *self = g_new0(Issuer, 1);
        unsigned char *der = NULL;
        int n_der;

        self->key = generate("RSA-PSS", 2048, TRUE);
        self->pem = write_key(self->key, FALSE);
        n_der = i2d_PUBKEY(self->key, &der);
        tg_sha256(der, (gsize)n_der, self->id);
        OPENSSL_free(der);

        return self;
}

void
issuer_free(Issuer *self)
{
        EVP_PKEY_free(self->key);
        g_free(self->pem);
        g_free(self);
}

char *
issuer_dup_key(const Issuer *self)
{
        return g_strdup(self->pem);
}

void
issuer_sign(const Issuer *self,
            const TgTokenTerms *terms,
            guint8 nonce,
            guint8 ret_token[TG_TOKEN_BYTES])
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY_CTX *parameters = NULL;
        gsize n_signature = TG_TOKEN_SIGNATURE_BYTES;

        memset(ret_token, 0, TG_TOKEN_BYTES);
        ret_token[1] = TG_TOKEN_TYPE;
        ret_token[TG_TOKEN_NONCE] = nonce;
        tg_token_challenge_digest(terms, ret_token + TG_TOKEN_CHALLENGE);
        memcpy(ret_token + TG_TOKEN_KEY_ID, self->id, sizeof self->id);

        g_assert_cmpint(
                EVP_DigestSignInit(context, &parameters, EVP_sha384(), NULL, self->key), ==, 1);
        g_assert_cmpint(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, 48), ==, 1);
        g_assert_cmpint(EVP_DigestSign(context,
                                       ret_token + TG_TOKEN_INPUT_BYTES,
                                       &n_signature,
                                       ret_token,
                                       TG_TOKEN_INPUT_BYTES),
                        ==,
                        1);
        g_assert_cmpuint(n_signature, ==, TG_TOKEN_SIGNATURE_BYTES);
        EVP_MD_CTX_free(context);
}

char *
token_format(const guint8 token[TG_TOKEN_BYTES])
{
        g_autofree char *text = tg_credential_encode(token, TG_TOKEN_BYTES);

        return g_strdup_printf(TG_PRIVATE_TOKEN " token=\"%s\"", text);
}

char *
issuer_make(const Issuer *self,
            const char *name,
            const char *origin,
            gint64 window,
            gint64 window_s,
            guint8 nonce)
{
        guint8 context[TG_SHA256_BYTES], token[TG_TOKEN_BYTES];
        TgTokenTerms terms = {name, origin, context};

        tg_token_context(window, window_s, context);
        issuer_sign(self, &terms, nonce, token);

        return token_format(token);
}
