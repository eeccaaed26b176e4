/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A store (store.h) as one request sees it in Redis: what was loaded, and what is to become of
 * it. It does not talk to Redis. Whoever runs a request on it
 *
 *   1. runs it; what is not here yet fails, and is then wanted;
 *   2. while something is wanted: sends the command that asks for it, takes the reply, and runs
 *      the request again;
 *   3. if there is a change: sends the command that makes it, which does so only if the state is
 *      still the one that was loaded. If not, begins anew.
 *
 * So a batch is one request, which concerns one mailbox or resource, and each transition is one
 * script on its key. Beside a mailbox's key stands, for all of its life and told_s seconds more,
 * a second one on the same node (the same hash tag) with half a digest of its claims and one
 * word: when Redis itself has removed the mailbox, the two may still hear that it has expired.
 */

#include "relay/redis-record.h"

#define TG_MAX_REDIS_WORDS 40

/* Words for tg_redis_pipe_append(); they belong to this and to the view. */
typedef struct {
        TgRedisWord words[TG_MAX_REDIS_WORDS];
        guint n_words;
        guint8 scratch[1024];
        gsize n_scratch;
} TgRedisCommand;

typedef enum {
        TG_WANT_NOTHING,
        TG_WANT_MAILBOX,
        TG_WANT_RESERVATION,
        TG_WANT_SPENT,
        TG_WANT_RESOURCE,
} TgRedisWant;

typedef enum {
        TG_CHANGE_NONE,
        TG_CHANGE_SAVE,
        TG_CHANGE_REMOVE,
        TG_CHANGE_FORGET, /* a token, whatever the state is */
} TgRedisChange;

typedef enum {
        TG_TAKEN_GO_ON,   /* run the request again */
        TG_TAKEN_DONE,    /* the change is made */
        TG_TAKEN_LOST,    /* somebody else's came before: begin anew */
        TG_TAKEN_UNKNOWN, /* a script is not there yet: send the same once more, as text */
        TG_TAKEN_REFUSED, /* Redis refuses, or what it says makes no sense: @error is set */
} TgTaken;

typedef struct {
        TgStore base;
        /* the caller's: */
        guint database;
        gint64 now_us; /* of the wall, at every command */
        gint64 told_s;
        gint64 life_end_s;     /* of what the request may make */
        gboolean is_told;      /* tell those who wait of the change */
        gboolean is_text;      /* send scripts, not their digests */
        gboolean with_content; /* a guess: what is not loaded at once is when it is needed */
        gboolean with_payload;
        gboolean with_tokens;

        /* the view's own: */
        TgRedisWant want;
        guint8 id[TG_RESOURCE_ID_BYTES]; /* a mailbox's has TG_ID_BYTES */
        gboolean is_loaded;              /* @id */
        gboolean is_found;
        guint8 state[TG_MAILBOX_STATE_BYTES]; /* as loaded; n_state 0: there was none */
        gsize n_state;
        gboolean has_content;
        TgMailbox mailbox;
        TgContent content;
        gboolean has_tokens;
        TgToken loaded_tokens[TG_N_SIDES];
        gboolean has_end;
        TgEndRecord end; /* as loaded or, with a change, as it is to be */
        TgResourceState resource;
        GBytes *octets;

        guint8 creation[TG_ID_BYTES];
        guint8 candidate[TG_ID_BYTES];
        gboolean is_looking;   /* nothing is to be reserved … */
        gboolean is_unknown;   /* … and nothing was */
        gboolean is_reserved;  /* @id is the create's */
        gboolean has_given_up; /* @id has ended, and is to be replaced */

        guint8 spent[TG_DIGEST_BYTES];
        guint8 spender[TG_ID_BYTES]; /* digest of who spends it, and for which id */
        gint64 spent_until_s;
        gboolean has_spent; /* Redis has been asked: … */
        gboolean is_first;  /* … it is this create's */

        TgRedisChange change;
        gboolean is_resource;
        TgDisplay display; /* the caller's strings, as all below */
        gboolean has_display;
        const char *payload;
        const TgToken *tokens[TG_N_SIDES];
        gboolean is_token_removed[TG_N_SIDES];
        TgSide forgotten_side; /* whose token @tokens has, to be forgotten */
        const guint8 *new_octets;
        gsize n_new_octets;
} TgRedisView;

void tg_redis_view_init(TgRedisView *self, guint database);
void tg_redis_view_clear(TgRedisView *self); /* and begin anew */
void tg_redis_view_clear_tokens(TgRedisView *self);

/* What is wanted or, when nothing is, the change. */
void tg_redis_view_ask(TgRedisView *self, TgRedisCommand *command);
TgTaken tg_redis_view_take(TgRedisView *self, const TgReply *reply, GError **error);
/* Once a change is made: FALSE, or what may be removed besides, whenever. */
gboolean tg_redis_view_leave(TgRedisView *self, TgRedisCommand *command);

/* On which relays of this database tell each other of changes: the mailbox's id, or the first
 * half of the resource's. */
void tg_redis_channel(guint database, char ret[32]);
void tg_redis_command_add(TgRedisCommand *self, const void *bytes, gsize n_bytes);
void tg_redis_command_add_text(TgRedisCommand *self, const char *text);
