/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The target `networkmanager`: the tunnel as a profile. */

#include "daemon/verticals/profile.h"
#include "daemon/verticals/wireguard-tunnel.h"
#include "daemon/verticals/wireguard.h"
#include "protocol/error.h"

/* Of a kind without an address NetworkManager sends nothing through a tunnel: what was consented to
 * as "all traffic" would go around it, unseen. */
static gboolean
has_addresses_for_all(const TgWireguardTunnel *tunnel, GError **error)
{
        for (guint i = 0; i < tunnel->offer.n_routes; i++) {
                gboolean is_there = FALSE;

                for (guint k = 0; k < tunnel->n_addresses; k++)
                        is_there |=
                                tunnel->addresses[k].n_octets == tunnel->offer.routes[i].n_octets;
                if (is_there)
                        continue;
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "traffic of %s is to go through the tunnel, which has no such "
                             "address: NetworkManager would send it elsewhere; have the "
                             "configuration revealed and use wg-quick",
                             tunnel->offer.routes[i].n_octets == 4 ? "IPv4" : "IPv6");
                return FALSE;
        }
        return TRUE;
}

void
tg_wireguard_use(TgStep *step)
{
        g_auto(TgWireguardTunnel) tunnel = {};
        GError *error = NULL;

        if (tg_wireguard_tunnel_parse(tg_step_context(step)->given, &tunnel, &error) &&
            has_addresses_for_all(&tunnel, &error))
                tg_nm_add_wireguard(
                        &tunnel, tg_step_cancellable(step), tg_profile_added, tg_step_ref(step));
        else
                tg_step_fail(step, error);
}
