/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One macro for each property that is an assertion; it is checked where the model was made with -DCHECK_x,
 * and does nothing elsewhere, so that a run that fails has failed in what it was asked. "stuck" is a
 * formula, at the end of exchange.pml.
 */
#ifdef CHECK_once
#define IS_ONCE assert(gets[BOB] + gets[TABLET] + gets[EVE] <= 1)
#else
#define IS_ONCE skip
#endif
#ifdef CHECK_pin
#define IS_PIN assert(!gets[EVE] || guessed)
#else
#define IS_PIN skip
#endif
#ifdef CHECK_tries
#define IS_TRIES assert(verdicts <= MAX)
#else
#define IS_TRIES skip
#endif
#ifdef CHECK_entries
#define IS_ENTRIES(me) assert(told[me] <= 3)
#else
#define IS_ENTRIES(me) skip
#endif
#ifdef CHECK_cancel
#define IS_CANCEL assert(!was_cancelled)
#else
#define IS_CANCEL skip
#endif
#ifdef CHECK_burn
#define IS_BURN_VERDICT assert(!was_burned || !is_fresh)
#define IS_BURN_RIGHT assert(!was_burned)
#else
#define IS_BURN_VERDICT skip
#define IS_BURN_RIGHT skip
#endif
#ifdef CHECK_relinquish
#define IS_RELINQUISH_ANSWER(me) assert(!forged[me])
#define IS_RELINQUISH_READ assert(bound == EVE)
#else
#define IS_RELINQUISH_ANSWER(me) skip
#define IS_RELINQUISH_READ skip
#endif
#ifdef CHECK_address
#define IS_ADDRESS assert(bound != EVE)
#else
#define IS_ADDRESS skip
#endif
#ifdef CHECK_charge
#define IS_CHARGE assert(used <= entries[BOB] + entries[TABLET])
#else
#define IS_CHARGE skip
#endif
#ifdef CHECK_crash
#define IS_CRASH assert(used == verdicts)
#else
#define IS_CRASH skip
#endif
#ifdef CHECK_word
#define IS_WORD assert(gets[WHO(accept)] || WHO(accept) == EVE)
#else
#define IS_WORD skip
#endif
#ifdef CHECK_witness
#define IS_WITNESS assert(state != COMPLETED || !gets[BOB])
#else
#define IS_WITNESS skip
#endif
