/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A WireGuard tunnel as a profile: of what the user has consented to, and of nothing else, is said
 * that it goes through the tunnel. */

#include <string.h>

#include "daemon/network-manager-private.h"
#include "protocol/bytes.h"

/* ---- is it there? ---- */

static gboolean
has_text(const GPtrArray *texts, const char *wanted)
{
        for (guint i = 0; texts != NULL && i < texts->len; i++)
                if (g_str_equal(texts->pdata[i], wanted))
                        return TRUE;
        return FALSE;
}

/* With the same server one address can be one machine's only. */
static gboolean
is_same(gconstpointer what, const TgNmProfile *profile)
{
        const TgWireguardTunnel *tunnel = what;

        if (!has_text(profile->public_keys, tunnel->offer.server_key))
                return FALSE;
        for (guint i = 0; i < tunnel->n_addresses; i++) {
                char text[TG_MAX_SUBNET_CHARS];

                tg_subnet_format(&tunnel->addresses[i], text);
                if (has_text(profile->addresses, text))
                        return TRUE;
        }
        return FALSE;
}

static char *
name_of(gconstpointer what)
{
        const TgWireguardTunnel *tunnel = what;

        return g_strconcat("WireGuard ", tunnel->offer.endpoint, NULL);
}

/* ---- addresses ---- */

static gboolean
takes_all(const TgWireguardTunnel *tunnel, guint n_octets)
{
        for (guint i = 0; i < tunnel->offer.n_routes; i++)
                if (tunnel->offer.routes[i].n_octets == n_octets &&
                    tunnel->offer.routes[i].n_bits == 0)
                        return TRUE;
        return FALSE;
}

static int
append_addresses(sd_bus_message *message, const TgWireguardTunnel *tunnel, guint n_octets)
{
        int r = tg_nm_open_value(message, "address-data", "aa{sv}");

        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "a{sv}");
        for (guint i = 0; r >= 0 && i < tunnel->n_addresses; i++) {
                char text[TG_MAX_SUBNET_CHARS];

                if (tunnel->addresses[i].n_octets != n_octets)
                        continue;
                tg_subnet_format(&tunnel->addresses[i], text);
                r = sd_bus_message_append(message,
                                          "a{sv}",
                                          2,
                                          "address",
                                          "s",
                                          text,
                                          "prefix",
                                          "u",
                                          tunnel->addresses[i].n_bits);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : tg_nm_close_value(message);
}

static int
append_server(sd_bus_message *message, const TgSubnet *server)
{
        guint32 word;

        if (server->n_octets == 16)
                return sd_bus_message_append_array(message, 'y', server->octets, 16);
        memcpy(&word, server->octets, sizeof word); /* in network order: NetworkManager's form */
        return sd_bus_message_append_basic(message, 'u', &word);
}

