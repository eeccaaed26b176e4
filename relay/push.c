/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/push.h"

#include <string.h>

#include "protocol/digest.h"
#include "relay/metrics.h"
#include "relay/push-sender.h"

#define KEY_BYTES (TG_ID_BYTES + 1)
#define FIRST_DELAY_US (2 * G_USEC_PER_SEC)
#define LAST_DELAY_US (60 * G_USEC_PER_SEC)
#define BUSY_DELAY_US (G_USEC_PER_SEC / 2)
#define BUSY_DELAY_EACH_US 2000 /* the more wait, the less often one asks */
#define MAX_TRIES 10

typedef struct {
        guint8 key[KEY_BYTES]; /* the mailbox's id and the side */
        gint64 due_us;
        gint64 give_up_us;
        GSequenceIter *waiting; /* NULL: it is looked up, or under way */
        gboolean is_wanted;     /* else it only keeps the next one from coming too soon */
        gboolean has_ended;
        guint n_tries;
        TgToken token; /* of an ended mailbox */
} Entry;

struct TgPush {
        TgPushRules *rules; /* NULL: off */
        TgPushSender *sender;
        GHashTable *entries; /* key → Entry */
        GSequence *waiting;  /* Entry, by time */
        guint n_active;      /* looked up, or under way */
        gboolean is_stopping;
};

/* ---- entries ---- */

/* Ids are random: any four octets are a hash. */
static guint
hash_key(gconstpointer key)
{
        guint hash;

        memcpy(&hash, key, sizeof hash);
        return hash;
}

static gboolean
equal_key(gconstpointer a, gconstpointer b)
{
        return memcmp(a, b, KEY_BYTES) == 0;
}

static void
free_entry(gpointer data)
{
        Entry *entry = data;

        tg_push_token_wipe(&entry->token);
        g_free(entry);
}

static int
compare_due(gconstpointer a, gconstpointer b, gpointer user_data)
{
        gint64 a_us = ((const Entry *)a)->due_us, b_us = ((const Entry *)b)->due_us;

        return a_us < b_us ? -1 : a_us > b_us;
}

static void
make_key(const guint8 id[TG_ID_BYTES], TgSide side, guint8 ret[KEY_BYTES])
{
        memcpy(ret, id, TG_ID_BYTES);
        ret[TG_ID_BYTES] = (guint8)side;
}

static Entry *
find(const TgPush *self, const guint8 id[TG_ID_BYTES], TgSide side)
{
        guint8 key[KEY_BYTES];

        make_key(id, side, key);

        return g_hash_table_lookup(self->entries, key);
}

static void
wait_until(TgPush *self, Entry *entry, gint64 due_us)
{
        if (entry->waiting)
                g_sequence_remove(entry->waiting);
        entry->due_us = due_us;
        entry->waiting = g_sequence_insert_sorted(self->waiting, entry, compare_due, NULL);
}

static void
stop_waiting(Entry *entry)
{
        g_clear_pointer(&entry->waiting, g_sequence_remove);
}

static void
drop(TgPush *self, Entry *entry)
{
        stop_waiting(entry);
        g_hash_table_remove(self->entries, entry->key);
}

/* Its place among those under way is free again. */
static Entry *
take_back(TgPush *self, const guint8 id[TG_ID_BYTES], TgSide side)
{
        self->n_active--;

        return find(self, id, side);
}

/* ---- to be woken ---- */

static Entry *
note(TgPush *self, const guint8 id[TG_ID_BYTES], TgSide side, gint64 now_us)
{
        Entry *entry = find(self, id, side);

        if (!entry && g_hash_table_size(self->entries) >= self->rules->max_waiting) {
                tg_metrics_count(TG_COUNT_PUSH_DROPPED, 1);
                return NULL;
        }
        if (!entry) {
                entry = g_new0(Entry, 1);
                make_key(id, side, entry->key);
                g_hash_table_insert(self->entries, entry->key, entry);
                wait_until(self, entry, now_us);
        }
        if (!entry->is_wanted)
                entry->give_up_us = MAX(now_us, entry->due_us) + self->rules->retry_us;
        entry->is_wanted = TRUE;

        return entry;
}

void
tg_push_note(TgPush *self, const guint8 id[TG_ID_BYTES], TgSide side, gint64 now_us)
{
        if (self->rules)
                note(self, id, side, now_us);
}

