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
#include "relay/push.h"
#include "relay/rate-limit.h"
#include "relay/source.h"
#include "relay/writer.h"

typedef struct {
        TgWriter *writer;
        TgStore *reader; /* NULL: reads go through the writer, too */
        TgPush *push;
        TgRateLimit *rate_limit;
        gboolean has_proxy_header; /* trusted proxies begin with one: proxy-header.h */
        gboolean is_tls;           /* with what tls.h shows; FALSE: plain HTTP */
        guint max_connections;     /* in all */
        guint idle_timeout_s;      /* nothing comes and nothing goes */
        gsize max_headers_bytes;   /* of a request, and of an answer; less is faster */
        int signal_fd;
        gint64 pulse_us; /* call @on_pulse this often while all is well; 0: never */
        void (*on_pulse)(gpointer user_data);
        /* The signal descriptor is readable; TRUE: stop. */
        gboolean (*on_signal)(gpointer user_data);
        gpointer user_data;
} TgServerOptions;

/* What may change while it runs; whoever is being served then is not disturbed. */
typedef struct {
        TgApi api; /* with one origin and one told_s for ever: the writer has them, too */
        TgTrust trust;
        guint max_connections_per_source; /* 0: no limit, here and in the next two */
        guint max_held;
        guint max_held_per_source;
        guint max_wait_s;        /* of a held read */
        guint request_timeout_s; /* from one answer to the next, however busy the client is */
        guint stop_timeout_s;    /* for what runs when it is told to stop */
        gsize max_body_bytes;    /* of all bodies together */
} TgServerRules;

typedef struct TgServer TgServer;

/* Everything in @options stays the caller's. */
TgServer *tg_server_new(const TgServerOptions *options, const TgServerRules *rules);
/* After the writer, which may still work for a request of ours. */
void tg_server_free(TgServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgServer, tg_server_free)

/* Takes @fd, a listening socket. */
gboolean tg_server_listen(TgServer *self, int fd, GError **error);

/* From the loop, that is from @on_signal. */
void tg_server_set_rules(TgServer *self, const TgServerRules *rules);

/* Serves until @on_signal says so; then answers what is being held
 * and what is being written, and returns. */
void tg_server_run(TgServer *self);
