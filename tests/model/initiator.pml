/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The initiator: each atomic step is one transaction, one request or one computation. */

#define IS_RUNNING (state <= CONFIRMED)
#define IS_IN_TIME (!late || !TIME_LIMIT) /* after it nothing is judged and nothing written */

/* What may be charged: opened, from the peer, an answer, of this attempt. */
#define IS_ANSWER(m) \
        (!ANSWER_CHECKS || (KIND(m) == ANSWER && (!ATTEMPT_NUMBER || ATTEMPT(m) == used + 1)))

/* The word of the peer who declines: for the offer that is open, or under the session keys. */
#define IS_END(m) \
        (KIND(m) == END && (SESSION(m) -> state == CONFIRMED && WHO(m) == WHO(accept) \
                                       : state == OPEN && ATTEMPT(m) == used + 1))

/* He may have said it while his answer was judged. Then it is in the slot in place of that answer. */
#define IS_LATE_END(m) (LATE_END && KIND(m) == END && !SESSION(m) && ATTEMPT(m) == used)

/* A hostile relay may have given a right confirmation to somebody else's key share. */
#define IS_RIGHT(m) (!CONFIRMATION || (PIN(m) && !FORGED(m) && KIND(m) == ANSWER))

inline charge(m) {
        printf("initiator: charges %d\n", m);
        if
        :: !CHARGE_FIRST -> step = JUDGE
        :: CHARGE_FIRST && !SHARE_TRIES && answer != NOTHING && WHO(m) != WHO(answer) ->
                used = 1; state = CHARGED; step = COUNT
        :: else ->
                if
                :: used < MAX -> used++
                :: else /* only where rules are missing */
                fi;
                state = CHARGED; step = COUNT
        fi;
        answer = m;
        is_fresh = 1;
#ifdef OLD_FILE
        copy_is_same = 0;
#endif
        IS_CHARGE
}

inline take(m) {
        if
        :: (state == OPEN || (!ONE_ANSWER && state == CONFIRMED && KIND(m) == ANSWER &&
                              WHO(m) != WHO(accept) && ATTEMPT(m) == used)) &&
           (state == CONFIRMED || IS_ANSWER(m)) ->
                if
                :: state == CONFIRMED ->
                        printf("initiator: judges one more, %d\n", m);
                        answer = m; state = CHARGED; step = COUNT; is_fresh = 1
                :: else -> charge(m)
                fi
        :: !BURN_ENDING && state == BURNED && KIND(m) == ANSWER && ATTEMPT(m) == used ->
                answer = m; step = JUDGE; is_fresh = 1
        :: IS_RUNNING && IS_END(m) ->
                printf("initiator: takes %d: declined\n", m);
                state = DECLINED; step = ERRAND; answer = NOTHING
        :: state == CONFIRMED && KIND(m) == DONE && (WHO(m) == WHO(accept) || !SESSION_END) ->
                printf("initiator: takes %d: completed\n", m);
                IS_WORD;
                state = COMPLETED; step = ERRAND;
                IS_WITNESS
        :: else -> skip /* ignored: no state changes, no try is charged */
        fi
}

inline mailbox_is_gone() {
        printf("initiator: the mailbox is gone\n");
        if
        :: state == CONFIRMED -> state = COMPLETED
        :: else -> state = DECLINED
        fi;
        step = ERRAND; answer = NOTHING
}

#ifdef HOSTILE

#define IS_NEWS 1
#define MAY_READ 1
#define ATTEMPT_OPEN (state == OPEN -> used + 1 : used)

