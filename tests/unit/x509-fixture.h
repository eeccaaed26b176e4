/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of X.509 certificates have in common: an authority, right or wrong, a grant, and
 * a recipient's key. */

#include "daemon/step.h"
#include "daemon/verticals/x509-certificate.h"
#include "protocol/error.h"

#define DAY_S 86400

typedef struct {
        gboolean is_no_ca;
        gboolean signs_no_lists;
        gint64 ends_in_s; /* 0: in a year */
} X509Wrong;

typedef struct {
        EVP_PKEY *ca_key;
        X509 *ca;
        TgX509Grant grant;
        EVP_PKEY *key; /* the recipient's */
} X509Fixture;

/* A test for each kind of key. */
void x509_add_test(const char *name, void (*test)(X509Fixture *self, gconstpointer data));

/* Of this code, and @part is in its sentence. */
void x509_assert_says(const GError *error, TgError code, const char *part);
/* @text as OpenSSL's configuration files say it. */
void x509_add_extension(X509 *certificate, int nid, const char *text);
GBytes *x509_new_authority(EVP_PKEY *key, const X509Wrong *wrong);
void x509_fill_grant(TgX509Grant *grant, GBytes *ca, TgX509Key key);
GBytes *x509_sign_part(GBytes *part, EVP_PKEY *key);
/* A certificate of the fixture's authority, as @signer signs it. */
GBytes *x509_issue(X509Fixture *self, const TgX509Grant *grant, EVP_PKEY *key, EVP_PKEY *signer);

/* The recipient's step for @message; @inherited NULL: there was no share before. */
void x509_run_recipient(guint number,
                        TgSecret *binding,
                        TgSecret *state,
                        TgSecret *inherited,
                        const char *message,
                        TgStepAnswer *ret_answer);
/* What he asks for. */
GBytes *x509_request_of(const TgStepAnswer *answer);
