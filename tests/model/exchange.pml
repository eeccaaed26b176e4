/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One share in mode T2: initiator, recipient, relay and who attacks them. README.md says what is left
 * out and how to read a counterexample; `check` says with which definitions it is run:
 *
 *   NO_PIN    without a PIN (one attempt, everybody who has the link has the empty PIN)
 *   LINK      Eve holds the link
 *   ADDRESS   Eve holds the address alone
 *   HOSTILE   the relay is Eve's; without LINK she has what it sees alone
 *   SECOND    the recipient's second device takes part
 *   MISTYPES, DECLINES, LETS_GO, CANCELS, TIME   people do that; time passes
 *   CRASHES=N at most N crashes of each side (-1: any number)
 *   OLD_FILE  once, at a crash, the initiator's state file is put back from an older time
 */
#include "words.pml"
#include "rules.pml"
#include "properties.pml"

/* What is so, whoever knows it. */
bool was_cancelled; /* the user was told so, before ACCEPT was stored */
bool was_burned;
bool guessed;       /* Eve has guessed the PIN */
bool eve_has_pin;
byte verdicts;      /* different answers judged */
byte told[4];       /* answers to Eve's own offers: what they tell her of the PIN */
bit gets[4];        /* the credential, in the clear */
bool late;

/* The initiator: first what is stored. */
byte state;
byte used;    /* tries charged */
short answer; /* that is charged, until what came of it is written */
short accept;
byte cancels;
byte counted, counted_cancels; /* in the keyring */
bool is_fresh;                 /* the answer has not been judged yet */
#ifdef OLD_FILE
bool copy_is_fresh, copy_is_same; /* the same of the answer in the copied file */
#endif
byte step;

/* The recipient's devices. */
byte place[3];   /* state */
byte attempt[3]; /* that is answered */
bit forged[3];   /* the offer that is answered is Eve's */
bit typed[3];    /* the right PIN went in */
byte entries[3];
byte following[3];
bit unsaved[3];

#define OWN(me) MESSAGE(ANSWER, attempt[me], me, typed[me], forged[me], 0)
#define OFFERED MESSAGE(OFFER, used + 1, 0, 0, 0, 0)

#include "relay.pml"
#include "initiator.pml"
#include "recipient.pml"
#include "eve.pml"

init {
        atomic {
#ifdef HOSTILE
                keep(OFFERED);
#else
                slot = OFFERED;
                put_last = OFFERED;
                writer = INITIATOR;
#endif
                run Initiator();
#ifdef CANCELS
                run InitiatorsUser();
#endif
                run InitiatorsMachine();
                run Recipient(BOB);
                run RecipientsUser(BOB);
                run RecipientsMachine(BOB);
#ifdef SECOND
                run Recipient(TABLET);
                run RecipientsMachine(TABLET);
#endif
#ifdef EVE_ACTS
                run Eve();
#endif
#ifdef TIME
                run Clock();
#endif
        }
}

#ifdef CHECK_stuck
#define ENDED(me) (place[me] >= TAKEN && following[me] == REST)
#ifdef SECOND
ltl stuck { <> (state >= BURNED && step == REST && ENDED(BOB) && ENDED(TABLET)) }
#else
ltl stuck { <> (state >= BURNED && step == REST && ENDED(BOB)) }
#endif
#endif
