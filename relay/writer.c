/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/writer.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "protocol/error.h"
#include "relay/doubt.h"
#include "relay/metrics.h"
#include "relay/wipe.h"

/* So that the first of a batch does not wait for a thousandth. */
#define MAX_BATCH 512

/* Then the next one is waited for. */
#define MAX_FAILED_SWEEPS 10

typedef struct {
        TgWriter base;
        const TgApi *api;
        TgStore *store;
        gint64 sweep_interval_us;
        int event_fd;
        GThread *thread;

        GMutex mutex;
        GCond cond;
        GArray *waiting;      /* TgJob */
        GArray *finished;     /* TgJob */
        gint64 busy_since_us; /* 0: idle */
        gboolean is_stopping;

        /* the thread's own */
        gboolean is_in_doubt;
        gint64 next_sweep_us;
        guint n_failed_sweeps; /* one after the other */
} Thread;

static gint64
wall_s(void)
{
        return g_get_real_time() / G_USEC_PER_SEC;
}

/* All or none. */
static gboolean
run_batch(Thread *self, TgJob *jobs, guint n_jobs, GError **error)
{
        gint64 now_s = wall_s();

        if (!tg_store_begin(self->store, error))
                return FALSE;
        for (guint i = 0; i < n_jobs; i++) {
                jobs[i].verdict =
                        tg_api_execute(self->api, jobs[i].call, self->store, now_s, error);
                if (jobs[i].verdict == TG_VERDICT_DOUBT) {
                        tg_store_rollback(self->store);
                        return FALSE;
                }
        }
        if (tg_store_commit(self->store, error)) {
                tg_metrics_count(TG_COUNT_COMMITS, 1);
                return TRUE;
        }
        tg_store_rollback(self->store);

        return FALSE;
}

/* That a batch went well ends a doubt, unless something new was refused for want of room. The log
 * hears so from a sweep alone, which has looked: else it would hear both at every other request. */
static void
note_answers(Thread *self, const TgJob *jobs, guint n_jobs)
{
        g_autoptr(GError) error = NULL;

        for (guint i = 0; i < n_jobs && !error; i++)
                if (jobs[i].verdict == TG_VERDICT_ANSWERED && jobs[i].call->answer.status == 503)
                        tg_set_error(&error, TG_ERROR_UNREACHABLE, TG_STORE_FULL);
        if (error)
                tg_note_doubt(&self->is_in_doubt, error);
        else
                tg_metrics_set(TG_GAUGE_STORE_IN_DOUBT, FALSE);
}

/* What failed together is tried again one by one: on a full disk a mailbox may
 * still be removed where no other can be made. */
static void
run_jobs(Thread *self, TgJob *jobs, guint n_jobs)
{
        g_autoptr(GError) error = NULL;

        if (run_batch(self, jobs, n_jobs, &error)) {
                note_answers(self, jobs, n_jobs);
                return;
        }
        for (guint i = 0; i < n_jobs; i++) {
                g_autoptr(GError) again = NULL;

                if (n_jobs > 1 && run_batch(self, &jobs[i], 1, &again))
                        continue;
                tg_api_fail(jobs[i].call);
                jobs[i].verdict = TG_VERDICT_ANSWERED;
        }
        tg_note_doubt(&self->is_in_doubt, error);
}

/* After a doubt nobody else might send what could show that all is well again. */
static void
probe(Thread *self)
{
        g_autoptr(GError) error = NULL;

        if (!self->is_in_doubt)
                return;
        if (tg_store_begin(self->store, &error)) {
                if (tg_store_probe(self->store, &error) && tg_store_commit(self->store, &error)) {
                        tg_note_doubt(&self->is_in_doubt, NULL);
                        return;
                }
                tg_store_rollback(self->store);
        }
        tg_note_doubt(&self->is_in_doubt, error);
}

/* One batch of it; TRUE when more is to be done, or the same in a smaller batch. */
static gboolean
sweep(Thread *self)
{
        g_autoptr(GError) error = NULL;
        gboolean is_done = TRUE;
        guint64 n_erased = self->store->n_erased;

        if (tg_store_begin(self->store, &error)) {
                if (tg_store_erase(self->store, wall_s(), self->api->told_s, &is_done, &error) &&
                    tg_store_commit(self->store, &error)) {
                        tg_metrics_count(TG_COUNT_EXPIRED, self->store->n_erased - n_erased);
                        self->n_failed_sweeps = 0;
                        probe(self);
                        return !is_done;
                }
                tg_store_rollback(self->store);
        }
        tg_note_doubt(&self->is_in_doubt, error);
        self->n_failed_sweeps = (self->n_failed_sweeps + 1) % MAX_FAILED_SWEEPS;

        return self->n_failed_sweeps > 0;
}

