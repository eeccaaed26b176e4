/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/error.h"
#include "protocol/exchange-private.h"
#include "protocol/limits.h"
#include "protocol/payload.h"
#include "protocol/thread.h"

/* Which input goes where, and what both modes and roles have in common. */

/* ---- outputs ---- */

void
tg_output_clear(TgOutput *output)
{
        g_clear_pointer(&output->payload, g_free);
        g_clear_pointer(&output->envelope, tg_envelope_free);
        tg_header_clear(&output->display);
        g_clear_error(&output->error);
}

gboolean
tg_exchange_ignore(TgOutput *output, GError *reason, GError **error)
{
        if (tg_error_code(reason) != TG_ERROR_TAMPERED) {
                g_propagate_error(error, reason);
                return FALSE;
        }
        output->kind = TG_OUTPUT_IGNORED;
        output->error = reason;

        return TRUE;
}

gboolean
tg_exchange_ignore_for(TgOutput *output, const char *why)
{
        output->kind = TG_OUTPUT_IGNORED;
        output->error = tg_error_new(TG_ERROR_TAMPERED, "%s", why);

        return TRUE;
}

static void
show(TgOutput *output, const TgHeader *display)
{
        output->display.title = g_strdup(display->title);
        output->display.description = g_strdup(display->description);
        output->display.image_url = g_strdup(display->image_url);
        output->display.limits = g_strdup(display->limits);
}

void
tg_exchange_show(const TgExchange *self, TgOutput *output)
{
        show(output, &self->display);
}

void
tg_exchange_write_pending(const TgExchange *self, TgOutput *output)
{
        output->kind = self->pending;
        output->payload = g_strdup(self->payload);
}

void
tg_exchange_sent(TgExchange *self, char *payload, guint32 seq, TgOutputKind kind)
{
        TgJson value;

        if (!tg_json_parse(payload, strlen(payload), TG_MAX_BODY_BYTES, &value, NULL) ||
            !tg_thread_note_sent(self->thread, &value, seq, NULL))
                g_error("an own payload cannot be read");
        tg_exchange_set_pending(self, payload, kind);
}

void
tg_exchange_set_pending(TgExchange *self, char *payload, TgOutputKind kind)
{
        g_free(self->payload);
        self->payload = payload;
        self->pending = kind;
        if (kind != TG_OUTPUT_CONFIRMED)
                g_clear_pointer(&self->late_key, tg_secret_unref);
}

/* Who answers has read what went before. */
void
tg_exchange_received(TgExchange *self, const guint8 digest[TG_SHA256_BYTES])
{
        memcpy(self->last_read, digest, TG_SHA256_BYTES);
        tg_exchange_set_pending(self, NULL, TG_OUTPUT_NONE);
}

/* ---- reading ---- */

gboolean
tg_exchange_has_numbers(const TgHeader *header, guint32 seq, gint64 ack)
{
        return header->seq == seq && (header->has_ack ? (gint64)header->ack : -1) == ack;
}

static TgEnvelope *
refuse(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_TAMPERED, "%s", why);
        return NULL;
}

static TgRole
peer_of(const TgExchange *self)
{
        return self->role == TG_ROLE_INITIATOR ? TG_ROLE_RECIPIENT : TG_ROLE_INITIATOR;
}

TgEnvelope *
tg_exchange_open_handshake(const TgExchange *self, const TgJson *payload, GError **error)
{
        g_autoptr(TgSecret) key = tg_exchange_handshake_key(self->early, peer_of(self), error);

        return key ? tg_exchange_open_under(self, key, payload, error) : NULL;
}

TgEnvelope *
tg_exchange_open_under(const TgExchange *self,
                       const TgSecret *key,
                       const TgJson *payload,
                       GError **error)
{
        g_autoptr(TgSecret) plaintext = tg_payload_open(key, payload, error);
        g_autoptr(TgEnvelope) envelope = NULL;
        const guint8 *sid = tg_thread_sid(self->thread);

        envelope = plaintext ? tg_envelope_parse(plaintext, error) : NULL;
        if (!envelope)
                return NULL;
        if (!envelope->header.present)
                return refuse(error, "a message without header is not accepted here");
        if (envelope->header.role != peer_of(self))
                return refuse(error, "a message of this side came back");
        if (sid && !tg_bytes_equal(sid, envelope->header.sid, TG_SID_BYTES))
                return refuse(error, "a message of another share was put here");

        return g_steal_pointer(&envelope);
}