void
tg_push_note_end(
        TgPush *self, const guint8 id[TG_ID_BYTES], TgSide side, TgToken *token, gint64 now_us)
{
        Entry *entry = NULL;

        for (guint i = 0; i < TG_N_SIDES; i++) {
                entry = find(self, id, (TgSide)i);
                if (entry && ((TgSide)i != side || !token->type))
                        entry->is_wanted = FALSE;
                if (entry && !entry->is_wanted && entry->waiting)
                        drop(self, entry);
        }
        entry = token->type && self->rules ? note(self, id, side, now_us) : NULL;
        if (entry && !entry->has_ended) {
                entry->has_ended = TRUE;
                entry->token = *token;
                *token = (TgToken){0};
                entry->give_up_us = now_us + MIN(self->rules->retry_us, TG_PUSH_END_US);
                /* There is no next one for which it would have to wait. */
                if (entry->waiting && entry->n_tries == 0)
                        wait_until(self, entry, now_us);
        }
        tg_push_token_wipe(token);
}

/* ---- whose turn it is ---- */

/* With the token that it has, or FALSE: it is to be looked up. */
static gboolean
send_own(TgPush *self, Entry *entry)
{
        TgToken token = {0};

        if (!entry->has_ended)
                return FALSE;
        token.type = g_strdup(entry->token.type);
        token.data = g_strdup(entry->token.data);
        tg_push_sender_send(
                self->sender,
                tg_push_job_new(entry->key, (TgSide)entry->key[TG_ID_BYTES], &token, self->rules));

        return TRUE;
}

gboolean
tg_push_take_due(TgPush *self, gint64 now_us, guint8 ret_id[TG_ID_BYTES], TgSide *ret_side)
{
        while (self->rules && self->n_active < self->rules->max_active &&
               !g_sequence_is_empty(self->waiting)) {
                Entry *entry = g_sequence_get(g_sequence_get_begin_iter(self->waiting));

                if (entry->due_us > now_us)
                        return FALSE;
                if (!entry->is_wanted || now_us > entry->give_up_us) {
                        if (entry->is_wanted)
                                tg_metrics_count(TG_COUNT_PUSH_FAILED, 1);
                        drop(self, entry);
                        continue;
                }
                stop_waiting(entry);
                entry->is_wanted = FALSE; /* a change from here on is one more */
                self->n_active++;
                if (send_own(self, entry))
                        continue;
                memcpy(ret_id, entry->key, TG_ID_BYTES);
                *ret_side = (TgSide)entry->key[TG_ID_BYTES];
                return TRUE;
        }

        return FALSE;
}

/* It has had its turn. */
static void
rest(TgPush *self, Entry *entry, gint64 now_us)
{
        gint64 pause_us = self->rules && !entry->has_ended ? self->rules->pause_us : 0;

        entry->n_tries = 0;
        if (!self->rules || self->is_stopping || (!entry->is_wanted && pause_us == 0)) {
                drop(self, entry);
                return;
        }
        if (!entry->has_ended)
                entry->give_up_us = now_us + pause_us + self->rules->retry_us;
        wait_until(self, entry, now_us + pause_us);
}

static void
give_up(TgPush *self, Entry *entry, gint64 now_us)
{
        tg_metrics_count(TG_COUNT_PUSH_FAILED, 1);
        rest(self, entry, now_us);
}

/* Between half of the step and all of it, or when the service says. */
static void
try_again(TgPush *self, Entry *entry, guint retry_after_s, gint64 now_us)
{
        gint64 step_us = FIRST_DELAY_US << MIN(entry->n_tries, 5);
        gint64 delay_us;
        guint32 draw;

        tg_random(&draw, sizeof draw);
        step_us = MIN(step_us, LAST_DELAY_US);
        delay_us = step_us / 2 + (gint64)(draw % 1024) * (step_us / 2) / 1024;
        delay_us = MAX(delay_us, (gint64)retry_after_s * G_USEC_PER_SEC);
        if (!self->rules || self->is_stopping || ++entry->n_tries >= MAX_TRIES ||
            now_us + delay_us > entry->give_up_us) {
                give_up(self, entry, now_us);
                return;
        }
        tg_metrics_count(TG_COUNT_PUSH_RETRIED, 1);
        entry->is_wanted = TRUE;
        wait_until(self, entry, now_us + delay_us);
}

void
tg_push_found(
        TgPush *self, const guint8 id[TG_ID_BYTES], TgSide side, TgToken *token, gint64 now_us)
{
        Entry *entry = find(self, id, side);

        if (entry && self->rules && token->type && strcmp(token->type, TG_TOKEN_WEBPUSH) == 0) {
                tg_push_sender_send(self->sender, tg_push_job_new(id, side, token, self->rules));
                return;
        }
        entry = take_back(self, id, side);
        if (entry && !entry->is_wanted)
                drop(self, entry);
        else if (entry)
                rest(self, entry, now_us);
        tg_push_token_wipe(token);
}

