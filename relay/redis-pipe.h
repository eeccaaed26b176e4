/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Commands out, replies in, in their order (RESP, by hiredis' formatter and reader). Knows no
 * command; what comes is taken for a reply only when it is a whole and small enough one.
 */

#include "relay/redis-socket.h"

typedef struct {
        const void *bytes; /* the caller's */
        gsize n_bytes;
} TgRedisWord;

typedef enum {
        TG_REPLY_NIL,
        TG_REPLY_INTEGER,
        TG_REPLY_BYTES, /* a bulk string or a status */
        TG_REPLY_LIST,
        TG_REPLY_ERROR,
} TgReplyKind;

typedef struct redisReply TgReply; /* hiredis' */
TgReplyKind tg_reply_get_kind(const TgReply *self);
gint64 tg_reply_get_integer(const TgReply *self);
/* Of bytes, not zero-terminated; NULL for everything else. */
const guint8 *tg_reply_get_bytes(const TgReply *self, gsize *ret_n_bytes);
gboolean tg_reply_is_text(const TgReply *self, const char *text);
/* Of a list; 0 and NULL where there is none. */
gsize tg_reply_count(const TgReply *self);
const TgReply *tg_reply_get_child(const TgReply *self, gsize i);
/* The first word of an error ("NOSCRIPT"). The rest may repeat what was sent, and is not for a
 * log. NULL: no error. */
char *tg_reply_dup_error_word(const TgReply *self);
void tg_reply_free(TgReply *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgReply, tg_reply_free)

typedef struct TgRedisPipe TgRedisPipe;

/* Takes @socket. */
TgRedisPipe *tg_redis_pipe_new(TgRedisSocket *socket);
void tg_redis_pipe_free(TgRedisPipe *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgRedisPipe, tg_redis_pipe_free)

int tg_redis_pipe_get_fd(TgRedisPipe *self);
void tg_redis_pipe_append(TgRedisPipe *self, const TgRedisWord *words, guint n_words);
/* Sends and receives what can be without waiting; FALSE: it is broken. */
gboolean tg_redis_pipe_run(TgRedisPipe *self);
/* Something is left to be sent. */
gboolean tg_redis_pipe_is_full(TgRedisPipe *self);
/* The next reply; NULL: none yet or, with *ret_is_broken, never. */
TgReply *tg_redis_pipe_take(TgRedisPipe *self, gboolean *ret_is_broken);

/* One command and its reply, waiting for it: before others use the pipe. */
TgReply *tg_redis_pipe_exchange(TgRedisPipe *self,
                                const TgRedisWord *words,
                                guint n_words,
                                gint64 deadline_us,
                                GError **error);
