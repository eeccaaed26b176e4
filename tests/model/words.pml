/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who. */
#define NOBODY    0
#define BOB       1 /* the recipient */
#define TABLET    2 /* another device of the recipient's own */
#define EVE       3 /* whoever attacks */
#define INITIATOR 4

/*
 * A message is what its reader can find out with the right keys, in one number: kind, attempt, whose
 * key share answered (ANSWER) or may open it (ACCEPT, DONE), whether the right PIN went into it,
 * whether it answers an offer that is not the initiator's or is one, whether the PIN was a guess.
 */
#define NOTHING 0
#define OFFER   1
#define ANSWER  2
#define ACCEPT  3
#define END     4 /* "declined", under the keys that the link alone gives, or SESSION */
#define DONE    5 /* "completed", under the session keys */

#define MESSAGE(kind, attempt, who, pin, forged, guess) \
        ((kind) + ((attempt) << 3) + ((who) << 5) + ((pin) << 7) + ((forged) << 8) + ((guess) << 9))
#define KIND(m)    ((m) & 7)
#define ATTEMPT(m) (((m) >> 3) & 3)
#define WHO(m)     (((m) >> 5) & 3)
#define PIN(m)     (((m) >> 7) & 1)
#define FORGED(m)  (((m) >> 8) & 1)
#define GUESS(m)   (((m) >> 9) & 1)
#define SESSION(m) FORGED(m) /* of END alone */

/* Attempts: three with a PIN, one without. */
#ifdef NO_PIN
#define MAX 1
#else
#define MAX 3
#endif

/* The initiator's stored state; ends from BURNED on. */
#define OPEN      0
#define CHARGED   1
#define CONFIRMED 2
#define BURNED    3
#define CANCELLED 4
#define DECLINED  5
#define COMPLETED 6
#define EXPIRED   7

/* The recipient's; ends from TAKEN on. */
#define IDLE     0
#define ASKED    1
#define ANSWERED 2
#define TAKEN    3 /* the credential is stored */
#define REFUSED  4 /* its user declined */
#define FAILED   5
#define LET_GO   6

/* What is to be done next: in memory only, lost by a crash. */
#define REST        0
#define WRITE       1
#define COUNT       2
#define JUDGE       3
#define STORE_RIGHT 4
#define STORE_WRONG 5
#define ERRAND      6 /* what an end still has to do at the relay */
#define REREAD      7
#define SAVE        8
