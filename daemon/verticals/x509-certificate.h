/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The certificate: a grant and a public key say each octet of it, so that nothing has to be asked
 * of one that arrives but whether it is that. */

#include "daemon/verticals/x509-grant.h"
#include "daemon/verticals/x509-openssl.h"

#define TG_X509_MAX_CERTIFICATE_BYTES 8192

/* What is to be signed; NULL and TG_ERROR_INVALID. */
GBytes *tg_x509_certificate_tbs(const TgX509Grant *grant, X509 *ca, EVP_PKEY *key, GError **error);
/* When it says that it is valid; nothing else of it is judged. */
gboolean
tg_x509_certificate_period(GBytes *der, guint64 *ret_from_s, guint64 *ret_to_s, GError **error);
/* TRUE when @der is the certificate for @grant and @key, signed by the grant's authority; else
 * TG_ERROR_INVALID. */
gboolean tg_x509_certificate_check(
        GBytes *der, const TgX509Grant *grant, X509 *ca, EVP_PKEY *key, GError **error);
