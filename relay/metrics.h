/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the process counts about itself: numbers, and never whose they are. Any thread may
 * count; one table for the process, so that nobody has to be handed it.
 *
 * Printed in the text format of Prometheus, version 0.0.4. tigress-relay(8) has each of them.
 */

#include "relay/request.h"
#include "relay/store.h"

/* They only grow. */
typedef enum {
        TG_COUNT_CONNECTIONS,
        TG_COUNT_COMMITS, /* batches that were made durable */
        TG_COUNT_STORE_ERRORS,
        TG_COUNT_EXPIRED,
        TG_COUNT_RELOADS,
        TG_COUNT_RELOADS_REFUSED,
        TG_COUNT_PUSH_SENT, /* wake-ups, by what came of them */
        TG_COUNT_PUSH_RETRIED,
        TG_COUNT_PUSH_FAILED,
        TG_COUNT_PUSH_GONE,
        TG_COUNT_PUSH_REFUSED,
        TG_COUNT_PUSH_DROPPED,
        TG_COUNT_LIMITED_CONNECTIONS, /* from here on: who was turned away, by what */
        TG_COUNT_LIMITED_CONNECTION_RATE,
        TG_COUNT_LIMITED_REQUEST_RATE,
        TG_COUNT_LIMITED_CREATION_RATE,
        TG_COUNT_LIMITED_HELD,
        TG_COUNT_LIMITED_TIME,
        TG_COUNT_LIMITED_BODY,
        TG_COUNT_LIMITED_BODY_MEMORY,
} TgCount;
#define TG_N_COUNTS (TG_COUNT_LIMITED_BODY_MEMORY + 1)

/* They are set. */
typedef enum {
        TG_GAUGE_CONNECTIONS,
        TG_GAUGE_HELD,
        TG_GAUGE_BODY_BYTES,
        TG_GAUGE_STORE_IN_DOUBT,
        TG_GAUGE_STOPPING,
        TG_GAUGE_PUSH_WAITING,
        TG_GAUGE_BUSY_SINCE_US, /* the loop, by the clock that does not jump; 0: it waits. Not
                                   printed */
} TgGauge;
#define TG_N_GAUGES (TG_GAUGE_BUSY_SINCE_US + 1)

void tg_metrics_count(TgCount count, guint64 more);
void tg_metrics_set(TgGauge gauge, gint64 value);
gint64 tg_metrics_get(TgGauge gauge);

/* An answer; @took_us: from the whole request to it, -1 for a read that was held. */
void tg_metrics_request(TgOperation operation, guint status, gint64 took_us);

/* @size NULL: the store does not say. */
char *tg_metrics_format(const TgStoreSize *size);
