/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The sockets that the relay listens on: opened here, or handed over by systemd.
 * Knows no HTTP.
 */

#include <glib.h>

typedef struct {
        int fd;
        char *address;       /* 127.0.0.1:8443, [::1]:8443, unix:/PATH, "a local socket" */
        gboolean is_local;   /* only this machine can reach it */
        gboolean is_monitor; /* systemd's name for it is "metrics" */
} TgListener;

/* Both return an array of TgListener that closes what it holds. */

/* @addresses: ADDRESS:PORT with a numeric address, [ADDRESS]:PORT, localhost:PORT
 * or *:PORT, port 0 takes a free one; or unix:/PATH, whose socket, if nobody listens
 * on it any more, is made anew. */
GArray *tg_listeners_open(char **addresses, GError **error);
/* The same as far as it can be known without opening any: descriptors are -1. */
GArray *tg_listeners_parse(char **addresses, GError **error);
/* What systemd has handed over; empty when nothing. */
GArray *tg_listeners_inherit(GError **error);
