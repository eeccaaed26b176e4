/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Connections whose TLS handshake is not over. The library (libmicrohttpd with epoll) takes them
 * for readable for as long as that lasts, tries again in every run, and runs without a pause: a
 * client that says nothing, or half, would have a processor to itself. So between two runs they
 * sleep, and wake when there is something on their sockets.
 */

#include <glib.h>
#include <microhttpd.h>

typedef struct {
        int epoll_fd;
        GQueue awake; /* TgHandshake: had their turn in the last run, or are new */
        GQueue asleep;
} TgHandshakes;

/* Zeros: none. */
typedef struct {
        GList link;
        GQueue *queue; /* that it is in, or NULL */
        struct MHD_Connection *mhd;
        gpointer session;
        int fd;
        gboolean is_watched;
        gboolean is_over;
} TgHandshake;

/* Where there is no descriptor left, none will sleep. */
void tg_handshakes_init(TgHandshakes *self);
void tg_handshakes_clear(TgHandshakes *self);

/* A new connection; one without TLS has no handshake. */
void tg_handshakes_begin(TgHandshakes *self, TgHandshake *handshake, struct MHD_Connection *mhd);
/* Before the connection goes. */
void tg_handshakes_end(TgHandshakes *self, TgHandshake *handshake);

/* After each run of the library. */
void tg_handshakes_sleep(TgHandshakes *self);
/* Before it: those that have something. @epoll_fd is readable when there is one. */
void tg_handshakes_wake(TgHandshakes *self);
/* Whatever they have: the library does not stop while one sleeps. */
void tg_handshakes_wake_all(TgHandshakes *self);
