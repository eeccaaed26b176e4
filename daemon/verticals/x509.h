/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.tigress.x509.certificate: the two sides of it, and what they have in common. */

#include "daemon/sequel.h"
#include "daemon/verticals/x509-certificate.h"
#include "daemon/verticals/x509-grant.h"
#include "daemon/verticals/x509-seal.h"

#define TG_X509_FORMAT "org.tigress.x509.certificate"

/* What a step of the initiator's works with. */
typedef struct {
        TgStep *step;
        TgX509Grant grant;
        TgX509Place place;
        X509 *ca;
        char *crl;
        GBytes *part;  /* what is signed */
        EVP_PKEY *key; /* the recipient's */
        X509_CRL *list;
        int lock_fd;
        guint list_mode;
} TgX509Job;

TgX509Job *tg_x509_job_new(TgStep *step);
void tg_x509_job_free(TgX509Job *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgX509Job, tg_x509_job_free)
/* The step fails, and the job is done. @error is taken. */
void tg_x509_job_fail(TgX509Job *self, GError *error);

/* The octets of a member in base64; NULL and TG_ERROR_INVALID. */
GBytes *tg_x509_get_octets(const TgJson *object, const char *name, gsize n_max, GError **error);
/* {"@name": base64 of @octets} */
TgSecret *tg_x509_say_octets(const char *name, GBytes *octets, GError **error);

/* What a share of the initiator's is made of, after it was checked: x509-terms.c. Not floating. */
GVariant *tg_x509_terms_write(const TgX509Job *job);
gboolean tg_x509_terms_read(GVariant *terms, TgX509Job *job, GError **error);
/* What follows them: another number, for the rest of the time. */
gboolean tg_x509_sequel(GVariant *terms, gint64 now_s, TgSequel *ret_sequel);

/* The first message, and what it offers for people: a share that follows another one is shown too.
 */
void tg_x509_begin(TgStep *step);

/* initiator: x509-check.c, x509-sign.c, x509-revoke.c */
void tg_x509_check(TgStep *step);
void tg_x509_sign(TgStep *step);
void tg_x509_revoke(TgStep *step);
TgSecret *tg_x509_receipt(const TgX509Job *job, GError **error);
/* recipient: x509-hold.c, x509-export.c */
void tg_x509_hold(TgStep *step);
TgSecret *
tg_x509_export(const TgSecret *content, const char *as, const TgSecret *passphrase, GError **error);
