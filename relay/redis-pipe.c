/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/redis-pipe.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"

#define READ_BYTES 65536
/* One reply is a mailbox at most, and what is around it; a reader with more than that and
 * nothing to show for it is being filled. */
#define MAX_REPLY_BYTES (4 * TG_MAX_BODY_BYTES + READ_BYTES)
/* Sent octets are thrown away when there are so many. */
#define MAX_SENT_BYTES 65536

struct TgRedisPipe {
        TgRedisSocket *socket;
        redisReader *reader;
        gboolean is_fed; /* since the reader was made */
        GByteArray *output;
        gsize n_sent; /* of it */
        guint8 *input;
};

/* ---- replies ---- */

TgReplyKind
tg_reply_get_kind(const TgReply *self)
{
        switch (self->type) {
        case REDIS_REPLY_INTEGER:
                return TG_REPLY_INTEGER;
        case REDIS_REPLY_STRING:
        case REDIS_REPLY_STATUS:
                return TG_REPLY_BYTES;
        case REDIS_REPLY_ARRAY:
                return TG_REPLY_LIST;
        case REDIS_REPLY_NIL:
                return TG_REPLY_NIL;
        default:
                return TG_REPLY_ERROR;
        }
}

gint64
tg_reply_get_integer(const TgReply *self)
{
        return self->type == REDIS_REPLY_INTEGER ? self->integer : 0;
}

const guint8 *
tg_reply_get_bytes(const TgReply *self, gsize *ret_n_bytes)
{
        gboolean is_bytes = self && tg_reply_get_kind(self) == TG_REPLY_BYTES;

        *ret_n_bytes = is_bytes ? (gsize)self->len : 0;

        return is_bytes ? (const guint8 *)self->str : NULL;
}

gboolean
tg_reply_is_text(const TgReply *self, const char *text)
{
        gsize n_bytes;
        const guint8 *bytes = tg_reply_get_bytes(self, &n_bytes);

        return bytes && n_bytes == strlen(text) && memcmp(bytes, text, n_bytes) == 0;
}

gsize
tg_reply_count(const TgReply *self)
{
        return self && self->type == REDIS_REPLY_ARRAY ? self->elements : 0;
}

const TgReply *
tg_reply_get_child(const TgReply *self, gsize i)
{
        return i < tg_reply_count(self) ? self->element[i] : NULL;
}

