/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay-client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static BenchLoad load;
static SSL_CTX *tls;
static struct sockaddr_in address = {.sin_family = AF_INET};
static int epoll_fd;

void
bench_die(const char *what)
{
        fprintf(stderr, "relay-load: %s\n", what);
        exit(1);
}

/* The handshake is done by the first write. */
static void
connect_client(BenchClient *client)
{
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};
        int yes = 1;

        client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (client->fd < 0)
                bench_die("no descriptor left: raise the limit (ulimit -n)");
        if (connect(client->fd, (const struct sockaddr *)&address, sizeof address) < 0)
                bench_die("cannot connect");
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (fcntl(client->fd, F_SETFL, O_NONBLOCK) < 0)
                bench_die("no fcntl");
        client->ssl = SSL_new(tls);
        SSL_set_fd(client->ssl, client->fd);
        SSL_set_connect_state(client->ssl);
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event);
}

static void
disconnect(BenchClient *client)
{
        SSL_shutdown(client->ssl);
        SSL_free(client->ssl);
        close(client->fd);
}

static void
ask(BenchClient *client)
{
        g_string_truncate(client->out, 0);
        client->n_sent = client->n_in = 0;
        client->begun_us = g_get_monotonic_time();
        load.ask(client);
}

/* The body of a complete answer, else NULL. */
static const char *
find_body(BenchClient *client)
{
        char *end, *length;
        gsize n_body = 0;

        client->in[client->n_in] = '\0';
        end = strstr(client->in, "\r\n\r\n");
        if (!end)
                return NULL;
        length = strcasestr(client->in, "\r\nContent-Length:");
        if (length && length < end)
                n_body = (gsize)strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);

        return client->n_in < (gsize)(end + 4 - client->in) + n_body ? NULL : end + 4;
}

static void
read_answer(BenchClient *client)
{
        const char *body = find_body(client);

        if (!body && client->n_in == sizeof client->in - 1)
                bench_die("too long an answer");
        if (!body)
                return;
        load.judge(client, body);
        if (load.is_always_new) {
                disconnect(client);
                connect_client(client);
        }
        ask(client);
}

static void
go_on(BenchClient *client)
{
        for (;;) {
                int n, problem;

                if (client->n_sent < client->out->len) {
                        n = SSL_write(client->ssl,
                                      client->out->str + client->n_sent,
                                      (int)(client->out->len - client->n_sent));
                        if (n > 0)
                                client->n_sent += (gsize)n;
                } else {
                        n = SSL_read(client->ssl,
                                     client->in + client->n_in,
                                     (int)(sizeof client->in - 1 - client->n_in));
                        if (n > 0) {
                                client->n_in += (gsize)n;
                                read_answer(client);
                        }
                }
                if (n > 0)
                        continue;
                problem = SSL_get_error(client->ssl, n);
                if (problem != SSL_ERROR_WANT_READ && problem != SSL_ERROR_WANT_WRITE)
                        bench_die("the connection ended");
                return;
        }
}

/* One after the other, so that no queue of the server overflows. */
static void
open_client(BenchClient *client)
{
        client->out = g_string_sized_new(4096);
        connect_client(client);
        fcntl(client->fd, F_SETFL, 0);
        if (SSL_do_handshake(client->ssl) != 1)
                bench_die("no TLS");
        fcntl(client->fd, F_SETFL, O_NONBLOCK);
        ask(client);
}

void
bench_open(const BenchLoad *wanted)
{
        g_auto(GStrv) parts = g_strsplit(wanted->authority, ":", 2);
        BenchClient *clients = g_new0(BenchClient, wanted->n_clients);

        load = *wanted;
        inet_pton(AF_INET, parts[0], &address.sin_addr);
        address.sin_port = htons((guint16)atoi(parts[1]));
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        tls = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL); /* loopback; the load is the point */
        SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
        for (guint i = 0; i < load.n_clients; i++)
                open_client(&clients[i]);
        for (guint i = 0; i < load.n_clients; i++)
                go_on(&clients[i]);
}

void
bench_run_until(gint64 end_us)
{
        struct epoll_event events[256];

        while (g_get_monotonic_time() < end_us) {
                int n = epoll_wait(epoll_fd, events, G_N_ELEMENTS(events), 100);

                for (int i = 0; i < n; i++)
                        go_on(events[i].data.ptr);
        }
}
