/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/crypto.h"
#include "protocol/declassify.h"
#include "protocol/error.h"
#include "protocol/exchange-private.h"
#include "protocol/payload.h"
#include "protocol/pin.h"
#include "protocol/thread.h"

/* The recipient's side of T2: reads offers, answers with what was typed, waits for ACCEPT. */

/* ---- answering ---- */

typedef struct {
        TgExchangeKeys keys;
        char *payload;
} NewAnswer;

static void
new_answer_clear(NewAnswer *answer)
{
        tg_exchange_keys_clear(&answer->keys);
        g_clear_pointer(&answer->payload, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NewAnswer, new_answer_clear)

static gboolean
make_answer(const TgExchange *self, const TgSecret *pin, NewAnswer *ret_answer, GError **error)
{
        TgHeader header = tg_exchange_header(self, self->attempt - 1, (gint64)self->attempt - 1);
        guint8 hash[TG_SHA256_BYTES];
        TgAnswer answer;
        g_autoptr(TgSecret) key = NULL;
        g_autoptr(TgSecret) w = NULL;
        g_autoptr(TgSecret) scalar = NULL;
        g_autofree char *content = NULL;

        key = tg_exchange_handshake_key(self->early, TG_ROLE_RECIPIENT, error);
        if (!key)
                return FALSE;
        w = tg_exchange_w(self->early, self->sid, pin, self->scrypt_log2_n, error);
        if (!w)
                return FALSE;
        if (self->fixed && self->fixed->scalar)
                scalar = tg_secret_ref((TgSecret *)self->fixed->scalar);
        else
                scalar = tg_spake2_scalar_new(error);
        if (!scalar || !tg_spake2_share(TG_SPAKE2_B, w, scalar, answer.share, error))
                return FALSE;
        if (self->fixed && self->fixed->random)
                memcpy(answer.random, self->fixed->random, sizeof answer.random);
        else
                tg_random(answer.random, sizeof answer.random);
        tg_exchange_commit(TG_ROLE_RECIPIENT, self->sid, self->claim, answer.commit);

        if (!tg_exchange_agree(self, w, scalar, &answer, &ret_answer->keys, error))
                return FALSE;
        content = tg_answer_content(self->attempt, &answer, ret_answer->keys.confirm_b);
        ret_answer->payload = tg_exchange_seal(
                self, key, TG_RESPONSE_FORMAT, content, strlen(content), &header, hash, error);

        return ret_answer->payload != NULL;
}

/* The try is counted and the keys are kept; w, y and the PIN are gone. */
static void
take_answer(TgExchange *self, NewAnswer *answer, TgOutput *output)
{
        tg_secret_unref(self->app_own);
        tg_secret_unref(self->app_peer);
        tg_secret_unref(self->exporter);
        tg_secret_unref(self->confirm);
        self->app_own = g_steal_pointer(&answer->keys.app_r2s);
        self->app_peer = g_steal_pointer(&answer->keys.app_s2r);
        self->exporter = g_steal_pointer(&answer->keys.exporter);
        self->confirm = g_steal_pointer(&answer->keys.confirm_a);
        self->attempts_used++;
        self->phase = TG_PHASE_ANSWERED;
        tg_exchange_sent(
                self, g_steal_pointer(&answer->payload), self->attempt - 1, TG_OUTPUT_WRITE);
        tg_exchange_write_pending(self, output);
        tg_exchange_show(self, output);
}

gboolean
tg_recipient_answer(TgExchange *self, const TgSecret *typed, TgOutput *output, GError **error)
{
        g_auto(NewAnswer) answer = {0};
        g_autoptr(TgSecret) pin = tg_pin_parse(typed, self->pin_digits, error);

        if (!pin || !make_answer(self, pin, &answer, error))
                return FALSE;
        take_answer(self, &answer, output);

        return TRUE;
}

/* ---- reading ---- */

/* What an answer is made from. */
static void
put_offer(TgExchange *self, const TgEnvelope *envelope, const TgOffer *offer)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(envelope->plaintext, &n_bytes);

        memcpy(self->sid, envelope->header.sid, TG_SID_BYTES);
        tg_sha256(bytes, n_bytes, self->offer_hash);
        memcpy(self->offer_share, offer->share, sizeof offer->share);
        memcpy(self->peer_commit, offer->commit, sizeof offer->commit);
        self->attempt = offer->attempt;
        self->attempts_max = offer->attempts_max;
        self->pin_digits = offer->pin_digits;
}

