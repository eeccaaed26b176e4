/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/relay/redisstore.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "relay/redis-view.h"

#define PATIENCE_US (30 * G_USEC_PER_SEC)

typedef struct {
        TgStore base;
        TgRedisView view;
        TgRedisPipe *pipe;
        int never_fd;
        gboolean is_batch;
        GPtrArray *kept; /* what a view only borrows until the change is made */
} RedisStore;

static gpointer
keep(TgStore *store, gconstpointer bytes, gsize n_bytes)
{
        gpointer copy = g_memdup2(bytes, n_bytes);

        g_ptr_array_add(((RedisStore *)store)->kept, copy);

        return copy;
}

static char *
keep_text(TgStore *store, const char *text)
{
        return text ? keep(store, text, strlen(text) + 1) : NULL;
}

/* What the view asks for, or has changed. */
static TgTaken
exchange(RedisStore *self, GError **error)
{
        TgTaken taken = TG_TAKEN_UNKNOWN;

        while (taken == TG_TAKEN_UNKNOWN) {
                g_autoptr(TgReply) reply = NULL;
                TgRedisCommand command = {.n_words = 0};

                tg_redis_view_ask(&self->view, &command);
                reply = tg_redis_pipe_exchange(self->pipe,
                                               command.words,
                                               command.n_words,
                                               g_get_monotonic_time() + PATIENCE_US,
                                               error);
                if (!reply)
                        return TG_TAKEN_REFUSED;
                taken = tg_redis_view_take(&self->view, reply, error);
        }

        return taken;
}

/* Before each call: outside of a batch nothing is remembered. */
static TgStore *
view_of(TgStore *store)
{
        RedisStore *self = (RedisStore *)store;

        if (!self->is_batch)
                tg_redis_view_clear(&self->view);

        return &self->view.base;
}

/* After one that failed: whether it is to be made again. */
static gboolean
fetch(TgStore *store, GError **error)
{
        RedisStore *self = (RedisStore *)store;

        if (self->view.want == TG_WANT_NOTHING)
                return FALSE;
        g_clear_error(error);

        return exchange(self, error) == TG_TAKEN_GO_ON;
}

static gboolean
store_begin(TgStore *store, GError **error)
{
        RedisStore *self = (RedisStore *)store;

        tg_redis_view_clear(&self->view);
        g_ptr_array_set_size(self->kept, 0);
        self->is_batch = TRUE;

        return TRUE;
}

static gboolean
store_commit(TgStore *store, GError **error)
{
        RedisStore *self = (RedisStore *)store;

        self->is_batch = FALSE;

        return self->view.change == TG_CHANGE_NONE || exchange(self, error) == TG_TAKEN_DONE;
}

static void
store_rollback(TgStore *store)
{
        ((RedisStore *)store)->is_batch = FALSE;
}

static gboolean
store_load(TgStore *store, const guint8 *id, gboolean *ret_found, TgMailbox *ret, GError **error)
{
        TgStore *view = view_of(store);

        do
                if (tg_store_load(view, id, ret_found, ret, error))
                        return TRUE;
        while (fetch(store, error));

        return FALSE;
}

static gboolean
store_load_content(TgStore *store, gboolean with_payload, TgContent *ret, GError **error)
{
        TgStore *view = &((RedisStore *)store)->view.base;

        do
                if (tg_store_load_content(view, with_payload, ret, error))
                        return TRUE;
        while (fetch(store, error));

        return FALSE;
}

static void
store_release(TgStore *store)
{
}

static gboolean
store_spend(TgStore *store, const TgSpent *spent, const guint8 *id, gboolean *ret, GError **error)
{
        TgStore *view = view_of(store);

        do
                if (tg_store_spend(view, spent, id, ret, error))
                        return TRUE;
        while (fetch(store, error));

        return FALSE;
}

static gboolean
store_insert(TgStore *store,
             TgMailbox *mailbox,
             const TgDisplay *display,
             const char *payload,
             GError **error)
{
        const TgDisplay kept = {
                .title = keep_text(store, display->title),
                .description = keep_text(store, display->description),
                .image_url = keep_text(store, display->image_url),
        };

        return tg_store_insert(view_of(store), mailbox, &kept, keep_text(store, payload), error);
}

