/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/redis-dial.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "protocol/digest.h"
#include "protocol/error.h"

#define CONNECT_US (3 * G_USEC_PER_SEC)
#define FIRST_PAUSE_US (50 * 1000)
#define LAST_PAUSE_US (5 * G_USEC_PER_SEC)

struct TgRedisDial {
        const TgRedisAddress *address;
        const TgRedisTls *tls;
        int event_fd;
        int stop_fd;
        GThread *thread;

        GMutex mutex;
        GCond cond;
        guint n_wanted;
        GQueue made; /* TgRedisPipe */
        GError *problem;
        gboolean is_stopping;

        guint next_sentinel; /* the thread's own */
};

/* ---- greeting ---- */

static TgRedisWord
word(const char *text)
{
        return (TgRedisWord){text, strlen(text)};
}

static gboolean
is_well(const TgReply *reply, GError **error)
{
        g_autofree char *code = tg_reply_dup_error_word(reply);

        if (code)
                tg_set_error(error, TG_ERROR_UNREACHABLE, "the store answers %s", code);

        return code == NULL;
}

static gboolean
greet_with(TgRedisPipe *pipe,
           const TgRedisWord *words,
           guint n_words,
           gint64 deadline_us,
           GError **error)
{
        g_autoptr(TgReply) reply = tg_redis_pipe_exchange(pipe, words, n_words, deadline_us, error);

        return reply && is_well(reply, error);
}

/* A Sentinel may not have heard yet that another is the master. */
static gboolean
check_role(TgRedisPipe *pipe, gint64 deadline_us, GError **error)
{
        TgRedisWord words[] = {word("ROLE")};
        g_autoptr(TgReply) reply = tg_redis_pipe_exchange(pipe, words, 1, deadline_us, error);

        if (!reply || !is_well(reply, error))
                return FALSE;
        if (tg_reply_is_text(tg_reply_get_child(reply, 0), "master"))
                return TRUE;
        tg_set_error(error, TG_ERROR_UNREACHABLE, "the store that the Sentinels name is no master");

        return FALSE;
}

static gboolean
greet(TgRedisDial *self, TgRedisPipe *pipe, gint64 deadline_us, GError **error)
{
        const TgRedisAddress *address = self->address;
        TgRedisWord ping = word("PING");
        char database[16];

        if (address->password) {
                TgRedisWord words[3] = {word("AUTH")};
                guint n_words = 1;

                if (address->user)
                        words[n_words++] = word(address->user);
                words[n_words++] = word(address->password);
                if (!greet_with(pipe, words, n_words, deadline_us, error))
                        return FALSE;
        }
        if (address->database > 0) {
                TgRedisWord words[2] = {word("SELECT")};

                g_snprintf(database, sizeof database, "%u", address->database);
                words[1] = word(database);
                if (!greet_with(pipe, words, 2, deadline_us, error))
                        return FALSE;
        }

        /* One that is loading, full or cut off is none, and not to be dialled in a circle. */
        return greet_with(pipe, &ping, 1, deadline_us, error) &&
               (!address->service || check_role(pipe, deadline_us, error));
}

/* ---- connecting ---- */

static TgRedisPipe *
open_pipe(TgRedisDial *self, const TgRedisHost *host, gint64 deadline_us, GError **error)
{
        TgRedisSocket *socket = tg_redis_socket_open(self->address->path,
                                                     host,
                                                     self->address->is_tls ? self->tls : NULL,
                                                     self->stop_fd,
                                                     deadline_us,
                                                     error);

        return socket ? tg_redis_pipe_new(socket) : NULL;
}

static char *
dup_text(const TgReply *reply)
{
        gsize n_bytes;
        const guint8 *bytes = tg_reply_get_bytes(reply, &n_bytes);

        return bytes && n_bytes > 0 && !memchr(bytes, 0, n_bytes)
                       ? g_strndup((const char *)bytes, n_bytes)
                       : NULL;
}

/* Where the Sentinel at @host says that the master is. */
static gboolean
ask_sentinel(TgRedisDial *self,
             const TgRedisHost *host,
             gint64 deadline_us,
             TgRedisHost *ret_master,
             GError **error)
{
        TgRedisWord words[] = {
                word("SENTINEL"),
                word("GET-MASTER-ADDR-BY-NAME"),
                word(self->address->service),
        };
        g_autoptr(TgRedisPipe) pipe = open_pipe(self, host, deadline_us, error);
        g_autoptr(TgReply) reply = NULL;

        if (pipe)
                reply = tg_redis_pipe_exchange(pipe, words, 3, deadline_us, error);
        if (!reply || !is_well(reply, error))
                return FALSE;
        ret_master->name = dup_text(tg_reply_get_child(reply, 0));
        ret_master->port = dup_text(tg_reply_get_child(reply, 1));
        if (tg_reply_count(reply) == 2 && ret_master->name && ret_master->port)
                return TRUE;
        g_clear_pointer(&ret_master->name, g_free);
        g_clear_pointer(&ret_master->port, g_free);
        tg_set_error(error, TG_ERROR_UNREACHABLE, "the Sentinel knows nothing of the store's name");

        return FALSE;
}

