/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* OpenSSL's types, freed where their scope ends, and its encodings as octets. */

#include <glib.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "protocol/secret.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ASN1_BIT_STRING, ASN1_BIT_STRING_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ASN1_INTEGER, ASN1_INTEGER_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ASN1_TIME, ASN1_TIME_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AUTHORITY_KEYID, AUTHORITY_KEYID_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIGNUM, BN_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GENERAL_NAMES, GENERAL_NAMES_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PKCS12, PKCS12_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_ALGOR, X509_ALGOR_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_CRL, X509_CRL_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_NAME, X509_NAME_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_REQ, X509_REQ_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_REVOKED, X509_REVOKED_free)

/* @octets: what OpenSSL has allocated, @n: what it has answered. NULL where that is an error. */
GBytes *tg_x509_take_octets(unsigned char *octets, int n);

#define TG_X509_ENCODE(type, object)                                                               \
        ({                                                                                         \
                unsigned char *octets_ = NULL;                                                     \
                int n_ = i2d_##type((object), &octets_);                                           \
                tg_x509_take_octets(octets_, n_);                                                  \
        })

/* DER of a SEQUENCE of what is encoded already. */
GBytes *tg_x509_sequence(GBytes *const *parts, guint n_parts);
/* SEQUENCE { @signed_part, @algorithm, BIT STRING @signature }: what is signed in X.509 has this
 * form. */
GBytes *tg_x509_wrap(GBytes *signed_part,
                     const X509_ALGOR *algorithm,
                     const void *signature,
                     gsize n_signature);

/* @der between lines that say what it is. */
GBytes *tg_x509_pem(const char *name, GBytes *der);

/* How a key signs here; NULL: it does not. */
X509_ALGOR *tg_x509_algorithm_of(EVP_PKEY *key);
/* …and with which digest: *ret_digest NULL where the key has its own. FALSE: it does not. */
gboolean tg_x509_digest_of(EVP_PKEY *key, const EVP_MD **ret_digest);

/* A plain file alone, or a pipe would hold up everybody; @name of the term for errors. NULL and
 * TG_ERROR_INVALID for what it is, TG_ERROR_FAILED where it cannot be read just now: what it is on
 * may come back. */
TgSecret *tg_x509_read_file(const char *path, const char *name, gsize n_max, GError **error);
/* @what, as TG_ERROR_INVALID; what OpenSSL has to say of it is dropped. Always FALSE. */
gboolean tg_x509_invalid(GError **error, const char *what);
