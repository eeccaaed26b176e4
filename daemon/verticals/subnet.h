/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Addresses of IPv4 and IPv6, and networks of them (RFC 4632, RFC 4291). */

#include <glib.h>

#define TG_MAX_SUBNET_CHARS 49 /* the longest text of one, with prefix and zero */

typedef struct {
        guint8 octets[16]; /* of IPv4 the first four */
        guint n_octets;    /* 4 or 16 */
        guint n_bits;      /* of the prefix; all of them: one address */
} TgSubnet;

/* "ADDRESS/BITS", or "ADDRESS" for one; nothing may stand after the prefix's bits but zeros. */
gboolean tg_subnet_parse(const char *text, TgSubnet *ret_subnet);
/* In the form of RFC 5952; an address without its prefix. */
void tg_subnet_format(const TgSubnet *self, char ret_text[TG_MAX_SUBNET_CHARS]);
/* With the prefix always. */
void tg_subnet_format_long(const TgSubnet *self, char ret_text[TG_MAX_SUBNET_CHARS]);

gboolean tg_subnet_is_address(const TgSubnet *self);
/* One that a machine can have: not that of this machine, of none or of many. */
gboolean tg_subnet_is_host(const TgSubnet *self);
gboolean tg_subnet_contains(const TgSubnet *self, const TgSubnet *address);
/* Its first address, and its last. */
TgSubnet tg_subnet_first(const TgSubnet *self);
TgSubnet tg_subnet_last(const TgSubnet *self);
/* FALSE: there is none after this address. */
gboolean tg_subnet_next(TgSubnet *address);
/* For sorting: IPv4 first, then by first address. */
int tg_subnet_compare(gconstpointer a, gconstpointer b);
