/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The writer (writer.h) for a store in Redis, which any number of relays may use at the same
 * time. Lives in the loop and has no state but what is under way: each call is run on a view of
 * its own (redis-view.h), the commands of all go over a few connections without waiting for each
 * other, and who loses a race is run again. What cannot be served in time is answered 503.
 *
 * What other relays change comes by publish and subscribe. As messages may be lost with their
 * connection, whoever waits looks again when there is a new one.
 */

#include "relay/redis-socket.h"
#include "relay/writer.h"

/* @api stays the caller's, @address and what is in @tls (NULL: the system's authorities) become
 * the writer's. Does not wait for Redis: while it is away, calls fail. @wall_us: the time; NULL:
 * the system's. */
TgWriter *tg_redis_writer_new(const TgApi *api,
                              TgRedisAddress *address,
                              const TgRedisTls *tls,
                              gint64 (*wall_us)(void),
                              GError **error);
