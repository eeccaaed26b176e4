/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a recipient of org.tigress.wireguard.peer has in the end: his key, his addresses, and the
 * server. Kept as a configuration for wg-quick, of which nothing but this form is read again: it
 * has lain where other programs write too.
 */

#include "daemon/verticals/wireguard-offer.h"
#include "protocol/secret.h"

#define TG_WIREGUARD_MAX_ADDRESSES 2 /* one of IPv4, one of IPv6 */

typedef struct {
        TgWireguardOffer offer;
        TgSubnet addresses[TG_WIREGUARD_MAX_ADDRESSES];
        guint n_addresses;
        TgSecret *preshared_key; /* TG_X25519_BYTES, like the next */
        TgSecret *private_key;
} TgWireguardTunnel;

void tg_wireguard_tunnel_clear(TgWireguardTunnel *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgWireguardTunnel, tg_wireguard_tunnel_clear)

/* One or two addresses that a machine can have, of different kinds. TG_ERROR_INVALID. */
gboolean tg_wireguard_tunnel_check_addresses(const TgWireguardTunnel *self, GError **error);
/* 32 octets in base64, into secret memory. TG_ERROR_INVALID. */
TgSecret *tg_wireguard_read_key(const char *text, gsize n_chars, GError **error);

/* Of what has been checked. */
TgSecret *tg_wireguard_tunnel_format(const TgWireguardTunnel *self, GError **error);
/* TG_ERROR_INVALID for all that tg_wireguard_tunnel_format() does not write. */
gboolean
tg_wireguard_tunnel_parse(const TgSecret *text, TgWireguardTunnel *ret_tunnel, GError **error);
