/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Inside of an exchange, for exchange*.c and the tests that need known answers.
 */

#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/exchange.h"
#include "protocol/limits.h"
#include "protocol/spake2.h"

#define TG_OFFER_FORMAT "tigress.t2.offer"
#define TG_RESPONSE_FORMAT "tigress.t2.response"
#define TG_ACCEPT_FORMAT "tigress.t2.accept"
#define TG_RESERVED_FORMATS "tigress."

#define TG_EXCHANGE_KEY_BYTES 32
#define TG_EXCHANGE_RANDOM_BYTES 32
#define TG_MAX_ATTEMPTS 10 /* that a peer's offers may announce */
#define TG_SCRYPT_LOG2_N 14

typedef enum {
        TG_PHASE_NEW,      /* initiator: not begun; recipient: nothing was read */
        TG_PHASE_OFFERED,  /* initiator: OFFER(attempt) was made */
        TG_PHASE_CHARGED,  /* initiator: the answer is stored and its try counted */
        TG_PHASE_ASKED,    /* recipient: OFFER(attempt) was read, the PIN is to come */
        TG_PHASE_ANSWERED, /* recipient: RESPONSE(attempt) was made */
        TG_PHASE_OPEN,     /* messages under the exchange's own keys; all of T1 */
        TG_PHASE_BURNED,
        TG_PHASE_ENDED, /* the peer's end message was read */
} TgPhase;

#define TG_N_PHASES (TG_PHASE_ENDED + 1)

struct TgExchange {
        TgRole role;
        TgMode mode;
        TgPhase phase;
        TgOutputKind pending; /* of `payload`: WRITE, CONFIRMED, WRONG_PIN; NONE: nothing */
        gboolean is_confirmed;
        gboolean has_said_end;
        gboolean reads_end; /* what the own header promises */
        gboolean is_tight;  /* as in the terms */
        guint scrypt_log2_n;
        guint attempt;       /* k of the offer that counts; 0: none yet */
        guint attempts_max;  /* of the offers */
        guint attempts_used; /* charged, or entered */
        guint pin_digits;
        TgThread *thread;

        guint8 sid[TG_SID_BYTES]; /* as in the thread; zeros: not known yet */
        guint8 claim[TG_UUID_BYTES];
        guint8 offer_hash[TG_SHA256_BYTES];        /* of OFFER(attempt)'s plaintext */
        guint8 offer_share[TG_SPAKE2_SHARE_BYTES]; /* pA of OFFER(attempt) */
        guint8 peer_commit[TG_SHA256_BYTES];       /* recipient: the initiator's, by the offer */
        guint8 last_read[TG_SHA256_BYTES];         /* digest of what was accepted last, or zeros */

        char *place;
        char *payload;    /* own octets that are pending */
        char *answer;     /* initiator: the payload that was charged */
        GBytes *info;     /* initiator until ACCEPT: its info object, sealed under info_key */
        TgHeader display; /* texts and limits: the own, or what the peer's offer shows */

        /* NULL where they are not needed, or not any more */
        TgSecret *key;      /* T1: the link's */
        TgSecret *early;    /* T2 until ACCEPT: of the link */
        TgSecret *pin;      /* initiator until ACCEPT */
        TgSecret *w;        /* initiator until ACCEPT */
        TgSecret *scalar;   /* initiator: x of OFFER(attempt) */
        TgSecret *info_key; /* initiator until ACCEPT */
        TgSecret *late_key; /* initiator until ACCEPT is written: what the answer came under */
        TgSecret *confirm;  /* recipient: cA as ACCEPT must show it */
        TgSecret *app_own, *app_peer;
        TgSecret *exporter;

        const struct TgExchangeFixed *fixed; /* lent; tests alone */
};

/* Known-answer tests: what is random otherwise, and the plaintext that is sealed instead of the
 * own one. NULL where it stays random. Lent until it is set to NULL again. */
typedef struct TgExchangeFixed {
        const guint8 *sid;      /* TG_SID_BYTES */
        const TgSecret *scalar; /* x or y */
        const guint8 *random;   /* TG_EXCHANGE_RANDOM_BYTES */
        const guint8 *iv;       /* TG_AEAD_IV_BYTES */
        TgSecret *plaintext;
} TgExchangeFixed;

void tg_exchange_fix(TgExchange *self, const TgExchangeFixed *fixed);

/* ---- keys (exchange-keys.c) ---- */

TgSecret *tg_exchange_early(const TgSecret *secret, GError **error);
TgSecret *tg_exchange_handshake_key(const TgSecret *early, TgRole writer, GError **error);
/* @pin NULL: without. */
TgSecret *tg_exchange_w(const TgSecret *early,
                        const guint8 sid[TG_SID_BYTES],
                        const TgSecret *pin,
                        guint scrypt_log2_n,
                        GError **error);
void tg_exchange_commit(TgRole role,
                        const guint8 sid[TG_SID_BYTES],
                        const guint8 claim[TG_UUID_BYTES],
                        guint8 ret_commit[TG_SHA256_BYTES]);

/* What both sides know of an answer, beside the secrets. */
typedef struct {
        guint8 share[TG_SPAKE2_SHARE_BYTES]; /* pB */
        guint8 random[TG_EXCHANGE_RANDOM_BYTES];
        guint8 commit[TG_SHA256_BYTES]; /* the recipient's */
} TgAnswer;

