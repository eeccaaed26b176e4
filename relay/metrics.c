/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/metrics.h"

#include <stdatomic.h>

#define PREFIX "tigress_relay_"
#define N_CLASSES 6 /* of statuses, by their first digit: 2 to 5 */

typedef struct {
        const char *name;
        const char *labels; /* NULL: none */
        const char *help;   /* NULL: the same name as before */
} Info;

static const Info count_infos[] = {
        {"connections_accepted_total", NULL,                        "Connections taken."                              },
        {"store_commits_total",        NULL,                        "Batches of changes made durable."                },
        {"store_errors_total",         NULL,                        "Batches and reads that failed."                  },
        {"expired_total",              NULL,                        "Mailboxes and messages erased after their time." },
        {"reloads_total",              "result=\"taken\"",          "Settings read again."                            },
        {"reloads_total",              "result=\"refused\"",        NULL                                              },
        {"pushes_total",               "result=\"sent\"",           "Wake-ups of devices, by what has become of them."},
        {"pushes_total",               "result=\"retried\"",        NULL                                              },
        {"pushes_total",               "result=\"failed\"",         NULL                                              },
        {"pushes_total",               "result=\"forgotten\"",      NULL                                              },
        {"pushes_total",               "result=\"refused\"",        NULL                                              },
        {"pushes_total",               "result=\"dropped\"",        NULL                                              },
        {"limited_total",
         "limit=\"connections\"",                                   "Connections and requests turned away, by limit." },
        {"limited_total",              "limit=\"connection-rate\"", NULL                                              },
        {"limited_total",              "limit=\"request-rate\"",    NULL                                              },
        {"limited_total",              "limit=\"creation-rate\"",   NULL                                              },
        {"limited_total",              "limit=\"held\"",            NULL                                              },
        {"limited_total",              "limit=\"time\"",            NULL                                              },
        {"limited_total",              "limit=\"body\"",            NULL                                              },
        {"limited_total",              "limit=\"body-memory\"",     NULL                                              },
};
G_STATIC_ASSERT(G_N_ELEMENTS(count_infos) == TG_N_COUNTS);

static const Info gauge_infos[] = {
        {"connections",    NULL, "Connections open."                                            },
        {"held_reads",     NULL, "Reads that wait for something new."                           },
        {"body_bytes",     NULL, "Octets of request bodies being received."                     },
        {"store_in_doubt", NULL, "1 from a failed change to the next good one, or sweep."       },
        {"stopping",       NULL, "1 while the relay finishes what runs."                        },
        {"push_waiting",   NULL, "Devices to be woken, and those that rest until the next time."},
};
G_STATIC_ASSERT(G_N_ELEMENTS(gauge_infos) == TG_GAUGE_BUSY_SINCE_US);

static const char *const operation_names[] = {
        [TG_OPERATION_NONE] = "none",
        [TG_OPERATION_CREATE] = "create",
        [TG_OPERATION_READ] = "read",
        [TG_OPERATION_UPDATE] = "update",
        [TG_OPERATION_DELETE] = "delete",
        [TG_OPERATION_RELINQUISH] = "relinquish",
        [TG_OPERATION_PREVIEW] = "preview",
        [TG_OPERATION_PUT_RESOURCE] = "put-message",
        [TG_OPERATION_GET_RESOURCE] = "get-message",
        [TG_OPERATION_DELETE_RESOURCE] = "delete-message",
};
#define N_OPERATIONS G_N_ELEMENTS(operation_names)

/* Upper bounds; what is slower still is in "+Inf". */
static const struct {
        gint64 us;
        const char *seconds;
} buckets[] = {
        {500,     "0.0005"},
        {1000,    "0.001" },
        {2500,    "0.0025"},
        {5000,    "0.005" },
        {10000,   "0.01"  },
        {25000,   "0.025" },
        {50000,   "0.05"  },
        {100000,  "0.1"   },
        {250000,  "0.25"  },
        {1000000, "1"     },
        {5000000, "5"     },
};
#define N_BUCKETS G_N_ELEMENTS(buckets)

static _Atomic guint64 counts[TG_N_COUNTS];
static _Atomic gint64 gauges[TG_N_GAUGES];
static _Atomic guint64 requests[N_OPERATIONS][N_CLASSES];
static _Atomic guint64 took[N_BUCKETS + 1];
static _Atomic guint64 took_us_sum;

