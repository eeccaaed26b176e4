/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "data/redis/change.lua.h"
#include "data/redis/forget.lua.h"
#include "data/redis/load.lua.h"
#include "data/redis/reserve.lua.h"
#include "data/redis/spend.lua.h"
#include "protocol/digest.h"
#include "protocol/error.h"
#include "relay/redis-view.h"

#define SHA1_CHARS 40
#define MAX_BLUR_MS (3600 * 1000)

static const char *const token_fields[TG_N_SIDES][2] = {
        {"0t", "0d"},
        {"1t", "1d"},
};

typedef enum { SCRIPT_LOAD, SCRIPT_RESERVE, SCRIPT_SPEND, SCRIPT_CHANGE, SCRIPT_FORGET } Script;
#define N_SCRIPTS (SCRIPT_FORGET + 1)

static const char *const script_texts[N_SCRIPTS] = {
        [SCRIPT_LOAD] = tg_load_lua,
        [SCRIPT_RESERVE] = tg_reserve_lua,
        [SCRIPT_SPEND] = tg_spend_lua,
        [SCRIPT_CHANGE] = tg_change_lua,
        [SCRIPT_FORGET] = tg_forget_lua,
};

/* ---- words ---- */

static gpointer
take_scratch(TgRedisCommand *self, gsize n_bytes)
{
        gpointer at = self->scratch + self->n_scratch;

        g_assert(self->n_scratch + n_bytes <= sizeof self->scratch);
        self->n_scratch += n_bytes;

        return at;
}

void
tg_redis_command_add(TgRedisCommand *self, const void *bytes, gsize n_bytes)
{
        g_assert(self->n_words < TG_MAX_REDIS_WORDS);
        self->words[self->n_words++] = (TgRedisWord){n_bytes > 0 ? bytes : "", n_bytes};
}

void
tg_redis_command_add_text(TgRedisCommand *self, const char *text)
{
        tg_redis_command_add(self, text, strlen(text));
}

static void
add_number(TgRedisCommand *self, gint64 number)
{
        char *text = take_scratch(self, 24);

        g_snprintf(text, 24, "%" G_GINT64_FORMAT, number);
        tg_redis_command_add_text(self, text);
}

/* In braces, so that in a cluster the keys of one mailbox are on one node. */
static void
add_key(TgRedisCommand *self, char kind, const guint8 *id, gsize n_bytes)
{
        static const char digits[] = "0123456789abcdef";
        gsize n_chars = strlen("tigress:x:{}") + 2 * n_bytes;
        char *key = take_scratch(self, n_chars), *at = key;

        memcpy(at, "tigress:x:{", 11);
        at[8] = kind;
        at += 11;
        for (gsize i = 0; i < n_bytes; i++) {
                *at++ = digits[id[i] >> 4];
                *at++ = digits[id[i] & 15];
        }
        *at = '}';
        tg_redis_command_add(self, key, n_chars);
}

/* A digest that Redis does not know yet is answered NOSCRIPT; the text makes it known. */
static void
begin_script(TgRedisCommand *self, const TgRedisView *view, Script script, gint64 n_keys)
{
        static gsize is_made;
        static char digests[N_SCRIPTS][SHA1_CHARS + 1];

        if (g_once_init_enter(&is_made)) {
                for (guint i = 0; i < N_SCRIPTS; i++) {
                        g_autofree char *digest =
                                g_compute_checksum_for_string(G_CHECKSUM_SHA1, script_texts[i], -1);

                        memcpy(digests[i], digest, sizeof digests[i]);
                }
                g_once_init_leave(&is_made, 1);
        }
        self->n_words = 0;
        self->n_scratch = 0;
        tg_redis_command_add_text(self, view->is_text ? "EVAL" : "EVALSHA");
        tg_redis_command_add_text(self, view->is_text ? script_texts[script] : digests[script]);
        add_number(self, n_keys);
}

void
tg_redis_channel(guint database, char ret[32])
{
        /* channels know no databases */
        g_snprintf(ret, 32, "tigress:changed:%u", database);
}

/* ---- asking ---- */

