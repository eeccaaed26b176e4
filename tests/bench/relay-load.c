/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A load over TLS: one thread, one epoll, every connection running its cycle over and over.
 *
 *      relay-load KIND HOST:PORT CONNECTIONS SECONDS [FILE]
 *
 *   relay    create, read by the second device (which binds it), update by that
 *            device, read, delete by the first
 *   dav      PUT, GET, PUT, GET, DELETE of one file
 *   read     of a mailbox that each makes for itself once
 *   get      of a file that each puts there once
 *   missing  GET of what there is not: 404; "missing-new" on a new connection each
 *   ok       GET of what nginx answers by itself: 200; "ok-new" the same
 *   held     read of a mailbox that each makes for itself, held for what does not come
 *   idle     "ok" once, and no more
 *
 * FILE is made when all are connected. Prints cycles/s, p50 and p99 of a request in microseconds,
 * all cycles that were run, warming up included, and its own CPU time in hundredths of a second.
 * Anything but the expected status ends it: a benchmark of errors is none.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "relay-client.h"

#define PAYLOAD_BYTES 2048
#define MAX_STEPS 5
#define MAX_SAMPLES 4000000

typedef struct {
        const char *name;
        void (*ask)(BenchClient *client);
        guint n_steps;
        guint again; /* the step after the last */
        const char *statuses[MAX_STEPS];
        gboolean is_always_new;
} Kind;

static const Kind *kind;
static const char *authority;
static char *payload;
static char *raw;
static GRand *source;
static guint32 *samples;
static gsize n_samples;
static guint64 n_cycles;
static guint64 n_all_cycles;
static gboolean is_measuring;

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
ask_nothing(BenchClient *client)
{
        append_head(client->out, "GET", "/nothing", -1);
        g_string_append(client->out, "\r\n");
}

static void
ask_dav(BenchClient *client)
{
        static const char *const methods[MAX_STEPS] = {"PUT", "GET", "PUT", "GET", "DELETE"};
        gboolean is_put = methods[client->step][0] == 'P';
        g_autofree char *path = NULL;

        if (client->step == 0)
                draw_uuid(client->id);
        path = g_strconcat("/dav/", client->id, NULL);
        append_head(client->out, methods[client->step], path, is_put ? PAYLOAD_BYTES : -1);
        g_string_append(client->out, "\r\n");
        if (is_put)
                g_string_append_len(client->out, raw, PAYLOAD_BYTES);
}

static void
append_headers(BenchClient *client, guint who, gboolean has_request)
{
        char request[40];

        g_string_append_printf(client->out, "Mailbox-Device-Claim: %s\r\n", client->claims[who]);
        if (!has_request)
                return;
        draw_uuid(request);
        g_string_append_printf(client->out, "Mailbox-Request-ID: %s\r\n", request);
}

static void
append_json(BenchClient *client, const char *body)
{
        g_string_append(client->out, "Content-Type: application/json\r\n\r\n");
        g_string_append(client->out, body);
}

static void
ask_create(BenchClient *client)
{
        g_autofree char *body =
                g_strdup_printf("{\"payload\":%s,\"displayInformation\":{\"title\":"
                                "\"Shared credential\",\"description\":\"\",\"imageURL\":"
                                "\"\"},\"mailboxConfiguration\":{\"accessRights\":\"RWD\"}}",
                                payload);

        draw_uuid(client->claims[0]);
        draw_uuid(client->claims[1]);
        append_head(client->out, "POST", "/v1/m", (gssize)strlen(body));
        append_headers(client, 0, TRUE);
        append_json(client, body);
}

static void
ask_mailbox(BenchClient *client, const char *method, guint who, const char *more)
{
        g_autofree char *path = g_strconcat("/v1/m/", client->id, NULL);

        append_head(client->out, method, path, 0);
        append_headers(client, who, method[0] == 'D');
        g_string_append_printf(client->out, "%s\r\n", more);
}

static void
ask_update(BenchClient *client)
{
        g_autofree char *path = g_strconcat("/v1/m/", client->id, NULL);
        g_autofree char *body = g_strdup_printf("{\"payload\":%s}", payload);

        append_head(client->out, "PUT", path, (gssize)strlen(body));
        append_headers(client, 1, TRUE);
        append_json(client, body);
}