/* What the relay shows: anything it was given, anything that Eve can make, or nothing any more. */
inline fetch(m) {
        if
        :: HAS_ANSWER(BOB, ATTEMPT_OPEN, 0) -> m = MESSAGE(ANSWER, ATTEMPT_OPEN, BOB, 0, 0, 0)
        :: HAS_ANSWER(BOB, ATTEMPT_OPEN, 1) -> m = MESSAGE(ANSWER, ATTEMPT_OPEN, BOB, 1, 0, 0)
        :: used >= 1 && HAS_ANSWER(BOB, 1, 0) -> m = MESSAGE(ANSWER, 1, BOB, 0, 0, 0) /* replayed */
        :: used >= 1 && HAS_ANSWER(BOB, 1, 1) -> m = MESSAGE(ANSWER, 1, BOB, 1, 0, 0)
        :: used >= 2 && HAS_ANSWER(BOB, 2, 0) -> m = MESSAGE(ANSWER, 2, BOB, 0, 0, 0)
        :: used >= 2 && HAS_ANSWER(BOB, 2, 1) -> m = MESSAGE(ANSWER, 2, BOB, 1, 0, 0)
#ifdef SECOND
        :: HAS_ANSWER(TABLET, ATTEMPT_OPEN, 0) -> m = MESSAGE(ANSWER, ATTEMPT_OPEN, TABLET, 0, 0, 0)
        :: HAS_ANSWER(TABLET, ATTEMPT_OPEN, 1) -> m = MESSAGE(ANSWER, ATTEMPT_OPEN, TABLET, 1, 0, 0)
        :: kept_end[TABLET] & 1 -> m = MESSAGE(END, ATTEMPT_OPEN, TABLET, 0, 0, 0)
        :: kept_end[TABLET] & 2 -> m = MESSAGE(END, 1, TABLET, 0, 1, 0)
        :: kept_done[TABLET] -> m = MESSAGE(DONE, 0, TABLET, 0, 0, 0)
#endif
        :: m = OFFERED /* reflected */
        :: kept_end[BOB] & 1 -> m = MESSAGE(END, ATTEMPT_OPEN, BOB, 0, 0, 0)
        :: kept_end[BOB] & 2 -> m = MESSAGE(END, 1, BOB, 0, 1, 0)
        :: kept_done[BOB] -> m = MESSAGE(DONE, 0, BOB, 0, 0, 0)
#ifdef LINK
#ifdef NO_PIN
        :: m = MESSAGE(ANSWER, ATTEMPT_OPEN, EVE, 1, 0, 0)
#else
        :: !eve_has_pin -> m = MESSAGE(ANSWER, ATTEMPT_OPEN, EVE, 0, 0, 0)
        :: !eve_has_pin -> m = MESSAGE(ANSWER, ATTEMPT_OPEN, EVE, 1, 0, 1)
        :: eve_has_pin -> m = MESSAGE(ANSWER, ATTEMPT_OPEN, EVE, 1, 0, 0)
#endif
        :: !TRANSCRIPT && HAS_ANSWER(BOB, ATTEMPT_OPEN, 1) ->
                m = MESSAGE(ANSWER, ATTEMPT_OPEN, EVE, 1, 0, 0) /* his confirmation, her key share */
        :: m = MESSAGE(END, used + 1, EVE, 0, 0, 0)
        :: m = MESSAGE(END, used, EVE, 0, 1, 0)
        :: m = MESSAGE(DONE, 0, EVE, 0, 0, 0)
#endif
        fi
}

#define MAY_BE_GONE 1

inline put(m) {
        printf("initiator: writes %d\n", m);
        keep(m);
        step = REST;
        if
        :: kept_end[BOB] && LATE_END && used > 0 -> state = DECLINED; step = ERRAND /* or so it is told */
#ifdef LINK
        :: LATE_END && used > 0 -> state = DECLINED; step = ERRAND
#endif
        :: skip
        fi;
        if
        :: SHARE_TRIES -> answer = NOTHING
        :: else /* who answered last is remembered */
        fi
}

inline errand() {
        step = REST
}

#else

#define IS_NEWS (slot != (state == CONFIRMED -> accept : OFFERED))
#define MAY_READ (!is_gone)
#define MAY_BE_GONE is_gone

inline fetch(m) {
        m = slot
}

inline overwrite(m) {
        printf("initiator: writes %d\n", m);
        slot = m; writer = INITIATOR; put_last = m; step = REST;
        if
        :: eve_waits ->
                eve_waits = 0;
                if
                :: bound == EVE || !RIGHT_AT_ANSWER -> IS_RELINQUISH_READ
                :: else
                fi
        :: else
        fi;
        if
        :: SHARE_TRIES -> answer = NOTHING
        :: else /* who answered last is remembered */
        fi
}

/* Conditional; an octet-for-octet repetition is known by its id. What is there instead is judged. */
inline put(m) {
        if
        :: is_gone -> mailbox_is_gone()
        :: !is_gone && put_last == m -> step = REST; answer = NOTHING
        :: !is_gone && put_last != m && IF_MATCH && IS_LATE_END(slot) ->
                printf("initiator: finds %d where it wants to write: declined\n", slot);
                state = DECLINED; step = ERRAND; answer = NOTHING
        :: else -> overwrite(m)
        fi
}

inline errand() {
        printf("initiator: deletes the mailbox\n");
        is_gone = 1; slot = NOTHING; bound = NOBODY; writer = NOBODY; eve_waits = 0;
        put_last = NOTHING; put_last_by[BOB] = NOTHING; put_last_by[TABLET] = NOTHING;
        step = REST
}

#endif

