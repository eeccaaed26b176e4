/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The recipient's key, and his request (PKCS#10, RFC 2986): a public key, and a signature by it
 * over something that this share's two sides alone have. It has no place for anything else. */

#include "daemon/verticals/x509-grant.h"
#include "daemon/verticals/x509-openssl.h"

#define TG_X509_MAX_REQUEST_BYTES 1024

EVP_PKEY *tg_x509_key_new(TgX509Key kind, GError **error);
/* PKCS#8 in PEM, in secret memory from end to end. */
TgSecret *tg_x509_key_save(EVP_PKEY *key, GError **error);
EVP_PKEY *tg_x509_key_load(const TgSecret *pem, GError **error);

/* What the request's challengePassword is: the binding, digested. NULL and TG_ERROR_INVALID: there
 * is nothing to bind it to. */
char *tg_x509_challenge(const TgStepContext *context, GError **error);
GBytes *tg_x509_request_new(EVP_PKEY *key, const char *challenge, GError **error);
/* The key that it asks to be signed, of the kind that was offered and with proof; NULL and
 * TG_ERROR_INVALID, also for a request that asks for more. */
EVP_PKEY *tg_x509_request_check(GBytes *der, TgX509Key kind, const char *challenge, GError **error);
