/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.tigress.wireguard.peer: the two sides of it, and what they have in common. */

#include "daemon/step.h"
#include "protocol/x25519.h"

#define TG_WIREGUARD_FORMAT "org.tigress.wireguard.peer"

/* What shows that the sender of @public_key has its private part. A key of Curve25519 signs
 * nothing, but two agree: @own is the recipient's with the initiator's @other for this share, or
 * the other way round, and with the share's binding they make a key that only the two can have
 * (RFC 6955 section 4, with a fresh key of the verifier's). Base64; NULL and @error:
 * TG_ERROR_INVALID. */
char *tg_wireguard_proof(const TgStepContext *context,
                         const TgSecret *own,
                         const guint8 other[TG_X25519_BYTES],
                         const char *public_key,
                         GError **error);

/* wireguard-give.c */
void tg_wireguard_check(TgStep *step);
void tg_wireguard_begin(TgStep *step);
void tg_wireguard_answer(TgStep *step);
void tg_wireguard_revoke(TgStep *step);
/* wireguard-hold.c */
void tg_wireguard_hold(TgStep *step);
/* wireguard-use.c */
void tg_wireguard_use(TgStep *step);