static gint64
life_ms(const TgRedisView *view, gint64 until_s)
{
        return MAX(1, until_s * 1000 - view->now_us / 1000);
}

static void
ask_load(TgRedisView *view, TgRedisCommand *command)
{
        gboolean is_resource = view->want == TG_WANT_RESOURCE;

        begin_script(command, view, SCRIPT_LOAD, is_resource ? 1 : 2);
        if (is_resource) {
                add_key(command, 't', view->id, TG_RESOURCE_ID_BYTES);
        } else {
                add_key(command, 'm', view->id, TG_ID_BYTES);
                add_key(command, 'e', view->id, TG_ID_BYTES);
        }
        add_number(command, view->now_us / G_USEC_PER_SEC);
        tg_redis_command_add_text(command, "s");
        if (is_resource && view->with_content)
                tg_redis_command_add_text(command, "o");
        if (!is_resource && view->with_content) {
                tg_redis_command_add_text(command, "t");
                tg_redis_command_add_text(command, "d");
                tg_redis_command_add_text(command, "i");
        }
        if (!is_resource && view->with_content && view->with_payload)
                tg_redis_command_add_text(command, "p");
        for (guint i = 0; i < TG_N_SIDES && !is_resource && view->with_tokens; i++) {
                tg_redis_command_add_text(command, token_fields[i][0]);
                tg_redis_command_add_text(command, token_fields[i][1]);
        }
}

static void
ask_reservation(TgRedisView *view, TgRedisCommand *command)
{
        begin_script(command, view, SCRIPT_RESERVE, 1);
        add_key(command, 'c', view->creation, TG_ID_BYTES);
        tg_redis_command_add(command, view->candidate, view->is_looking ? 0 : TG_ID_BYTES);
        add_number(command, life_ms(view, view->life_end_s));
        tg_redis_command_add(command, view->id, view->has_given_up ? TG_ID_BYTES : 0);
}

/* Redis keeps when a key is to go to the millisecond, by its own clock: the same distance between
 * its clock and ours in a mailbox and in what was spent would tie the two together. So another
 * while is added at random. */
static void
ask_spent(TgRedisView *view, TgRedisCommand *command)
{
        guint32 more_ms;

        tg_random(&more_ms, sizeof more_ms);
        begin_script(command, view, SCRIPT_SPEND, 1);
        add_key(command, 'a', view->spent, TG_DIGEST_BYTES);
        tg_redis_command_add(command, view->spender, TG_ID_BYTES);
        add_number(command, life_ms(view, view->spent_until_s) + more_ms % MAX_BLUR_MS);
}

/* ---- changing ---- */

static void
add_pair(TgRedisCommand *self, const char *field, const char *value)
{
        tg_redis_command_add_text(self, field);
        tg_redis_command_add_text(self, value);
}

static void
add_tokens(TgRedisView *view, TgRedisCommand *command, gboolean is_removal)
{
        for (guint i = 0; i < TG_N_SIDES; i++) {
                if (is_removal && view->is_token_removed[i]) {
                        tg_redis_command_add_text(command, token_fields[i][0]);
                        tg_redis_command_add_text(command, token_fields[i][1]);
                } else if (!is_removal && view->tokens[i]) {
                        add_pair(command, token_fields[i][0], view->tokens[i]->type);
                        add_pair(command, token_fields[i][1], view->tokens[i]->data);
                }
        }
}

static void
add_mailbox_fields(TgRedisView *view, TgRedisCommand *command)
{
        guint8 *state = take_scratch(command, TG_MAILBOX_STATE_BYTES);

        tg_mailbox_state_write(&view->mailbox, state);
        tg_redis_command_add_text(command, "s");
        tg_redis_command_add(command, state, TG_MAILBOX_STATE_BYTES);
        if (view->has_display) {
                add_pair(command, "t", view->display.title);
                add_pair(command, "d", view->display.description);
                add_pair(command, "i", view->display.image_url);
        }
        if (view->payload)
                add_pair(command, "p", view->payload);
        add_tokens(view, command, FALSE);
}

