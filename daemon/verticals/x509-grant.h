/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an X.509 client certificate grants: consented to on one side, told to the other, and, with
 * the recipient's public key, each octet of the certificate but its signature.
 */

#include <glib.h>

#include "daemon/step.h"
#include "protocol/json.h"

#define TG_X509_SERIAL_BYTES 16
#define TG_X509_MAX_CA_BYTES 4096
#define TG_X509_MAX_SUBJECT_BYTES 512
#define TG_X509_MAX_ALT_NAMES 8
#define TG_X509_MAX_ALT_NAME_BYTES 255
#define TG_X509_MIN_LIFE_S 10
/* A mailbox lives for seven days, and one has to be there for the next certificate. */
#define TG_X509_MAX_LIFE_S (6 * 86400)
#define TG_X509_MAX_RENEWALS 10000
#define TG_X509_SLACK_S 60 /* of two right clocks */

typedef enum { TG_X509_P256, TG_X509_ED25519 } TgX509Key;

typedef struct {
        GBytes *ca;     /* the authority's certificate, DER */
        char *subject;  /* "CN=alice,O=Example": RFC 4514 without escapes */
        GStrv names;    /* alternative ones: "email:…", "dns:…", "uri:…"; may be empty */
        TgX509Key key;  /* which kind the recipient makes */
        guint64 from_s; /* Unix seconds */
        guint64 to_s;
        /* Renewed: from_s and to_s are those of the grant until tg_x509_grant_narrow(), and each
         * certificate lives for so long, in seconds; else 0. */
        guint32 life_s;
        guint32 n_renewals;                  /* after this one, at most */
        guint8 serial[TG_X509_SERIAL_BYTES]; /* positive, as a number */
} TgX509Grant;

void tg_x509_grant_clear(TgX509Grant *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgX509Grant, tg_x509_grant_clear)

gboolean tg_x509_key_parse(const char *text, TgX509Key *ret_key);
/* Every part has its form; of the authority: that it is one, and may sign for all of the time. */
gboolean tg_x509_grant_check(const TgX509Grant *self, GError **error);

/* From when the life of a certificate is counted that is signed at @now_s: Unix seconds, both. */
guint64 tg_x509_grant_begins(const TgX509Grant *self, guint64 now_s);
/* From here on it is of one certificate: TG_ERROR_INVALID unless that is inside, and lives no
 * longer than it may. What is not renewed is of one anyway. */
gboolean tg_x509_grant_narrow(TgX509Grant *self, guint64 from_s, guint64 to_s, GError **error);
/* @next offers what @self has granted, and no more of it. */
gboolean tg_x509_grant_goes_on(const TgX509Grant *self, const TgX509Grant *next);
/* With another number, as each certificate has. */
void tg_x509_grant_number(TgX509Grant *self);

/* The offer, a JSON object. */
char *tg_x509_grant_write(const TgX509Grant *self);
/* TG_ERROR_INVALID for what is missing, malformed, or does not pass tg_x509_grant_check(). */
gboolean tg_x509_grant_parse(const TgJson *object, TgX509Grant *ret_grant, GError **error);

/* For people. */
void tg_x509_grant_show(const TgX509Grant *self, TgStep *step);
/* The subject's common name; never NULL. */
char *tg_x509_grant_person(const TgX509Grant *self);
