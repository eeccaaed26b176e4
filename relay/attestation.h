/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the relay demands of whoever makes a mailbox, besides a claim: nothing, a MAC under a key
 * that its users share, or a Privacy Pass token (RFC 9577, 9578): a blind signature, which tells
 * that its sender is in good standing with the issuer and nothing else. Verifies; issues nothing,
 * and keeps nothing: what an attestation uses up is the store's to remember (TgSpent).
 */

#include <glib.h>

#include "relay/private-token.h"
#include "relay/store.h"

#define TG_SHARED_KEY_SCHEME "Tigress-HMAC-SHA256"

typedef enum {
        TG_ATTESTATION_NONE,
        TG_ATTESTATION_SHARED_KEY,
        TG_ATTESTATION_TOKEN,
} TgAttestationKind;

typedef struct {
        TgAttestationKind kind;
        gint64 skew_s; /* of a MAC's time from ours, either way */
        /* of tokens: */
        char *issuer;    /* HOST[:PORT] */
        char *origin;    /* the same of this relay */
        gint64 window_s; /* a token is good in the time that it was asked for in, and the next */
} TgAttestationRules;

typedef struct TgAttestation TgAttestation;

/* @rules is copied. Without a key all are refused. */
TgAttestation *tg_attestation_new(const TgAttestationRules *rules);
void tg_attestation_free(TgAttestation *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgAttestation, tg_attestation_free)

/* The contents of a file. Of tokens: the issuer's key, an RSASSA-PSS key of 2,048 bits in PEM as
 * RFC 9578 section 8.2.2 encodes it; the first one is what challenges name. Of MACs: 32 to 64
 * octets in base64. TG_ERROR_INVALID says what it must be, and nothing that is in it. */
gboolean tg_attestation_add_key(TgAttestation *self, const char *text, GError **error);

typedef enum { TG_ATTESTED_NOT_ASKED, TG_ATTESTED_GOOD, TG_ATTESTED_REFUSED } TgAttested;

/* @self NULL: nothing is demanded. @credentials NULL: none, or more than one. @body is the whole
 * request's. @ret_spent is for a good one: once is all that it may be used. */
TgAttested tg_attestation_judge(const TgAttestation *self,
                                const char *credentials,
                                const char *body,
                                gsize n_body,
                                gint64 now_s,
                                TgSpent *ret_spent);

/* The issuer's word alone: one of the keys has signed it, for whatever challenge. */
gboolean tg_attestation_has_signed(const TgAttestation *self, const guint8 token[TG_TOKEN_BYTES]);

/* What WWW-Authenticate says to those who have none that is good. */
char *tg_attestation_challenge(const TgAttestation *self, gint64 now_s);

/* Its name, static; NULL: nothing is demanded. */
const char *tg_attestation_scheme(const TgAttestation *self);
