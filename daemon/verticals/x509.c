/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.tigress.x509.certificate: the recipient makes a key that never leaves him, the initiator
 * signs it with his certificate authority's.
 *
 *      offer     {ca, subject, altNames, key, notBefore, notAfter, serial}   what will be signed
 *                with {life, renewals}: not for all of that time, but for so long, and so many more
 *                times (sequel.h)
 *      request   {request}       PKCS#10, bound to this share
 *      answer    {certificate}
 */

#include "daemon/verticals/x509.h"

#include <string.h>
#include <unistd.h>

#include "daemon/vertical.h"
#include "protocol/bytes.h"
#include "protocol/error.h"

TgX509Job *
tg_x509_job_new(TgStep *step)
{
        TgX509Job *self = g_new0(TgX509Job, 1);

        self->step = tg_step_ref(step);
        self->lock_fd = -1;
        return self;
}

void
tg_x509_job_free(TgX509Job *self)
{
        if (self == NULL)
                return;
        if (self->lock_fd >= 0)
                close(self->lock_fd);
        tg_x509_grant_clear(&self->grant);
        tg_x509_place_clear(&self->place);
        X509_free(self->ca);
        X509_CRL_free(self->list);
        EVP_PKEY_free(self->key);
        g_clear_pointer(&self->part, g_bytes_unref);
        g_free(self->crl);
        tg_step_unref(self->step);
        g_free(self);
}

void
tg_x509_job_fail(TgX509Job *self, GError *error)
{
        tg_step_fail(self->step, error);
        tg_x509_job_free(self);
}

GBytes *
tg_x509_get_octets(const TgJson *object, const char *name, gsize n_max, GError **error)
{
        gsize n_chars = tg_base64_encoded_chars(TG_BASE64_STANDARD, n_max);
        g_autofree char *text = tg_json_dup_text(object, name, n_chars);
        g_autofree guint8 *octets = NULL;
        gsize n_octets;

        if (text != NULL) {
                octets = g_malloc(tg_base64_decoded_room(strlen(text)) + 1);
                if (tg_base64_decode(TG_BASE64_STANDARD, text, strlen(text), octets, &n_octets))
                        return g_bytes_new(octets, n_octets);
        }
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "what has arrived has no \"%s\", or one that is malformed or too large",
                     name);
        return NULL;
}

TgSecret *
tg_x509_say_octets(const char *name, GBytes *octets, GError **error)
{
        gsize n_octets;
        const guint8 *bytes = g_bytes_get_data(octets, &n_octets);
        g_autofree char *text = tg_base64_encode(TG_BASE64_STANDARD, bytes, n_octets);
        g_autofree char *json = g_strdup_printf("{\"%s\":\"%s\"}", name, text);

        return tg_secret_new(json, strlen(json), error);
}

static void
receive(TgStep *step)
{
        if (tg_step_context(step)->role == TG_ROLE_INITIATOR)
                tg_x509_sign(step);
        else
                tg_x509_hold(step);
}

static const char *const kinds[] = {"lend", NULL};
/* Who wins the race to a link without one gets a certificate for a key of his own. */
static const TgPinRule pins[] = {TG_PIN_DEFAULT};
static const char *const exports[] = {"pkcs12", NULL};

static const TgTermKey terms[] = {
        {"ca",          "p",  4096                      },
        {"ca-key",      "p",  4096                      },
        {"token",       "s",  4096                      },
        {"subject",     "s",  TG_X509_MAX_SUBJECT_BYTES },
        {"alt-names",   "as", TG_X509_MAX_ALT_NAME_BYTES},
        {"key-type",    "s",  16                        },
        {"valid-for",   "u",  0                         },
        {"not-before",  "t",  0                         },
        {"not-after",   "t",  0                         },
        {"renew-until", "t",  0                         },
        {"crl",         "p",  4096                      },
        {NULL,          NULL, 0                         },
};

const TgVertical tg_vertical_x509 = {
        .format = TG_X509_FORMAT,
        .name = "X.509 client certificate",
        .kinds = kinds,
        .pins = pins,
        .letter = 'a',
        .source = TG_SOURCE_TERMS,
        .terms = terms,
        .check = tg_x509_check,
        .begin = tg_x509_begin,
        .receive = receive,
        .revoke = tg_x509_revoke,
        .sequel = tg_x509_sequel,
        .exports = exports,
        .export = tg_x509_export,
};
