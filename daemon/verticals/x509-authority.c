/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/x509-authority.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "daemon/verticals/x509-grant.h"
#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/error.h"

#define MAX_FILE_BYTES 65536
#define MAX_NAME_BYTES 512

X509 *
tg_x509_authority_parse(GBytes *der, GError **error)
{
        gsize n_bytes;
        const unsigned char *octets = g_bytes_get_data(der, &n_bytes);
        const unsigned char *at = octets;
        g_autoptr(X509) ca = NULL;
        g_autoptr(X509_ALGOR) algorithm = NULL;
        const char *why = NULL;

        if (n_bytes <= TG_X509_MAX_CA_BYTES)
                ca = d2i_X509(NULL, &at, (long)n_bytes);
        if (ca == NULL || at != octets + n_bytes || X509_get0_pubkey(ca) == NULL)
                why = "the authority's certificate is malformed, or larger than 4,096 octets";
        else if (X509_check_ca(ca) != 1)
                why = "the authority's certificate is not one of an authority: it may not sign "
                      "others";
        else if ((X509_get_key_usage(ca) & KU_CRL_SIGN) == 0)
                why = "the authority's certificate may not sign revocation lists: nothing could be "
                      "taken back";
        else if ((algorithm = tg_x509_algorithm_of(X509_get0_pubkey(ca))) == NULL)
                why = "the authority's key is none of RSA (from 2048 bits), ECDSA (from P-256) and "
                      "Ed25519";
        if (why == NULL)
                return g_steal_pointer(&ca);
        tg_x509_invalid(error, why);
        return NULL;
}

gboolean
tg_x509_authority_lasts(X509 *ca, guint64 from_s, guint64 to_s, GError **error)
{
        time_t from = (time_t)from_s;
        time_t to = (time_t)to_s - 1; /* what is equal counts as earlier */

        if (X509_cmp_time(X509_get0_notAfter(ca), &to) < 0)
                return tg_x509_invalid(error,
                                       "the authority's certificate is over, or would be before "
                                       "the one that is to be signed");
        if (X509_cmp_time(X509_get0_notBefore(ca), &from) > 0)
                return tg_x509_invalid(error,
                                       "the authority's certificate is not valid yet when the one "
                                       "that is to be signed begins");
        return TRUE;
}

guint64
tg_x509_authority_begins(X509 *ca)
{
        struct tm time;

        if (ASN1_TIME_to_tm(X509_get0_notBefore(ca), &time) != 1)
                return 0;
        return (guint64)MAX(timegm(&time), 0);
}

char *
tg_x509_authority_name(X509 *ca)
{
        g_autoptr(BIO) text = BIO_new(BIO_s_mem());
        char *chars;
        long n_chars;

        X509_NAME_print_ex(
                text, X509_get_subject_name(ca), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
        n_chars = BIO_get_mem_data(text, &chars);
        return g_strndup(chars, (gsize)CLAMP(n_chars, 0, MAX_NAME_BYTES));
}

char *
tg_x509_authority_fingerprint(GBytes *der)
{
        guint8 digest[TG_SHA256_BYTES];
        gsize n_bytes;
        const guint8 *octets = g_bytes_get_data(der, &n_bytes);

        tg_sha256(octets, n_bytes, digest);
        return tg_hex_encode(digest, sizeof digest);
}

/* ---- files ---- */

GBytes *
tg_x509_authority_read(const char *path, GError **error)
{
        g_autoptr(TgSecret) file = tg_x509_read_file(path, "ca", MAX_FILE_BYTES, error);
        g_autoptr(BIO) text = NULL;
        g_autoptr(X509) ca = NULL;
        g_autoptr(GBytes) der = NULL;
        gsize n_bytes;
        const guint8 *bytes;

        if (file == NULL)
                return NULL;
        bytes = tg_secret_get(file, &n_bytes);
        text = BIO_new_mem_buf(bytes, (int)n_bytes);
        ca = PEM_read_bio_X509(text, NULL, NULL, NULL);
        if (ca != NULL)
                der = TG_X509_ENCODE(X509, ca);
        if (der != NULL)
                return g_steal_pointer(&der);
        tg_x509_invalid(error, "the file of \"ca\" holds no certificate in PEM");
        return NULL;
}

/* Nobody is asked. */
static int
no_passphrase(char *buffer, int size, int is_writing, void *user_data)
{
        *(gboolean *)user_data = TRUE;
        return -1;
}

EVP_PKEY *
tg_x509_authority_key(X509 *ca, const char *path, const char *name, GError **error)
{
        g_autoptr(TgSecret) file = tg_x509_read_file(path, name, MAX_FILE_BYTES, error);
        g_autoptr(BIO) text = NULL;
        g_autoptr(EVP_PKEY) key = NULL;
        gboolean is_locked = FALSE;
        const char *why = NULL;
        gsize n_bytes;
        const guint8 *bytes;

        if (file == NULL)
                return NULL;
        bytes = tg_secret_get(file, &n_bytes);
        text = BIO_new_mem_buf(bytes, (int)n_bytes);
        key = PEM_read_bio_PrivateKey(text, NULL, no_passphrase, &is_locked);
        if (is_locked)
                why = "the authority's key has a passphrase: it can be used from a token, or "
                      "without one";
        else if (key == NULL)
                why = "there is no private key in PEM where the authority's was to be";
        else if (X509_check_private_key(ca, key) != 1)
                why = "the authority's key does not belong to its certificate";
        if (why == NULL)
                return g_steal_pointer(&key);
        tg_x509_invalid(error, why);
        return NULL;
}
