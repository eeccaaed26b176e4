/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Privacy Pass tokens as they stand on the wire: the scheme PrivateToken (RFC 9577) with tokens
 * of type 2, Blind RSA (RFC 9578 section 6). Only their form: signatures are attestation.c's.
 */

#include <glib.h>

#include "protocol/digest.h"

#define TG_PRIVATE_TOKEN "PrivateToken"
#define TG_TOKEN_TYPE 2
#define TG_TOKEN_INPUT_BYTES 98 /* what the issuer has signed without seeing it */
#define TG_TOKEN_SIGNATURE_BYTES 256
#define TG_TOKEN_BYTES (TG_TOKEN_INPUT_BYTES + TG_TOKEN_SIGNATURE_BYTES)

/* Where each part begins. */
#define TG_TOKEN_NONCE 2
#define TG_TOKEN_CHALLENGE 34 /* SHA-256 of the challenge */
#define TG_TOKEN_KEY_ID 66    /* SHA-256 of the issuer's key */

/* For whom a token is to be; names are HOST[:PORT], in ASCII. */
typedef struct {
        const char *issuer;
        const char *origin;
        const guint8 *context; /* TG_SHA256_BYTES; NULL: for any */
} TgTokenTerms;

/* The token in the credentials @text, if it is one of this type. */
gboolean tg_private_token_read(const char *text, guint8 ret_token[TG_TOKEN_BYTES]);

/* The redemption context of the @window'th time of @window_s seconds since 1970. It is the same
 * for everybody, so that no token tells who was challenged, and another in the next time, so that
 * what is spent need not be remembered for ever. */
void tg_token_context(gint64 window, gint64 window_s, guint8 ret_context[TG_SHA256_BYTES]);

/* A TokenChallenge, and what tokens have of it. */
GBytes *tg_token_challenge(const TgTokenTerms *terms);
void tg_token_challenge_digest(const TgTokenTerms *terms, guint8 ret[TG_SHA256_BYTES]);