static void
take_offer(TgExchange *self,
           const TgEnvelope *envelope,
           TgOffer *offer,
           const guint8 digest[TG_SHA256_BYTES])
{
        put_offer(self, envelope, offer);
        tg_thread_accept(self->thread, &envelope->header, digest);
        tg_exchange_received(self, digest);
        tg_header_clear(&self->display);
        self->display = offer->display;
        offer->display = (TgHeader){0};
        self->display.limits = g_strdup(envelope->header.limits);

        g_clear_pointer(&self->app_own, tg_secret_unref);
        g_clear_pointer(&self->app_peer, tg_secret_unref);
        g_clear_pointer(&self->exporter, tg_secret_unref);
        g_clear_pointer(&self->confirm, tg_secret_unref);
        self->phase = TG_PHASE_ASKED;
}

static gboolean
refuse(GError **error, TgError code, const char *why)
{
        tg_set_error(error, code, "%s", why);
        return FALSE;
}

static gboolean
judge_offer(const TgExchange *self, const TgEnvelope *envelope, TgOffer *offer, GError **error)
{
        if (!g_str_equal(envelope->format, TG_OFFER_FORMAT))
                return refuse(error, TG_ERROR_TAMPERED, "the message is no offer");
        if (!tg_offer_parse(self, &envelope->content, offer, error))
                return FALSE;
        if (!tg_exchange_has_numbers(
                    &envelope->header, offer->attempt - 1, (gint64)offer->attempt - 2) ||
            (self->attempt != 0 && offer->attempt != self->attempt + 1))
                return refuse(error, TG_ERROR_TAMPERED, "the offer is not the next one");
        if (self->attempts_used >= TG_MAX_PIN_TRIES)
                return refuse(error,
                              TG_ERROR_LIMIT_REACHED,
                              "this device has answered three times: ask for a new invitation");

        return TRUE;
}

/* Without PIN nobody is asked: reading and answering are one step. */
static gboolean
answer_at_once(TgExchange *self,
               const TgEnvelope *envelope,
               TgOffer *offer,
               const guint8 digest[TG_SHA256_BYTES],
               TgOutput *output,
               GError **error)
{
        g_auto(NewAnswer) answer = {0};
        TgExchange draft = *self; /* lends: what fails has changed nothing */

        put_offer(&draft, envelope, offer);
        if (!make_answer(&draft, NULL, &answer, error))
                return FALSE;
        take_offer(self, envelope, offer, digest);
        take_answer(self, &answer, output);

        return TRUE;
}

static gboolean
read_offer(TgExchange *self,
           const TgJson *payload,
           const guint8 digest[TG_SHA256_BYTES],
           TgOutput *output,
           GError **error)
{
        g_autoptr(TgEnvelope) envelope = NULL;
        g_auto(TgOffer) offer = {0};
        GError *reason = NULL;

        envelope = tg_exchange_open_handshake(self, payload, &reason);
        if (!envelope) {
                output->is_for_another = self->phase == TG_PHASE_NEW;
                return tg_exchange_ignore(output, reason, error);
        }
        if (!judge_offer(self, envelope, &offer, &reason)) {
                output->kind = TG_OUTPUT_IGNORED;
                output->error = reason;
                return TRUE;
        }
        if (self->mode == TG_MODE_T2)
                return answer_at_once(self, envelope, &offer, digest, output, error);

        take_offer(self, envelope, &offer, digest);
        output->kind = TG_OUTPUT_PIN_NEEDED;
        output->is_again = self->attempts_used > 0;
        tg_exchange_show(self, output);

        return TRUE;
}

