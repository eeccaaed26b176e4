/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is kept, as PKCS#12 (RFC 7292), which browsers import. */

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "daemon/verticals/x509-request.h"
#include "daemon/verticals/x509.h"
#include "protocol/error.h"

#define ROUNDS 50000 /* of both key derivations; some hundredths of a second */
#define MAX_PASSPHRASE_BYTES 256

static gboolean
is_passphrase(const TgSecret *secret)
{
        gsize n_bytes;
        const char *text = (const char *)tg_secret_get(secret, &n_bytes);

        return n_bytes > 0 && n_bytes <= MAX_PASSPHRASE_BYTES &&
               g_utf8_validate(text, (gssize)n_bytes, NULL);
}

static PKCS12 *
pack(const TgSecret *content, const TgSecret *passphrase)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(content, &n_bytes);
        g_autoptr(BIO) text = BIO_new_mem_buf(bytes, (int)n_bytes);
        g_autoptr(EVP_PKEY) key = tg_x509_key_load(content, NULL);
        g_autoptr(X509) certificate = PEM_read_bio_X509(text, NULL, NULL, NULL);
        g_autoptr(X509) ca = PEM_read_bio_X509(text, NULL, NULL, NULL);
        STACK_OF(X509) *chain = sk_X509_new_null();
        PKCS12 *packed = NULL;

        if (key != NULL && certificate != NULL && ca != NULL && sk_X509_push(chain, ca) > 0)
                packed = PKCS12_create((const char *)tg_secret_get(passphrase, NULL),
                                       NULL,
                                       key,
                                       certificate,
                                       chain,
                                       NID_aes_256_cbc,
                                       NID_aes_256_cbc,
                                       ROUNDS,
                                       ROUNDS,
                                       0);
        sk_X509_free(chain);
        return packed;
}

TgSecret *
tg_x509_export(const TgSecret *content, const char *as, const TgSecret *passphrase, GError **error)
{
        g_autoptr(PKCS12) packed = NULL;
        g_autoptr(GBytes) der = NULL;
        gsize n_bytes;
        const guint8 *octets;

        if (!is_passphrase(passphrase)) {
                tg_x509_invalid(error, "the passphrase is 1 to 256 octets of text, without zeros");
                return NULL;
        }
        packed = pack(content, passphrase);
        if (packed != NULL)
                der = TG_X509_ENCODE(PKCS12, packed);
        if (der == NULL) {
                tg_x509_invalid(error, "the keyring holds something else than what was put there");
                return NULL;
        }
        octets = g_bytes_get_data(der, &n_bytes);
        return tg_secret_new(octets, n_bytes, error);
}
