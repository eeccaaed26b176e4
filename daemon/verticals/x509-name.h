/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names in certificates, out of plain text: there is one encoding for each. */

#include "daemon/verticals/x509-openssl.h"

/* "CN=alice, O=Example" without blanks beside commas. */
char *tg_x509_subject_tidy(const char *text);
/* Of text that is tidy, with one CN: else NULL and TG_ERROR_INVALID. */
X509_NAME *tg_x509_subject(const char *text, GError **error);
/* An empty list for no names. NULL and TG_ERROR_INVALID: one is malformed, or there are too many.
 * @names NULL: malformed. */
GENERAL_NAMES *tg_x509_alt_names(const GStrv names, GError **error);
