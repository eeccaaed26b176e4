/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The thread that makes connections to Redis, for resolving a name, asking Sentinels and
 * greeting wait for others: one after the other, again and again until it succeeds, ever more
 * slowly. What comes out is logged in, on the right database, and with Sentinels at the one
 * that was the master a moment ago.
 */

#include "relay/redis-pipe.h"

typedef struct TgRedisDial TgRedisDial;

/* @address and @tls (NULL: the system's authorities) stay the caller's. */
TgRedisDial *
tg_redis_dial_new(const TgRedisAddress *address, const TgRedisTls *tls, GError **error);
/* Gives up what is under way. */
void tg_redis_dial_free(TgRedisDial *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgRedisDial, tg_redis_dial_free)

/* One more connection is wanted. */
void tg_redis_dial_want(TgRedisDial *self);
/* Readable when there is something to take. */
int tg_redis_dial_get_fd(TgRedisDial *self);
/* A connection; or NULL, with @error set when there was a failure since the last time. */
TgRedisPipe *tg_redis_dial_take(TgRedisDial *self, GError **error);
