/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/redis-writer.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "protocol/error.h"
#include "relay/log.h"
#include "relay/redis-core.h"
#include "relay/wipe.h"

/* A call may wait so long for a connection, and for Redis to answer one command. */
#define WAIT_US (1 * G_USEC_PER_SEC)
#define ANSWER_US (5 * G_USEC_PER_SEC)
/* The subscription is asked for a sign of life, and then is to give one. */
#define PING_US (5 * G_USEC_PER_SEC)
#define CHECK_US G_USEC_PER_SEC

/* ---- connections ---- */

static void
watch(TgRedisConnection *connection)
{
        gboolean is_writing = tg_redis_pipe_is_full(connection->pipe);
        struct epoll_event event = {
                .events = is_writing ? EPOLLIN | EPOLLOUT : EPOLLIN,
                .data.ptr = connection,
        };

        if (is_writing != connection->is_writing)
                epoll_ctl(connection->redis->epoll_fd,
                          EPOLL_CTL_MOD,
                          tg_redis_pipe_get_fd(connection->pipe),
                          &event);
        connection->is_writing = is_writing;
}

/* What was asked may have happened or not: its callers are told that nobody knows, and whoever
 * waits here for such a change looks again. */
void
tg_redis_break(TgRedisConnection *connection)
{
        TgRedis *self = connection->redis;
        g_autoptr(GError) error =
                tg_error_new(TG_ERROR_UNREACHABLE, "the connection to Redis was lost");

        if (!connection->pipe)
                return;
        g_clear_pointer(&connection->pipe, tg_redis_pipe_free);
        connection->is_writing = FALSE;
        tg_redis_dial_want(self->dial);
        while (connection->asked.length > 0) {
                TgRedisTask *task = g_queue_pop_head(&connection->asked);

                if (!task)
                        continue;
                if (task->view.change != TG_CHANGE_NONE)
                        tg_redis_note_changed(self, task->call->id);
                tg_redis_call_fail(self, task, error);
        }
        if (connection != &self->subscription) {
                /* whatever has happened to Redis may have cut off this one, too, in silence */
                tg_redis_break(&self->subscription);
                return;
        }
        self->is_subscribed = FALSE;
}

TgRedisConnection *
tg_redis_choose(TgRedis *self)
{
        for (guint i = 0; i < N_CONNECTIONS; i++) {
                TgRedisConnection *connection = &self->connections[self->next++ % N_CONNECTIONS];

                if (connection->pipe)
                        return connection;
        }

        return NULL;
}

void
tg_redis_append(TgRedisConnection *connection, const TgRedisCommand *command, TgRedisTask *task)
{
        if (connection->asked.length == 0)
                connection->alive_us = g_get_monotonic_time();
        tg_redis_pipe_append(connection->pipe, command->words, command->n_words);
        g_queue_push_tail(&connection->asked, task);
        connection->is_dirty = TRUE;
}

/* ---- the subscription ---- */

static void
subscribe(TgRedis *self)
{
        TgRedisCommand command = {.n_words = 0};

        tg_redis_command_add_text(&command, "SUBSCRIBE");
        tg_redis_command_add_text(&command, self->channel);
        tg_redis_pipe_append(self->subscription.pipe, command.words, command.n_words);
        self->subscription.alive_us = g_get_monotonic_time();
        self->subscription.is_dirty = TRUE;
        self->is_pinged = TRUE; /* it owes us an answer */
}

static void
ping(TgRedis *self)
{
        TgRedisCommand command = {.n_words = 0};

        tg_redis_command_add_text(&command, "PING");
        tg_redis_pipe_append(self->subscription.pipe, command.words, command.n_words);
        self->subscription.alive_us = g_get_monotonic_time();
        self->subscription.is_dirty = TRUE;
        self->is_pinged = TRUE;
}

/* Said once when it begins and once when it is over. */
static void
note_deaf(TgRedis *self, const char *code)
{
        if (code && !self->is_deaf)
                tg_log_event(
                        G_LOG_LEVEL_WARNING,
                        "store-deaf",
                        "held reads are not woken by other relays: Redis answers %s to SUBSCRIBE",
                        code);
        else if (!code && self->is_deaf)
                tg_log_event(G_LOG_LEVEL_MESSAGE,
                             "store-heard",
                             "held reads are woken by other relays again");
        self->is_deaf = code != NULL;
}

/* A refusal is met again at the next check: by another connection it would be no other. */
static void
take_message(TgRedis *self, const TgReply *reply)
{
        const TgReply *kind = tg_reply_get_child(reply, 0);
        gsize n_bytes;
        const guint8 *id = tg_reply_get_bytes(tg_reply_get_child(reply, 2), &n_bytes);
        g_autofree char *code = tg_reply_dup_error_word(reply);

        self->subscription.alive_us = g_get_monotonic_time();
        self->is_pinged = FALSE;
        if (code) {
                note_deaf(self, code);
        } else if (kind && tg_reply_is_text(kind, "subscribe") && !self->is_subscribed) {
                self->is_subscribed = TRUE;
                note_deaf(self, NULL);
                tg_redis_note_changed(self, NULL);
        } else if (kind && tg_reply_is_text(kind, "message") && id && n_bytes == TG_ID_BYTES) {
                tg_redis_note_changed(self, id);
        }
}

