/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/handshake.h"

#include <gnutls/gnutls.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_EVENTS 64

void
tg_handshakes_init(TgHandshakes *self)
{
        *self = (TgHandshakes){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
}

void
tg_handshakes_clear(TgHandshakes *self)
{
        if (self->epoll_fd >= 0)
                close(self->epoll_fd);
        self->epoll_fd = -1;
}

static void
move(TgHandshake *handshake, GQueue *queue)
{
        if (handshake->queue)
                g_queue_unlink(handshake->queue, &handshake->link);
        if (queue)
                g_queue_push_tail_link(queue, &handshake->link);
        handshake->queue = queue;
}

/* The client's "Finished" is the last that a server waits for. */
static int
on_finished(gnutls_session_t session,
            unsigned int type,
            unsigned int when,
            unsigned int is_incoming,
            const gnutls_datum_t *message)
{
        TgHandshake *handshake = gnutls_db_get_ptr(session);

        handshake->is_over |= is_incoming;

        return 0;
}

void
tg_handshakes_begin(TgHandshakes *self, TgHandshake *handshake, struct MHD_Connection *mhd)
{
        const union MHD_ConnectionInfo *tls =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

        if (!tls || !tls->tls_session)
                return;
        handshake->mhd = mhd;
        handshake->session = tls->tls_session;
        handshake->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        handshake->link.data = handshake;
        /* The session's own pointer is the library's; this one is of a cache, which there is not.
         */
        gnutls_db_set_ptr(handshake->session, handshake);
        gnutls_handshake_set_hook_function(
                handshake->session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_finished);
        move(handshake, &self->awake);
}

void
tg_handshakes_end(TgHandshakes *self, TgHandshake *handshake)
{
        move(handshake, NULL);
        if (handshake->is_watched)
                epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, handshake->fd, NULL);
        handshake->is_watched = FALSE;
}

/* Without a watch it would sleep for ever. */
static gboolean
watch(TgHandshakes *self, TgHandshake *handshake)
{
        gboolean is_writing = gnutls_record_get_direction(handshake->session) == 1;
        struct epoll_event event = {
                .events = (is_writing ? EPOLLOUT : EPOLLIN) | EPOLLRDHUP | EPOLLONESHOT,
                .data.ptr = handshake,
        };
        int how = handshake->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

        handshake->is_watched = epoll_ctl(self->epoll_fd, how, handshake->fd, &event) == 0;

        return handshake->is_watched;
}

void
tg_handshakes_sleep(TgHandshakes *self)
{
        GList *at = self->awake.head;

        while (at) {
                TgHandshake *handshake = at->data;

                at = at->next;
                if (handshake->is_over) {
                        tg_handshakes_end(self, handshake);
                } else if (watch(self, handshake)) {
                        MHD_suspend_connection(handshake->mhd);
                        move(handshake, &self->asleep);
                }
        }
}

static void
wake(TgHandshakes *self, TgHandshake *handshake)
{
        MHD_resume_connection(handshake->mhd);
        move(handshake, &self->awake);
}

void
tg_handshakes_wake(TgHandshakes *self)
{
        struct epoll_event events[MAX_EVENTS];
        int n = epoll_wait(self->epoll_fd, events, MAX_EVENTS, 0);

        for (int i = 0; i < n; i++)
                wake(self, events[i].data.ptr);
}

void
tg_handshakes_wake_all(TgHandshakes *self)
{
        while (self->asleep.head)
                wake(self, self->asleep.head->data);
}
