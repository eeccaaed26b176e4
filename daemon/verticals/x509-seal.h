/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An authority's signature: by its key in a file, here; or in a token, by the program openssl, so
 * that no stranger's module is loaded into the process that holds all secrets, or can hold it up.
 */

#include "daemon/step.h"
#include "daemon/verticals/x509-openssl.h"

/* Where the key is. */
typedef struct {
        char *file;  /* path of a PEM file */
        char *token; /* else NULL: a URI of RFC 7512 */
} TgX509Place;

void tg_x509_place_clear(TgX509Place *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgX509Place, tg_x509_place_clear)

/* For people, on the initiator's side. */
void tg_x509_place_show(const TgX509Place *self, const char *crl, TgStep *step);

/* @signature: verified with the certificate's key; NULL with @error. Called once, before
 * tg_x509_seal() returns or later. */
typedef void (*TgX509SealFunc)(GBytes *signature, const GError *error, gpointer user_data);

/* TG_ERROR_INVALID: there is no key, or another. */
void tg_x509_seal(TgStep *step,
                  X509 *ca,
                  const TgX509Place *place,
                  GBytes *signed_part,
                  TgX509SealFunc func,
                  gpointer user_data);
