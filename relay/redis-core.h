/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the connections (redis-writer.c) and the calls on them (redis-call.c) share. For these two.
 */

#include "relay/redis-dial.h"
#include "relay/redis-view.h"
#include "relay/redis-writer.h"

/* Redis reads 16 kB of a connection and turn; eight keep it busy. */
#define N_CONNECTIONS 8
typedef struct TgRedis TgRedis;

typedef struct {
        TgRedis *redis;
        TgRedisPipe *pipe;   /* NULL: none now */
        GQueue asked;        /* TgRedisTask, in the order of the replies; NULL: nobody's */
        gint64 alive_us;     /* when something came, or the first was asked */
        gboolean is_writing; /* epoll looks for room, too */
        gboolean is_dirty;
} TgRedisConnection;

/* One call under way. */
typedef struct {
        TgApiCall *call;
        TgVerdict verdict;
        TgRedisView view;
        guint n_tries;
        gint64 since_us;   /* when it began to wait for a connection */
        gboolean is_stale; /* what it waits for may have changed since it was loaded */
        GList link;        /* in @waiting, or in @looking */
        gboolean is_looking;
} TgRedisTask;

struct TgRedis {
        TgWriter base;
        const TgApi *api;
        TgRedisAddress *address;
        TgRedisTls tls;
        gint64 (*wall_us)(void);
        TgRedisDial *dial;
        int epoll_fd;
        int timer_fd;
        gint64 next_check_us;

        TgRedisConnection connections[N_CONNECTIONS];
        guint next;
        TgRedisConnection subscription;
        gboolean is_subscribed;
        gboolean is_pinged; /* or asked to subscribe */
        gboolean is_deaf;
        char channel[32];

        GQueue waiting;   /* TgRedisTask: for a connection */
        GQueue looking;   /* TgRedisTask: a read that may be held */
        GArray *finished; /* TgJob */
        gboolean is_in_doubt;
        gboolean has_let_wait; /* somebody, in spite of a doubt */
        gboolean is_away;      /* there is no connection, and the last attempt has failed */
};

/* Once when it begins and once when it is over (NULL). */
void tg_redis_note_doubt(TgRedis *self, const GError *error);
/* Somebody has changed @id (NULL: anything). */
void tg_redis_note_changed(TgRedis *self, const guint8 *id);
/* So that whoever polls our descriptor comes then. */
void tg_redis_set_timer(TgRedis *self, gint64 in_us);

/* One that is there, or NULL. */
TgRedisConnection *tg_redis_choose(TgRedis *self);
/* @task NULL: nobody waits for the reply. */
void
tg_redis_append(TgRedisConnection *connection, const TgRedisCommand *command, TgRedisTask *task);
void tg_redis_break(TgRedisConnection *connection);

void tg_redis_call_begin(TgRedis *self, TgApiCall *call);
/* Sends its next command, or lets it wait for a connection. */
void tg_redis_call_ask(TgRedis *self, TgRedisTask *task);
void tg_redis_call_take(TgRedis *self, TgRedisConnection *connection, const TgReply *reply);
/* Looks whether Redis takes changes, which ends a doubt. */
void tg_redis_call_probe(TgRedis *self);
/* Answers 503, or lets wait on. */
void tg_redis_call_fail(TgRedis *self, TgRedisTask *task, const GError *error);
