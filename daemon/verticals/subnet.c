/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/verticals/subnet.h"

#include <arpa/inet.h>
#include <string.h>

static guint8
mask_at(const TgSubnet *self, guint octet)
{
        if (self->n_bits >= 8 * (octet + 1))
                return 0xff;
        if (self->n_bits <= 8 * octet)
                return 0;
        return (guint8)(0xff << (8 - (self->n_bits - 8 * octet)));
}

static gboolean
parse_bits(const char *text, guint max, guint *ret_bits)
{
        guint64 bits;

        if (text[0] == '\0' || strlen(text) > 3 || (text[0] == '0' && text[1] != '\0') ||
            strspn(text, "0123456789") != strlen(text))
                return FALSE;
        bits = g_ascii_strtoull(text, NULL, 10);
        *ret_bits = (guint)bits;
        return bits <= max;
}

gboolean
tg_subnet_parse(const char *text, TgSubnet *ret_subnet)
{
        const char *slash = strchr(text, '/');
        g_autofree char *address = NULL;
        TgSubnet subnet = {};

        if (strlen(text) >= TG_MAX_SUBNET_CHARS)
                return FALSE;
        address = slash != NULL ? g_strndup(text, (gsize)(slash - text)) : g_strdup(text);
        if (inet_pton(AF_INET, address, subnet.octets) == 1)
                subnet.n_octets = 4;
        else if (inet_pton(AF_INET6, address, subnet.octets) == 1)
                subnet.n_octets = 16;
        else
                return FALSE;
        subnet.n_bits = 8 * subnet.n_octets;
        if (slash != NULL && !parse_bits(slash + 1, subnet.n_bits, &subnet.n_bits))
                return FALSE;
        for (guint i = 0; i < subnet.n_octets; i++)
                if ((subnet.octets[i] & (guint8)~mask_at(&subnet, i)) != 0)
                        return FALSE;
        *ret_subnet = subnet;
        return TRUE;
}

void
tg_subnet_format_long(const TgSubnet *self, char ret_text[TG_MAX_SUBNET_CHARS])
{
        char address[INET6_ADDRSTRLEN] = "";

        inet_ntop(self->n_octets == 4 ? AF_INET : AF_INET6, self->octets, address, sizeof address);
        g_snprintf(ret_text, TG_MAX_SUBNET_CHARS, "%s/%u", address, self->n_bits);
}

void
tg_subnet_format(const TgSubnet *self, char ret_text[TG_MAX_SUBNET_CHARS])
{
        tg_subnet_format_long(self, ret_text);
        if (tg_subnet_is_address(self))
                *strchr(ret_text, '/') = '\0';
}

gboolean
tg_subnet_is_address(const TgSubnet *self)
{
        return self->n_bits == 8 * self->n_octets;
}

gboolean
tg_subnet_is_host(const TgSubnet *self)
{
        static const guint8 none[16] = {};
        static const guint8 mapped[12] = {[10] = 0xff, [11] = 0xff};

        if (!tg_subnet_is_address(self))
                return FALSE;
        if (self->n_octets == 4)
                return self->octets[0] != 0 && self->octets[0] != 127 && self->octets[0] < 224;
        /* Unspecified and loopback, those of IPv4, multicast. */
        return memcmp(self->octets, none, 15) != 0 && memcmp(self->octets, mapped, 12) != 0 &&
               self->octets[0] != 0xff;
}

gboolean
tg_subnet_contains(const TgSubnet *self, const TgSubnet *address)
{
        if (self->n_octets != address->n_octets || self->n_bits > address->n_bits)
                return FALSE;
        for (guint i = 0; i < self->n_octets; i++)
                if (((self->octets[i] ^ address->octets[i]) & mask_at(self, i)) != 0)
                        return FALSE;
        return TRUE;
}

TgSubnet
tg_subnet_first(const TgSubnet *self)
{
        TgSubnet first = *self;

        first.n_bits = 8 * first.n_octets;
        return first;
}

TgSubnet
tg_subnet_last(const TgSubnet *self)
{
        TgSubnet last = tg_subnet_first(self);

        for (guint i = 0; i < self->n_octets; i++)
                last.octets[i] |= (guint8)~mask_at(self, i);
        return last;
}

gboolean
tg_subnet_next(TgSubnet *address)
{
        for (guint i = address->n_octets; i-- > 0;)
                if (++address->octets[i] != 0)
                        return TRUE;
        return FALSE;
}

int
tg_subnet_compare(gconstpointer a, gconstpointer b)
{
        const TgSubnet *one = a;
        const TgSubnet *other = b;

        if (one->n_octets != other->n_octets)
                return one->n_octets < other->n_octets ? -1 : 1;
        return memcmp(one->octets, other->octets, one->n_octets);
}