static void
ask_relay(BenchClient *client)
{
        switch (client->step) {
        case 0:
                ask_create(client);
                return;
        case 1:
                ask_mailbox(client, "POST", 1, "");
                return;
        case 2:
                ask_update(client);
                return;
        case 3:
                ask_mailbox(client, "POST", 0, "");
                return;
        default:
                ask_mailbox(client, "DELETE", 0, "");
        }
}

static void
ask_read(BenchClient *client)
{
        if (client->step == 0)
                ask_create(client);
        else
                ask_mailbox(client, "POST", 0, "");
}

static void
ask_held(BenchClient *client)
{
        if (client->step == 0)
                ask_create(client);
        else
                ask_mailbox(client, "POST", 0, "If-None-Match: \"1\"\r\nPrefer: wait=600\r\n");
}

static void
ask_once(BenchClient *client)
{
        if (client->step == 0)
                ask_nothing(client);
}

static const Kind kinds[] = {
        {"relay",       ask_relay,   5, 0, {"200", "200", "200", "200", "200"}, FALSE},
        {"dav",         ask_dav,     5, 0, {"201", "200", "204", "200", "204"}, FALSE},
        {"read",        ask_read,    2, 1, {"200", "200"},                      FALSE},
        {"get",         ask_dav,     2, 1, {"201", "200"},                      FALSE},
        {"missing",     ask_nothing, 1, 0, {"404"},                             FALSE},
        {"missing-new", ask_nothing, 1, 0, {"404"},                             TRUE },
        {"ok",          ask_nothing, 1, 0, {"200"},                             FALSE},
        {"ok-new",      ask_nothing, 1, 0, {"200"},                             TRUE },
        {"held",        ask_held,    2, 1, {"200", "304"},                      FALSE},
        {"idle",        ask_once,    2, 1, {"200"},                             FALSE},
};

/* ---- what is answered ---- */

static void
judge(BenchClient *client, const char *body)
{
        const char *link; /* urlLink */

        if (strncmp(client->in + strlen("HTTP/1.1 "), kind->statuses[client->step], 3) != 0)
                bench_die(client->in);
        link = strstr(body, "/v1/m/");
        if (link && client->step == 0) {
                memcpy(client->id, link + strlen("/v1/m/"), 36);
                client->id[36] = '\0';
        }
        if (is_measuring && client->step >= kind->again && n_samples < MAX_SAMPLES)
                samples[n_samples++] = (guint32)(g_get_monotonic_time() - client->begun_us);
        if (++client->step < kind->n_steps)
                return;
        client->step = kind->again;
        n_all_cycles++;
        n_cycles += is_measuring;
}

static int
compare(const void *a, const void *b)
{
        guint32 x = *(const guint32 *)a, y = *(const guint32 *)b;

        return x < y ? -1 : x > y;
}

static void
make_payload(void)
{
        g_autofree char *data = NULL;

        source = g_rand_new();
        raw = g_malloc(PAYLOAD_BYTES);
        for (gsize i = 0; i < PAYLOAD_BYTES; i++)
                raw[i] = (char)g_rand_int(source);
        data = g_base64_encode((const guchar *)raw, PAYLOAD_BYTES);
        payload = g_strdup_printf("{\"type\":\"AEAD_AES_128_GCM\",\"data\":\"%s\"}", data);
}

int
main(int argc, char **argv)
{
        BenchLoad load = {.ask = NULL, .judge = judge};
        struct rusage usage;
        gint64 begin_us;

        if (argc < 5 || argc > 6)
                bench_die("relay-load KIND HOST:PORT CONNECTIONS SECONDS [FILE]");
        for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
                if (strcmp(argv[1], kinds[i].name) == 0)
                        kind = &kinds[i];
        if (!kind)
                bench_die("there is no such kind");
        authority = load.authority = argv[2];
        load.n_clients = (guint)atoi(argv[3]);
        load.is_always_new = kind->is_always_new;
        load.ask = kind->ask;
        make_payload();
        samples = g_new0(guint32, MAX_SAMPLES);

        bench_open(&load);
        if (argc > 5 && !g_file_set_contents(argv[5], "", 0, NULL))
                bench_die("cannot write the file");
        bench_run_until(g_get_monotonic_time() + G_USEC_PER_SEC / 2);
        is_measuring = TRUE;
        begin_us = g_get_monotonic_time();
        bench_run_until(begin_us + (gint64)atoi(argv[4]) * G_USEC_PER_SEC);

        if (n_samples == 0)
                bench_die("nothing was answered in this time");
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
