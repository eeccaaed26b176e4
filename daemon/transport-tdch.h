/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The transport of draft-rescorla-tigress-http-00: octets are put at a location, read there,
 * taken away. Against tigress-relay, and against any web server with PUT, GET and DELETE. Knows
 * nothing of turns and keys (protocol/tdch.h), and keeps nothing: what it is asked was stored.
 */

#include "daemon/transport.h"

typedef enum {
        /* DONE: they are there, or were until the other side took them. CHANGED: somebody else
         * has written there, which is an attack: end the exchange, tell the user. */
        TG_DROP_PUT,
        /* DONE: `body`, to be stored before it is deleted. NOTHING_NEW: not yet. */
        TG_DROP_GET,
        TG_DROP_DELETE, /* DONE: there is nothing any more */
} TgDropKind;

typedef struct {
        TgDropKind kind;
        const char *url;
        const char *request_id;    /* PUT: stored with the octets */
        GBytes *octets;            /* PUT */
        guint life_s;              /* PUT: what is asked for; 0: nothing */
        gboolean may_have_arrived; /* PUT: it has been tried before, and no answer was stored */
        const char *claim;         /* GET and DELETE: drawn for this location, stored before */
        guint wait_s;              /* GET: how long the answer may be held */
} TgDropAsk;

/* The answer comes as transport.h says. */
typedef struct TgDrop TgDrop;
TgDrop *
tg_drop_ask(TgHttpContext *context, const TgDropAsk *ask, TgReplyFunc func, gpointer user_data);
void tg_drop_cancel(TgDrop *self);
