/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who runs the calls that cannot be run on a reading handle in the loop, and hands them back
 * when what they changed is durable, or when the store could not take it (the answer is then
 * 503). Of two kinds: a thread for a store on this machine's disk, and redis-writer.h for one
 * that others use at the same time.
 */

#include "relay/mailbox-api.h"

typedef struct {
        TgApiCall *call;   /* NULL: no call, but somebody else's change */
        TgVerdict verdict; /* answered or held, once finished */
        /* Without a call: */
        guint8 id[TG_ID_BYTES]; /* who waits for this one should look again … */
        gboolean is_any;        /* … or whoever waits: changes may have been missed */
} TgJob;

/* A batch that takes longer is stuck. */
#define TG_STUCK_US (20 * G_USEC_PER_SEC)

typedef struct TgWriter TgWriter;

typedef struct {
        void (*push)(TgWriter *self, GArray *jobs);
        int (*get_fd)(TgWriter *self);
        void (*take)(TgWriter *self, GArray *jobs);
        gint64 (*busy_us)(TgWriter *self, gint64 now_us);
        void (*free)(TgWriter *self);
} TgWriterClass;

struct TgWriter {
        const TgWriterClass *class;
};

/* One thread that writes. Whatever waits when it is free goes into one batch and is made durable
 * by one flush; no timer makes anybody wait for company. It also sweeps away what has expired.
 * Uses @store, which nobody else may from now on, until it is freed. @api stays the caller's. */
TgWriter *tg_writer_new(const TgApi *api, TgStore *store, guint sweep_interval_s, GError **error);

/* Finishes what waits; whatever has not been taken back is dropped. */
static inline void
tg_writer_free(TgWriter *self)
{
        if (self)
                self->class->free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgWriter, tg_writer_free)

/* Hands over the jobs of @jobs (a GArray of TgJob) and empties it. */
static inline void
tg_writer_push(TgWriter *self, GArray *jobs)
{
        if (jobs->len > 0)
                self->class->push(self, jobs);
}

/* Readable when there is something to take. */
static inline int
tg_writer_get_fd(TgWriter *self)
{
        return self->class->get_fd(self);
}

/* Appends what is finished, in the order in which it happened. */
static inline void
tg_writer_take(TgWriter *self, GArray *jobs)
{
        self->class->take(self, jobs);
}

/* Microseconds for which it has been busy with one batch; 0 when idle. For any thread. */
static inline gint64
tg_writer_busy_us(TgWriter *self, gint64 now_us)
{
        return self->class->busy_us(self, now_us);
}
