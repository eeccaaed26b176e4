/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/prefix.h"

#include <arpa/inet.h>
#include <string.h>

#define IPV4_BITS 32
#define IPV6_BITS 128

gboolean
tg_address_parse(const char *text, struct sockaddr_storage *ret_address)
{
        struct sockaddr_in in = {.sin_family = AF_INET};
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

        *ret_address = (struct sockaddr_storage){0};
        if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
                memcpy(ret_address, &in, sizeof in);
        else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
                memcpy(ret_address, &in6, sizeof in6);
        else
                return FALSE;

        return TRUE;
}

/* FALSE when it is no internet address. */
static gboolean
unify(const struct sockaddr *address, struct in6_addr *ret_address)
{
        const struct sockaddr_in *in = (const void *)address;
        const struct sockaddr_in6 *in6 = (const void *)address;

        if (address->sa_family == AF_INET6) {
                *ret_address = in6->sin6_addr;
                return TRUE;
        }
        if (address->sa_family != AF_INET)
                return FALSE;
        *ret_address = (struct in6_addr){0};
        ret_address->s6_addr[10] = ret_address->s6_addr[11] = 0xff;
        memcpy(ret_address->s6_addr + 12, &in->sin_addr, sizeof in->sin_addr);

        return TRUE;
}

gboolean
tg_prefix_parse(const char *text, TgPrefix *ret_prefix)
{
        g_autofree char *host = g_strndup(text, strcspn(text, "/"));
        const char *slash = strchr(text, '/');
        struct sockaddr_storage address;
        guint most;
        guint64 n_bits;

        *ret_prefix = (TgPrefix){0};
        if (strcmp(text, "unix") == 0) {
                ret_prefix->is_local = TRUE;
                return TRUE;
        }
        if (!tg_address_parse(host, &address))
                return FALSE;
        most = address.ss_family == AF_INET ? IPV4_BITS : IPV6_BITS;
        n_bits = most;
        if (slash && !g_ascii_string_to_unsigned(slash + 1, 10, 0, most, &n_bits, NULL))
                return FALSE;
        ret_prefix->n_bits = (guint)n_bits + IPV6_BITS - most;

        return unify((const struct sockaddr *)&address, &ret_prefix->address);
}

gboolean
tg_prefix_contains(const TgPrefix *self, const struct sockaddr *address)
{
        guint n_bytes = self->n_bits / 8, n_rest = self->n_bits % 8;
        struct in6_addr other;

        if (!unify(address, &other))
                return self->is_local;
        if (self->is_local || memcmp(self->address.s6_addr, other.s6_addr, n_bytes) != 0)
                return FALSE;

        return n_rest == 0 ||
               ((self->address.s6_addr[n_bytes] ^ other.s6_addr[n_bytes]) >> (8 - n_rest)) == 0;
}
