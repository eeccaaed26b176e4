/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where connections come in. As long as there is no descriptor or memory for another, or no room,
 * those who come wait in the kernel and nobody looks: their sockets stay readable, so a loop
 * that watched them would do nothing else.
 *
 * Proxies that say whom they speak for (proxy-header.h) do so before anything else. A trusted
 * one must; from everybody else it would be what the connection begins with, and is left alone.
 * Knows neither TLS nor HTTP.
 */

#include "relay/source.h"

typedef struct {
        const TgTrust *trust; /* whose proxies say it, looked at for each connection; NULL: none */
        guint max_callers;    /* that have not said it yet; more are closed */
        /* Whether another may come in; else it waits. It is asked again in each run. */
        gboolean (*has_room)(gpointer user_data);
        /* Takes @fd: a connection of @source, whose own first octet is the next. */
        void (*on_enter)(gpointer user_data, gpointer tag, int fd, const struct sockaddr *source);
        gpointer user_data;
} TgDoorOptions;

typedef struct TgDoor TgDoor;

TgDoor *tg_door_new(const TgDoorOptions *options);
void tg_door_free(TgDoor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgDoor, tg_door_free)

/* Takes @fd, a listening socket; @tag comes with each of its connections. */
gboolean tg_door_listen(TgDoor *self, int fd, gpointer tag, GError **error);
/* Nobody else comes in, nor those who have not said it yet. */
void tg_door_close(TgDoor *self);

/* Readable when there is something to do. */
int tg_door_get_fd(const TgDoor *self);
/* Does it. How many have been closed for being late, with @patience_us. */
guint tg_door_run(TgDoor *self, gint64 now_us, gint64 patience_us);
/* Microseconds until something must be done that no descriptor shows; -1 when there is nothing. */
gint64 tg_door_next_us(const TgDoor *self, gint64 now_us);
