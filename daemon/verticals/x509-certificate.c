/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/x509-certificate.h"

#include "daemon/verticals/x509-name.h"
#include "protocol/error.h"

#define VERSION_3 2
#define BIT_DIGITAL_SIGNATURE 0

static gboolean
add(X509 *certificate, int nid, void *value, gboolean is_critical)
{
        return value != NULL && X509_add1_ext_i2d(certificate, nid, value, is_critical, 0) == 1;
}

/* Whoever does not understand these two must not take it for more than it is. */
static gboolean
add_limits(X509 *certificate)
{
        g_autoptr(BASIC_CONSTRAINTS) constraints = BASIC_CONSTRAINTS_new();
        g_autoptr(ASN1_BIT_STRING) use = ASN1_BIT_STRING_new();
        g_autoptr(EXTENDED_KEY_USAGE) purposes = sk_ASN1_OBJECT_new_null();

        return constraints != NULL && use != NULL && purposes != NULL &&
               ASN1_BIT_STRING_set_bit(use, BIT_DIGITAL_SIGNATURE, 1) == 1 &&
               sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(NID_client_auth)) > 0 &&
               add(certificate, NID_basic_constraints, constraints, TRUE) &&
               add(certificate, NID_key_usage, use, TRUE) &&
               add(certificate, NID_ext_key_usage, purposes, FALSE);
}

static gboolean
add_authority(X509 *certificate, X509 *ca)
{
        const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(ca);
        g_autoptr(AUTHORITY_KEYID) authority = AUTHORITY_KEYID_new();

        if (id == NULL)
                return TRUE;
        authority->keyid = ASN1_OCTET_STRING_dup(id);
        return add(certificate, NID_authority_key_identifier, authority, FALSE);
}

static gboolean
add_names(X509 *certificate, const TgX509Grant *grant, GError **error)
{
        g_autoptr(GENERAL_NAMES) names = tg_x509_alt_names(grant->names, error);

        return names != NULL && (sk_GENERAL_NAME_num(names) == 0 ||
                                 add(certificate, NID_subject_alt_name, names, FALSE));
}

static gboolean
set_serial(X509 *certificate, const TgX509Grant *grant)
{
        g_autoptr(BIGNUM) number = BN_bin2bn(grant->serial, sizeof grant->serial, NULL);

        return number != NULL &&
               BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
}

static gboolean
set_subject(X509 *certificate, const TgX509Grant *grant, GError **error)
{
        g_autoptr(X509_NAME) subject = tg_x509_subject(grant->subject, error);

        return subject != NULL && X509_set_subject_name(certificate, subject) == 1;
}

static gboolean
set_algorithm(X509 *certificate, X509 *ca)
{
        g_autoptr(X509_ALGOR) algorithm = tg_x509_algorithm_of(X509_get0_pubkey(ca));

        /* OpenSSL sets it when it signs, and only then; a token signs elsewhere. */
        return algorithm != NULL &&
               X509_ALGOR_copy((X509_ALGOR *)X509_get0_tbs_sigalg(certificate), algorithm) == 1;
}

GBytes *
tg_x509_certificate_tbs(const TgX509Grant *grant, X509 *ca, EVP_PKEY *key, GError **error)
{
        g_autoptr(X509) certificate = X509_new();
        GBytes *tbs = NULL;

        if (X509_set_version(certificate, VERSION_3) == 1 && set_serial(certificate, grant) &&
            set_algorithm(certificate, ca) &&
            X509_set_issuer_name(certificate, X509_get_subject_name(ca)) == 1 &&
            ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)grant->from_s) != NULL &&
            ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)grant->to_s) != NULL &&
            set_subject(certificate, grant, error) && X509_set_pubkey(certificate, key) == 1 &&
            add_limits(certificate) && add_names(certificate, grant, error) &&
            add_authority(certificate, ca)) {
                unsigned char *octets = NULL;
                int n = i2d_re_X509_tbs(certificate, &octets);

                tbs = tg_x509_take_octets(octets, n);
        }
        if (tbs == NULL && error != NULL && *error == NULL)
                tg_x509_invalid(error, "a certificate for this cannot be made");
        return tbs;
}

static gboolean
read_time(const ASN1_TIME *time, guint64 *ret_time_s)
{
        struct tm parts;
        gint64 time_s;

        if (time == NULL || ASN1_TIME_to_tm(time, &parts) != 1)
                return FALSE;
        time_s = timegm(&parts);
        *ret_time_s = (guint64)time_s;
        return time_s > 0;
}

gboolean
tg_x509_certificate_period(GBytes *der, guint64 *ret_from_s, guint64 *ret_to_s, GError **error)
{
        gsize n_bytes;
        const unsigned char *at = g_bytes_get_data(der, &n_bytes);
        g_autoptr(X509) certificate = NULL;

        if (n_bytes <= TG_X509_MAX_CERTIFICATE_BYTES)
                certificate = d2i_X509(NULL, &at, (long)n_bytes);
        return (certificate != NULL && read_time(X509_get0_notBefore(certificate), ret_from_s) &&
                read_time(X509_get0_notAfter(certificate), ret_to_s)) ||
               tg_x509_invalid(error, "what has arrived is no certificate");
}

gboolean
tg_x509_certificate_check(
        GBytes *der, const TgX509Grant *grant, X509 *ca, EVP_PKEY *key, GError **error)
{
        gsize n_bytes;
        const unsigned char *octets = g_bytes_get_data(der, &n_bytes);
        const unsigned char *at = octets;
        g_autoptr(X509) certificate = NULL;
        g_autoptr(X509_ALGOR) algorithm = NULL;
        g_autoptr(GBytes) tbs = NULL;
        g_autoptr(GBytes) wanted = NULL;
        const ASN1_BIT_STRING *signature;
        EVP_PKEY *certified;

        if (n_bytes <= TG_X509_MAX_CERTIFICATE_BYTES)
                certificate = d2i_X509(NULL, &at, (long)n_bytes);
        if (certificate == NULL || at != octets + n_bytes)
                return tg_x509_invalid(error, "what has arrived is no certificate");
        certified = X509_get0_pubkey(certificate);
        if (certified == NULL || EVP_PKEY_eq(certified, key) != 1)
                return tg_x509_invalid(
                        error,
                        "the certificate is for another key than the one that was made here");
        tbs = tg_x509_certificate_tbs(grant, ca, key, error);
        if (tbs == NULL)
                return FALSE;
        algorithm = tg_x509_algorithm_of(X509_get0_pubkey(ca));
        X509_get0_signature(&signature, NULL, certificate);
        wanted = tg_x509_wrap(tbs,
                              algorithm,
                              ASN1_STRING_get0_data(signature),
                              (gsize)ASN1_STRING_length(signature));
        if (wanted == NULL || !g_bytes_equal(wanted, der))
                return tg_x509_invalid(
                        error,
                        "the certificate does not grant what was offered, or more than that");
        if (X509_verify(certificate, X509_get0_pubkey(ca)) != 1)
                return tg_x509_invalid(error, "the certificate is not signed by its authority");
        return TRUE;
}
