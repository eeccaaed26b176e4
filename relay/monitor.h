/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a supervisor may ask, on sockets of its own and in threads of its own, so that it is
 * answered while the relay is not: /metrics, /healthz (the relay's loop turns, its writer is
 * not stuck) and /readyz (the store answers and takes changes, and the relay is not stopping).
 */

#include "relay/store.h"
#include "relay/writer.h"

typedef struct TgMonitor TgMonitor;

/* @reader: a reading handle that nobody else uses from now on, or NULL. Both stay the caller's,
 * until the monitor is freed. */
TgMonitor *tg_monitor_new(TgStore *reader, TgWriter *writer);
void tg_monitor_free(TgMonitor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgMonitor, tg_monitor_free)

/* Takes @fd, a listening socket. All of them come before the start. */
gboolean tg_monitor_listen(TgMonitor *self, int fd, GError **error);
/* Answers from now on; without a socket there is nothing to do. */
void tg_monitor_start(TgMonitor *self);