static gboolean
judge_format(const TgExchange *self, const TgEnvelope *envelope, GError **error)
{
        gboolean is_end = g_str_equal(envelope->format, TG_END_FORMAT);

        if (is_end ? self->role == TG_ROLE_INITIATOR : !tg_format_is_reserved(envelope->format))
                return TRUE;
        refuse(error, "a message of the exchange itself is out of place");

        return FALSE;
}

static void
take_message(TgExchange *self,
             TgEnvelope *envelope,
             const guint8 digest[TG_SHA256_BYTES],
             TgOutput *output)
{
        TgReading reading = tg_thread_accept(self->thread, &envelope->header, digest);

        output->is_overtaken = reading == TG_READ_OVERTAKEN;
        output->is_headerless = reading == TG_READ_LEGACY;
        if (reading == TG_READ_OK)
                tg_exchange_received(self, digest);
        memcpy(self->last_read, digest, TG_SHA256_BYTES);
        if (self->phase == TG_PHASE_NEW)
                show(output, &envelope->header);
        self->phase = TG_PHASE_OPEN;
        output->kind = TG_OUTPUT_MESSAGE;
        output->envelope = envelope;
        if (g_str_equal(envelope->format, TG_END_FORMAT)) {
                output->kind = TG_OUTPUT_END;
                tg_exchange_erase(self);
                self->phase = TG_PHASE_ENDED;
        }
}

/* T1, and T2 after ACCEPT. */
static gboolean
read_message(TgExchange *self, const TgJson *payload, TgOutput *output, GError **error)
{
        const TgSecret *key = self->mode == TG_MODE_T1 ? self->key : self->app_peer;
        g_autoptr(TgEnvelope) envelope = NULL;
        guint8 digest[TG_SHA256_BYTES];
        GError *reason = NULL;

        envelope = tg_thread_judge(self->thread, key, payload, digest, &reason);
        if (!envelope && tg_thread_is_full(self->thread)) {
                output->kind = TG_OUTPUT_IGNORED;
                output->error = reason;
                return TRUE;
        }
        if (!envelope || !judge_format(self, envelope, &reason))
                return tg_exchange_ignore(output, reason, error);
        take_message(self, g_steal_pointer(&envelope), digest, output);

        return TRUE;
}

static gboolean
bad_state(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_BAD_STATE, "%s", why);
        return FALSE;
}

/* Our end message met something that its reader has put there: it must be made anew, or that
 * reader, who has other keys or waits for other numbers by now, could not read it. What is
 * there is read for that alone. */
static gboolean
read_before_end(TgExchange *self,
                const TgJson *payload,
                const guint8 digest[TG_SHA256_BYTES],
                TgOutput *output,
                GError **error)
{
        g_auto(TgOutput) read = {0};

        if (self->role == TG_ROLE_INITIATOR || self->mode == TG_MODE_T1 ||
            (self->phase != TG_PHASE_ASKED && self->phase != TG_PHASE_ANSWERED))
                return tg_exchange_ignore_for(output, "this exchange is over");
        if (!tg_recipient_read(self, payload, digest, &read, error))
                return FALSE;
        if (read.kind == TG_OUTPUT_IGNORED) {
                output->kind = read.kind;
                output->error = g_steal_pointer(&read.error);
                return TRUE;
        }
        output->kind = TG_OUTPUT_SAY_AGAIN;

        return TRUE;
}

