/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one thread that writes. Whatever waits when it is free goes into one batch
 * and is made durable by one flush; no timer makes anybody wait for company. A
 * call is handed back when its batch has committed, or when the store could not
 * take it (its answer is then 503). The thread also sweeps away what has expired.
 */

#include "relay/mailbox-api.h"

typedef struct {
        TgApiCall *call;
        TgVerdict verdict; /* answered or held, once finished */
} TgJob;

typedef struct TgWriter TgWriter;

/* Uses @store, which nobody else may from now on, until it is freed. @api stays the caller's. */
TgWriter *tg_writer_new(const TgApi *api, TgStore *store, guint sweep_interval_s, GError **error);
/* Finishes what waits; whatever has not been taken back is dropped. */
void tg_writer_free(TgWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgWriter, tg_writer_free)

/* Hands over the jobs of @jobs (a GArray of TgJob) and empties it. */
void tg_writer_push(TgWriter *self, GArray *jobs);
/* Readable when something is finished. */
int tg_writer_get_fd(TgWriter *self);
/* Appends what is finished, in the order in which it happened. */
void tg_writer_take(TgWriter *self, GArray *jobs);

/* Microseconds for which the thread has been busy with one batch; 0 when idle. */
gint64 tg_writer_busy_us(TgWriter *self, gint64 now_us);
