/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/door.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "protocol/error.h"
#include "relay/deadline.h"
#include "relay/proxy-header.h"

#define MAX_EVENTS 64
/* What is missing may be had again at any time, and nothing tells. */
#define PAUSE_US (G_USEC_PER_SEC / 10)

/* A listening socket, or a connection that has not said yet whom it is for. */
typedef struct {
        int fd;
        gpointer tag;
        gboolean is_listener;
        struct sockaddr_storage address;
        guint8 said[TG_MAX_PROXY_HEADER_BYTES];
        gsize n_said;
        TgDeadline deadline;
        GList link;
} Caller;

struct TgDoor {
        TgDoorOptions options;
        int epoll_fd;
        GQueue callers;
        GQueue listeners;
        gint64 paused_us; /* until when no listener is watched; 0: they are */
        TgDeadlines deadlines;
};

static void
forget(TgDoor *self, Caller *caller)
{
        tg_deadline_clear(&caller->deadline, &self->deadlines);
        g_queue_unlink(caller->is_listener ? &self->listeners : &self->callers, &caller->link);
        if (caller->fd >= 0)
                close(caller->fd);
        g_free(caller);
}

static Caller *
watch(TgDoor *self, int fd, gpointer tag, gboolean is_listener)
{
        Caller *caller = g_new0(Caller, 1);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = caller};

        caller->fd = fd;
        caller->tag = tag;
        caller->is_listener = is_listener;
        caller->link.data = caller;
        g_queue_push_tail_link(is_listener ? &self->listeners : &self->callers, &caller->link);
        if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
                return caller;
        forget(self, caller);

        return NULL;
}

/* ---- connections ---- */

static void
enter(TgDoor *self, Caller *caller, const struct sockaddr *source)
{
        int fd = caller->fd;
        gpointer tag = caller->tag;
        struct sockaddr_storage address;

        memcpy(&address, source, sizeof address);
        epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        caller->fd = -1;
        forget(self, caller);
        self->options.on_enter(self->options.user_data, tag, fd, (const struct sockaddr *)&address);
}

/* What has come is looked at first, for what follows the header is not ours; as long as the
 * header is not whole, all of it is. */
static void
listen_to(TgDoor *self, Caller *caller)
{
        struct sockaddr_storage source;
        gsize n_before = caller->n_said, n_header = 0;
        ssize_t n =
                recv(caller->fd, caller->said + n_before, sizeof caller->said - n_before, MSG_PEEK);
        TgProxyHeader header;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                forget(self, caller);
                return;
        }
        caller->n_said += (gsize)n;
        header = tg_proxy_header_parse(caller->said, caller->n_said, &n_header, &source);
        if (header == TG_PROXY_HEADER_PARTIAL)
                n_header = caller->n_said;
        if (header == TG_PROXY_HEADER_WRONG ||
            recv(caller->fd, caller->said + n_before, n_header - n_before, 0) !=
                    (ssize_t)(n_header - n_before)) {
                forget(self, caller);
                return;
        }
        if (header == TG_PROXY_HEADER_WHOLE)
                enter(self,
                      caller,
                      (const struct sockaddr *)(source.ss_family == AF_UNSPEC ? &caller->address
                                                                              : &source));
}

/* ---- listeners ---- */

static void
watch_listeners(TgDoor *self, guint32 events)
{
        for (GList *at = self->listeners.head; at; at = at->next) {
                Caller *listener = at->data;
                struct epoll_event event = {.events = events, .data.ptr = listener};

                epoll_ctl(self->epoll_fd, EPOLL_CTL_MOD, listener->fd, &event);
        }
}

static void
pause_listeners(TgDoor *self, gint64 until_us)
{
        self->paused_us = until_us;
        watch_listeners(self, 0);
}

static gboolean
has_room(const TgDoor *self)
{
        return self->options.has_room(self->options.user_data);
}

static void
take_in(TgDoor *self, int fd, gpointer tag, const struct sockaddr_storage *address, gint64 now_us)
{
        const struct sockaddr *source = (const struct sockaddr *)address;
        Caller *caller;

        if (!self->options.trust || !tg_trust_includes(self->options.trust, source)) {
                self->options.on_enter(self->options.user_data, tag, fd, source);
                return;
        }
        if (self->callers.length >= self->options.max_callers) {
                close(fd);
                return;
        }
        caller = watch(self, fd, tag, FALSE);
        if (!caller)
                return;
        caller->address = *address;
        caller->deadline.fd = fd;
        tg_deadline_set(&caller->deadline, &self->deadlines, now_us);
}

/* Whoever has gone meanwhile is an error of his own, and no reason to leave the others waiting;
 * every other error but that there is nobody will be there the next time, too. */
static void
accept_from(TgDoor *self, const Caller *listener, gint64 now_us)
{
        for (guint i = 0; i < MAX_EVENTS; i++) {
                struct sockaddr_storage address = {0};
                socklen_t n_bytes = sizeof address;
                int fd;

                if (!has_room(self)) {
                        pause_listeners(self, now_us); /* room makes itself known */
                        return;
                }
                fd = accept4(listener->fd,
                             (struct sockaddr *)&address,
                             &n_bytes,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd >= 0)
                        take_in(self, fd, listener->tag, &address, now_us);
                else if (errno == EAGAIN)
                        return;
                else if (errno != ECONNABORTED && errno != EINTR) {
                        pause_listeners(self, now_us + PAUSE_US);
                        return;
                }
        }
}

/* ---- ---- */

TgDoor *
tg_door_new(const TgDoorOptions *options)
{
        TgDoor *self = g_new0(TgDoor, 1);

        self->options = *options;
        self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);

        return self;
}

void
tg_door_close(TgDoor *self)
{
        while (self->callers.head)
                forget(self, self->callers.head->data);
        while (self->listeners.head)
                forget(self, self->listeners.head->data);
}

void
tg_door_free(TgDoor *self)
{
        if (!self)
                return;
        tg_door_close(self);
        if (self->epoll_fd >= 0)
                close(self->epoll_fd);
        g_free(self);
}

gboolean
tg_door_listen(TgDoor *self, int fd, gpointer tag, GError **error)
{
        if (watch(self, fd, tag, TRUE))
                return TRUE;
        tg_set_error(error, TG_ERROR_FAILED, "cannot wait for connections");

        return FALSE;
}

int
tg_door_get_fd(const TgDoor *self)
{
        return self->epoll_fd;
}

guint
tg_door_run(TgDoor *self, gint64 now_us, gint64 patience_us)
{
        struct epoll_event events[MAX_EVENTS];
        int n;

        if (self->paused_us > 0 && now_us >= self->paused_us && has_room(self)) {
                self->paused_us = 0;
                watch_listeners(self, EPOLLIN);
        }
        n = epoll_wait(self->epoll_fd, events, MAX_EVENTS, 0);
        self->deadlines.patience_us = patience_us;
        for (int i = 0; i < n; i++) {
                Caller *caller = events[i].data.ptr;

                if (caller->is_listener)
                        accept_from(self, caller, now_us);
                else
                        listen_to(self, caller);
        }

        return tg_deadlines_enforce(&self->deadlines, now_us);
}

gint64
tg_door_next_us(const TgDoor *self, gint64 now_us)
{
        gint64 late_us = tg_deadlines_next_us(&self->deadlines, now_us);
        gint64 pause_us = -1;

        if (self->paused_us > 0)
                pause_us = has_room(self) ? MAX(self->paused_us - now_us, 0) : PAUSE_US;

        return late_us < 0 || (pause_us >= 0 && pause_us < late_us) ? pause_us : late_us;
}
