/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A stream to a Redis or a Sentinel: TCP, TLS over it, or a local socket. Opening one waits, and
 * is for a thread that may; afterwards nothing blocks. Knows nothing of what is said.
 */

#include "relay/redis-address.h"

typedef struct {
        char *ca_file;     /* NULL: the system's authorities */
        char *certificate; /* of this relay, with @key; or both NULL */
        char *key;
} TgRedisTls;

typedef struct TgRedisSocket TgRedisSocket;

/* @path (of a local socket) or @host. @tls NULL: without. Gives up at @deadline_us of the
 * monotonic clock, and as soon as @stop_fd is readable. */
TgRedisSocket *tg_redis_socket_open(const char *path,
                                    const TgRedisHost *host,
                                    const TgRedisTls *tls,
                                    int stop_fd,
                                    gint64 deadline_us,
                                    GError **error);
void tg_redis_socket_free(TgRedisSocket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgRedisSocket, tg_redis_socket_free)

int tg_redis_socket_get_fd(TgRedisSocket *self);
/* Octets moved; 0: none now; -1: it has ended. */
gssize tg_redis_socket_read(TgRedisSocket *self, void *bytes, gsize n_bytes);
gssize tg_redis_socket_write(TgRedisSocket *self, const void *bytes, gsize n_bytes);
/* Until @events (of poll) or, with TLS, anything; FALSE: in vain. */
gboolean tg_redis_socket_wait(TgRedisSocket *self, short events, gint64 deadline_us);