static void
add(_Atomic guint64 *number, guint64 more)
{
        atomic_fetch_add_explicit(number, more, memory_order_relaxed);
}

void
tg_metrics_count(TgCount count, guint64 more)
{
        add(&counts[count], more);
}

void
tg_metrics_set(TgGauge gauge, gint64 value)
{
        atomic_store_explicit(&gauges[gauge], value, memory_order_relaxed);
}

gint64
tg_metrics_get(TgGauge gauge)
{
        return atomic_load_explicit(&gauges[gauge], memory_order_relaxed);
}

void
tg_metrics_request(TgOperation operation, guint status, gint64 took_us)
{
        guint class = status / 100, bucket = 0;

        add(&requests[operation][class < N_CLASSES ? class : 0], 1);
        if (took_us < 0)
                return;
        while (bucket < N_BUCKETS && took_us > buckets[bucket].us)
                bucket++;
        add(&took[bucket], 1);
        add(&took_us_sum, (guint64)took_us);
}

/* ---- printing ---- */

static void
print_head(GString *text, const char *name, const char *type, const char *help)
{
        g_string_append_printf(
                text, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void
print_number(GString *text, const char *name, const char *labels, guint64 number)
{
        g_string_append_printf(text,
                               PREFIX "%s%s%s%s %" G_GUINT64_FORMAT "\n",
                               name,
                               labels ? "{" : "",
                               labels ? labels : "",
                               labels ? "}" : "",
                               number);
}

static void
print_requests(GString *text)
{
        print_head(text, "requests_total", "counter", "Requests answered, by kind and status.");
        for (guint i = 0; i < N_OPERATIONS; i++)
                for (guint class = 2; class < N_CLASSES; class ++) {
                        char labels[64];

                        g_snprintf(labels,
                                   sizeof labels,
                                   "kind=\"%s\",status=\"%uxx\"",
                                   operation_names[i],
                                   class);
                        print_number(text, "requests_total", labels, requests[i][class]);
                }
}

static void
print_latency(GString *text)
{
        guint64 sum_us = took_us_sum, n = 0;

        print_head(text,
                   "request_seconds",
                   "histogram",
                   "From a whole request to its answer; held reads are left out.");
        for (guint i = 0; i <= N_BUCKETS; i++) {
                char labels[32];

                n += took[i];
                g_snprintf(labels,
                           sizeof labels,
                           "le=\"%s\"",
                           i < N_BUCKETS ? buckets[i].seconds : "+Inf");
                print_number(text, "request_seconds_bucket", labels, n);
        }
        g_string_append_printf(text,
                               PREFIX "request_seconds_sum %" G_GUINT64_FORMAT
                                      ".%06" G_GUINT64_FORMAT "\n",
                               sum_us / G_USEC_PER_SEC,
                               sum_us % G_USEC_PER_SEC);
        print_number(text, "request_seconds_count", NULL, n);
}

static void
print_size(GString *text, const TgStoreSize *size)
{
        print_head(text, "mailboxes", "gauge", "Mailboxes that the store has.");
        print_number(text, "mailboxes", NULL, size->n_mailboxes);
        print_head(text, "messages", "gauge", "Single messages that the store has.");
        print_number(text, "messages", NULL, size->n_resources);
        print_head(text, "store_bytes", "gauge", "Octets that the store takes.");
        print_number(text, "store_bytes", NULL, size->n_bytes);
}

char *
tg_metrics_format(const TgStoreSize *size)
{
        GString *text = g_string_new(NULL);

        print_requests(text);
        print_latency(text);
        for (guint i = 0; i < TG_N_COUNTS; i++) {
                if (count_infos[i].help)
                        print_head(text, count_infos[i].name, "counter", count_infos[i].help);
                print_number(text, count_infos[i].name, count_infos[i].labels, counts[i]);
        }
        for (guint i = 0; i < G_N_ELEMENTS(gauge_infos); i++) {
                print_head(text, gauge_infos[i].name, "gauge", gauge_infos[i].help);
                print_number(text, gauge_infos[i].name, NULL, (guint64)gauges[i]);
        }
        if (size)
                print_size(text, size);

        return g_string_free(text, FALSE);
}
