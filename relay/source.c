/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/source.h"

#include <string.h>

#include "relay/header.h"

gboolean
tg_trust_includes(const TgTrust *self, const struct sockaddr *address)
{
        for (guint i = 0; i < self->n_proxies; i++)
                if (tg_prefix_contains(&self->proxies[i], address))
                        return TRUE;

        return FALSE;
}

/* "192.0.2.43", "192.0.2.43:47011", "[2001:db8::17]", "[2001:db8::17]:4711". Names that hide
 * an address ("unknown", "_hidden") are none. */
static gboolean
parse_node(const char *node, struct sockaddr_storage *ret_address)
{
        g_autofree char *host = NULL;

        if (*node == '[') {
                const char *end = strchr(node, ']');

                if (!end || (end[1] != '\0' && end[1] != ':'))
                        return FALSE;
                host = g_strndup(node + 1, (gsize)(end - node) - 1);
                return strchr(host, ':') && tg_address_parse(host, ret_address);
        }
        host = g_strndup(node, strcspn(node, ":"));

        return tg_address_parse(host, ret_address);
}

static void
copy_address(const struct sockaddr *address, struct sockaddr_storage *ret_address)
{
        *ret_address = (struct sockaddr_storage){.ss_family = address->sa_family};
        if (address->sa_family == AF_INET)
                memcpy(ret_address, address, sizeof(struct sockaddr_in));
        else if (address->sa_family == AF_INET6)
                memcpy(ret_address, address, sizeof(struct sockaddr_in6));
}

void
tg_source_find(const TgTrust *trust,
               const struct sockaddr *connection,
               const char *forwarded,
               struct sockaddr_storage *ret_source)
{
        g_auto(GStrv) nodes = NULL;
        struct sockaddr_storage address;

        copy_address(connection, ret_source);
        if (!forwarded || !tg_trust_includes(trust, connection))
                return;
        nodes = tg_header_forwarded_for(forwarded);
        for (guint i = g_strv_length(nodes); i > 0; i--) {
                if (!parse_node(nodes[i - 1], &address))
                        return;
                *ret_source = address;
                if (!tg_trust_includes(trust, (const struct sockaddr *)&address))
                        return;
        }
}
