/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/push-guard.h"

/* Registries of special-purpose addresses (RFC 6890) and what belongs beside them. */
static const char *const refused_networks[] = {
        "0.0.0.0/8",       /* this network; Linux takes 0.0.0.0 for itself */
        "10.0.0.0/8",      /* private */
        "100.64.0.0/10",   /* between a provider and its customers */
        "127.0.0.0/8",     /* loopback */
        "169.254.0.0/16",  /* link-local: metadata of clouds */
        "172.16.0.0/12",   /* private */
        "192.0.0.0/24",    /* protocols' own */
        "192.0.2.0/24",    /* documentation */
        "192.88.99.0/24",  /* 6to4's relays */
        "192.168.0.0/16",  /* private */
        "198.18.0.0/15",   /* measuring */
        "198.51.100.0/24", /* documentation */
        "203.0.113.0/24",  /* documentation */
        "224.0.0.0/4",     /* multicast */
        "240.0.0.0/4",     /* reserved, broadcast */
        "2001::/23",       /* protocols' own: Teredo, ORCHID */
        "2001:db8::/32",   /* documentation */
        "2002::/16",       /* 6to4 */
        "3fff::/20",       /* documentation */
};
/* Of IPv6, the only part in which there is anybody to be reached: not loopback, link-local,
 * unique local, multicast, NAT64 (64:ff9b::/96, 64:ff9b:1::/48) nor IPv4 in another form. */
#define GLOBAL_NETWORK "2000::/3"

static gboolean
is_within(const char *network, const struct sockaddr *address)
{
        TgPrefix prefix;

        return tg_prefix_parse(network, &prefix) && tg_prefix_contains(&prefix, address);
}

static gboolean
is_permitted(const struct sockaddr *address, const GArray *permitted)
{
        for (guint i = 0; permitted && i < permitted->len; i++)
                if (tg_prefix_contains(&g_array_index(permitted, TgPrefix, i), address))
                        return TRUE;

        return FALSE;
}

gboolean
tg_push_guard_allows(const struct sockaddr *address, const GArray *permitted)
{
        gboolean is_ipv6 = address->sa_family == AF_INET6;

        if (!is_ipv6 && address->sa_family != AF_INET)
                return FALSE;
        if (is_ipv6 &&
            IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr))
                return FALSE;
        if (is_permitted(address, permitted))
                return TRUE;
        if (is_ipv6 && !is_within(GLOBAL_NETWORK, address))
                return FALSE;
        for (gsize i = 0; i < G_N_ELEMENTS(refused_networks); i++)
                if (is_within(refused_networks[i], address))
                        return FALSE;

        return TRUE;
}
