/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/rate-limit.h"

#include <netinet/in.h>
#include <string.h>

#include "protocol/digest.h"

#define SECRET_BYTES 32
#define FORGET_US (G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC)
/* 100 octets each. Beyond it everybody begins anew, which lets more in and never
 * fewer: a flood of sources must not lock the others out. */
#define MAX_SOURCES 100000
#define IPV6_PREFIX_BYTES 7

typedef struct {
        guint64 source;
        double tokens[TG_N_RATES];
        gint64 filled_us;
} Bucket;

typedef struct {
        guint64 source;
        guint n;
} Places;

struct TgRateLimit {
        TgRateRule rules[TG_N_RATES];
        guint8 secret[SECRET_BYTES];
        GHashTable *buckets; /* by their source */
        GHashTable *places[TG_N_PLACES];
        gint64 forgotten_us;
        gboolean is_used; /* the secret, since then */
};

TgRateLimit *
tg_rate_limit_new(const TgRateRule rules[TG_N_RATES])
{
        TgRateLimit *self = g_new0(TgRateLimit, 1);

        memcpy(self->rules, rules, sizeof self->rules);
        self->buckets = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
        for (guint i = 0; i < TG_N_PLACES; i++)
                self->places[i] = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
        self->forgotten_us = G_MININT64;

        return self;
}

void
tg_rate_limit_free(TgRateLimit *self)
{
        if (!self)
                return;
        g_hash_table_destroy(self->buckets);
        for (guint i = 0; i < TG_N_PLACES; i++)
                g_hash_table_destroy(self->places[i]);
        g_free(self);
}

void
tg_rate_limit_set_rules(TgRateLimit *self, const TgRateRule rules[TG_N_RATES])
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, self->buckets);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Bucket *bucket = value;

                for (guint i = 0; i < TG_N_RATES; i++) {
                        double more = rules[i].burst - self->rules[i].burst;

                        bucket->tokens[i] = MIN(bucket->tokens[i] + MAX(more, 0), rules[i].burst);
                }
        }
        memcpy(self->rules, rules, sizeof self->rules);
}

static void
forget(TgRateLimit *self, gint64 now_us)
{
        tg_random(self->secret, sizeof self->secret);
        g_hash_table_remove_all(self->buckets);
        self->forgotten_us = now_us;
        self->is_used = FALSE;
}

/* The octets that all addresses of one source have in common; 0 for none. */
static gsize
source_prefix(const struct sockaddr *address, guint8 *ret_prefix)
{
        if (address->sa_family == AF_INET) {
                const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

                memcpy(ret_prefix, &in->sin_addr, 4);
                return 4;
        }
        if (address->sa_family == AF_INET6) {
                const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)address;

                if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) {
                        memcpy(ret_prefix, in->sin6_addr.s6_addr + 12, 4);
                        return 4;
                }
                memcpy(ret_prefix, &in->sin6_addr, IPV6_PREFIX_BYTES);
                return IPV6_PREFIX_BYTES;
        }

        return 0;
}

/* 0: no internet address. */
static guint64
find_source(TgRateLimit *self, const struct sockaddr *address, gint64 now_us)
{
        guint8 input[SECRET_BYTES + 16] = {0};
        guint8 digest[TG_SHA256_BYTES];
        guint8 prefix[16];
        gsize n_prefix = source_prefix(address, prefix);
        guint64 source;

        if (n_prefix == 0)
                return 0;
        if (now_us - FORGET_US >= self->forgotten_us ||
            g_hash_table_size(self->buckets) >= MAX_SOURCES)
                forget(self, now_us);
        self->is_used = TRUE;
        memcpy(input, self->secret, SECRET_BYTES);
        memcpy(input + SECRET_BYTES, prefix, n_prefix);
        tg_sha256(input, SECRET_BYTES + n_prefix, digest);
        explicit_bzero(input, sizeof input);
        memcpy(&source, digest, sizeof source);

        return MAX(source, 1);
}

static Bucket *
find_bucket(TgRateLimit *self, guint64 source, gint64 now_us)
{
        Bucket *bucket;

        bucket = g_hash_table_lookup(self->buckets, &source);
        if (bucket)
                return bucket;
        bucket = g_new0(Bucket, 1);
        bucket->source = source;
        bucket->filled_us = now_us;
        for (guint i = 0; i < TG_N_RATES; i++)
                bucket->tokens[i] = self->rules[i].burst;
        g_hash_table_insert(self->buckets, &bucket->source, bucket);

        return bucket;
}

static void
fill(TgRateLimit *self, Bucket *bucket, gint64 now_us)
{
        double seconds = (double)(now_us - bucket->filled_us) / G_USEC_PER_SEC;

        if (seconds <= 0)
                return;
        for (guint i = 0; i < TG_N_RATES; i++)
                bucket->tokens[i] = MIN(bucket->tokens[i] + seconds * self->rules[i].per_s,
                                        self->rules[i].burst);
        bucket->filled_us = now_us;
}

/* Rounded up. */
static guint
seconds_until(double tokens, double per_s)
{
        double seconds = MIN(tokens / per_s, 3600);
        guint whole = (guint)seconds;

        return MAX(seconds > whole ? whole + 1 : whole, 1);
}

guint
tg_rate_limit_take(TgRateLimit *self, TgRate rate, const struct sockaddr *address, gint64 now_us)
{
        const TgRateRule *rule = &self->rules[rate];
        guint64 source = rule->per_s > 0 ? find_source(self, address, now_us) : 0;
        Bucket *bucket;

        if (source == 0)
                return 0;
        bucket = find_bucket(self, source, now_us);
        fill(self, bucket, now_us);
        if (bucket->tokens[rate] >= 1) {
                bucket->tokens[rate] -= 1;
                return 0;
        }

        return seconds_until(1 - bucket->tokens[rate], rule->per_s);
}

gboolean
tg_rate_limit_enter(TgRateLimit *self,
                    TgPlace place,
                    const struct sockaddr *address,
                    guint max,
                    gint64 now_us,
                    guint64 *ret_ticket)
{
        guint64 source = find_source(self, address, now_us);
        Places *places = source ? g_hash_table_lookup(self->places[place], &source) : NULL;

        *ret_ticket = 0;
        if (source == 0)
                return TRUE;
        if (max > 0 && places && places->n >= max)
                return FALSE;
        if (!places) {
                places = g_new0(Places, 1);
                places->source = source;
                g_hash_table_insert(self->places[place], &places->source, places);
        }
        places->n++;
        *ret_ticket = source;

        return TRUE;
}

void
tg_rate_limit_leave(TgRateLimit *self, TgPlace place, guint64 ticket)
{
        Places *places = ticket ? g_hash_table_lookup(self->places[place], &ticket) : NULL;

        if (places && --places->n == 0)
                g_hash_table_remove(self->places[place], &ticket);
}

void
tg_rate_limit_sweep(TgRateLimit *self, gint64 now_us)
{
        if (tg_rate_limit_next_us(self, now_us) == 0)
                forget(self, now_us);
}

gint64
tg_rate_limit_next_us(const TgRateLimit *self, gint64 now_us)
{
        return self->is_used ? MAX(0, self->forgotten_us + FORGET_US - now_us) : -1;
}
