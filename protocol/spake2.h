/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * SPAKE2-P256-SHA256-HKDF-HMAC of RFC 9382: who has the same w gets the same keys, and who has not
 * learns about w no more than that it was not his. The only user of OpenSSL's curves and big
 * numbers.
 *
 * Errors: TG_ERROR_TAMPERED is the peer's doing, TG_ERROR_LIMIT_REACHED (no memory for secrets) and
 * TG_ERROR_FAILED are not.
 */

#include <glib.h>

#include "protocol/digest.h"
#include "protocol/secret.h"

#define TG_SPAKE2_SHARE_BYTES 65  /* uncompressed point, SEC 1 */
#define TG_SPAKE2_SCALAR_BYTES 32 /* big-endian */
#define TG_SPAKE2_KEY_BYTES 16    /* Ke, Ka, KcA, KcB */

typedef enum {
        TG_SPAKE2_A, /* blinds with M */
        TG_SPAKE2_B, /* blinds with N */
} TgSpake2Side;

/* x or y: uniform in 1 … n-1. For one share and one peer's share, then it is to be dropped. */
TgSecret *tg_spake2_scalar_new(GError **error);

/* w: @wide, big-endian, modulo the group's order. Zero is refused. */
TgSecret *tg_spake2_scalar_reduce(const TgSecret *wide, GError **error);

/* pA or pB. */
gboolean tg_spake2_share(TgSpake2Side side,
                         const TgSecret *w,
                         const TgSecret *scalar,
                         guint8 ret_share[TG_SPAKE2_SHARE_BYTES],
                         GError **error);

/* Exactly an uncompressed point of the curve, without the one at infinity. */
gboolean tg_spake2_is_share(const guint8 *bytes, gsize n_bytes);

/* K, 65 octets. TG_ERROR_TAMPERED for a share that is none, or that leads to infinity. */
TgSecret *tg_spake2_element(TgSpake2Side side,
                            const TgSecret *w,
                            const TgSecret *scalar,
                            const guint8 peer_share[TG_SPAKE2_SHARE_BYTES],
                            GError **error);

typedef struct {
        const void *id_a, *id_b; /* lent */
        gsize n_id_a, n_id_b;
        const guint8 *share_a, *share_b; /* TG_SPAKE2_SHARE_BYTES each */
} TgSpake2Parties;

/* TT: identities, shares, K and w, each after its length in eight octets, little-endian. */
TgSecret *tg_spake2_transcript(const TgSpake2Parties *parties,
                               const TgSecret *element,
                               const TgSecret *w,
                               GError **error);

typedef struct {
        TgSecret *ke;        /* the shared secret */
        TgSecret *ka;        /* what the confirmations are made from */
        TgSecret *confirm_a; /* cA, TG_SHA256_BYTES */
        TgSecret *confirm_b; /* cB */
} TgSpake2Keys;

/* @aad: RFC 9382 section 3.4. */
gboolean tg_spake2_keys(const TgSecret *transcript,
                        const void *aad,
                        gsize n_aad,
                        TgSpake2Keys *ret_keys,
                        GError **error);
void tg_spake2_keys_clear(TgSpake2Keys *keys);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgSpake2Keys, tg_spake2_keys_clear)
