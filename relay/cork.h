/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A small answer in one TLS record. The library (libmicrohttpd over TLS) sends header and body by
 * themselves: two records and two calls of the kernel, which is a quarter of what the smallest
 * request costs. So GnuTLS keeps back what it is given of an answer until all of it is there; and
 * keeps it after that, until the next one or the end of the connection: it must be worth nothing.
 */

#include <glib.h>
#include <microhttpd.h>

/* Those of which something could not be sent yet: the socket is full, for the client does not read.
 */
typedef struct {
        GQueue late;    /* TgCork */
        gint64 next_us; /* when the first of them is tried, if there are any */
} TgCorks;

/* A connection's. Zeros: none. */
typedef struct {
        GList link;
        gpointer session; /* NULL: no TLS, or its handshake is not over */
        int fd;
        gboolean is_shut;
        gboolean is_late;
        gint64 pause_us;
        gint64 next_us;
} TgCork;

/* Before an answer of @n_bytes of body is queued. */
void tg_cork_shut(TgCork *self, struct MHD_Connection *mhd, gsize n_bytes);
/* When the library has sent all of it. */
void tg_cork_open(TgCork *self, TgCorks *all);
/* FALSE: the answer before is still late, and there must not be another. */
gboolean tg_cork_is_free(TgCork *self, TgCorks *all);
/* Before the connection goes. */
void tg_cork_end(TgCork *self, TgCorks *all);

/* In each turn: those whose time has come, of the monotonic clock. */
void tg_corks_try(TgCorks *self, gint64 now_us);
/* Microseconds until the next try; -1 when nothing is late. */
gint64 tg_corks_next_us(const TgCorks *self, gint64 now_us);
