/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/certificate.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "protocol/error.h"

#define COMMON_NAME "tigress-relay trial"
#define NAMES "DNS:localhost,IP:127.0.0.1,IP:::1"
#define LIFE_S (397 * 86400)
#define MIN_LEFT_S 86400
#define CLOCK_SLACK_S 3600 /* a virtual machine's clock may be set back a little */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_EXTENSION, X509_EXTENSION_free)

void
tg_certificate_clear(TgCertificate *self)
{
        g_clear_pointer(&self->certificate_path, g_free);
        g_clear_pointer(&self->certificate, g_free);
        if (self->key)
                OPENSSL_cleanse(self->key, strlen(self->key));
        g_clear_pointer(&self->key, g_free);
}

static char *
take_text(BIO *bio)
{
        char *bytes;
        long n_bytes = BIO_get_mem_data(bio, &bytes);

        return g_strndup(bytes, (gsize)n_bytes);
}

/* ---- reading ---- */

/* Of the key's name and for the same key, and with time to go. */
static gboolean
is_usable(const TgCertificate *certificate, gint64 now_s)
{
        g_autoptr(BIO) cert_bio = BIO_new_mem_buf(certificate->certificate, -1);
        g_autoptr(BIO) key_bio = BIO_new_mem_buf(certificate->key, -1);
        g_autoptr(X509) cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
        g_autoptr(EVP_PKEY) key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
        time_t begin = now_s, end = now_s + MIN_LEFT_S;
        gboolean is_right = cert && key && X509_check_private_key(cert, key) == 1 &&
                            X509_cmp_time(X509_get0_notBefore(cert), &begin) < 0 &&
                            X509_cmp_time(X509_get0_notAfter(cert), &end) > 0;

        ERR_clear_error();

        return is_right;
}

/* ---- making ---- */

static gboolean
add_extension(X509 *cert, int nid, const char *value)
{
        X509V3_CTX context;
        g_autoptr(X509_EXTENSION) extension = NULL;

        X509V3_set_ctx_nodb(&context);
        X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
        extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);

        return extension && X509_add_ext(cert, extension, -1) == 1;
}

static gboolean
set_serial(X509 *cert)
{
        BIGNUM *number = BN_new();
        gboolean is_set = number && BN_rand(number, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
                          BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));

        BN_free(number);

        return is_set;
}

static X509 *
make_certificate(EVP_PKEY *key, gint64 now_s)
{
        g_autoptr(X509) cert = X509_new();
        X509_NAME *name = X509_get_subject_name(cert);

        if (X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
            ASN1_TIME_set(X509_getm_notBefore(cert), now_s - CLOCK_SLACK_S) &&
            ASN1_TIME_set(X509_getm_notAfter(cert), now_s + LIFE_S) && X509_set_pubkey(cert, key) &&
            X509_NAME_add_entry_by_txt(
                    name, "CN", MBSTRING_ASC, (const unsigned char *)COMMON_NAME, -1, -1, 0) &&
            X509_set_issuer_name(cert, name) &&
            add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
            add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
            add_extension(cert, NID_ext_key_usage, "serverAuth") &&
            add_extension(cert, NID_subject_alt_name, NAMES) &&
            add_extension(cert, NID_subject_key_identifier, "hash") &&
            X509_sign(cert, key, EVP_sha256()))
                return g_steal_pointer(&cert);

        return NULL;
}

static gboolean
make(TgCertificate *certificate, gint64 now_s, GError **error)
{
        g_autoptr(EVP_PKEY) key = EVP_EC_gen("P-256");
        g_autoptr(X509) cert = key ? make_certificate(key, now_s) : NULL;
        g_autoptr(BIO) cert_bio = BIO_new(BIO_s_mem());
        g_autoptr(BIO) key_bio = BIO_new(BIO_s_secmem());

        if (!cert || !PEM_write_bio_X509(cert_bio, cert) ||
            !PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL)) {
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "cannot make a certificate: %s",
                             ERR_reason_error_string(ERR_peek_last_error()));
                return FALSE;
        }
        g_free(certificate->certificate);
        g_free(certificate->key);
        certificate->certificate = take_text(cert_bio);
        certificate->key = take_text(key_bio);

        return TRUE;
}

/* The key first: a crash in between leaves a pair that does not fit, and the next
 * start makes another. */
static gboolean
save(const TgCertificate *certificate, const char *key_path, GError **error)
{
        g_autoptr(GError) problem = NULL;

        if (g_file_set_contents_full(key_path,
                                     certificate->key,
                                     -1,
                                     G_FILE_SET_CONTENTS_CONSISTENT,
                                     0600,
                                     &problem) &&
            g_file_set_contents_full(certificate->certificate_path,
                                     certificate->certificate,
                                     -1,
                                     G_FILE_SET_CONTENTS_CONSISTENT,
                                     0644,
                                     &problem) &&
            /* whatever the umask: it is there to be copied */
            g_chmod(certificate->certificate_path, 0644) == 0)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "cannot keep the certificate: %s",
                     problem ? problem->message : g_strerror(errno));

        return FALSE;
}

gboolean
tg_certificate_get_trial(const char *directory,
                         gint64 now_s,
                         TgCertificate *ret_certificate,
                         GError **error)
{
        g_autofree char *key_path = g_build_filename(directory, "key.pem", NULL);
        g_auto(TgCertificate) certificate = {
                .certificate_path = g_build_filename(directory, "ca.pem", NULL),
        };

        if (!g_file_get_contents(
                    certificate.certificate_path, &certificate.certificate, NULL, NULL) ||
            !g_file_get_contents(key_path, &certificate.key, NULL, NULL) ||
            !is_usable(&certificate, now_s))
                if (!make(&certificate, now_s, error) || !save(&certificate, key_path, error))
                        return FALSE;

        *ret_certificate = certificate;
        certificate = (TgCertificate){0};

        return TRUE;
}
