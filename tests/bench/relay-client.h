/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Many clients over TLS in one thread: each asks, waits for the whole answer, and asks again. What
 * they ask is the caller's.
 */

#include <glib.h>
#include <openssl/ssl.h>

typedef struct {
        int fd;
        SSL *ssl;
        guint step; /* the caller's, as the texts below */
        char claims[2][40];
        char id[40];
        GString *out;
        gsize n_sent;
        char in[8192]; /* with a NUL */
        gsize n_in;
        gint64 begun_us;
} BenchClient;

typedef struct {
        const char *authority; /* ADDRESS:PORT */
        guint n_clients;
        gboolean is_always_new; /* a connection is closed after its first answer */
        /* Writes into @out what is asked next. */
        void (*ask)(BenchClient *client);
        /* @in has a whole answer, its body from @body on. */
        void (*judge)(BenchClient *client, const char *body);
} BenchLoad;

G_NORETURN void bench_die(const char *what);

/* Opens all connections; each sends its first request. */
void bench_open(const BenchLoad *load);
void bench_run_until(gint64 end_us);
