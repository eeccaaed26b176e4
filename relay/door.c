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
        GQueue callers; /* and listeners */
        TgDeadlines deadlines;
};

static void
forget(TgDoor *self, Caller *caller)
{
        tg_deadline_clear(&caller->deadline, &self->deadlines);
        g_queue_unlink(&self->callers, &caller->link);
        if (caller->fd >= 0)
                close(caller->fd);
        g_free(caller);
}

static Caller *
watch(TgDoor *self, int fd, gpointer tag)
{
        Caller *caller = g_new0(Caller, 1);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = caller};

        caller->fd = fd;
        caller->tag = tag;
        caller->link.data = caller;
        g_queue_push_tail_link(&self->callers, &caller->link);
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

static void
take_in(TgDoor *self, const Caller *listener, gint64 now_us)
{
        for (guint i = 0; i < MAX_EVENTS; i++) {
                struct sockaddr_storage address = {0};
                socklen_t n_bytes = sizeof address;
                int fd = accept4(listener->fd,
                                 (struct sockaddr *)&address,
                                 &n_bytes,
                                 SOCK_CLOEXEC | SOCK_NONBLOCK);
                Caller *caller;

                if (fd < 0)
                        return;
                if (!tg_trust_includes(self->options.trust, (struct sockaddr *)&address)) {
                        self->options.on_enter(self->options.user_data,
                                               listener->tag,
                                               fd,
                                               (struct sockaddr *)&address);
                        continue;
                }
                if (self->callers.length > self->options.max_callers) {
                        close(fd);
                        continue;
                }
                caller = watch(self, fd, listener->tag);
                if (!caller)
                        continue;
                caller->address = address;
                caller->deadline.fd = fd;
                tg_deadline_set(&caller->deadline, &self->deadlines, now_us);
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
        Caller *listener = watch(self, fd, tag);

        if (!listener) {
                tg_set_error(error, TG_ERROR_FAILED, "cannot wait for connections");
                return FALSE;
        }
        listener->is_listener = TRUE;

        return TRUE;
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
        int n = epoll_wait(self->epoll_fd, events, MAX_EVENTS, 0);

        self->deadlines.patience_us = patience_us;
        for (int i = 0; i < n; i++) {
                Caller *caller = events[i].data.ptr;

                if (caller->is_listener)
                        take_in(self, caller, now_us);
                else
                        listen_to(self, caller);
        }

        return tg_deadlines_enforce(&self->deadlines, now_us);
}

gint64
tg_door_next_us(const TgDoor *self, gint64 now_us)
{
        return tg_deadlines_next_us(&self->deadlines, now_us);
}
