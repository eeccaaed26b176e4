/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Token buckets per source: an IPv4 address or an IPv6 /56, which is what one
 * customer of a network usually has. In memory only. A source is known by a hash
 * under a secret that is drawn anew every hour, when all is forgotten: nothing
 * here tells who has been here, and nothing for longer than that.
 *
 * Time is an argument: microseconds of a clock that does not jump.
 */

#include <glib.h>
#include <sys/socket.h>

typedef enum {
        TG_RATE_CONNECTION,
        TG_RATE_REQUEST,
        TG_RATE_CREATION,
} TgRate;
#define TG_N_RATES (TG_RATE_CREATION + 1)

/* What one source has at the same time. */
typedef enum {
        TG_PLACE_CONNECTION,
        TG_PLACE_HELD,
} TgPlace;
#define TG_N_PLACES (TG_PLACE_HELD + 1)

typedef struct {
        double per_s; /* 0: no limit */
        double burst;
} TgRateRule;

typedef struct TgRateLimit TgRateLimit;

TgRateLimit *tg_rate_limit_new(const TgRateRule rules[TG_N_RATES]);
void tg_rate_limit_free(TgRateLimit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgRateLimit, tg_rate_limit_free)

/* From now on. What has been taken stays taken; a higher burst gives everybody the difference. */
void tg_rate_limit_set_rules(TgRateLimit *self, const TgRateRule rules[TG_N_RATES]);

/* Takes one token for @address. 0, or the seconds until there will be one. An
 * address that is no internet address is a proxy on this machine: no limit. */
guint
tg_rate_limit_take(TgRateLimit *self, TgRate rate, const struct sockaddr *address, gint64 now_us);

/* Places of @address, until they are left: FALSE when it has @max (0: no limit) already.
 * *ret_ticket names its source, 0 none; when the sources are forgotten, tickets that are out stay
 * good, and their holder begins anew. */
gboolean tg_rate_limit_enter(TgRateLimit *self,
                             TgPlace place,
                             const struct sockaddr *address,
                             guint max,
                             gint64 now_us,
                             guint64 *ret_ticket);
void tg_rate_limit_leave(TgRateLimit *self, TgPlace place, guint64 ticket);

/* Forgets what is an hour old, whether anybody asks or not. */
void tg_rate_limit_sweep(TgRateLimit *self, gint64 now_us);
/* Microseconds until there is something to forget; -1: there is nothing. */
gint64 tg_rate_limit_next_us(const TgRateLimit *self, gint64 now_us);
