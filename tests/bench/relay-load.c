/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A load of whole shares over kept TLS connections: one thread, one epoll, every
 * connection running its cycle over and over.
 *
 *      relay-load relay|dav HOST:PORT CONNECTIONS SECONDS
 *
 *   relay   create, read by the second device (which binds it), update by that
 *           device, read, delete by the first
 *   dav     PUT, GET, PUT, GET, DELETE of one file
 *
 * Prints cycles/s, p50 and p99 of a request in microseconds, all cycles that were
 * run, warming up included, and its own CPU time in hundredths of a second. Anything
 * but the expected status ends it: a benchmark of errors is none.
 */

#include <arpa/inet.h>
#include <glib-unix.h>
#include <glib.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAYLOAD_BYTES 2048
#define N_STEPS 5
#define MAX_SAMPLES 4000000

typedef struct {
        int fd;
        SSL *ssl;
        guint step;
        char claims[2][40];
        char id[40];
        GString *out;
        gsize n_sent;
        char in[16384];
        gsize n_in;
        gint64 begun_us;
} Client;

static gboolean is_dav;
static const char *authority;
static char *payload;
static char *raw;
static GRand *source;
static guint32 *samples;
static gsize n_samples;
static guint64 n_cycles;
static guint64 n_all_cycles;
static gboolean is_measuring;

static G_GNUC_NORETURN void
die(const char *what)
{
        fprintf(stderr, "relay-load: %s\n", what);
        exit(1);
}

static void
draw_uuid(char *text)
{
        g_snprintf(text,
                   40,
                   "%08x-%04x-4%03x-8%03x-%08x%04x",
                   g_rand_int(source),
                   g_rand_int(source) & 0xffff,
                   g_rand_int(source) & 0xfff,
                   g_rand_int(source) & 0xfff,
                   g_rand_int(source),
                   g_rand_int(source) & 0xffff);
}

/* ---- what is asked ---- */

static void
append_head(GString *out, const char *method, const char *path, gssize n_body)
{
        g_string_append_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, authority);
        if (n_body >= 0)
                g_string_append_printf(out, "Content-Length: %zd\r\n", n_body);
}

static void
ask_dav(Client *client)
{
        g_autofree char *path = g_strconcat("/dav/", client->id, NULL);
        static const char *const methods[N_STEPS] = {"PUT", "GET", "PUT", "GET", "DELETE"};
        gboolean is_put = methods[client->step][0] == 'P';

        append_head(client->out, methods[client->step], path, is_put ? PAYLOAD_BYTES : -1);
        g_string_append(client->out, "\r\n");
        if (is_put)
                g_string_append_len(client->out, raw, PAYLOAD_BYTES);
}

static void
ask_relay(Client *client)
{
        static const char *const methods[N_STEPS] = {"POST", "POST", "PUT", "POST", "DELETE"};
        static const guint who[N_STEPS] = {0, 1, 1, 0, 0};
        g_autofree char *path =
                client->step == 0 ? g_strdup("/v1/m") : g_strconcat("/v1/m/", client->id, NULL);
        g_autofree char *body = NULL;
        char request[40];

        if (client->step == 0)
                body = g_strdup_printf("{\"payload\":%s,\"displayInformation\":{\"title\":"
                                       "\"Shared credential\",\"description\":\"\",\"imageURL\":"
                                       "\"\"},\"mailboxConfiguration\":{\"accessRights\":\"RWD\"}}",
                                       payload);
        if (client->step == 2)
                body = g_strdup_printf("{\"payload\":%s}", payload);

        append_head(client->out, methods[client->step], path, body ? (gssize)strlen(body) : 0);
        g_string_append_printf(
                client->out, "Mailbox-Device-Claim: %s\r\n", client->claims[who[client->step]]);
        if (client->step != 1 && client->step != 3) {
                draw_uuid(request);
                g_string_append_printf(client->out, "Mailbox-Request-ID: %s\r\n", request);
        }
        g_string_append_printf(client->out,
                               "%s\r\n%s",
                               body ? "Content-Type: application/json\r\n" : "",
                               body ? body : "");
}

static void
ask(Client *client)
{
        if (client->step == 0) {
                draw_uuid(client->id);
                draw_uuid(client->claims[0]);
                draw_uuid(client->claims[1]);
        }
        g_string_truncate(client->out, 0);
        client->n_sent = client->n_in = 0;
        client->begun_us = g_get_monotonic_time();
        if (is_dav)
                ask_dav(client);
        else
                ask_relay(client);
}

/* ---- what is answered ---- */

