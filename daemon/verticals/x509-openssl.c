/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/x509-openssl.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/error.h"

#define TAG_BIT_STRING 0x03
#define TAG_SEQUENCE 0x30

static void
free_octets(gpointer octets)
{
        OPENSSL_free(octets);
}

GBytes *
tg_x509_take_octets(unsigned char *octets, int n)
{
        if (n < 0 || octets == NULL)
                return NULL;
        return g_bytes_new_with_free_func(octets, (gsize)n, free_octets, octets);
}

/* ---- DER ---- */

static void
append_head(GByteArray *der, guint8 tag, gsize n_bytes)
{
        guint8 octets[sizeof n_bytes];
        guint8 n_octets = 0;
        guint8 first;

        g_byte_array_append(der, &tag, 1);
        for (gsize left = n_bytes; left > 0; left >>= 8)
                n_octets++;
        for (guint8 i = 0; i < n_octets; i++)
                octets[i] = (guint8)(n_bytes >> 8 * (n_octets - 1 - i));
        first = n_bytes < 0x80 ? (guint8)n_bytes : (guint8)(0x80 | n_octets);
        g_byte_array_append(der, &first, 1);
        if (n_bytes >= 0x80)
                g_byte_array_append(der, octets, n_octets);
}

GBytes *
tg_x509_sequence(GBytes *const *parts, guint n_parts)
{
        GByteArray *whole = g_byte_array_new();
        gsize n_all = 0;

        for (guint i = 0; i < n_parts; i++)
                n_all += g_bytes_get_size(parts[i]);
        append_head(whole, TAG_SEQUENCE, n_all);
        for (guint i = 0; i < n_parts; i++) {
                gsize n_bytes;
                const guint8 *octets = g_bytes_get_data(parts[i], &n_bytes);

                g_byte_array_append(whole, octets, (guint)n_bytes);
        }
        return g_byte_array_free_to_bytes(whole);
}

static GBytes *
bit_string(const void *octets, gsize n_octets)
{
        GByteArray *string = g_byte_array_new();
        guint8 n_unused_bits = 0;

        append_head(string, TAG_BIT_STRING, n_octets + 1);
        g_byte_array_append(string, &n_unused_bits, 1);
        g_byte_array_append(string, octets, (guint)n_octets);
        return g_byte_array_free_to_bytes(string);
}

GBytes *
tg_x509_wrap(GBytes *signed_part,
             const X509_ALGOR *algorithm,
             const void *signature,
             gsize n_signature)
{
        g_autoptr(GBytes) name = TG_X509_ENCODE(X509_ALGOR, algorithm);
        g_autoptr(GBytes) last = bit_string(signature, n_signature);
        GBytes *const parts[] = {signed_part, name, last};

        return name != NULL ? tg_x509_sequence(parts, G_N_ELEMENTS(parts)) : NULL;
}

GBytes *
tg_x509_pem(const char *name, GBytes *der)
{
        gsize n_bytes;
        const unsigned char *octets = g_bytes_get_data(der, &n_bytes);
        g_autoptr(BIO) out = BIO_new(BIO_s_mem());
        char *chars;
        long n_chars;

        if (PEM_write_bio(out, name, "", octets, (long)n_bytes) <= 0)
                return NULL;
        n_chars = BIO_get_mem_data(out, &chars);
        return g_bytes_new(chars, (gsize)n_chars);
}

/* ---- algorithms ---- */

static gboolean
nid_of(EVP_PKEY *key, int *ret_nid)
{
        int n_bits = EVP_PKEY_get_bits(key);

        switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_RSA:
                *ret_nid = NID_sha256WithRSAEncryption;
                return n_bits >= 2048;
        case EVP_PKEY_EC:
                *ret_nid = n_bits <= 256   ? NID_ecdsa_with_SHA256
                           : n_bits <= 384 ? NID_ecdsa_with_SHA384
                                           : NID_ecdsa_with_SHA512;
                return n_bits >= 256;
        case EVP_PKEY_ED25519:
                *ret_nid = NID_ED25519;
                return TRUE;
        default:
                return FALSE;
        }
}

X509_ALGOR *
tg_x509_algorithm_of(EVP_PKEY *key)
{
        X509_ALGOR *algorithm;
        int nid;

        if (!nid_of(key, &nid))
                return NULL;
        algorithm = X509_ALGOR_new();
        X509_ALGOR_set0(algorithm,
                        OBJ_nid2obj(nid),
                        nid == NID_sha256WithRSAEncryption ? V_ASN1_NULL : V_ASN1_UNDEF,
                        NULL);
        return algorithm;
}

gboolean
tg_x509_digest_of(EVP_PKEY *key, const EVP_MD **ret_digest)
{
        int digest;
        int nid;

        if (!nid_of(key, &nid) || !OBJ_find_sigid_algs(nid, &digest, NULL))
                return FALSE;
        *ret_digest = digest != NID_undef ? EVP_get_digestbynid(digest) : NULL;
        return TRUE;
}

/* ---- files and errors ---- */

gboolean
tg_x509_invalid(GError **error, const char *what)
{
        ERR_clear_error();
        tg_set_error(error, TG_ERROR_INVALID, "%s", what);
        return FALSE;
}

static void
unread(GError **error, TgError code, const char *name, int number)
{
        tg_set_error(
                error, code, "\"%s\" names no file that can be read: %s", name, g_strerror(number));
}

TgSecret *
tg_x509_read_file(const char *path, const char *name, gsize n_max, GError **error)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        g_autoptr(TgSecret) room = NULL;
        struct stat status;
        guint8 *buffer;
        gssize n = -1;

        if (fd < 0) {
                unread(error, TG_ERROR_FAILED, name, errno);
                return NULL;
        }
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
                close(fd);
                unread(error, TG_ERROR_INVALID, name, EINVAL);
                return NULL;
        }
        room = tg_secret_new_blank(n_max + 1, &buffer, error);
        if (room != NULL && (n = read(fd, buffer, n_max + 1)) < 0)
                unread(error, TG_ERROR_FAILED, name, errno);
        close(fd);
        if (n < 0)
                return NULL;
        if (n > 0 && (gsize)n <= n_max)
                return tg_secret_slice(room, 0, (gsize)n, error);
        tg_set_error(error, TG_ERROR_INVALID, "the file of \"%s\" is empty, or too large", name);
        return NULL;
}