/* ---- events ---- */

/* Sends and takes until there is nothing more. */
static void
serve(TgRedisConnection *connection)
{
        TgRedis *self = connection->redis;
        gboolean is_open = TRUE, is_broken = FALSE, is_more = TRUE;

        while (connection->pipe && is_open && !is_broken && is_more) {
                g_autoptr(TgReply) reply = NULL;

                connection->is_dirty = FALSE;
                is_open = tg_redis_pipe_run(connection->pipe);
                for (is_more = FALSE;; is_more = TRUE) {
                        g_clear_pointer(&reply, tg_reply_free);
                        reply = connection->pipe ? tg_redis_pipe_take(connection->pipe, &is_broken)
                                                 : NULL;
                        if (!reply)
                                break;
                        if (connection == &self->subscription)
                                take_message(self, reply);
                        else if (connection->asked.length > 0)
                                tg_redis_call_take(self, connection, reply);
                        else
                                tg_redis_break(connection); /* nobody has asked */
                }
        }
        if (!is_open || is_broken)
                tg_redis_break(connection);
        if (connection->pipe)
                watch(connection);
}

/* What has been asked of other connections meanwhile. */
static void
serve_dirty(TgRedis *self)
{
        gboolean is_any = TRUE;

        while (is_any) {
                is_any = FALSE;
                for (guint i = 0; i < N_CONNECTIONS; i++)
                        if (self->connections[i].pipe && self->connections[i].is_dirty) {
                                serve(&self->connections[i]);
                                is_any = TRUE;
                        }
                if (self->subscription.pipe && self->subscription.is_dirty)
                        serve(&self->subscription);
        }
}

static void
add_connection(TgRedis *self, TgRedisPipe *pipe)
{
        TgRedisConnection *connection = &self->subscription;
        struct epoll_event event = {.events = EPOLLIN};
        GQueue waiting = self->waiting;

        for (guint i = 0; i < N_CONNECTIONS && connection->pipe; i++)
                connection = &self->connections[i];
        if (connection->pipe) {
                tg_redis_pipe_free(pipe);
                return;
        }
        connection->pipe = pipe;
        self->is_away = FALSE;
        event.data.ptr = connection;
        if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, tg_redis_pipe_get_fd(pipe), &event) < 0) {
                tg_redis_break(connection);
                return;
        }
        if (connection == &self->subscription) {
                subscribe(self);
                return;
        }
        g_queue_init(&self->waiting);
        while (waiting.length > 0) {
                GList *link = g_queue_pop_head_link(&waiting);

                tg_redis_call_ask(self, link->data);
        }
}

static void
take_dialled(TgRedis *self)
{
        g_autoptr(GError) error = NULL;
        TgRedisPipe *pipe;

        while ((pipe = tg_redis_dial_take(self->dial, &error)))
                add_connection(self, pipe);
        if (!error)
                return;
        tg_redis_note_doubt(self, error);
        self->is_away = !tg_redis_choose(self);
        while (self->is_away && self->waiting.length > 0)
                tg_redis_call_fail(self, g_queue_pop_head_link(&self->waiting)->data, error);
}

static void
enforce_times(TgRedis *self)
{
        gint64 now_us = g_get_monotonic_time();
        g_autoptr(GError) error =
                tg_error_new(TG_ERROR_UNREACHABLE, "there is no connection to Redis");
        TgRedisConnection *subscription = &self->subscription;

        if (now_us < self->next_check_us)
                return;
        self->next_check_us = now_us + CHECK_US;
        if (self->is_in_doubt)
                tg_redis_call_probe(self);
        for (guint i = 0; i < N_CONNECTIONS; i++) {
                TgRedisConnection *connection = &self->connections[i];

                if (connection->asked.length > 0 && now_us - connection->alive_us > ANSWER_US)
                        tg_redis_break(connection);
        }
        if (subscription->pipe && !self->is_subscribed && !self->is_pinged) {
                subscribe(self);
        } else if (subscription->pipe && now_us - subscription->alive_us > PING_US) {
                if (self->is_pinged)
                        tg_redis_break(subscription);
                else
                        ping(self);
        }
        while (self->waiting.length > 0) {
                TgRedisTask *task = g_queue_peek_head(&self->waiting);

                if (now_us - task->since_us <= WAIT_US)
                        break;
                g_queue_unlink(&self->waiting, &task->link);
                tg_redis_call_fail(self, task, error);
        }
}

