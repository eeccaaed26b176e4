/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Somebody who signs tokens of type 2 (RFC 9578), with a key of his own and not blindly: what
 * comes out is the same. test-attested-relays.py has one who does not see what he signs.
 */

#include <glib.h>

#include "relay/private-token.h"

typedef struct Issuer Issuer;

Issuer *issuer_new(void);
void issuer_free(Issuer *self);

/* The public key, in PEM. */
char *issuer_dup_key(const Issuer *self);

/* A token for @terms whose nonce is @nonce and zeros. */
void issuer_sign(const Issuer *self,
                 const TgTokenTerms *terms,
                 guint8 nonce,
                 guint8 ret_token[TG_TOKEN_BYTES]);
/* … as credentials, for the @window'th time of @window_s seconds. */
char *issuer_make(const Issuer *self,
                  const char *name,
                  const char *origin,
                  gint64 window,
                  gint64 window_s,
                  guint8 nonce);

/* Credentials with these octets. */
char *token_format(const guint8 token[TG_TOKEN_BYTES]);

/* Any key of OpenSSL's @algorithm, in PEM; @is_pss: for nothing but what token type 2 needs. */
char *make_key(const char *algorithm, guint bits, gboolean is_private, gboolean is_pss);