/* Waits for work until the next sweep; takes at most a batch of it. */
static gboolean
take_waiting(Thread *self, GArray *batch)
{
        guint n_jobs;

        g_mutex_lock(&self->mutex);
        self->busy_since_us = 0;
        while (self->waiting->len == 0 && !self->is_stopping &&
               g_cond_wait_until(&self->cond, &self->mutex, self->next_sweep_us))
                ;
        n_jobs = MIN(self->waiting->len, MAX_BATCH);
        g_array_append_vals(batch, self->waiting->data, n_jobs);
        g_array_remove_range(self->waiting, 0, n_jobs);
        self->busy_since_us = g_get_monotonic_time();
        g_mutex_unlock(&self->mutex);

        return n_jobs > 0 || !self->is_stopping;
}

static void
hand_back(Thread *self, GArray *batch)
{
        guint64 one = 1;

        g_mutex_lock(&self->mutex);
        g_array_append_vals(self->finished, batch->data, batch->len);
        g_mutex_unlock(&self->mutex);
        g_array_set_size(batch, 0);
        while (write(self->event_fd, &one, sizeof one) < 0 && errno == EINTR)
                ;
}

static gpointer
write_loop(gpointer user_data)
{
        Thread *self = user_data;
        g_autoptr(GArray) batch = g_array_new(FALSE, FALSE, sizeof(TgJob));

        self->next_sweep_us = g_get_monotonic_time();
        while (take_waiting(self, batch)) {
                gboolean is_sweep = g_get_monotonic_time() >= self->next_sweep_us;

                if (batch->len > 0) {
                        run_jobs(self, &g_array_index(batch, TgJob, 0), batch->len);
                        hand_back(self, batch);
                }
                /* While there is more to erase, every other batch does so. */
                if (is_sweep && !sweep(self))
                        self->next_sweep_us = g_get_monotonic_time() + self->sweep_interval_us;
                tg_store_maintain(self->store, is_sweep);
                if (is_sweep)
                        tg_wipe_stack();
        }

        return NULL;
}

static void
thread_free(TgWriter *writer)
{
        Thread *self = (Thread *)writer;

        g_mutex_lock(&self->mutex);
        self->is_stopping = TRUE;
        g_cond_signal(&self->cond);
        g_mutex_unlock(&self->mutex);
        g_thread_join(self->thread);

        g_array_unref(self->waiting);
        g_array_unref(self->finished);
        g_mutex_clear(&self->mutex);
        g_cond_clear(&self->cond);
        close(self->event_fd);
        g_free(self);
}

static void
thread_push(TgWriter *writer, GArray *jobs)
{
        Thread *self = (Thread *)writer;

        g_mutex_lock(&self->mutex);
        g_array_append_vals(self->waiting, jobs->data, jobs->len);
        g_cond_signal(&self->cond);
        g_mutex_unlock(&self->mutex);
        g_array_set_size(jobs, 0);
}

static int
thread_get_fd(TgWriter *writer)
{
        return ((Thread *)writer)->event_fd;
}

static void
thread_take(TgWriter *writer, GArray *jobs)
{
        Thread *self = (Thread *)writer;
        guint64 count;

        if (read(self->event_fd, &count, sizeof count) < 0)
                return; /* nothing new */
        g_mutex_lock(&self->mutex);
        g_array_append_vals(jobs, self->finished->data, self->finished->len);
        g_array_set_size(self->finished, 0);
        g_mutex_unlock(&self->mutex);
}

static gint64
thread_busy_us(TgWriter *writer, gint64 now_us)
{
        Thread *self = (Thread *)writer;
        gint64 since_us;

        g_mutex_lock(&self->mutex);
        since_us = self->busy_since_us;
        g_mutex_unlock(&self->mutex);

        return since_us == 0 ? 0 : now_us - since_us;
}

static const TgWriterClass thread_class = {
        .push = thread_push,
        .get_fd = thread_get_fd,
        .take = thread_take,
        .busy_us = thread_busy_us,
        .free = thread_free,
};

TgWriter *
tg_writer_new(const TgApi *api, TgStore *store, guint sweep_interval_s, GError **error)
{
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        Thread *self;

        if (fd < 0) {
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "cannot start the writing thread: %s",
                             g_strerror(errno));
                return NULL;
        }

        self = g_new0(Thread, 1);
        self->base.class = &thread_class;
        self->api = api;
        self->store = store;
        self->sweep_interval_us = (gint64)sweep_interval_s * G_USEC_PER_SEC;
        self->event_fd = fd;
        self->waiting = g_array_new(FALSE, FALSE, sizeof(TgJob));
        self->finished = g_array_new(FALSE, FALSE, sizeof(TgJob));
        g_mutex_init(&self->mutex);
        g_cond_init(&self->cond);
        self->thread = g_thread_new("writer", write_loop, self);

        return &self->base;
}