static gboolean
read_payload(TgExchange *self, const TgJson *payload, TgOutput *output, GError **error)
{
        gboolean is_initiator = self->role == TG_ROLE_INITIATOR;
        gboolean is_late_end = FALSE;
        guint8 digest[TG_SHA256_BYTES];
        GError *reason = NULL;

        if (is_initiator && self->phase == TG_PHASE_NEW)
                return bad_state(error, "this exchange has not begun");
        if (self->mode != TG_MODE_T1 && !self->place)
                return bad_state(error, "the mailbox of this exchange is not known yet");
        if (payload->n_chars > TG_MAX_BODY_BYTES)
                return tg_exchange_ignore_for(output, "the payload is too long");
        if (!tg_payload_digest(payload, digest, &reason))
                return tg_exchange_ignore(output, reason, error);
        if (tg_thread_is_last_sent(self->thread, digest)) {
                output->kind = TG_OUTPUT_NONE;
                return TRUE;
        }
        if (self->phase == TG_PHASE_ENDED || self->phase == TG_PHASE_BURNED)
                return tg_exchange_ignore_for(output, "this exchange is over");
        if (memcmp(digest, self->last_read, sizeof digest) == 0) {
                output->kind = TG_OUTPUT_NONE;
                return TRUE;
        }
        if (self->has_said_end)
                return read_before_end(self, payload, digest, output, error);
        if (self->pending == TG_OUTPUT_CONFIRMED || self->pending == TG_OUTPUT_WRONG_PIN) {
                if (!tg_initiator_read_late_end(self, payload, digest, output, &is_late_end, error))
                        return FALSE;
                if (is_late_end)
                        return TRUE;
        }
        if (self->mode == TG_MODE_T1 || self->phase == TG_PHASE_OPEN)
                return read_message(self, payload, output, error);

        return is_initiator ? tg_initiator_read(self, payload, digest, output, error)
                            : tg_recipient_read(self, payload, digest, output, error);
}

/* ---- writing ---- */

static gboolean
write_message(TgExchange *self, const TgInput *input, TgOutput *output, GError **error)
{
        TgHeader header = input->header ? *input->header : (TgHeader){0}; /* lent */
        gsize n_content;
        const guint8 *content = tg_secret_get(input->content, &n_content);
        char *payload;

        header.is_tight = self->is_tight;
        payload = tg_thread_write(self->thread,
                                  self->mode == TG_MODE_T1 ? self->key : self->app_own,
                                  input->format,
                                  content,
                                  n_content,
                                  &header,
                                  error);
        if (!payload)
                return FALSE;
        tg_exchange_set_pending(self, payload, TG_OUTPUT_WRITE);
        tg_exchange_write_pending(self, output);

        return TRUE;
}

/* It is stored, and what is longer could not be loaded, nor would the peer show it. */
static gboolean
check_display(const TgHeader *display, GError **error)
{
        if ((!display->title || strlen(display->title) <= TG_MAX_TITLE_BYTES) &&
            (!display->description || strlen(display->description) <= TG_MAX_DESCRIPTION_BYTES) &&
            (!display->image_url || strlen(display->image_url) <= TG_MAX_IMAGE_URL_BYTES) &&
            (!display->limits || strlen(display->limits) <= TG_MAX_BOUNDS_CHARS))
                return TRUE;
        tg_set_error(error, TG_ERROR_INVALID, "the display information is too long: shorten it");

        return FALSE;
}

static gboolean
begin(TgExchange *self, const TgInput *input, TgOutput *output, GError **error)
{
        if (self->role != TG_ROLE_INITIATOR || self->phase != TG_PHASE_NEW)
                return bad_state(error, "this exchange has begun already");
        if (tg_format_is_reserved(input->format)) {
                tg_set_error(error, TG_ERROR_INVALID, "this format belongs to the exchange itself");
                return FALSE;
        }
        if (self->mode == TG_MODE_T1) {
                if (!write_message(self, input, output, error))
                        return FALSE;
                self->phase = TG_PHASE_OPEN;
                return TRUE;
        }

        if (input->header) {
                if (!check_display(input->header, error))
                        return FALSE;
                self->reads_end = input->header->reads_end;
                self->display.title = g_strdup(input->header->title);
                self->display.description = g_strdup(input->header->description);
                self->display.image_url = g_strdup(input->header->image_url);
                self->display.limits = g_strdup(input->header->limits);
        }
        if (tg_initiator_begin(self, input, output, error))
                return TRUE;
        self->reads_end = FALSE; /* as before */
        tg_header_clear(&self->display);

        return FALSE;
}

