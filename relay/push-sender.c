/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/push-sender.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "protocol/error.h"
#include "relay/wipe.h"

/* One host may have a quarter of all places, and so cannot hold up the others. */
#define HOST_SHARE 4

struct TgPushSender {
        gatomicrefcount references; /* the owner's, and one for each that is under way */
        _Atomic gboolean is_stopping;
        int event_fd;
        GThreadPool *pool; /* the owner's */

        GMutex mutex;
        GHashTable *hosts; /* name → how many are under way there */
        GQueue ended;      /* TgPushJob */
};

static void
unref(TgPushSender *self)
{
        if (!g_atomic_ref_count_dec(&self->references))
                return;
        while (self->ended.length > 0)
                tg_push_job_free(g_queue_pop_head(&self->ended));
        g_hash_table_unref(self->hosts);
        g_mutex_clear(&self->mutex);
        close(self->event_fd);
        g_free(self);
}

/* ---- in a thread ---- */

static gboolean
enter_host(TgPushSender *self, const char *host, guint max_active)
{
        gboolean is_in;
        guint n;

        g_mutex_lock(&self->mutex);
        n = GPOINTER_TO_UINT(g_hash_table_lookup(self->hosts, host));
        is_in = n < MAX(max_active / HOST_SHARE, 1);
        if (is_in)
                g_hash_table_insert(self->hosts, g_strdup(host), GUINT_TO_POINTER(n + 1));
        g_mutex_unlock(&self->mutex);

        return is_in;
}

static void
leave_host(TgPushSender *self, const char *host)
{
        guint n;

        g_mutex_lock(&self->mutex);
        n = GPOINTER_TO_UINT(g_hash_table_lookup(self->hosts, host));
        if (n > 1)
                g_hash_table_insert(self->hosts, g_strdup(host), GUINT_TO_POINTER(n - 1));
        else
                g_hash_table_remove(self->hosts, host);
        g_mutex_unlock(&self->mutex);
}

static void
hand_back(TgPushSender *self, TgPushJob *job)
{
        guint64 one = 1;

        g_mutex_lock(&self->mutex);
        g_queue_push_tail(&self->ended, job);
        g_mutex_unlock(&self->mutex);
        while (write(self->event_fd, &one, sizeof one) < 0 && errno == EINTR)
                ;
}

static void
deliver(TgPushSender *self, TgPushJob *job)
{
        g_auto(TgPushEndpoint) endpoint = {0};

        job->outcome = TG_PUSH_FAILED;
        if (tg_push_endpoint_parse(&job->token, &endpoint)) {
                job->outcome = TG_PUSH_BUSY;
                if (enter_host(self, endpoint.host, job->rules->max_active)) {
                        tg_push_deliver(job, &endpoint, &self->is_stopping);
                        leave_host(self, endpoint.host);
                }
        }
}

/* The stack of a thread that has ended is kept for the next. */
static void
run(gpointer data, gpointer user_data)
{
        deliver(user_data, data);
        tg_wipe_stack();
        hand_back(user_data, data);
        unref(user_data);
}

/* ---- the owner's ---- */

TgPushSender *
tg_push_sender_new(GError **error)
{
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        TgPushSender *self;

        if (fd < 0) {
                tg_set_error(error, TG_ERROR_FAILED, "cannot send wake-ups: %s", g_strerror(errno));
                return NULL;
        }
        tg_push_delivery_init();
        self = g_new0(TgPushSender, 1);
        g_atomic_ref_count_init(&self->references);
        self->event_fd = fd;
        self->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_mutex_init(&self->mutex);
        self->pool = g_thread_pool_new(run, self, -1, FALSE, NULL);

        return self;
}

void
tg_push_sender_free(TgPushSender *self)
{
        if (!self)
                return;
        self->is_stopping = TRUE;
        g_thread_pool_free(self->pool, FALSE, FALSE);
        unref(self);
}

void
tg_push_sender_send(TgPushSender *self, TgPushJob *job)
{
        g_atomic_ref_count_inc(&self->references);
        g_thread_pool_push(self->pool, job, NULL); /* without a thread it waits for one */
}

int
tg_push_sender_get_fd(const TgPushSender *self)
{
        return self->event_fd;
}

TgPushJob *
tg_push_sender_take(TgPushSender *self)
{
        TgPushJob *job;
        guint64 count;

        g_mutex_lock(&self->mutex);
        job = g_queue_pop_head(&self->ended);
        g_mutex_unlock(&self->mutex);
        if (!job && read(self->event_fd, &count, sizeof count) == sizeof count)
                return tg_push_sender_take(self); /* what came between the two */

        return job;
}
