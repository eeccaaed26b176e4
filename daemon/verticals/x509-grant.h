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

typedef enum { TG_X509_P256, TG_X509_ED25519 } TgX509Key;

typedef struct {
        GBytes *ca;     /* the authority's certificate, DER */
        char *subject;  /* "CN=alice,O=Example": RFC 4514 without escapes */
        GStrv names;    /* alternative ones: "email:…", "dns:…", "uri:…"; may be empty */
        TgX509Key key;  /* which kind the recipient makes */
        guint64 from_s; /* Unix seconds */
        guint64 to_s;
        guint8 serial[TG_X509_SERIAL_BYTES]; /* positive, as a number */
} TgX509Grant;

void tg_x509_grant_clear(TgX509Grant *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgX509Grant, tg_x509_grant_clear)

gboolean tg_x509_key_parse(const char *text, TgX509Key *ret_key);
/* Every part has its form; of the authority: that it is one, and may sign for all of the time. */
gboolean tg_x509_grant_check(const TgX509Grant *self, GError **error);

/* The offer, a JSON object. */
char *tg_x509_grant_write(const TgX509Grant *self);
/* TG_ERROR_INVALID for what is missing, malformed, or does not pass tg_x509_grant_check(). */
gboolean tg_x509_grant_parse(const TgJson *object, TgX509Grant *ret_grant, GError **error);

/* For people. */
void tg_x509_grant_show(const TgX509Grant *self, TgStep *step);
/* The subject's common name; never NULL. */
char *tg_x509_grant_person(const TgX509Grant *self);
