/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/x509-list.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "protocol/error.h"

static const guint8 version_2[] = {0x02, 0x01, 0x01};

static void
fail(GError **error, const char *what)
{
        ERR_clear_error();
        tg_set_error(error, TG_ERROR_FAILED, "%s", what);
}

X509_CRL *
tg_x509_list_parse(GBytes *pem, X509 *ca, GError **error)
{
        gsize n_bytes;
        const guint8 *octets = g_bytes_get_data(pem, &n_bytes);
        g_autoptr(BIO) text = BIO_new_mem_buf(octets, (int)n_bytes);
        g_autoptr(X509_CRL) list = PEM_read_bio_X509_CRL(text, NULL, NULL, NULL);

        if (list == NULL)
                fail(error, "the revocation list that is there is no list in PEM");
        else if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(ca)) != 0 ||
                 X509_CRL_verify(list, X509_get0_pubkey(ca)) != 1)
                fail(error, "the revocation list that is there is not this authority's");
        else if (X509_CRL_get_ext_by_critical(list, 1, -1) >= 0)
                fail(error, "the revocation list that is there has parts that are not known here");
        else
                return g_steal_pointer(&list);
        return NULL;
}

gboolean
tg_x509_list_has(X509_CRL *list, const guint8 *serial, gsize n_bytes)
{
        g_autoptr(BIGNUM) number = BN_bin2bn(serial, (int)n_bytes, NULL);
        g_autoptr(ASN1_INTEGER) wanted = BN_to_ASN1_INTEGER(number, NULL);
        X509_REVOKED *entry;

        return X509_CRL_get0_by_serial(list, &entry, wanted) == 1;
}

/* ---- a new one ---- */

/* OpenSSL gives a list its algorithm when it signs it, and only then: it is read from a beginning
 * that says it. */
static X509_CRL *
begin(X509 *ca, gint64 now_s)
{
        g_autoptr(X509_ALGOR) algorithm = tg_x509_algorithm_of(X509_get0_pubkey(ca));
        g_autoptr(ASN1_TIME) now = ASN1_TIME_set(NULL, (time_t)now_s);
        g_autoptr(GBytes) version = g_bytes_new_static(version_2, sizeof version_2);
        g_autoptr(GBytes) name = TG_X509_ENCODE(X509_ALGOR, algorithm);
        g_autoptr(GBytes) issuer = TG_X509_ENCODE(X509_NAME, X509_get_subject_name(ca));
        g_autoptr(GBytes) time = TG_X509_ENCODE(ASN1_TIME, now);
        GBytes *const parts[] = {version, name, issuer, time};
        g_autoptr(GBytes) tbs = NULL;
        g_autoptr(GBytes) whole = NULL;
        const unsigned char *at;
        gsize n_bytes;

        if (name == NULL || issuer == NULL || time == NULL)
                return NULL;
        tbs = tg_x509_sequence(parts, G_N_ELEMENTS(parts));
        whole = tg_x509_wrap(tbs, algorithm, "", 0);
        at = g_bytes_get_data(whole, &n_bytes);
        return d2i_X509_CRL(NULL, &at, (long)n_bytes);
}

static gboolean
copy_entries(X509_CRL *from, X509_CRL *to)
{
        STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(from);

        for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
                X509_REVOKED *entry = X509_REVOKED_dup(sk_X509_REVOKED_value(entries, i));

                if (entry == NULL || X509_CRL_add0_revoked(to, entry) != 1) {
                        X509_REVOKED_free(entry);
                        return FALSE;
                }
        }
        return TRUE;
}

static gboolean
add_entry(X509_CRL *list, const guint8 *serial, gsize n_bytes, gint64 now_s)
{
        g_autoptr(BIGNUM) number = BN_bin2bn(serial, (int)n_bytes, NULL);
        g_autoptr(ASN1_INTEGER) encoded = BN_to_ASN1_INTEGER(number, NULL);
        g_autoptr(ASN1_TIME) now = ASN1_TIME_set(NULL, (time_t)now_s);
        g_autoptr(X509_REVOKED) entry = X509_REVOKED_new();

        if (X509_REVOKED_set_serialNumber(entry, encoded) != 1 ||
            X509_REVOKED_set_revocationDate(entry, now) != 1 ||
            X509_CRL_add0_revoked(list, entry) != 1)
                return FALSE;
        entry = NULL; /* the list's */
        return TRUE;
}

static gboolean
add_number(X509_CRL *list, X509_CRL *before)
{
        g_autoptr(ASN1_INTEGER) last =
                before != NULL ? X509_CRL_get_ext_d2i(before, NID_crl_number, NULL, NULL) : NULL;
        g_autoptr(BIGNUM) number = last != NULL ? ASN1_INTEGER_to_BN(last, NULL) : BN_new();
        g_autoptr(ASN1_INTEGER) next = NULL;

        if (number == NULL || BN_add_word(number, 1) != 1)
                return FALSE;
        next = BN_to_ASN1_INTEGER(number, NULL);
        return X509_CRL_add1_ext_i2d(list, NID_crl_number, next, 0, 0) == 1;
}

static gboolean
add_authority(X509_CRL *list, X509 *ca)
{
        const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(ca);
        g_autoptr(AUTHORITY_KEYID) authority = AUTHORITY_KEYID_new();

        if (id == NULL)
                return TRUE;
        authority->keyid = ASN1_OCTET_STRING_dup(id);
        return X509_CRL_add1_ext_i2d(list, NID_authority_key_identifier, authority, 0, 0) == 1;
}

GBytes *
tg_x509_list_add(
        X509_CRL *list, X509 *ca, const guint8 *serial, gsize n_bytes, gint64 now_s, GError **error)
{
        g_autoptr(X509_CRL) next = begin(ca, now_s);
        unsigned char *octets = NULL;
        GBytes *tbs = NULL;
        int n;

        if (next != NULL && (list == NULL || copy_entries(list, next)) &&
            add_entry(next, serial, n_bytes, now_s) &&
            X509_CRL_set1_nextUpdate(next, X509_get0_notAfter(ca)) == 1 &&
            add_authority(next, ca) && add_number(next, list) && X509_CRL_sort(next) == 1) {
                n = i2d_re_X509_CRL_tbs(next, &octets);
                tbs = tg_x509_take_octets(octets, n);
        }
        if (tbs == NULL)
                fail(error, "a revocation list cannot be made");
        return tbs;
}

GBytes *
tg_x509_list_write(GBytes *tbs, X509 *ca, GBytes *signature)
{
        g_autoptr(X509_ALGOR) algorithm = tg_x509_algorithm_of(X509_get0_pubkey(ca));
        g_autoptr(GBytes) whole = NULL;

        whole = tg_x509_wrap(
                tbs, algorithm, g_bytes_get_data(signature, NULL), g_bytes_get_size(signature));
        return whole != NULL ? tg_x509_pem(PEM_STRING_X509_CRL, whole) : NULL;
}
