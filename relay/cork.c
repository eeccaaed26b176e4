/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/cork.h"

#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* What is larger would be copied for nothing; the header is less. */
#define MAX_BYTES 4096
/* Between two tries, twice as long each time. Only a client that asks and does not read is ever
 * late, and its deadline ends that; until then many of them cost next to nothing. */
#define TRY_US (10 * G_TIME_SPAN_MILLISECOND)
#define MAX_TRY_US G_TIME_SPAN_SECOND

void
tg_cork_shut(TgCork *self, struct MHD_Connection *mhd, gsize n_bytes)
{
        const union MHD_ConnectionInfo *tls;

        if (n_bytes == 0 || n_bytes > MAX_BYTES)
                return;
        tls = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        if (!tls || !tls->tls_session)
                return;
        self->session = tls->tls_session;
        self->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        self->is_shut = TRUE;
        gnutls_record_cork(self->session);
}

static void
wait_for(TgCork *self, TgCorks *all, gint64 now_us)
{
        self->pause_us = self->is_late ? MIN(2 * self->pause_us, MAX_TRY_US) : TRY_US;
        self->next_us = now_us + self->pause_us;
        all->next_us = all->late.length > 0 ? MIN(all->next_us, self->next_us) : self->next_us;
}

/* What fails for good, the library finds out by itself when it next reads. */
static void
flush(TgCork *self, TgCorks *all, gint64 now_us)
{
        int r = gnutls_record_uncork(self->session, 0);
        gboolean is_late = r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED;

        /* The library has left the socket corked, for it has pushed what it took for sent. */
        if (!is_late)
                setsockopt(self->fd, IPPROTO_TCP, TCP_CORK, &(int){0}, sizeof(int));
        if (is_late)
                wait_for(self, all, now_us);
        if (is_late && !self->is_late) {
                self->link = (GList){.data = self};
                g_queue_push_tail_link(&all->late, &self->link);
        } else if (!is_late && self->is_late) {
                g_queue_unlink(&all->late, &self->link);
        }
        self->is_late = is_late;
}

void
tg_cork_open(TgCork *self, TgCorks *all)
{
        if (!self->is_shut)
                return;
        self->is_shut = FALSE;
        flush(self, all, g_get_monotonic_time());
}

gboolean
tg_cork_is_free(TgCork *self, TgCorks *all)
{
        if (self->is_late)
                flush(self, all, g_get_monotonic_time());

        return !self->is_late;
}

void
tg_cork_end(TgCork *self, TgCorks *all)
{
        if (self->is_late)
                g_queue_unlink(&all->late, &self->link);
        self->is_late = FALSE;
}

void
tg_corks_try(TgCorks *self, gint64 now_us)
{
        if (self->late.length == 0 || now_us < self->next_us)
                return;
        self->next_us = G_MAXINT64;
        for (GList *at = self->late.head, *next; at; at = next) {
                TgCork *cork = at->data;

                next = at->next;
                if (now_us >= cork->next_us)
                        flush(cork, self, now_us);
                else
                        self->next_us = MIN(self->next_us, cork->next_us);
        }
}

gint64
tg_corks_next_us(const TgCorks *self, gint64 now_us)
{
        return self->late.length > 0 ? MAX(self->next_us - now_us, 0) : -1;
}
