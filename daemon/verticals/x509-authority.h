/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A certificate authority: its certificate, and its key where that is a file. */

#include "daemon/verticals/x509-openssl.h"

/* DER of an authority that may sign certificates and revocation lists, with a key that is known
 * here; else NULL and TG_ERROR_INVALID. */
X509 *tg_x509_authority_parse(GBytes *der, GError **error);
/* It is valid from @from_s to @to_s. */
gboolean tg_x509_authority_lasts(X509 *ca, guint64 from_s, guint64 to_s, GError **error);
/* Unix seconds; 0 where they cannot be told. */
guint64 tg_x509_authority_begins(X509 *ca);
/* Its subject, for people. */
char *tg_x509_authority_name(X509 *ca);
/* SHA-256 of the certificate, in hex. */
char *tg_x509_authority_fingerprint(GBytes *der);

/* The first certificate of a PEM file, as DER. */
GBytes *tg_x509_authority_read(const char *path, GError **error);
/* Its private key, out of a PEM file without passphrase; NULL and TG_ERROR_INVALID also where it is
 * not the certificate's. */
EVP_PKEY *tg_x509_authority_key(X509 *ca, const char *path, const char *name, GError **error);