/* The one that answered last is asked first; each has its own time. */
static gboolean
find_master(TgRedisDial *self, TgRedisHost *ret_master, GError **error)
{
        const GArray *hosts = self->address->hosts;

        for (guint i = 0; i < hosts->len; i++) {
                const TgRedisHost *host =
                        &g_array_index(hosts, TgRedisHost, self->next_sentinel % hosts->len);

                if (error)
                        g_clear_error(error);
                if (ask_sentinel(
                            self, host, g_get_monotonic_time() + CONNECT_US, ret_master, error))
                        return TRUE;
                self->next_sentinel++;
        }

        return FALSE;
}

static TgRedisPipe *
dial(TgRedisDial *self, GError **error)
{
        const TgRedisAddress *address = self->address;
        g_autoptr(TgRedisPipe) pipe = NULL;
        TgRedisHost master = {0};
        gint64 deadline_us;

        if (address->service && !find_master(self, &master, error))
                return NULL;
        deadline_us = g_get_monotonic_time() + CONNECT_US;
        if (address->service)
                pipe = open_pipe(self, &master, deadline_us, error);
        else
                pipe = open_pipe(self,
                                 address->path ? NULL
                                               : &g_array_index(address->hosts, TgRedisHost, 0),
                                 deadline_us,
                                 error);
        g_free(master.name);
        g_free(master.port);

        return pipe && greet(self, pipe, deadline_us, error) ? g_steal_pointer(&pipe) : NULL;
}

/* ---- the thread ---- */

static void
tell(TgRedisDial *self)
{
        guint64 one = 1;

        while (write(self->event_fd, &one, sizeof one) < 0 && errno == EINTR)
                ;
}

/* Between half and the whole of @pause_us: relays that lost one Redis do not come back as one. */
static void
rest(TgRedisDial *self, gint64 pause_us)
{
        gint64 until_us;
        guint32 random;

        tg_random(&random, sizeof random);
        until_us = g_get_monotonic_time() + pause_us / 2 + random % (pause_us / 2);
        while (!self->is_stopping && g_cond_wait_until(&self->cond, &self->mutex, until_us))
                ;
}

static gpointer
dial_loop(gpointer user_data)
{
        TgRedisDial *self = user_data;
        gint64 pause_us = FIRST_PAUSE_US;

        g_mutex_lock(&self->mutex);
        while (!self->is_stopping) {
                g_autoptr(GError) problem = NULL;
                TgRedisPipe *pipe;

                if (self->n_wanted == 0) {
                        g_cond_wait(&self->cond, &self->mutex);
                        continue;
                }
                g_mutex_unlock(&self->mutex);
                pipe = dial(self, &problem);
                g_mutex_lock(&self->mutex);
                g_clear_error(&self->problem);
                if (pipe) {
                        g_queue_push_tail(&self->made, pipe);
                        self->n_wanted--;
                        pause_us = FIRST_PAUSE_US;
                } else {
                        self->problem = g_steal_pointer(&problem);
                }
                tell(self);
                if (!pipe) {
                        rest(self, pause_us);
                        pause_us = MIN(2 * pause_us, LAST_PAUSE_US);
                }
        }
        g_mutex_unlock(&self->mutex);

        return NULL;
}

TgRedisDial *
tg_redis_dial_new(const TgRedisAddress *address, const TgRedisTls *tls, GError **error)
{
        TgRedisDial *self = g_new0(TgRedisDial, 1);

        self->address = address;
        self->tls = tls;
        self->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        self->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        g_mutex_init(&self->mutex);
        g_cond_init(&self->cond);
        if (self->event_fd >= 0 && self->stop_fd >= 0) {
                self->thread = g_thread_new("redis", dial_loop, self);
                return self;
        }
        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "cannot start the thread that connects to the store: %s",
                     g_strerror(errno));
        tg_redis_dial_free(self);

        return NULL;
}

void
tg_redis_dial_free(TgRedisDial *self)
{
        guint64 one = 1;

        if (!self)
                return;
        g_mutex_lock(&self->mutex);
        self->is_stopping = TRUE;
        g_cond_signal(&self->cond);
        g_mutex_unlock(&self->mutex);
        if (self->thread) {
                while (write(self->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
                        ;
                g_thread_join(self->thread);
        }

        g_queue_clear_full(&self->made, (GDestroyNotify)tg_redis_pipe_free);
        g_clear_error(&self->problem);
        g_mutex_clear(&self->mutex);
        g_cond_clear(&self->cond);
        if (self->event_fd >= 0)
                close(self->event_fd);
        if (self->stop_fd >= 0)
                close(self->stop_fd);
        g_free(self);
}

void
tg_redis_dial_want(TgRedisDial *self)
{
        g_mutex_lock(&self->mutex);
        self->n_wanted++;
        g_cond_signal(&self->cond);
        g_mutex_unlock(&self->mutex);
}

int
tg_redis_dial_get_fd(TgRedisDial *self)
{
        return self->event_fd;
}

TgRedisPipe *
tg_redis_dial_take(TgRedisDial *self, GError **error)
{
        TgRedisPipe *pipe;
        guint64 count;

        if (read(self->event_fd, &count, sizeof count) < 0 && errno != EAGAIN)
                return NULL;
        g_mutex_lock(&self->mutex);
        pipe = g_queue_pop_head(&self->made);
        if (!pipe && self->problem)
                g_propagate_error(error, g_steal_pointer(&self->problem));
        g_mutex_unlock(&self->mutex);

        return pipe;
}
