/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A mailbox API without a socket: requests as they would come, a real store (SQLite or, beside
 * with-redis, a database of its own in Redis), and a clock that stands still until it is told.
 */

#include "relay/mailbox-api.h"
#include "relay/writer.h"

#define ORIGIN "https://relay.example"
#define NOW 1800000000 /* 2027-01-15T08:00:00Z */

#define ALICE "11111111-1111-4111-8111-111111111111"
#define BOB "22222222-2222-4222-8222-222222222222"
#define EVE "33333333-3333-4333-8333-333333333333"
#define ID1 "aaaaaaaa-0000-4000-8000-000000000001"
#define ID2 "aaaaaaaa-0000-4000-8000-000000000002"
#define ID3 "aaaaaaaa-0000-4000-8000-000000000003"
#define ID4 "aaaaaaaa-0000-4000-8000-000000000004"

#define PAYLOAD                                                                                    \
        "{\"type\":\"AEAD_AES_128_GCM\",\"data\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\"}"
#define PAYLOAD2                                                                                   \
        "{\"type\":\"AEAD_AES_128_GCM\",\"data\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==\"}"
#define PAYLOAD3                                                                                   \
        "{\"type\":\"AEAD_AES_128_GCM\",\"data\":\"AgICAgICAgICAgICAgICAgICAgICAgICAgICAg==\"}"
#define DISPLAY                                                                                    \
        "\"displayInformation\":{\"title\":\"Key\",\"description\":\"For you\",\"imageURL\":\"\"}"
#define UPDATE2 "{\"payload\":" PAYLOAD2 "}"
#define UPDATE3 "{\"payload\":" PAYLOAD3 "}"

/* What a mailbox that never was answers. */
#define NOT_FOUND "{\"type\":\"not-found\",\"title\":\"there is no such mailbox\",\"status\":404}"

typedef struct {
        TgApi api;
        TgStore *store;   /* or */
        TgWriter *writer; /* of Redis */
        gint64 now_s;
        /* of the last request */
        TgApiCall *call;
        TgVerdict verdict;
        /* of the last mailbox made */
        char *path;
} Asking;

void asking_set_up(Asking *self, gconstpointer data);
void asking_tear_down(Asking *self, gconstpointer data);

/* Asks; after @body (NULL: none) come header names and values, and NULL. A body is
 * application/json unless they say otherwise. The answer's status; 0: held. */
guint ask(Asking *self, const char *method, const char *path, const char *body, ...)
        G_GNUC_NULL_TERMINATED;
/* The same call once more, as after a wake-up. */
guint ask_again(Asking *self, gboolean is_wait_over);

/* A mailbox of Alice's with @rights (NULL: none said), made by ID1. */
void ask_create(Asking *self, const char *rights);
/* Bob's first read. */
void ask_bind(Asking *self);

/* The arguments of a claim's read. */
#define READ(claim) "POST", self->path, NULL, TG_HEADER_CLAIM, claim
/* Requests that have nothing else to them; @if_match may be NULL. */
guint ask_make(Asking *self, const char *claim, const char *id, const char *body);
guint
ask_update(Asking *self, const char *claim, const char *id, const char *body, const char *if_match);
guint ask_change(Asking *self, const char *method, const char *claim, const char *id);

/* The member @name of the last answer's body, unescaped; NULL when absent. */
char *ask_member(Asking *self, const char *name);
void assert_problem(Asking *self, guint status, const char *type);

/* The payload with which the last answer came. */
void assert_payload(Asking *self, const char *payload);