/* TRUE when the answer is complete. */
static gboolean
judge(Client *client)
{
        static const char dav[N_STEPS][4] = {"201", "200", "204", "200", "204"};
        const char *expected = is_dav ? dav[client->step] : "200";
        char *end, *length, *link;
        gsize n_body = 0;

        client->in[client->n_in] = '\0';
        end = strstr(client->in, "\r\n\r\n");
        if (!end)
                return FALSE;
        length = strcasestr(client->in, "\r\nContent-Length:");
        if (length && length < end)
                n_body = (gsize)strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
        if (client->n_in < (gsize)(end + 4 - client->in) + n_body)
                return FALSE;
        if (strncmp(client->in + strlen("HTTP/1.1 "), expected, 3) != 0)
                die(client->in);

        if (!is_dav && client->step == 0) {
                link = strstr(end, "/v1/m/");
                if (!link)
                        die("no urlLink");
                memcpy(client->id, link + strlen("/v1/m/"), 36);
                client->id[36] = '\0';
        }
        if (is_measuring && n_samples < MAX_SAMPLES)
                samples[n_samples++] = (guint32)(g_get_monotonic_time() - client->begun_us);
        client->step = (client->step + 1) % N_STEPS;
        if (client->step == 0) {
                n_all_cycles++;
                n_cycles += is_measuring;
        }

        return TRUE;
}

static void
go_on(Client *client)
{
        for (;;) {
                int n;

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
                                if (judge(client))
                                        ask(client);
                        }
                }
                if (n <= 0) {
                        int problem = SSL_get_error(client->ssl, n);

                        if (problem != SSL_ERROR_WANT_READ && problem != SSL_ERROR_WANT_WRITE)
                                die("the connection ended");
                        return;
                }
        }
}

static void
open_client(Client *client, SSL_CTX *tls, const struct sockaddr_in *address, int epoll_fd)
{
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};
        int yes = 1;

        client->out = g_string_sized_new(4096);
        client->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(client->fd, (const struct sockaddr *)address, sizeof *address) < 0)
                die("cannot connect");
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        client->ssl = SSL_new(tls);
        SSL_set_fd(client->ssl, client->fd);
        if (SSL_connect(client->ssl) != 1)
                die("no TLS");
        if (g_unix_set_fd_nonblocking(client->fd, TRUE, NULL) == FALSE)
                die("no fcntl");
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event);
        ask(client);
}

static int
compare(const void *a, const void *b)
{
        guint32 x = *(const guint32 *)a, y = *(const guint32 *)b;

        return x < y ? -1 : x > y;
}

static void
run_until(int epoll_fd, gint64 end_us)
{
        struct epoll_event events[256];

        while (g_get_monotonic_time() < end_us) {
                int n = epoll_wait(epoll_fd, events, G_N_ELEMENTS(events), 100);

                for (int i = 0; i < n; i++)
                        go_on(events[i].data.ptr);
        }
}

int
main(int argc, char **argv)
{
        struct sockaddr_in address = {.sin_family = AF_INET};
        SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
        g_auto(GStrv) parts = NULL;
        int epoll_fd = epoll_create1(0);
        guint n_clients, seconds;
        guint8 bytes[PAYLOAD_BYTES];
        g_autofree char *data = NULL;
        Client *clients;
        gint64 begin_us;
        struct rusage usage;

        if (argc != 5)
                die("relay-load relay|dav HOST:PORT CONNECTIONS SECONDS");
        is_dav = strcmp(argv[1], "dav") == 0;
        authority = argv[2];
        parts = g_strsplit(authority, ":", 2);
        inet_pton(AF_INET, parts[0], &address.sin_addr);
        address.sin_port = htons((guint16)atoi(parts[1]));
        n_clients = (guint)atoi(argv[3]);
        seconds = (guint)atoi(argv[4]);

        source = g_rand_new();
        for (gsize i = 0; i < sizeof bytes; i++)
                bytes[i] = (guint8)g_rand_int(source);
        data = g_base64_encode(bytes, sizeof bytes);
        payload = g_strdup_printf("{\"type\":\"AEAD_AES_128_GCM\",\"data\":\"%s\"}", data);
        raw = (char *)bytes;
        samples = g_new(guint32, MAX_SAMPLES);
        clients = g_new0(Client, n_clients);

        SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL); /* loopback; the load is the point */
        for (guint i = 0; i < n_clients; i++)
                open_client(&clients[i], tls, &address, epoll_fd);
        for (guint i = 0; i < n_clients; i++)
                go_on(&clients[i]);
        run_until(epoll_fd, g_get_monotonic_time() + G_USEC_PER_SEC / 2);
        is_measuring = TRUE;
        begin_us = g_get_monotonic_time();
        run_until(epoll_fd, begin_us + (gint64)seconds * G_USEC_PER_SEC);

        qsort(samples, n_samples, sizeof *samples, compare);
        getrusage(RUSAGE_SELF, &usage);
        printf("%.0f %u %u %" G_GUINT64_FORMAT " %ld\n",
               (double)n_cycles * G_USEC_PER_SEC / (double)(g_get_monotonic_time() - begin_us),
               samples[n_samples / 2],
               samples[n_samples * 99 / 100],
               n_all_cycles,
               (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 100 +
                       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 10000);

        return 0;
}
