/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Connections that owe us something: the next whole request, or to take its
 * answer. An idle timeout does not see a client that sends single octets; this
 * does. While a connection waits for us it is not in here.
 */

#include <glib.h>

/* All have the same patience, so the first is always the next. Where the patience has been
 * shortened, those that came before have the longer one, and so have those behind them. */
typedef struct {
        GQueue queue;
        gint64 patience_us;
} TgDeadlines;

typedef struct {
        int fd;
        gint64 at_us;
        gboolean is_set;
        GList link;
} TgDeadline;

/* Begins anew. */
void tg_deadline_set(TgDeadline *self, TgDeadlines *all, gint64 now_us);
void tg_deadline_clear(TgDeadline *self, TgDeadlines *all);

/* Ends the connections that are late: their sockets are shut down, not closed. How many. */
guint tg_deadlines_enforce(TgDeadlines *self, gint64 now_us);
/* Microseconds until the next is late; -1 when there is none. */
gint64 tg_deadlines_next_us(const TgDeadlines *self, gint64 now_us);
