/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A view of Redis as a store that waits for each answer, with batches of one mailbox or
 * resource: what the suites of the store ask of every store. The relay itself never waits.
 */

#include "relay/store.h"

/* @path: of the socket. The time is @now_s, for ever. */
TgStore *redis_store_open(const char *path, guint database, gint64 now_s);
