/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * To which addresses the relay lets itself be sent. Who gives it the address of a push service is
 * a stranger, who must not reach by it what only the relay can: this machine, its networks, or
 * one of these behind an address that another protocol translates.
 */

#include <glib.h>

#include "relay/prefix.h"

/* @permitted: TgPrefix, of the operator, who says that they are no danger. An address of IPv4
 * that is written as one of IPv6 is never right. */
gboolean tg_push_guard_allows(const struct sockaddr *address, const GArray *permitted);
