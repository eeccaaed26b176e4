/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who asks: the address of a connection or, where that is a proxy's whom the operator trusts,
 * the address that this proxy names in the header Forwarded (RFC 7239). From anybody else the
 * header is a claim like any other, and not looked at.
 */

#include <glib.h>

#include "relay/prefix.h"

typedef struct {
        const TgPrefix *proxies;
        guint n_proxies;
} TgTrust;

gboolean tg_trust_includes(const TgTrust *self, const struct sockaddr *address);

/* @connection, unless it is a trusted proxy and @forwarded (its last such header; NULL: none)
 * says more. Read from the right, as far as trusted proxies name each other; what cannot be
 * read is the fault of the last of them, and counts as its own. */
void tg_source_find(const TgTrust *trust,
                    const struct sockaddr *connection,
                    const char *forwarded,
                    struct sockaddr_storage *ret_source);
