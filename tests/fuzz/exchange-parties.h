/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Four devices that hold one link: the initiator and the recipient that it was made for, and one
 * of each that somebody else has put up; and the relay's memory of all that was written. What
 * must hold of an exchange whoever mixes these is checked with each step.
 */

#include "protocol/exchange-private.h"
#include "tests/fuzz/fuzz.h"

#define PARTIES_PIN "1234566"   /* the initiator's */
#define PARTIES_OTHER "7654325" /* the other initiator's */
#define PARTIES_FORMAT "digitalwallet.generic.authorizationToken"

typedef enum { ALICE, BOB, CAROL, DAVE } Who; /* Alice and Dave are initiators */
#define N_PARTIES (DAVE + 1)

typedef struct {
        TgExchange *exchange;
        char *typed;         /* recipient: the PIN of its last answer, without grouping */
        const char *charged; /* initiator: the PIN behind the answer to be judged; NULL: none */
        guint n_tries;
        gboolean is_foreign; /* was loaded from octets of nobody's making */
} Party;

/* A payload that the relay has seen. */
typedef struct {
        char *payload;
        char *typed; /* the PIN that stands behind it, if it is an answer or was made of one */
} Seen;

typedef struct {
        TgMode mode;
        Party parties[N_PARTIES];
        GPtrArray *seen; /* of Seen */
        guint n_fail_at; /* the secret for which the next dispatch finds no memory; 0: none */
} Parties;

void parties_init(Parties *self, TgMode mode, gboolean is_headerless_allowed);
void parties_clear(Parties *self);

void parties_add_seen(Parties *self, char *payload, const char *typed);
/* The one with this number (any number is one); NULL when nothing was written yet. */
const Seen *parties_seen(const Parties *self, guint number);

/* Runs @input; what @seen is to TG_INPUT_PAYLOAD, @typed is to TG_INPUT_PIN (NULL else). The
 * state is saved and loaded, and the octets to be written are with the relay at once. */
void parties_dispatch(
        Parties *self, Who who, const TgInput *input, const Seen *seen, const TgSecret *typed);

/* The relay has said where the mailbox is: an initiator does not know before. */
void parties_set_place(Parties *self, Who who);

/* Another state for @who, out of its own changed one; FALSE when it is refused. */
gboolean parties_load(Parties *self, Who who, const TgSecret *saved);

/* What must hold whenever nobody's state was exchanged for another. */
void parties_check(const Parties *self);