proctype Initiator() {
        short m;

        do
        :: atomic {
                IS_IN_TIME && (IS_RUNNING || (!BURN_ENDING && state == BURNED)) && step == REST &&
                        MAY_READ && IS_NEWS ->
                fetch(m);
                take(m);
                m = NOTHING
        }
        :: atomic { IS_IN_TIME && IS_RUNNING && step == REST && MAY_BE_GONE -> mailbox_is_gone() }
        :: atomic {
                IS_IN_TIME && step == REREAD && IS_NEWS -> /* only where rules are missing */
                fetch(m);
                if
                :: KIND(m) == ANSWER && ATTEMPT(m) == used -> answer = m; is_fresh = 1; step = JUDGE
                :: else
                fi;
                m = NOTHING
        }
        :: atomic { IS_IN_TIME && step == COUNT -> counted = used; step = JUDGE }
        :: atomic {
                IS_IN_TIME && step == JUDGE ->
                printf("initiator: judges %d\n", answer);
                IS_BURN_VERDICT;
                if
                :: is_fresh && verdicts <= MAX -> verdicts++
                :: else
                fi;
                is_fresh = 0;
#ifdef OLD_FILE
                if
                :: copy_is_same -> copy_is_fresh = 0
                :: else
                fi;
#endif
                IS_TRIES;
                if
                :: IS_RIGHT(answer) ->
                        if
                        :: GUESS(answer) -> guessed = 1; eve_has_pin = 1
                        :: else
                        fi;
                        step = STORE_RIGHT
                :: else -> step = STORE_WRONG
                fi
        }
        :: atomic {
                IS_IN_TIME && step == STORE_RIGHT ->
                printf("initiator: right, confirmed\n");
                IS_CANCEL;
                IS_BURN_RIGHT;
                if
                :: !CHARGE_FIRST && state == OPEN -> used++
                :: else
                fi;
                IS_CRASH;
                state = CONFIRMED;
                accept = MESSAGE(ACCEPT, used, WHO(answer), 0, 0, 0);
                step = WRITE
        }
        :: atomic {
                IS_IN_TIME && step == STORE_WRONG ->
                if
                :: !CHARGE_FIRST && state == OPEN -> used++
                :: else
                fi;
                IS_CRASH;
                if
                :: state == BURNED -> step = REST
                :: state != BURNED && used < MAX ->
                        printf("initiator: wrong, next offer\n");
                        state = OPEN; step = WRITE
                :: else ->
                        printf("initiator: wrong, burned\n");
                        was_burned = 1; state = BURNED; step = ERRAND; answer = NOTHING
                fi
        }
        :: atomic { step == WRITE && state == OPEN -> put(OFFERED) }
        :: atomic { step == WRITE && state == CONFIRMED -> IS_CANCEL; put(accept) }
        :: atomic { step == SAVE -> state = CANCELLED; step = ERRAND }
        :: atomic { step == ERRAND -> errand() }
        :: atomic {
                late && TIME_LIMIT && IS_RUNNING ->
                printf("initiator: expired\n");
                state = EXPIRED; step = ERRAND; answer = NOTHING; is_fresh = 0
        }
        od
}

#ifdef CANCELS
/* At most once, at any moment. */
proctype InitiatorsUser() {
        if
        :: atomic {
                IS_RUNNING ->
                printf("initiator: cancelled, the user is told\n");
                was_cancelled = (state != CONFIRMED);
                if
                :: !CANCEL_STORED -> step = SAVE
                :: else ->
                        state = CANCELLED;
                        cancels = 1;
                        counted_cancels = 1; /* the keyring is unlocked */
                        if
                        :: CANCEL_DROPPING || (step != JUDGE && step != STORE_RIGHT) -> step = ERRAND
                        :: else /* a computation that is under way comes back */
                        fi
                fi
        }
        :: skip
        fi
}
#endif

#ifndef CRASHES
#define CRASHES 0
#endif

/* Crashes, and what is read back. */
inline restart() {
        printf("initiator: crashes and starts again\n");
        if
        :: state == OPEN && INITIATOR_RESENDING -> step = WRITE; is_fresh = 0
        :: state == OPEN && !INITIATOR_RESENDING -> step = REST
        :: state == CHARGED && STORED_ANSWER && REJUDGING -> step = COUNT
        :: state == CHARGED && !REJUDGING -> step = STORE_WRONG
        :: state == CHARGED && !STORED_ANSWER -> step = REREAD; answer = NOTHING
        :: state == CONFIRMED && INITIATOR_RESENDING -> step = WRITE
        :: state == CONFIRMED && !INITIATOR_RESENDING -> step = REST
        :: else -> step = ERRAND
        fi
}

proctype InitiatorsMachine() {
        byte crashes;
#ifdef OLD_FILE
        byte old_state;
        byte old_used;
        short old_answer;
        short old_accept;
        byte old_cancels;
        bit old;
#endif
        do
        :: break
#if CRASHES < 0
        :: atomic { restart() }
#endif
#if CRASHES > 0
        :: atomic { crashes < CRASHES -> crashes++; restart() }
#endif
#ifdef OLD_FILE
        :: atomic {
                old == 0 ->
                printf("somebody copies the initiator's file\n");
                old = 1;
                old_state = state; old_used = used; old_answer = answer; old_accept = accept;
                old_cancels = cancels;
                copy_is_fresh = is_fresh; copy_is_same = 1
        }
        :: atomic {
                old == 1 ->
                printf("somebody puts the initiator's file back\n");
                state = old_state; used = old_used; answer = old_answer; accept = old_accept;
                cancels = old_cancels; is_fresh = copy_is_fresh;
                copy_is_fresh = 0; copy_is_same = 0;
                if
                :: (KEYRING_TRIES && used < counted) || (KEYRING_CANCELS && cancels < counted_cancels) ->
                        printf("initiator: an old copy, burned\n");
                        state = BURNED; step = ERRAND; answer = NOTHING
                :: else -> restart()
                fi;
                old_state = 0; old_used = 0; old_answer = 0; old_accept = 0; old_cancels = 0;
                break
        }
#endif
        od
}
