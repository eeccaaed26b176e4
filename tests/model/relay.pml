/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The relay. An honest one is a slot with its rules. Of a hostile one nothing is left but what it has
 * been given: it hands out any of that, to anybody, in any order, as often as it likes.
 */
#ifdef HOSTILE

byte kept_offers;    /* bit: attempt */
byte kept_answers[3]; /* bit: (attempt - 1) * 2 + PIN right */
short kept_accept[4]; /* for whom */
byte kept_end[3]; /* 1: under the link's keys, 2: the session's */
bit kept_done[3];

inline keep(m) {
        if
        :: KIND(m) == OFFER -> kept_offers = kept_offers | (1 << ATTEMPT(m))
        :: KIND(m) == ANSWER && !FORGED(m) ->
                kept_answers[WHO(m)] = kept_answers[WHO(m)] | (1 << ((ATTEMPT(m) - 1) * 2 + PIN(m)));
#ifdef LINK
                /* A confirmation that can be tested without taking part gives the PIN away. */
                if
                :: !PAKE && PIN(m) -> eve_has_pin = 1
                :: else
                fi
#endif
        :: KIND(m) == ANSWER && FORGED(m) -> skip /* worth nothing but to Eve */
        :: KIND(m) == ACCEPT ->
                kept_accept[WHO(m)] = m;
                if
#ifdef LINK
                :: (WHO(m) == EVE || !RESPONDER_KEYS) && !gets[EVE] ->
                        printf("eve: has the credential\n");
                        gets[EVE] = 1;
                        IS_ONCE;
                        IS_PIN
#endif
                :: else
                fi
        :: KIND(m) == END -> kept_end[WHO(m)] = kept_end[WHO(m)] | (1 << SESSION(m))
        :: KIND(m) == DONE -> kept_done[WHO(m)] = 1
        fi
}

#define HAS_ANSWER(who, k, pin) ((kept_answers[who] >> (((k) - 1) * 2 + (pin))) & 1)

#else

short slot;      /* OFFER(1) from the start */
byte bound;      /* the recipient's side */
byte writer;     /* who wrote the slot last */
bool is_gone;
bool eve_waits;  /* a held read of hers is open */
short put_last;  /* the initiator's last write: its request id is known */
short put_last_by[3];

#endif
