/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each rule of the exchange that a property rests on: 1 unless the model was made with its switch,
 * -DWITHOUT_x. The README says what each is.
 */
#ifdef WITHOUT_ONE_ANSWER
#define ONE_ANSWER 0
#else
#define ONE_ANSWER 1
#endif
#ifdef WITHOUT_RESPONDER_KEYS
#define RESPONDER_KEYS 0
#else
#define RESPONDER_KEYS 1
#endif
#ifdef WITHOUT_TRANSCRIPT
#define TRANSCRIPT 0
#else
#define TRANSCRIPT 1
#endif
#ifdef WITHOUT_PAKE
#define PAKE 0
#else
#define PAKE 1
#endif
#ifdef WITHOUT_CONFIRMATION
#define CONFIRMATION 0
#else
#define CONFIRMATION 1
#endif
#ifdef WITHOUT_CHARGE_FIRST
#define CHARGE_FIRST 0
#else
#define CHARGE_FIRST 1
#endif
#ifdef WITHOUT_STORED_ANSWER
#define STORED_ANSWER 0
#else
#define STORED_ANSWER 1
#endif
#ifdef WITHOUT_REJUDGING
#define REJUDGING 0
#else
#define REJUDGING 1
#endif
#ifdef WITHOUT_SHARE_TRIES
#define SHARE_TRIES 0
#else
#define SHARE_TRIES 1
#endif
#ifdef WITHOUT_KEYRING_TRIES
#define KEYRING_TRIES 0
#else
#define KEYRING_TRIES 1
#endif
#ifdef WITHOUT_KEYRING_CANCELS
#define KEYRING_CANCELS 0
#else
#define KEYRING_CANCELS 1
#endif
#ifdef WITHOUT_LINK_DIGEST
#define LINK_DIGEST 0
#else
#define LINK_DIGEST 1
#endif
#ifdef WITHOUT_ENTRY_COUNT
#define ENTRY_COUNT 0
#else
#define ENTRY_COUNT 1
#endif
#ifdef WITHOUT_CANCEL_STORED
#define CANCEL_STORED 0
#else
#define CANCEL_STORED 1
#endif
#ifdef WITHOUT_CANCEL_DROPPING
#define CANCEL_DROPPING 0
#else
#define CANCEL_DROPPING 1
#endif
#ifdef WITHOUT_BURN_ENDING
#define BURN_ENDING 0
#else
#define BURN_ENDING 1
#endif
#ifdef WITHOUT_SENDERS_SLOT
#define SENDERS_SLOT 0
#else
#define SENDERS_SLOT 1
#endif
#ifdef WITHOUT_RIGHT_AT_ANSWER
#define RIGHT_AT_ANSWER 0
#else
#define RIGHT_AT_ANSWER 1
#endif
#ifdef WITHOUT_CLAIM_PROOF
#define CLAIM_PROOF 0
#else
#define CLAIM_PROOF 1
#endif
#ifdef WITHOUT_ANSWER_CHECKS
#define ANSWER_CHECKS 0
#else
#define ANSWER_CHECKS 1
#endif
#ifdef WITHOUT_ATTEMPT_NUMBER
#define ATTEMPT_NUMBER 0
#else
#define ATTEMPT_NUMBER 1
#endif
#ifdef WITHOUT_INITIATOR_RESENDING
#define INITIATOR_RESENDING 0
#else
#define INITIATOR_RESENDING 1
#endif
#ifdef WITHOUT_RECIPIENT_RESENDING
#define RECIPIENT_RESENDING 0
#else
#define RECIPIENT_RESENDING 1
#endif
#ifdef WITHOUT_SAVE_FIRST
#define SAVE_FIRST 0
#else
#define SAVE_FIRST 1
#endif
#ifdef WITHOUT_LATE_END
#define LATE_END 0
#else
#define LATE_END 1
#endif
#ifdef WITHOUT_NEW_END
#define NEW_END 0
#else
#define NEW_END 1
#endif
#ifdef WITHOUT_IF_MATCH
#define IF_MATCH 0
#else
#define IF_MATCH 1
#endif
#ifdef WITHOUT_TIME_LIMIT
#define TIME_LIMIT 0
#else
#define TIME_LIMIT 1
#endif
#ifdef WITHOUT_NEXT_ATTEMPT
#define NEXT_ATTEMPT 0
#else
#define NEXT_ATTEMPT 1
#endif
#ifdef WITHOUT_SESSION_END
#define SESSION_END 0
#else
#define SESSION_END 1
#endif
