/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A certificate revocation list (RFC 5280 section 5): the one that is there, and one number more.
 */

#include "daemon/verticals/x509-openssl.h"

/* A list of @ca's in PEM, with its signature; NULL and TG_ERROR_FAILED. */
X509_CRL *tg_x509_list_parse(GBytes *pem, X509 *ca, GError **error);
gboolean tg_x509_list_has(X509_CRL *list, const guint8 *serial, gsize n_bytes);
/* What is to be signed: all of @list (NULL: nothing), and @serial, taken back at @now_s. It holds
 * as long as the authority: nobody signs it anew for its time's sake. NULL and TG_ERROR_FAILED. */
GBytes *tg_x509_list_add(X509_CRL *list,
                         X509 *ca,
                         const guint8 *serial,
                         gsize n_bytes,
                         gint64 now_s,
                         GError **error);
/* As PEM. */
GBytes *tg_x509_list_write(GBytes *tbs, X509 *ca, GBytes *signature);
