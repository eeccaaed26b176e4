/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Eve as a client of an honest relay: with the link (LINK) she does whatever the relay's rules let her,
 * with the address alone (ADDRESS) she tries to bind. Behind a hostile relay she needs no process: she is
 * in what it shows, in initiator.pml and recipient.pml.
 */
#ifdef ADDRESS
#define EVE_ACTS
proctype Eve() {
        do
        :: atomic {
                !is_gone && bound == NOBODY && !CLAIM_PROOF ->
                printf("eve: binds\n");
                bound = EVE;
                IS_ADDRESS
        }
        od
}
#endif

#if defined(LINK) && !defined(HOSTILE)
#define EVE_ACTS

inline eve_writes(m) {
        printf("eve: writes %d\n", m);
        slot = m; writer = EVE
}

proctype Eve() {
        do
        :: atomic { !is_gone && bound == NOBODY -> printf("eve: binds\n"); bound = EVE }
        :: atomic {
                bound == EVE && KIND(slot) == ACCEPT && (WHO(slot) == EVE || !RESPONDER_KEYS) &&
                        !gets[EVE] ->
                printf("eve: has the credential\n");
                gets[EVE] = 1;
                IS_ONCE;
                IS_PIN
        }
        :: atomic { bound == EVE && !eve_waits -> printf("eve: a held read\n"); eve_waits = 1 }
        :: atomic {
                bound == EVE && KIND(slot) == OFFER && !FORGED(slot) ->
                if
#ifdef NO_PIN
                :: eve_writes(MESSAGE(ANSWER, ATTEMPT(slot), EVE, 1, 0, 0))
#else
                :: !eve_has_pin -> eve_writes(MESSAGE(ANSWER, ATTEMPT(slot), EVE, 0, 0, 0))
                :: !eve_has_pin -> eve_writes(MESSAGE(ANSWER, ATTEMPT(slot), EVE, 1, 0, 1))
                :: eve_has_pin -> eve_writes(MESSAGE(ANSWER, ATTEMPT(slot), EVE, 1, 0, 0))
#endif
                fi
        }
        :: atomic {
                bound == EVE && slot != NOTHING ->
                if
                :: eve_writes(MESSAGE(OFFER, 1, 0, 0, 1, 0))
                :: eve_writes(MESSAGE(OFFER, 2, 0, 0, 1, 0))
                :: eve_writes(MESSAGE(OFFER, 3, 0, 0, 1, 0))
                :: eve_writes(MESSAGE(ANSWER, 1, EVE, 0, 0, 0))
                :: eve_writes(MESSAGE(ANSWER, 2, EVE, 0, 0, 0))
                :: eve_writes(MESSAGE(END, 1, EVE, 0, 0, 0))
                :: eve_writes(MESSAGE(DONE, 0, EVE, 0, 0, 0))
                fi
        }
        :: atomic {
                bound == EVE && (writer == INITIATOR || !SENDERS_SLOT) ->
                printf("eve: lets go\n");
                bound = NOBODY
        }
        :: atomic {
                bound == EVE && !is_gone ->
                printf("eve: deletes the mailbox\n");
                is_gone = 1; slot = NOTHING; bound = NOBODY; eve_waits = 0
        }
        od
}
#endif

#ifdef TIME
proctype Clock() {
        printf("the time is up\n");
        late = 1
}
#endif