static gboolean
store_save(TgStore *store, const TgMailbox *mailbox, const char *payload, GError **error)
{
        return tg_store_save(view_of(store), mailbox, keep_text(store, payload), error);
}

static gboolean
store_end(TgStore *store,
          const TgMailbox *mailbox,
          TgEnd word,
          gint64 at_s,
          gboolean is_told,
          GError **error)
{
        return tg_store_end(view_of(store), mailbox, word, at_s, is_told, error);
}

static gboolean
store_load_end(TgStore *store, const guint8 *claim, gint64 since_s, TgEnd *ret_word, GError **error)
{
        return tg_store_load_end(
                &((RedisStore *)store)->view.base, claim, since_s, ret_word, error);
}

static gboolean
store_put_resource(
        TgStore *store, const TgResource *resource, gint64 now_s, TgPut *ret_put, GError **error)
{
        TgStore *view = view_of(store);
        TgResource kept = *resource;

        kept.octets = keep(store, resource->octets, resource->n_octets);
        do
                if (tg_store_put_resource(view, &kept, now_s, ret_put, error))
                        return TRUE;
        while (fetch(store, error));

        return FALSE;
}

static gboolean
store_get_resource(TgStore *store,
                   const guint8 *id,
                   const guint8 *claim,
                   gint64 now_s,
                   TgGet *ret_get,
                   GBytes **ret_octets,
                   GError **error)
{
        TgStore *view = view_of(store);

        do
                if (tg_store_get_resource(view, id, claim, now_s, ret_get, ret_octets, error))
                        return TRUE;
        while (fetch(store, error));

        return FALSE;
}

static gboolean
store_remove_resource(TgStore *store,
                      const guint8 *id,
                      const guint8 *claim,
                      gint64 now_s,
                      gboolean *ret_is_removed,
                      GError **error)
{
        TgStore *view = view_of(store);

        do
                if (tg_store_remove_resource(view, id, claim, now_s, ret_is_removed, error))
                        return TRUE;
        while (fetch(store, error));

        return FALSE;
}

static void
store_free(TgStore *store)
{
        RedisStore *self = (RedisStore *)store;

        tg_redis_view_clear(&self->view);
        tg_redis_pipe_free(self->pipe);
        close(self->never_fd);
        g_ptr_array_unref(self->kept);
        g_free(self);
}

static const TgStoreClass redis_store_class = {
        .begin = store_begin,
        .commit = store_commit,
        .rollback = store_rollback,
        .load = store_load,
        .load_content = store_load_content,
        .release = store_release,
        .spend = store_spend,
        .insert = store_insert,
        .save = store_save,
        .end = store_end,
        .load_end = store_load_end,
        .put_resource = store_put_resource,
        .get_resource = store_get_resource,
        .remove_resource = store_remove_resource,
        .free = store_free,
};

TgStore *
redis_store_open(const char *path, guint database, gint64 now_s)
{
        RedisStore *self = g_new0(RedisStore, 1);
        g_autofree char *number = g_strdup_printf("%u", database);
        TgRedisWord words[] = {
                {"SELECT", 6             },
                {number,   strlen(number)},
        };
        g_autoptr(GError) error = NULL;
        g_autoptr(TgReply) reply = NULL;
        TgRedisSocket *socket;
        gint64 deadline_us = g_get_monotonic_time() + PATIENCE_US;

        self->base = (TgStore){.class = &redis_store_class, .is_writer = TRUE};
        self->kept = g_ptr_array_new_with_free_func(g_free);
        self->never_fd = eventfd(0, EFD_CLOEXEC);
        tg_redis_view_init(&self->view, database);
        self->view.now_us = now_s * G_USEC_PER_SEC;
        self->view.told_s = 3600;
        socket = tg_redis_socket_open(path, NULL, NULL, self->never_fd, deadline_us, &error);
        g_assert_no_error(error);
        self->pipe = tg_redis_pipe_new(socket);
        reply = tg_redis_pipe_exchange(self->pipe, words, 2, deadline_us, &error);
        g_assert_no_error(error);
        g_assert_true(tg_reply_is_text(reply, "OK"));

        return &self->base;
}
