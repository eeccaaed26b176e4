/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Addresses for WireGuard peers, each given once and never again, and the file of the peers that a
 * server reads. Both are replaced as a whole. Nothing locks them: one wallet a user writes them,
 * and never two steps at once.
 */

#include <glib.h>

#include "daemon/verticals/subnet.h"

#define TG_WIREGUARD_MAX_POOLS 2 /* one of IPv4, one of IPv6 */

typedef struct {
        TgSubnet pools[TG_WIREGUARD_MAX_POOLS];
        guint n_pools;
        const char *peers_path; /* whose addresses are taken, too; it need not be there */
} TgWireguardPool;

/* TG_ERROR_INVALID for pools that are none. */
gboolean tg_wireguard_pool_check(const TgWireguardPool *self, GError **error);

/* An address out of each pool for @share_id, the same ones each time, and the list has them; or
 * without @share_id those that would be next. The first address of a pool is the server's, the last
 * one of IPv4 nobody's. TG_ERROR_INVALID when none is left. */
gboolean tg_wireguard_pool_allocate(const TgWireguardPool *self,
                                    const char *share_id,
                                    TgSubnet ret_addresses[TG_WIREGUARD_MAX_POOLS],
                                    GError **error);

/* Adds @stanza (with a PublicKey = @public_key in it) at the end, if no peer has that key. */
gboolean tg_wireguard_peers_add(const char *path,
                                const char *public_key,
                                const char *stanza,
                                GError **error);
/* Takes the peer with this key out; that there is none is no error. */
gboolean tg_wireguard_peers_remove(const char *path, const char *public_key, GError **error);
