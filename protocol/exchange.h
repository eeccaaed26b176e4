/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One exchange of messages under the modes P, T1 and T2, as a pure function: an input goes in, an
 * output comes out, and the state in between is the owner's to store. No clock, store,
 * socket or loop; randomness apart it does the same every time.
 *
 * The owner's duty, in this order: dispatch, save tg_exchange_save() durably, act on the
 * output (write the payload, ask for the PIN, judge). What could not be saved has not
 * happened: the owner then loads what it saved before. After a crash it loads what was
 * saved last and acts on tg_exchange_pending().
 */

#include <glib.h>

#include "protocol/envelope.h"
#include "protocol/secret.h"

typedef enum {
        TG_MODE_T1,     /* P where the peer writes no header */
        TG_MODE_T2,     /* no PIN, with forward secrecy */
        TG_MODE_T2_PIN, /* with a spoken PIN */
} TgMode;

typedef struct {
        TgRole role;
        TgMode mode;
        const TgSecret *secret; /* the link's, without mode octet; 32 octets in T2 */
        const char *claim;      /* own Mailbox-Device-Claim, UUID text (T2) */
        /* Canonical mailbox URL, or the URI template of plain HTTP; NULL: not known yet (initiator)
         */
        const char *place;
        const TgSecret *pin;            /* initiator with PIN: the digits with their check digit */
        gboolean is_headerless_allowed; /* T1, both roles: an old peer may do without header */
        gboolean is_tight;    /* plain HTTP: the largest padding does not fit into its messages */
        guint8 scrypt_log2_n; /* 0: 14, the specified cost; lower in tests alone */
} TgExchangeTerms;

typedef struct TgExchange TgExchange;

/* TG_ERROR_INVALID for terms that do not fit together, TG_ERROR_LIMIT_REACHED
 * without memory for secrets. */
TgExchange *tg_exchange_new(const TgExchangeTerms *terms, GError **error);
void tg_exchange_free(TgExchange *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgExchange, tg_exchange_free)

/* Where the link does not tell the mode: whether @payload is an offer of T2 under the link's
 * @secret, and of which mode. FALSE: it is none. */
gboolean tg_exchange_peek(const TgSecret *secret, const TgJson *payload, TgMode *ret_mode);

/* The initiator learns the mailbox's address from the relay's answer to OFFER(1). Once. */
gboolean tg_exchange_set_place(TgExchange *self, const char *place, GError **error);

typedef enum {
        /* Initiator, first: `format` and `content` are the first provisioning information, sent
         * at once in T1 and with ACCEPT in T2, where OFFER(1) goes first. `header` gives the
         * display. */
        TG_INPUT_BEGIN,
        TG_INPUT_PAYLOAD, /* what is in the slot */
        TG_INPUT_PIN,     /* recipient: `pin`, as it was typed */
        TG_INPUT_CHARGED, /* initiator: the try is stored, with the keyring's count: judge it */
        TG_INPUT_SAY,     /* an own message, of tigress.end too */
} TgInputKind;

typedef struct {
        TgInputKind kind;
        const TgJson *payload;
        const TgSecret *pin;
        const char *format;
        const TgSecret *content; /* JSON text of the content object */
        const TgHeader *header;  /* title, description, image_url, limits, reads_end; NULL: none */
} TgInput;

typedef enum {
        TG_OUTPUT_NONE,       /* nothing new in the slot: the own message, or what was read last */
        TG_OUTPUT_IGNORED,    /* `error` says why: nothing has changed, keep polling */
        TG_OUTPUT_WRITE,      /* save, then write `payload` */
        TG_OUTPUT_CHARGE,     /* initiator: save, count in the keyring, then TG_INPUT_CHARGED */
        TG_OUTPUT_CONFIRMED,  /* initiator: the right PIN; save, then write `payload`, the ACCEPT */
        TG_OUTPUT_WRONG_PIN,  /* initiator: save, then write `payload`, the next OFFER */
        TG_OUTPUT_BURNED,     /* initiator: the last try was wrong; all secrets are gone */
        TG_OUTPUT_PIN_NEEDED, /* recipient: save, then ask the user; `is_again` after a wrong one */
        TG_OUTPUT_MESSAGE,    /* `envelope` (`info` of ACCEPT included): save, then take it */
        TG_OUTPUT_END,        /* the peer's end message, in `envelope` */
        /* recipient: what is in the slot was there before the own end message, which its writer
         * could not open any more: TG_INPUT_SAY it again, save, and write that */
        TG_OUTPUT_SAY_AGAIN,
} TgOutputKind;