static gboolean
judge_accept(const TgExchange *self, TgEnvelope *envelope, GError **error)
{
        const TgHeader *header = &envelope->header;
        guint8 confirm[TG_SHA256_BYTES];
        gboolean is_right;

        if (!header->present || header->role != TG_ROLE_INITIATOR ||
            !tg_bytes_equal(header->sid, self->sid, TG_SID_BYTES) ||
            !tg_exchange_has_numbers(header, self->attempt, (gint64)self->attempt - 1))
                return refuse(error, TG_ERROR_TAMPERED, "the message is not the next one");
        if (!tg_accept_parse(envelope, confirm, error))
                return FALSE;
        is_right = tg_bytes_equal(tg_secret_get(self->confirm, NULL), confirm, sizeof confirm);
        tg_declassify(&is_right, sizeof is_right);

        return is_right ? TRUE
                        : refuse(error, TG_ERROR_TAMPERED, "the peer does not confirm the key");
}

static gboolean
read_accept(TgExchange *self,
            TgSecret *plaintext,
            const guint8 digest[TG_SHA256_BYTES],
            TgOutput *output,
            GError **error)
{
        GError *reason = NULL;
        g_autoptr(TgEnvelope) envelope = tg_envelope_parse(plaintext, &reason);

        if (!envelope || !judge_accept(self, envelope, &reason))
                return tg_exchange_ignore(output, reason, error);

        tg_thread_accept(self->thread, &envelope->header, digest);
        tg_exchange_received(self, digest);
        g_clear_pointer(&self->early, tg_secret_unref);
        g_clear_pointer(&self->confirm, tg_secret_unref);
        self->phase = TG_PHASE_OPEN;
        self->is_confirmed = TRUE;
        output->kind = TG_OUTPUT_MESSAGE;
        output->envelope = g_steal_pointer(&envelope);
        tg_exchange_show(self, output);

        return TRUE;
}

/* Told by the key alone; whether it is a good offer is judged when it is read. */
gboolean
tg_exchange_peek(const TgSecret *secret, const TgJson *payload, TgMode *ret_mode)
{
        g_autoptr(TgSecret) early = NULL;
        g_autoptr(TgSecret) key = NULL;
        g_autoptr(TgSecret) plaintext = NULL;
        g_autoptr(TgEnvelope) envelope = NULL;
        TgJson mode;
        guint32 number = 0;

        if (tg_secret_size(secret) != TG_EXCHANGE_KEY_BYTES)
                return FALSE;
        early = tg_exchange_early(secret, NULL);
        key = early ? tg_exchange_handshake_key(early, TG_ROLE_INITIATOR, NULL) : NULL;
        plaintext = key ? tg_payload_open(key, payload, NULL) : NULL;
        envelope = plaintext ? tg_envelope_parse(plaintext, NULL) : NULL;
        if (!envelope)
                return FALSE;
        if (tg_json_get(&envelope->content, "mode", &mode))
                tg_json_get_uint(&mode, &number);
        *ret_mode = number == 2 ? TG_MODE_T2 : TG_MODE_T2_PIN;

        return TRUE;
}

gboolean
tg_recipient_read(TgExchange *self,
                  const TgJson *payload,
                  const guint8 digest[TG_SHA256_BYTES],
                  TgOutput *output,
                  GError **error)
{
        g_autoptr(TgSecret) plaintext = NULL;
        GError *reason = NULL;

        if (self->phase == TG_PHASE_ANSWERED) {
                plaintext = tg_payload_open(self->app_peer, payload, &reason);
                if (plaintext)
                        return read_accept(self, plaintext, digest, output, error);
                if (tg_error_code(reason) != TG_ERROR_TAMPERED)
                        return tg_exchange_ignore(output, reason, error);
                g_clear_error(&reason);
        }

        return read_offer(self, payload, digest, output, error);
}