void
tg_push_not_found(TgPush *self, const guint8 id[TG_ID_BYTES], TgSide side, gint64 now_us)
{
        Entry *entry = take_back(self, id, side);

        if (entry)
                try_again(self, entry, 0, now_us);
}

/* ---- what has become of it ---- */

static void
settle(TgPush *self, const TgPushJob *job, gint64 now_us)
{
        Entry *entry = take_back(self, job->id, job->side);

        switch (job->outcome) {
        case TG_PUSH_SENT:
                tg_metrics_count(TG_COUNT_PUSH_SENT, 1);
                break;
        case TG_PUSH_GONE:
                tg_metrics_count(TG_COUNT_PUSH_GONE, 1);
                break;
        case TG_PUSH_REFUSED:
                tg_metrics_count(TG_COUNT_PUSH_REFUSED, 1);
                break;
        case TG_PUSH_FAILED:
                tg_metrics_count(TG_COUNT_PUSH_FAILED, 1);
                break;
        case TG_PUSH_LATER:
                if (entry)
                        try_again(self, entry, job->retry_after_s, now_us);
                return;
        case TG_PUSH_BUSY:
                if (!entry)
                        return;
                entry->is_wanted = TRUE;
                wait_until(self,
                           entry,
                           now_us + BUSY_DELAY_US +
                                   g_sequence_get_length(self->waiting) * BUSY_DELAY_EACH_US);
                return;
        }
        if (entry)
                rest(self, entry, now_us);
}

TgPushJob *
tg_push_take_gone(TgPush *self, gint64 now_us)
{
        TgPushJob *job;

        while ((job = tg_push_sender_take(self->sender))) {
                settle(self, job, now_us);
                if (job->outcome == TG_PUSH_GONE)
                        return job;
                tg_push_job_free(job);
        }

        return NULL;
}

int
tg_push_get_fd(const TgPush *self)
{
        return tg_push_sender_get_fd(self->sender);
}

gint64
tg_push_next_us(const TgPush *self, gint64 now_us)
{
        const Entry *entry;

        if (!self->rules || self->n_active >= self->rules->max_active ||
            g_sequence_is_empty(self->waiting))
                return -1;
        entry = g_sequence_get(g_sequence_get_begin_iter(self->waiting));

        return MAX(entry->due_us - now_us, 0);
}

/* ---- */

TgPush *
tg_push_new(TgPushRules *rules, GError **error)
{
        TgPushSender *sender = tg_push_sender_new(error);
        TgPush *self;

        if (!sender)
                return NULL;
        self = g_new0(TgPush, 1);
        self->sender = sender;
        self->entries = g_hash_table_new_full(hash_key, equal_key, NULL, free_entry);
        self->waiting = g_sequence_new(NULL);
        self->rules = rules ? tg_push_rules_ref(rules) : NULL;

        return self;
}

void
tg_push_free(TgPush *self)
{
        if (!self)
                return;
        tg_push_sender_free(self->sender);
        g_sequence_free(self->waiting);
        g_hash_table_unref(self->entries);
        tg_push_rules_unref(self->rules);
        g_free(self);
}

static gboolean
drop_one(gpointer key, gpointer value, gpointer user_data)
{
        stop_waiting(value);

        return TRUE;
}

void
tg_push_set_rules(TgPush *self, TgPushRules *rules)
{
        tg_push_rules_unref(self->rules);
        self->rules = rules ? tg_push_rules_ref(rules) : NULL;
        if (!rules)
                g_hash_table_foreach_remove(self->entries, drop_one, NULL);
}

static gboolean
drop_late(gpointer key, gpointer value, gpointer user_data)
{
        Entry *entry = value;
        const gint64 *now_us = user_data;
        gboolean is_late = entry->waiting && (!entry->is_wanted || entry->due_us > *now_us);

        if (is_late)
                stop_waiting(entry);

        return is_late;
}

void
tg_push_stop(TgPush *self)
{
        gint64 now_us = g_get_monotonic_time();

        self->is_stopping = TRUE;
        g_hash_table_foreach_remove(self->entries, drop_late, &now_us);
}

guint
tg_push_count(const TgPush *self)
{
        return g_hash_table_size(self->entries);
}

gboolean
tg_push_is_busy(const TgPush *self)
{
        return self->n_active > 0 || !g_sequence_is_empty(self->waiting);
}
