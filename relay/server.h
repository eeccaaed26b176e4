/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The HTTP server: connections, their limits, and the one loop that serves them.
 * What a request means is mailbox-api.h's; what is written is done by writer.h.
 *
 * The loop is our own (libmicrohttpd's epoll thread stops dead when exactly 128
 * descriptors are ready at once): it waits on the library's epoll descriptors, the
 * writer's eventfd and the time of the next held read.
 */

#include "relay/mailbox-api.h"
#include "relay/rate-limit.h"
#include "relay/writer.h"

typedef struct {
        const TgApi *api;
        TgWriter *writer;
        TgStore *reader; /* NULL: reads go through the writer, too */
        TgRateLimit *rate_limit;
        const char *certificate; /* PEM; NULL: plain HTTP */
        const char *key;
        guint max_connections;            /* in all */
        guint max_connections_per_source; /* 0: no limit */
        int stop_fd;                      /* readable: stop */
        gint64 pulse_us; /* call @on_pulse this often while all is well; 0: never */
        void (*on_pulse)(gpointer user_data);
        void (*on_stop)(gpointer user_data);
        gpointer user_data;
} TgServerOptions;

typedef struct TgServer TgServer;

/* Everything in @options stays the caller's. */
TgServer *tg_server_new(const TgServerOptions *options);
/* After the writer, which may still work for a request of ours. */
void tg_server_free(TgServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgServer, tg_server_free)

/* Takes @fd, a listening socket. */
gboolean tg_server_listen(TgServer *self, int fd, GError **error);

/* Serves until the stop descriptor is readable; then answers what is being held
 * and what is being written, and returns. */
void tg_server_run(TgServer *self);
