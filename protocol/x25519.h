/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keys of Curve25519 (RFC 7748), as WireGuard has them: made, and agreed with, in secret memory.
 */

#include <glib.h>

#include "protocol/secret.h"

#define TG_X25519_BYTES 32

/* A private key, clamped as programs write it down. */
TgSecret *tg_x25519_new(GError **error);

/* TG_ERROR_INVALID where @private_key is not TG_X25519_BYTES long. */
gboolean tg_x25519_public(const TgSecret *private_key,
                          guint8 ret_public_key[TG_X25519_BYTES],
                          GError **error);

/* What the holders of two keys have in common. TG_ERROR_INVALID for a public key of low order,
 * with which everybody would have it. */
TgSecret *tg_x25519_agree(const TgSecret *private_key,
                          const guint8 public_key[TG_X25519_BYTES],
                          GError **error);