/* Before ACCEPT, under the link's key and with the numbers of the answer that it stands for. */
static gboolean
say_early_end(TgExchange *self, const TgInput *input, TgOutput *output, GError **error)
{
        TgHeader header = tg_exchange_header(self, self->attempt - 1, (gint64)self->attempt - 1);
        g_autoptr(TgSecret) key = NULL;
        guint8 hash[TG_SHA256_BYTES];
        gsize n_content;
        const guint8 *content = tg_secret_get(input->content, &n_content);
        char *payload;

        key = tg_exchange_handshake_key(self->early, TG_ROLE_RECIPIENT, error);
        if (!key)
                return FALSE;
        payload = tg_exchange_seal(
                self, key, input->format, content, n_content, &header, hash, error);
        if (!payload)
                return FALSE;
        tg_exchange_sent(self, payload, header.seq, TG_OUTPUT_WRITE);
        tg_exchange_write_pending(self, output);

        return TRUE;
}

static gboolean
say(TgExchange *self, const TgInput *input, TgOutput *output, GError **error)
{
        gboolean is_end = g_str_equal(input->format, TG_END_FORMAT);
        gboolean is_handshake = self->phase == TG_PHASE_ASKED || self->phase == TG_PHASE_ANSWERED;

        if (is_end ? self->role == TG_ROLE_INITIATOR : tg_format_is_reserved(input->format)) {
                tg_set_error(error, TG_ERROR_INVALID, "this format belongs to the exchange itself");
                return FALSE;
        }
        if (self->phase != TG_PHASE_OPEN && !(is_handshake && is_end))
                return bad_state(error, "nothing can be said in this exchange now");
        if (self->has_said_end && !is_end)
                return bad_state(error, "this exchange is over");

        if (is_handshake ? !say_early_end(self, input, output, error)
                         : !write_message(self, input, output, error))
                return FALSE;
        self->has_said_end |= is_end;

        return TRUE;
}

/* ---- dispatch ---- */

static gboolean
take(TgExchange *self, const TgInput *input, TgOutput *output, GError **error)
{
        switch (input->kind) {
        case TG_INPUT_BEGIN:
                return begin(self, input, output, error);
        case TG_INPUT_PAYLOAD:
                return read_payload(self, input->payload, output, error);
        case TG_INPUT_PIN:
                if (self->phase != TG_PHASE_ASKED || self->has_said_end)
                        return bad_state(error, "no pin is asked for");
                return tg_recipient_answer(self, input->pin, output, error);
        case TG_INPUT_CHARGED:
                if (self->phase != TG_PHASE_CHARGED)
                        return bad_state(error, "no answer waits to be judged");
                return tg_initiator_judge(self, output, error);
        case TG_INPUT_SAY:
                return say(self, input, output, error);
        }

        return bad_state(error, "there is no such input");
}

gboolean
tg_exchange_dispatch(TgExchange *self, const TgInput *input, TgOutput *ret_output, GError **error)
{
        g_auto(TgOutput) output = {0};

        if (!take(self, input, &output, error))
                return FALSE;
        *ret_output = output;
        output = (TgOutput){0};

        return TRUE;
}

void
tg_exchange_pending(const TgExchange *self, TgOutput *ret_output)
{
        TgOutput output = {0};

        if (self->phase == TG_PHASE_CHARGED) {
                output.kind = TG_OUTPUT_CHARGE;
        } else if (self->phase == TG_PHASE_BURNED) {
                output.kind = TG_OUTPUT_BURNED;
        } else if (self->pending != TG_OUTPUT_NONE) {
                tg_exchange_write_pending(self, &output);
        } else if (self->phase == TG_PHASE_ASKED && !self->has_said_end) {
                output.kind = TG_OUTPUT_PIN_NEEDED;
                output.is_again = self->attempts_used > 0;
        }
        if (self->role == TG_ROLE_RECIPIENT)
                tg_exchange_show(self, &output);
        *ret_output = output;
}

void
tg_exchange_written(TgExchange *self)
{
        tg_exchange_set_pending(self, NULL, TG_OUTPUT_NONE);
}