/* ---- the writer ---- */

static void
redis_push(TgWriter *writer, GArray *jobs)
{
        TgRedis *self = (TgRedis *)writer;

        for (guint i = 0; i < jobs->len; i++)
                tg_redis_call_begin(self, g_array_index(jobs, TgJob, i).call);
        g_array_set_size(jobs, 0);
        serve_dirty(self);
}

static int
redis_get_fd(TgWriter *writer)
{
        return ((TgRedis *)writer)->epoll_fd;
}

static void
redis_take(TgWriter *writer, GArray *jobs)
{
        TgRedis *self = (TgRedis *)writer;
        struct epoll_event events[N_CONNECTIONS + 3];
        int n_events = epoll_wait(self->epoll_fd, events, G_N_ELEMENTS(events), 0);
        guint64 count;

        for (int i = 0; i < n_events; i++) {
                TgRedisConnection *connection = events[i].data.ptr;

                if (events[i].data.ptr == &self->dial)
                        take_dialled(self);
                else if (events[i].data.ptr != &self->timer_fd && connection->pipe)
                        serve(connection);
        }
        if (read(self->timer_fd, &count, sizeof count) < 0)
                count = 0; /* it was another's turn */
        enforce_times(self);
        serve_dirty(self);
        g_array_append_vals(jobs, self->finished->data, self->finished->len);
        tg_wipe_array(self->finished);
        tg_redis_set_timer(self, MAX(1, self->next_check_us - g_get_monotonic_time()));
}

/* Nothing in the loop waits for Redis. */
static gint64
redis_busy_us(TgWriter *writer, gint64 now_us)
{
        return 0;
}

static void
free_connection(TgRedisConnection *connection)
{
        for (GList *at = connection->asked.head; at; at = at->next) {
                TgRedisTask *task = at->data;

                if (task)
                        tg_redis_view_clear(&task->view);
                g_free(task);
        }
        g_queue_clear(&connection->asked);
        tg_redis_pipe_free(connection->pipe);
}

/* The callers have been given their five seconds; nothing is waited for. */
static void
redis_free(TgWriter *writer)
{
        TgRedis *self = (TgRedis *)writer;

        tg_redis_dial_free(self->dial);
        for (guint i = 0; i < N_CONNECTIONS; i++)
                free_connection(&self->connections[i]);
        free_connection(&self->subscription);
        while (self->waiting.length > 0) {
                TgRedisTask *task = g_queue_pop_head_link(&self->waiting)->data;

                tg_redis_view_clear(&task->view);
                g_free(task);
        }
        g_array_unref(self->finished);
        if (self->epoll_fd >= 0)
                close(self->epoll_fd);
        if (self->timer_fd >= 0)
                close(self->timer_fd);
        tg_redis_address_free(self->address);
        g_free(self->tls.ca_file);
        g_free(self->tls.certificate);
        g_free(self->tls.key);
        g_free(self);
}

static const TgWriterClass redis_class = {
        .push = redis_push,
        .get_fd = redis_get_fd,
        .take = redis_take,
        .busy_us = redis_busy_us,
        .free = redis_free,
};

static gboolean
watch_own(TgRedis *self, GError **error)
{
        struct epoll_event dialled = {.events = EPOLLIN, .data.ptr = &self->dial};
        struct epoll_event timed = {.events = EPOLLIN, .data.ptr = &self->timer_fd};

        if (self->epoll_fd >= 0 && self->timer_fd >= 0 &&
            epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, tg_redis_dial_get_fd(self->dial), &dialled) ==
                    0 &&
            epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->timer_fd, &timed) == 0)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "cannot watch connections to the store: %s",
                     g_strerror(errno));

        return FALSE;
}

TgWriter *
tg_redis_writer_new(const TgApi *api,
                    TgRedisAddress *address,
                    const TgRedisTls *tls,
                    gint64 (*wall_us)(void),
                    GError **error)
{
        TgRedis *self = g_new0(TgRedis, 1);

        self->base.class = &redis_class;
        self->api = api;
        self->address = address;
        if (tls)
                self->tls = *tls;
        self->wall_us = wall_us ? wall_us : g_get_real_time;
        self->finished = g_array_new(FALSE, FALSE, sizeof(TgJob));
        self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        self->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        tg_redis_channel(address->database, self->channel);
        self->subscription.redis = self;
        for (guint i = 0; i < N_CONNECTIONS; i++)
                self->connections[i].redis = self;
        self->dial = tg_redis_dial_new(address, &self->tls, error);
        if (!self->dial || !watch_own(self, error)) {
                redis_free(&self->base);
                return NULL;
        }
        for (guint i = 0; i < N_CONNECTIONS + 1; i++)
                tg_redis_dial_want(self->dial);
        tg_redis_set_timer(self, G_USEC_PER_SEC);

        return &self->base;
}