static void
add_resource_fields(TgRedisView *view, TgRedisCommand *command)
{
        guint8 *state = take_scratch(command, TG_RESOURCE_STATE_BYTES);

        tg_resource_state_write(&view->resource, state);
        tg_redis_command_add_text(command, "s");
        tg_redis_command_add(command, state, TG_RESOURCE_STATE_BYTES);
        if (view->new_octets) {
                tg_redis_command_add_text(command, "o");
                tg_redis_command_add(command, view->new_octets, view->n_new_octets);
        }
}

/* How many are set is said before them. */
static void
add_fields(TgRedisView *view, TgRedisCommand *command)
{
        guint at = command->n_words;
        char *count = take_scratch(command, 24);

        tg_redis_command_add(command, count, 0);
        if (view->change == TG_CHANGE_SAVE && view->is_resource)
                add_resource_fields(view, command);
        else if (view->change == TG_CHANGE_SAVE)
                add_mailbox_fields(view, command);
        g_snprintf(count, 24, "%u", command->n_words - at - 1);
        command->words[at] = (TgRedisWord){count, strlen(count)};
        if (view->change == TG_CHANGE_SAVE)
                add_tokens(view, command, TRUE);
}

static void
add_end(TgRedisView *view, TgRedisCommand *command)
{
        guint8 *end = take_scratch(command, TG_END_BYTES);

        if (!view->is_resource && view->has_end)
                tg_end_record_write(&view->end, end);
        tg_redis_command_add(command, end, !view->is_resource && view->has_end ? TG_END_BYTES : 0);
        add_number(command, life_ms(view, view->end.at_s + view->told_s));
}

static void
ask_change(TgRedisView *view, TgRedisCommand *command)
{
        gint64 expires_s = view->is_resource ? view->resource.expires_s : view->mailbox.expires_s;
        char *channel;

        begin_script(command, view, SCRIPT_CHANGE, view->is_resource ? 1 : 2);
        if (view->is_resource) {
                add_key(command, 't', view->id, TG_RESOURCE_ID_BYTES);
        } else {
                add_key(command, 'm', view->id, TG_ID_BYTES);
                add_key(command, 'e', view->id, TG_ID_BYTES);
        }
        channel = take_scratch(command, 32);
        tg_redis_channel(view->database, channel);
        tg_redis_command_add(command, view->state, view->n_state);
        add_number(command, view->now_us / G_USEC_PER_SEC);
        add_number(command,
                   view->change == TG_CHANGE_REMOVE ? -1
                   : view->n_state > 0              ? 0
                                                    : life_ms(view, expires_s));
        add_end(view, command);
        tg_redis_command_add_text(command, view->is_told ? channel : "");
        tg_redis_command_add(command, view->id, TG_ID_BYTES);
        add_fields(view, command);
}

static void
ask_forget(TgRedisView *view, TgRedisCommand *command)
{
        TgSide side = view->forgotten_side;

        begin_script(command, view, SCRIPT_FORGET, 1);
        add_key(command, 'm', view->id, TG_ID_BYTES);
        add_pair(command, token_fields[side][0], view->tokens[side]->type);
        add_pair(command, token_fields[side][1], view->tokens[side]->data);
}

void
tg_redis_view_ask(TgRedisView *self, TgRedisCommand *command)
{
        switch (self->want) {
        case TG_WANT_MAILBOX:
        case TG_WANT_RESOURCE:
                ask_load(self, command);
                return;
        case TG_WANT_RESERVATION:
                ask_reservation(self, command);
                return;
        case TG_WANT_SPENT:
                ask_spent(self, command);
                return;
        case TG_WANT_NOTHING:
                break;
        }
        g_return_if_fail(self->change != TG_CHANGE_NONE);
        if (self->change == TG_CHANGE_FORGET) {
                ask_forget(self, command);
                return;
        }
        ask_change(self, command);
}

gboolean
tg_redis_view_leave(TgRedisView *self, TgRedisCommand *command)
{
        if (self->change != TG_CHANGE_REMOVE || self->is_resource)
                return FALSE;
        command->n_words = 0;
        command->n_scratch = 0;
        tg_redis_command_add_text(command, "DEL");
        add_key(command, 'c', self->mailbox.creation, TG_ID_BYTES);

        return TRUE;
}