char *
tg_reply_dup_error_word(const TgReply *self)
{
        gsize n_chars;

        if (self->type != REDIS_REPLY_ERROR)
                return NULL;
        n_chars = strspn(self->str, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

        return n_chars > 0 && n_chars <= 32 ? g_strndup(self->str, n_chars) : g_strdup("ERR");
}

void
tg_reply_free(TgReply *self)
{
        if (self)
                freeReplyObject(self);
}

/* ---- the pipe ---- */

TgRedisPipe *
tg_redis_pipe_new(TgRedisSocket *socket)
{
        TgRedisPipe *self = g_new0(TgRedisPipe, 1);

        self->socket = socket;
        self->reader = redisReaderCreate();
        self->output = g_byte_array_new();
        self->input = g_malloc(READ_BYTES);

        return self;
}

void
tg_redis_pipe_free(TgRedisPipe *self)
{
        if (!self)
                return;
        tg_redis_socket_free(self->socket);
        redisReaderFree(self->reader);
        g_byte_array_unref(self->output);
        g_free(self->input);
        g_free(self);
}

int
tg_redis_pipe_get_fd(TgRedisPipe *self)
{
        return tg_redis_socket_get_fd(self->socket);
}

void
tg_redis_pipe_append(TgRedisPipe *self, const TgRedisWord *words, guint n_words)
{
        g_autofree const char **argv = g_new(const char *, n_words);
        g_autofree size_t *lengths = g_new(size_t, n_words);
        char *text = NULL;
        int n_chars;

        for (guint i = 0; i < n_words; i++) {
                argv[i] = words[i].bytes;
                lengths[i] = words[i].n_bytes;
        }
        n_chars = redisFormatCommandArgv(&text, (int)n_words, argv, lengths);
        if (n_chars < 0)
                g_error("out of memory");
        g_byte_array_append(self->output, (const guint8 *)text, (guint)n_chars);
        redisFreeCommand(text);
}

gboolean
tg_redis_pipe_is_full(TgRedisPipe *self)
{
        return self->n_sent < self->output->len;
}

/* What is moved to the front would stay where it was, too. */
static void
drop_sent(TgRedisPipe *self)
{
        guint8 *data = self->output->data;
        guint n_left = self->output->len - (guint)self->n_sent;

        memmove(data, data + self->n_sent, n_left);
        explicit_bzero(data + n_left, self->n_sent);
        g_byte_array_set_size(self->output, n_left);
        self->n_sent = 0;
}

static gboolean
send_output(TgRedisPipe *self)
{
        while (tg_redis_pipe_is_full(self)) {
                gssize n = tg_redis_socket_write(self->socket,
                                                 self->output->data + self->n_sent,
                                                 self->output->len - self->n_sent);

                if (n < 0)
                        return FALSE;
                if (n == 0)
                        break;
                self->n_sent += (gsize)n;
        }
        if (self->n_sent == self->output->len || self->n_sent > MAX_SENT_BYTES)
                drop_sent(self);

        return TRUE;
}

/* Until nothing comes, which TLS must hear for itself: it may have more than its socket. What
 * is there is to be taken before more is read. */
gboolean
tg_redis_pipe_run(TgRedisPipe *self)
{
        gboolean is_open = send_output(self); /* if not, there may be a reason to be read */
        int result;
        gssize n;

        while (self->reader->len - self->reader->pos <= MAX_REPLY_BYTES) {
                n = tg_redis_socket_read(self->socket, self->input, READ_BYTES);
                if (n <= 0)
                        return is_open && n == 0;
                result = redisReaderFeed(self->reader, (const char *)self->input, (size_t)n);
                explicit_bzero(self->input, (gsize)n);
                self->is_fed = TRUE;
                if (result != REDIS_OK)
                        return FALSE;
        }

        return is_open;
}

/* A reader keeps what it has read until something else comes to lie there; one that is freed
 * does not. Not in the middle of a reply. */
static void
renew_reader(TgRedisPipe *self)
{
        const redisReader *reader = self->reader;
        gboolean is_between = reader->ridx < 0 || (reader->ridx == 0 && reader->rstack[0].type < 0);

        if (!self->is_fed || reader->err || !is_between || reader->pos != reader->len)
                return;
        redisReaderFree(self->reader);
        self->reader = redisReaderCreate();
        self->is_fed = FALSE;
}

TgReply *
tg_redis_pipe_take(TgRedisPipe *self, gboolean *ret_is_broken)
{
        void *reply = NULL;
        gboolean is_well = redisReaderGetReply(self->reader, &reply) == REDIS_OK;

        *ret_is_broken =
                !is_well || (!reply && self->reader->len - self->reader->pos > MAX_REPLY_BYTES);
        if (!reply)
                renew_reader(self);

        return reply;
}

TgReply *
tg_redis_pipe_exchange(TgRedisPipe *self,
                       const TgRedisWord *words,
                       guint n_words,
                       gint64 deadline_us,
                       GError **error)
{
        gboolean is_broken = FALSE;

        tg_redis_pipe_append(self, words, n_words);
        while (!is_broken) {
                gboolean is_open = tg_redis_pipe_run(self);
                TgReply *reply = tg_redis_pipe_take(self, &is_broken);

                if (reply)
                        return reply;
                is_broken |= !is_open;
                if (!is_broken &&
                    !tg_redis_socket_wait(self->socket,
                                          tg_redis_pipe_is_full(self) ? POLLIN | POLLOUT : POLLIN,
                                          deadline_us))
                        break;
        }
        tg_set_error(error,
                     TG_ERROR_UNREACHABLE,
                     is_broken ? "the store has closed the connection"
                               : "the store does not answer");

        return NULL;
}
