/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Networks as an operator writes them (192.0.2.0/24, 2001:db8::/32, ::1), and the addresses in
 * them. Both protocols' in one form: IPv4 is ::ffff:0:0/96.
 */

#include <glib.h>
#include <netinet/in.h>

typedef struct {
        struct in6_addr address;
        guint n_bits;
        gboolean is_local; /* "unix": whoever comes by a local socket, and no address at all */
} TgPrefix;

gboolean tg_prefix_parse(const char *text, TgPrefix *ret_prefix);
gboolean tg_prefix_contains(const TgPrefix *self, const struct sockaddr *address);

/* A numeric address in its own form; FALSE for anything else. */
gboolean tg_address_parse(const char *text, struct sockaddr_storage *ret_address);
