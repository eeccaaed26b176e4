/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A device of the recipient: Bob's own, or his tablet. */

#define OPENS(m, me) \
        (KIND(m) == ACCEPT && \
         (!RESPONDER_KEYS || \
          (WHO(m) == (me) && ATTEMPT(m) == attempt[me] && !forged[me] && !unsaved[me])))

inline ask(me, m) {
        printf("recipient %d: reads the offer %d\n", me, m);
        attempt[me] = ATTEMPT(m);
        forged[me] = FORGED(m);
        place[me] = ASKED
}

inline receive(me, m) {
        if
        :: OPENS(m, me) ->
                printf("recipient %d: opens %d and has the credential\n", me, m);
                gets[me] = 1;
                IS_ONCE;
                place[me] = TAKEN; following[me] = ERRAND
        :: KIND(m) == OFFER && (ATTEMPT(m) == attempt[me] + 1 || !NEXT_ATTEMPT) -> ask(me, m)
        :: else -> skip /* ignored */
        fi
}

inline told_gone(me) {
        printf("recipient %d: the mailbox is gone, or is somebody else's\n", me);
        place[me] = FAILED; following[me] = ERRAND; typed[me] = 0
}

#ifdef HOSTILE

#define MAY_CLAIM(me) 1
#define HAS_NEWS(me) 1
#define IS_GONE(me) 1

inline bind(me) {
        skip
}

/* The first offer, or whatever follows what was answered. */
inline fetch_for(me, m) {
        if
        :: kept_offers & (1 << 1) -> m = MESSAGE(OFFER, 1, 0, 0, 0, 0)
        :: kept_offers & (1 << 2) -> m = MESSAGE(OFFER, 2, 0, 0, 0, 0)
        :: kept_offers & (1 << 3) -> m = MESSAGE(OFFER, 3, 0, 0, 0, 0)
        :: kept_accept[BOB] != NOTHING -> m = kept_accept[BOB]
        :: kept_accept[TABLET] != NOTHING -> m = kept_accept[TABLET]
        :: kept_accept[EVE] != NOTHING -> m = kept_accept[EVE]
#ifdef LINK
        :: m = MESSAGE(OFFER, 1, 0, 0, 1, 0)
        :: attempt[me] < MAX -> m = MESSAGE(OFFER, attempt[me] + 1, 0, 0, 1, 0)
#endif
        fi
}

inline put_by(me, m) {
        keep(m)
}

inline put_end(me) {
        if
        :: keep(MESSAGE(END, attempt[me], me, 0, 0, 0))
        :: OPENS(kept_accept[me], me) -> keep(MESSAGE(END, attempt[me], me, 0, 1, 0))
        fi
}

inline let_go(me) {
        skip
}

#else

#define MAY_CLAIM(me) (!is_gone && (bound == NOBODY || (bound == (me) && KIND(slot) == OFFER)))
#define HAS_NEWS(me) (!is_gone && bound == (me) && slot != OWN(me))
#define IS_GONE(me) is_gone

inline bind(me) {
        bound = me
}

inline fetch_for(me, m) {
        m = slot
}

/* A write of a claim that is not bound any more, or to a mailbox that is gone, changes nothing. */
inline put_by(me, m) {
        if
        :: is_gone || bound != me || put_last_by[me] == m -> skip
        :: !is_gone && bound == me && put_last_by[me] != m && KIND(m) == ANSWER && IF_MATCH &&
           KIND(slot) != OFFER -> skip /* 412: what is there is read next */
        :: else ->
                printf("recipient %d: writes %d\n", me, m);
                slot = m; writer = me; put_last_by[me] = m
        fi
}

/* Where the initiator has written since, the word is made anew, under what is in force now. */
inline put_end(me) {
        if
        :: NEW_END && KIND(slot) == OFFER && ATTEMPT(slot) == attempt[me] + 1 -> attempt[me]++
        :: else
        fi;
        put_by(me, MESSAGE(END, attempt[me], me, 0, (NEW_END && OPENS(slot, me)), 0))
}

/* Refused where the recipient wrote last. */
inline let_go(me) {
        if
        :: !is_gone && bound == me && (writer == INITIATOR || !SENDERS_SLOT) ->
                printf("recipient %d: lets go\n", me);
                bound = NOBODY; put_last_by[me] = NOTHING
        :: else
        fi
}

#endif