static int
append_name_servers(sd_bus_message *message, const TgWireguardTunnel *tunnel, guint n_octets)
{
        const TgWireguardOffer *offer = &tunnel->offer;
        int r = tg_nm_open_value(message, "dns", n_octets == 4 ? "au" : "aay");

        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', n_octets == 4 ? "u" : "ay");
        for (guint i = 0; r >= 0 && i < offer->n_name_servers; i++)
                if (offer->name_servers[i].n_octets == n_octets)
                        r = append_server(message, &offer->name_servers[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : tg_nm_close_value(message);
}

static gboolean
has_address(const TgWireguardTunnel *tunnel, guint n_octets)
{
        for (guint i = 0; i < tunnel->n_addresses; i++)
                if (tunnel->addresses[i].n_octets == n_octets)
                        return TRUE;
        return FALSE;
}

static int
append_family(sd_bus_message *message, const TgWireguardTunnel *tunnel, guint n_octets)
{
        gboolean is_used = has_address(tunnel, n_octets);
        int r = tg_nm_open_setting(message, n_octets == 4 ? "ipv4" : "ipv6");

        if (r >= 0)
                r = sd_bus_message_append(
                        message, "{sv}", "method", "s", is_used ? "manual" : "disabled");
        if (r >= 0 && is_used)
                r = append_addresses(message, tunnel, n_octets);
        if (r >= 0 && is_used)
                r = append_name_servers(message, tunnel, n_octets);
        if (r >= 0 && is_used && !takes_all(tunnel, n_octets))
                r = sd_bus_message_append(message, "{sv}", "never-default", "b", 1);
        return r < 0 ? r : tg_nm_close_setting(message);
}

/* ---- the tunnel ---- */

/* In base64, as it stands in a dictionary. The copy on the stack is erased. */
static int
append_key(sd_bus_message *message, const char *name, const TgSecret *key)
{
        char text[TG_WIREGUARD_KEY_CHARS];
        int r;

        tg_base64_encode_to(TG_BASE64_STANDARD, tg_secret_get(key, NULL), TG_X25519_BYTES, text);
        r = tg_nm_append_secret(message, name, text, sizeof text);
        tg_wipe(text, sizeof text);
        return r;
}

static int
append_routes(sd_bus_message *message, const TgWireguardOffer *offer)
{
        int r = tg_nm_open_value(message, "allowed-ips", "as");

        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "s");
        for (guint i = 0; r >= 0 && i < offer->n_routes; i++) {
                char text[TG_MAX_SUBNET_CHARS];

                tg_subnet_format_long(&offer->routes[i], text);
                r = sd_bus_message_append_basic(message, 's', text);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : tg_nm_close_value(message);
}

static int
append_peer(sd_bus_message *message, const TgWireguardTunnel *tunnel)
{
        const TgWireguardOffer *offer = &tunnel->offer;
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(message,
                                          "{sv}{sv}{sv}",
                                          "public-key",
                                          "s",
                                          offer->server_key,
                                          "endpoint",
                                          "s",
                                          offer->endpoint,
                                          "preshared-key-flags",
                                          "u",
                                          0u);
        if (r >= 0 && offer->keepalive_s > 0)
                r = sd_bus_message_append(
                        message, "{sv}", "persistent-keepalive", "u", offer->keepalive_s);
        if (r >= 0)
                r = append_routes(message, offer);
        if (r >= 0)
                r = append_key(message, "preshared-key", tunnel->preshared_key);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int
append_tunnel(sd_bus_message *message, const TgWireguardTunnel *tunnel)
{
        int r = tg_nm_open_setting(message, TG_NM_WIREGUARD);

        if (r >= 0)
                r = sd_bus_message_append(message, "{sv}", "private-key-flags", "u", 0u);
        if (r >= 0)
                r = tg_nm_open_value(message, "peers", "aa{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "a{sv}");
        if (r >= 0)
                r = append_peer(message, tunnel);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        if (r >= 0)
                r = tg_nm_close_value(message);
        if (r >= 0)
                r = append_key(message, "private-key", tunnel->private_key);
        return r < 0 ? r : tg_nm_close_setting(message);
}

static int
fill(sd_bus_message *message, gconstpointer what)
{
        int r = append_family(message, what, 4);

        if (r >= 0)
                r = append_family(message, what, 16);
        return r < 0 ? r : append_tunnel(message, what);
}

static void
destroy(gpointer what)
{
        tg_wireguard_tunnel_clear(what);
        g_free(what);
}

void
tg_nm_add_wireguard(TgWireguardTunnel *tunnel,
                    GCancellable *cancellable,
                    TgNmAddedFunc func,
                    gpointer user_data)
{
        static const TgNmAddition addition = {
                .type = TG_NM_WIREGUARD,
                .is_same = is_same,
                .name = name_of,
                .has_interface = TRUE,
                .fill = fill,
                .destroy = destroy,
        };
        TgWireguardTunnel *taken = g_new(TgWireguardTunnel, 1);

        *taken = *tunnel;
        *tunnel = (TgWireguardTunnel){};
        tg_nm_add(&addition, taken, cancellable, func, user_data);
}