typedef struct {
        TgOutputKind kind;
        char *payload; /* JSON text for the slot */
        TgEnvelope *envelope;
        gboolean is_overtaken;  /* with a message: our last one may not have been read */
        gboolean is_headerless; /* the peer writes no header: weaker protection (P) */
        gboolean is_again;
        /* With IGNORED, recipient: the first that it sees is under none of its keys. An initiator
         * begins with an offer that whoever has the link can open, and goes on so until somebody
         * was accepted: the exchange is another device's. */
        gboolean is_for_another;
        /* With END: it came under the link's keys when ACCEPT may have left already. It is the
         * word of whoever has the link, not of the one who can open ACCEPT. */
        gboolean is_late;
        /* authenticated display information and limits, with PIN_NEEDED, or the WRITE that answers
         * an offer, or a first MESSAGE; NULL: none. Text of a stranger. */
        TgHeader display;
        GError *error;
} TgOutput;

void tg_output_clear(TgOutput *output);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgOutput, tg_output_clear)

/* FALSE and @error: it cannot be done (a PIN of wrong form: TG_ERROR_INVALID with a sentence,
 * no try charged; an input that does not belong here: TG_ERROR_BAD_STATE; no memory). The
 * state is as before. Whatever a peer or relay can cause is an output, never an error. */
gboolean
tg_exchange_dispatch(TgExchange *self, const TgInput *input, TgOutput *ret_output, GError **error);

/* After a load: what has still to be done (TG_OUTPUT_WRITE, _CHARGE, _CONFIRMED, _WRONG_PIN,
 * _PIN_NEEDED, _BURNED; TG_OUTPUT_NONE: wait for the slot to change). The same octets as before. */
void tg_exchange_pending(const TgExchange *self, TgOutput *ret_output);

/* Own octets were written for good: they are not pending any more. */
void tg_exchange_written(TgExchange *self);

guint tg_exchange_attempts_used(const TgExchange *self); /* tries charged, or PINs entered */
guint tg_exchange_attempts_left(const TgExchange *self);
guint
tg_exchange_pin_digits(const TgExchange *self); /* 0: none; the recipient knows by the offer */
gboolean tg_exchange_is_confirmed(const TgExchange *self); /* ACCEPT was made, or has arrived */
/* TRUE when the credential, or all that it takes to get it, has left the initiator. */
gboolean tg_exchange_is_given(const TgExchange *self);
gboolean tg_exchange_peer_reads_end(const TgExchange *self);
guint tg_exchange_count(const TgExchange *self); /* messages sent and accepted */
TgMode tg_exchange_mode(const TgExchange *self);
/* Channel binding for a vertical, and the key of later TDCH locations. The initiator has it with
 * ACCEPT; the recipient from its answer on, for ACCEPT lies where this leads, but nobody has
 * proved it before tg_exchange_is_confirmed(). NULL else. */
const TgSecret *tg_exchange_exporter(const TgExchange *self);
/* What tells this exchange from every other, for proofs made by a vertical of @format: 32 octets,
 * the same on both sides, from which nothing of the exchange can be derived. Of T2 by the exporter,
 * so that only the two parties have it; of T1 by the share's id. NULL: there is none yet, or the
 * exchange has no header (TG_ERROR_BAD_STATE), or no memory. */
TgSecret *tg_exchange_binding(const TgExchange *self, const char *format, GError **error);
/* The PIN while it can be had: initiator, not confirmed, not burned. NULL else. */
const TgSecret *tg_exchange_pin(const TgExchange *self);

/* All of it, keys included. */
TgSecret *tg_exchange_save(const TgExchange *self, GError **error);
TgExchange *tg_exchange_load(const TgSecret *saved, GError **error);