inline enter(me) {
        entries[me]++;
        if
        :: forged[me] ->
                told[me]++;
                IS_ENTRIES(me);
#ifndef NO_PIN
                /* The answer tells her whether one PIN of her choice was the one that was typed. */
                if
                :: typed[me] -> guessed = 1; eve_has_pin = 1
                :: skip
                fi
#endif
        :: else
        fi;
        IS_RELINQUISH_ANSWER(me);
        printf("recipient %d: a PIN is typed, the answer is %d\n", me, OWN(me));
        place[me] = ANSWERED; following[me] = WRITE
}

proctype Recipient(byte me) {
        short m;

        do
        :: atomic {
                IS_IN_TIME && place[me] == IDLE && MAY_CLAIM(me) ->
                bind(me);
                fetch_for(me, m);
                if
                :: KIND(m) == OFFER -> ask(me, m)
                :: else
                fi;
                m = NOTHING
        }
        :: atomic { IS_IN_TIME && place[me] == IDLE && IS_GONE(me) -> told_gone(me) }
        :: atomic {
                IS_IN_TIME && place[me] == ASKED && (entries[me] < 3 || (!ENTRY_COUNT && entries[me] < 5)) ->
                if
                :: typed[me] = 1
#ifdef MISTYPES
                :: typed[me] = 0
#endif
                fi;
                enter(me)
        }
        :: atomic { IS_IN_TIME && place[me] == ASKED && entries[me] >= 3 && ENTRY_COUNT -> told_gone(me) }
        :: atomic { IS_IN_TIME && place[me] == ASKED && IS_GONE(me) -> told_gone(me) }
        :: atomic {
                IS_IN_TIME && place[me] == ANSWERED && following[me] == WRITE ->
                put_by(me, OWN(me));
                if
                :: SAVE_FIRST -> following[me] = REST
                :: else -> following[me] = SAVE; unsaved[me] = 1
                fi
        }
        :: atomic { following[me] == SAVE -> unsaved[me] = 0; following[me] = REST }
        :: atomic {
                IS_IN_TIME && place[me] == ANSWERED && following[me] == REST && HAS_NEWS(me) ->
                fetch_for(me, m);
                receive(me, m);
                m = NOTHING
        }
        :: atomic { IS_IN_TIME && place[me] == ANSWERED && following[me] == REST && IS_GONE(me) -> told_gone(me) }
        :: atomic {
                following[me] == ERRAND ->
                if
                :: place[me] == TAKEN -> put_by(me, MESSAGE(DONE, 0, me, 0, 0, 0))
                :: place[me] == REFUSED -> put_end(me)
                :: place[me] == LET_GO -> let_go(me)
                :: else
                fi;
                following[me] = REST
        }
        :: atomic {
                late && TIME_LIMIT && place[me] < TAKEN ->
                printf("recipient %d: expired\n", me);
                place[me] = FAILED; following[me] = ERRAND
        }
        :: atomic {
                /* The user has the ended share forgotten, and opens the link again. */
                !LINK_DIGEST && place[me] >= TAKEN && following[me] == REST && told[me] > 0 ->
                printf("recipient %d: forgets, and opens the link again\n", me);
                place[me] = IDLE; entries[me] = 0; attempt[me] = 0; forged[me] = 0; typed[me] = 0
        }
        od
}

/* At most one of these, at any moment that allows it. */
proctype RecipientsUser(byte me) {
        if
#ifdef DECLINES
        :: atomic {
                place[me] == ASKED || place[me] == ANSWERED ->
                printf("recipient %d: declines\n", me);
                place[me] = REFUSED; following[me] = ERRAND
        }
#endif
#ifdef LETS_GO
        :: atomic {
                place[me] == ASKED ->
                printf("recipient %d: relinquishes, for another device\n", me);
                place[me] = LET_GO; following[me] = ERRAND
        }
#endif
        :: skip
        fi
}

proctype RecipientsMachine(byte me) {
        byte crashes;

        do
        :: break
#if CRASHES
        :: atomic {
                crashes < CRASHES || CRASHES < 0 ->
#if CRASHES > 0
                crashes++;
#endif
                printf("recipient %d: crashes and starts again\n", me);
                if
                :: unsaved[me] -> following[me] = REST; place[me] = ASKED
                :: !unsaved[me] && place[me] == ANSWERED && RECIPIENT_RESENDING -> following[me] = WRITE
                :: !unsaved[me] && place[me] >= TAKEN && RECIPIENT_RESENDING -> following[me] = ERRAND
                :: else -> following[me] = REST
                fi
        }
#endif
        od
}
