/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/deadline.h"

#include <sys/socket.h>

void
tg_deadline_set(TgDeadline *self, TgDeadlines *all, gint64 now_us)
{
        tg_deadline_clear(self, all);
        self->at_us = now_us + all->patience_us;
        self->link = (GList){.data = self};
        g_queue_push_tail_link(&all->queue, &self->link);
        self->is_set = TRUE;
}

void
tg_deadline_clear(TgDeadline *self, TgDeadlines *all)
{
        if (self->is_set)
                g_queue_unlink(&all->queue, &self->link);
        self->is_set = FALSE;
}

guint
tg_deadlines_enforce(TgDeadlines *self, gint64 now_us)
{
        TgDeadline *first;
        guint n_late = 0;

        while ((first = g_queue_peek_head(&self->queue)) && first->at_us <= now_us) {
                tg_deadline_clear(first, self);
                shutdown(first->fd, SHUT_RDWR);
                n_late++;
        }

        return n_late;
}

gint64
tg_deadlines_next_us(const TgDeadlines *self, gint64 now_us)
{
        const TgDeadline *first = self->queue.head ? self->queue.head->data : NULL;

        return first ? MAX(0, first->at_us - now_us) : -1;
}
