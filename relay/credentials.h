/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Credentials as HTTP spells them (RFC 9110 section 11.4): a scheme and parameters, whose values
 * are octets in url-safe base64 with its padding (RFC 9577 section 2.2.2) or numbers. Knows
 * neither what they mean nor whether they are right.
 */

#include <glib.h>

/* One that is wanted: @name is the caller's, the rest points into the text that was read. */
typedef struct {
        const char *name;
        const char *value; /* NULL: not there */
        gsize n_chars;
} TgCredential;

/* "@scheme NAME=VALUE, NAME="VALUE"…". Others than the wanted are read and ignored. FALSE for
 * another scheme, anything that is not spelled so, a name that comes twice, or an escape in a
 * wanted value: nobody needs one. */
gboolean
tg_credentials_read(const char *text, const char *scheme, TgCredential *wanted, guint n_wanted);

/* Exactly @n_bytes octets, canonical and padded; FALSE for anything else, or when not there. */
gboolean tg_credential_decode(const TgCredential *self, guint8 *buffer, gsize n_bytes);
char *tg_credential_encode(const guint8 *bytes, gsize n_bytes);

/* Seconds since 1970, from 1, digits alone. */
gboolean tg_credential_read_time(const TgCredential *self, gint64 *ret_s);