typedef struct {
        TgSecret *app_s2r, *app_r2s, *exporter;
        TgSecret *confirm_a, *confirm_b;
} TgExchangeKeys;

void tg_exchange_keys_clear(TgExchangeKeys *keys);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgExchangeKeys, tg_exchange_keys_clear)

/* Session keys and confirmations of the offer that counts and @answer to it. A peer's share that is
 * none or leads to infinity gives keys that nobody has: it takes as long as a wrong PIN. */
gboolean tg_exchange_agree(const TgExchange *self,
                           const TgSecret *w,
                           const TgSecret *scalar,
                           const TgAnswer *answer,
                           TgExchangeKeys *ret_keys,
                           GError **error);

/* ---- messages (exchange-message.c) ---- */

/* With the fixed numbers while PINs are tried; @ack -1: none. */
TgHeader tg_exchange_header(const TgExchange *self, guint32 seq, gint64 ack);
/* A message's payload and the hash of its plaintext. Nothing of the state changes. */
char *tg_exchange_seal(const TgExchange *self,
                       const TgSecret *key,
                       const char *format,
                       const void *content,
                       gsize n_content,
                       const TgHeader *header,
                       guint8 ret_plaintext_hash[TG_SHA256_BYTES],
                       GError **error);

typedef struct {
        guint attempt, attempts_max, pin_digits;
        guint8 share[TG_SPAKE2_SHARE_BYTES];
        guint8 commit[TG_SHA256_BYTES];
        TgHeader display; /* texts only */
} TgOffer;

void tg_offer_clear(TgOffer *offer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgOffer, tg_offer_clear)

char *tg_offer_content(const TgExchange *self,
                       guint attempt,
                       const guint8 share[TG_SPAKE2_SHARE_BYTES],
                       const guint8 random[TG_EXCHANGE_RANDOM_BYTES]);
gboolean
tg_offer_parse(const TgExchange *self, const TgJson *content, TgOffer *ret_offer, GError **error);

char *tg_answer_content(guint attempt, const TgAnswer *answer, const TgSecret *confirm);
/* FALSE when a part has not its form; @ret_answer is filled as far as it goes. */
gboolean
tg_answer_parse(const TgJson *content, TgAnswer *ret_answer, guint8 ret_confirm[TG_SHA256_BYTES]);
gboolean tg_answer_attempt(const TgJson *content, guint *ret_attempt);

TgSecret *tg_info_build(const char *format, const TgSecret *content, GError **error);
TgSecret *tg_accept_content(const TgSecret *info, const guint8 *confirm, GError **error);
/* Turns the envelope of an ACCEPT into that of its info. @ret_confirm: what it shows. */
gboolean tg_accept_parse(TgEnvelope *envelope, guint8 ret_confirm[TG_SHA256_BYTES], GError **error);
gboolean tg_format_is_reserved(const char *format);

/* ---- steps ---- */

/* @reason is taken. What the peer can cause becomes an output, the rest is an error. */
gboolean tg_exchange_ignore(TgOutput *output, GError *reason, GError **error);
gboolean tg_exchange_ignore_for(TgOutput *output, const char *why);
void tg_exchange_show(const TgExchange *self, TgOutput *output); /* the display */
/* The own octets are pending, and known as the last own ones. @payload is taken. */
void tg_exchange_sent(TgExchange *self, char *payload, guint32 seq, TgOutputKind kind);
void tg_exchange_write_pending(const TgExchange *self, TgOutput *output);
void tg_exchange_received(TgExchange *self, const guint8 digest[TG_SHA256_BYTES]);
void tg_exchange_erase(TgExchange *self); /* all secrets and what waits to be sent */
/* The own octets that are to be written, instead of what was; NULL and NONE: nothing. */
void tg_exchange_set_pending(TgExchange *self, char *payload, TgOutputKind kind);
/* The peer's message under the link's keys: role and sid are right, the numbers not judged. */
TgEnvelope *
tg_exchange_open_handshake(const TgExchange *self, const TgJson *payload, GError **error);
/* The same with a key that was derived before. */
TgEnvelope *tg_exchange_open_under(const TgExchange *self,
                                   const TgSecret *key,
                                   const TgJson *payload,
                                   GError **error);
/* @ack -1: none. */
gboolean tg_exchange_has_numbers(const TgHeader *header, guint32 seq, gint64 ack);

gboolean
tg_initiator_begin(TgExchange *self, const TgInput *input, TgOutput *output, GError **error);
gboolean tg_initiator_read(TgExchange *self,
                           const TgJson *payload,
                           const guint8 digest[TG_SHA256_BYTES],
                           TgOutput *output,
                           GError **error);
/* Whether it is an end message that came in place of the answer that was judged, before the
 * verdict's own message was written; then it is taken. FALSE and @error: own trouble. */
gboolean tg_initiator_read_late_end(TgExchange *self,
                                    const TgJson *payload,
                                    const guint8 digest[TG_SHA256_BYTES],
                                    TgOutput *output,
                                    gboolean *ret_is_end,
                                    GError **error);
gboolean tg_initiator_judge(TgExchange *self, TgOutput *output, GError **error);

gboolean tg_recipient_read(TgExchange *self,
                           const TgJson *payload,
                           const guint8 digest[TG_SHA256_BYTES],
                           TgOutput *output,
                           GError **error);
gboolean
tg_recipient_answer(TgExchange *self, const TgSecret *typed, TgOutput *output, GError **error);
