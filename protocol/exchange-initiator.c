/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/crypto.h"
#include "protocol/declassify.h"
#include "protocol/error.h"
#include "protocol/exchange-private.h"
#include "protocol/limits.h"
#include "protocol/thread.h"

/* The initiator's side of T2: offer, charge, judge, accept or burn. */

/* ---- offers ---- */

typedef struct {
        TgSecret *scalar;
        guint8 share[TG_SPAKE2_SHARE_BYTES];
        guint8 hash[TG_SHA256_BYTES];
        char *payload;
} NewOffer;

static void
new_offer_clear(NewOffer *offer)
{
        g_clear_pointer(&offer->scalar, tg_secret_unref);
        g_clear_pointer(&offer->payload, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NewOffer, new_offer_clear)

static gboolean
make_offer(
        const TgExchange *self, const TgSecret *w, guint attempt, NewOffer *offer, GError **error)
{
        TgHeader header = tg_exchange_header(self, attempt - 1, (gint64)attempt - 2);
        guint8 random[TG_EXCHANGE_RANDOM_BYTES];
        g_autoptr(TgSecret) key = NULL;
        g_autofree char *content = NULL;

        /* Shown before a PIN is typed, and bound by the hash of the offer. Lent. */
        header.limits = self->display.limits;
        key = tg_exchange_handshake_key(self->early, TG_ROLE_INITIATOR, error);
        if (!key)
                return FALSE;
        if (self->fixed && self->fixed->scalar)
                offer->scalar = tg_secret_ref((TgSecret *)self->fixed->scalar);
        else
                offer->scalar = tg_spake2_scalar_new(error);
        if (!offer->scalar || !tg_spake2_share(TG_SPAKE2_A, w, offer->scalar, offer->share, error))
                return FALSE;
        if (self->fixed && self->fixed->random)
                memcpy(random, self->fixed->random, sizeof random);
        else
                tg_random(random, sizeof random);

        content = tg_offer_content(self, attempt, offer->share, random);
        offer->payload = tg_exchange_seal(
                self, key, TG_OFFER_FORMAT, content, strlen(content), &header, offer->hash, error);

        return offer->payload != NULL;
}

static void
take_offer(TgExchange *self, NewOffer *offer, guint attempt, TgOutputKind kind)
{
        g_clear_pointer(&self->scalar, tg_secret_unref);
        self->scalar = g_steal_pointer(&offer->scalar);
        memcpy(self->offer_share, offer->share, sizeof offer->share);
        memcpy(self->offer_hash, offer->hash, sizeof offer->hash);
        self->attempt = attempt;
        self->phase = TG_PHASE_OFFERED;
        tg_exchange_sent(self, g_steal_pointer(&offer->payload), attempt - 1, kind);
}

/* ---- what is given at the end ---- */

static char *
make_accept(const TgExchange *self,
            const TgSecret *key,
            const TgSecret *info,
            const guint8 *confirm,
            guint attempt,
            GError **error)
{
        TgHeader header = tg_exchange_header(self, attempt, (gint64)attempt - 1);
        g_autoptr(TgSecret) content = tg_accept_content(info, confirm, error);
        guint8 hash[TG_SHA256_BYTES];
        const guint8 *bytes;
        gsize n_bytes;

        if (!content)
                return NULL;
        bytes = tg_secret_get(content, &n_bytes);

        return tg_exchange_seal(self, key, TG_ACCEPT_FORMAT, bytes, n_bytes, &header, hash, error);
}

/* The information waits under a key of its own: the locked memory would not hold that of many
 * shares. */
static gboolean
put_away(const TgSecret *info, TgSecret **ret_key, GBytes **ret_sealed, GError **error)
{
        g_autoptr(TgSecret) key = tg_secret_new_random(TG_EXCHANGE_KEY_BYTES, error);
        g_autofree guint8 *sealed = NULL;
        const guint8 *bytes;
        gsize n_bytes, n_sealed;

        if (!key)
                return FALSE;
        bytes = tg_secret_get(info, &n_bytes);
        n_sealed = n_bytes + TG_AEAD_IV_BYTES + TG_AEAD_TAG_BYTES;
        sealed = g_malloc(n_sealed);
        if (!tg_aead_seal(key, NULL, NULL, 0, bytes, n_bytes, sealed, error))
                return FALSE;
        *ret_key = g_steal_pointer(&key);
        *ret_sealed = g_bytes_new_take(g_steal_pointer(&sealed), n_sealed);

        return TRUE;
}

static TgSecret *
fetch(const TgExchange *self, GError **error)
{
        gsize n_sealed;
        const guint8 *sealed = g_bytes_get_data(self->info, &n_sealed);

        return tg_aead_open(self->info_key, NULL, 0, sealed, n_sealed, error);
}

/* What could not be sent later is refused now, while somebody can choose something else. */
static gboolean
check_info(const TgExchange *self, const TgSecret *info, GError **error)
{
        static const guint8 some_confirm[TG_SHA256_BYTES];
        g_autofree char *payload =
                make_accept(self, self->early, info, some_confirm, self->attempts_max, error);

        return payload != NULL;
}

gboolean
tg_initiator_begin(TgExchange *self, const TgInput *input, TgOutput *output, GError **error)
{
        g_auto(NewOffer) offer = {0};
        g_autoptr(TgSecret) info = tg_info_build(input->format, input->content, error);
        g_autoptr(TgSecret) info_key = NULL;
        g_autoptr(GBytes) sealed = NULL;
        g_autoptr(TgSecret) w = NULL;

        if (!info || !check_info(self, info, error) || !put_away(info, &info_key, &sealed, error))
                return FALSE;
        w = tg_exchange_w(self->early, self->sid, self->pin, self->scrypt_log2_n, error);
        if (!w || !make_offer(self, w, 1, &offer, error))
                return FALSE;

        self->w = g_steal_pointer(&w);
        self->info = g_steal_pointer(&sealed);
        self->info_key = g_steal_pointer(&info_key);
        take_offer(self, &offer, 1, TG_OUTPUT_WRITE);
        tg_exchange_write_pending(self, output);

        return TRUE;
}

/* ---- reading ---- */

static gboolean
end(TgExchange *self, TgEnvelope *envelope, const guint8 *digest, TgOutput *output)
{
        tg_thread_accept(self->thread, &envelope->header, digest);
        tg_exchange_received(self, digest);
        tg_exchange_erase(self);
        self->phase = TG_PHASE_ENDED;
        output->kind = TG_OUTPUT_END;
        output->envelope = envelope;

        return TRUE;
}

gboolean
tg_initiator_read(TgExchange *self,
                  const TgJson *payload,
                  const guint8 digest[TG_SHA256_BYTES],
                  TgOutput *output,
                  GError **error)
{
        g_autoptr(TgEnvelope) envelope = NULL;
        GError *reason = NULL;
        guint attempt;

        if (self->phase == TG_PHASE_CHARGED)
                return tg_exchange_ignore_for(output, "an answer is being judged already");
        envelope = tg_exchange_open_handshake(self, payload, &reason);
        if (!envelope)
                return tg_exchange_ignore(output, reason, error);
        if (!tg_exchange_has_numbers(
                    &envelope->header, self->attempt - 1, (gint64)self->attempt - 1))
                return tg_exchange_ignore_for(output, "a message to another offer was put here");
        if (g_str_equal(envelope->format, TG_END_FORMAT))
                return end(self, g_steal_pointer(&envelope), digest, output);
        if (!g_str_equal(envelope->format, TG_RESPONSE_FORMAT))
                return tg_exchange_ignore_for(output, "the message is no answer to the offer");
        if (!tg_answer_attempt(&envelope->content, &attempt) || attempt != self->attempt)
                return tg_exchange_ignore_for(output, "an answer to another offer was put here");

        /* counted before anything is computed: from here on it costs a try whatever it is */
        tg_thread_accept(self->thread, &envelope->header, digest);
        tg_exchange_received(self, digest);
        self->answer = g_strndup(payload->text, payload->n_chars);
        self->attempts_used = self->attempt;
        self->phase = TG_PHASE_CHARGED;
        output->kind = TG_OUTPUT_CHARGE;

        return TRUE;
}

/*
 * Who declines after having answered cannot see that his answer is being judged: his word has its
 * numbers, and is under the link's keys. Where the link is held by others too, it is their
 * word as well: once ACCEPT may have left, it says nothing of the one who can open that.
 */
gboolean
tg_initiator_read_late_end(TgExchange *self,
                           const TgJson *payload,
                           const guint8 digest[TG_SHA256_BYTES],
                           TgOutput *output,
                           gboolean *ret_is_end,
                           GError **error)
{
        guint answered = self->pending == TG_OUTPUT_CONFIRMED ? self->attempt : self->attempt - 1;
        g_autoptr(TgEnvelope) envelope = NULL;
        g_autoptr(GError) reason = NULL;

        *ret_is_end = FALSE;
        envelope = self->late_key ? tg_exchange_open_under(self, self->late_key, payload, &reason)
                                  : tg_exchange_open_handshake(self, payload, &reason);
        if (!envelope && tg_error_code(reason) != TG_ERROR_TAMPERED) {
                g_propagate_error(error, g_steal_pointer(&reason));
                return FALSE;
        }
        if (!envelope || !g_str_equal(envelope->format, TG_END_FORMAT) ||
            !tg_exchange_has_numbers(&envelope->header, answered - 1, (gint64)answered - 1))
                return TRUE;

        *ret_is_end = TRUE;
        output->is_late = self->is_confirmed;
        return end(self, g_steal_pointer(&envelope), digest, output);
}

/* ---- judging ---- */

/* Of the octets that were stored. FALSE is our own trouble alone. */
static gboolean
open_answer(const TgExchange *self,
            TgAnswer *ret_answer,
            guint8 ret_confirm[TG_SHA256_BYTES],
            gboolean *ret_is_whole,
            GError **error)
{
        g_autoptr(TgEnvelope) envelope = NULL;
        TgJson payload;

        if (!tg_json_parse(self->answer, strlen(self->answer), TG_MAX_BODY_BYTES, &payload, error))
                return FALSE;
        envelope = tg_exchange_open_handshake(self, &payload, error);
        if (!envelope)
                return FALSE;
        *ret_is_whole = tg_answer_parse(&envelope->content, ret_answer, ret_confirm);

        return TRUE;
}

static gboolean
accept(TgExchange *self, TgExchangeKeys *keys, TgOutput *output, GError **error)
{
        g_autoptr(TgSecret) info = fetch(self, error);
        g_autoptr(TgSecret) late_key = NULL;
        char *payload;

        if (!info)
                return FALSE;
        late_key = tg_exchange_handshake_key(self->early, TG_ROLE_RECIPIENT, error);
        if (!late_key)
                return FALSE;
        payload = make_accept(self,
                              keys->app_s2r,
                              info,
                              tg_secret_get(keys->confirm_a, NULL),
                              self->attempt,
                              error);
        if (!payload)
                return FALSE;

        tg_exchange_erase(self);
        self->app_own = g_steal_pointer(&keys->app_s2r);
        self->app_peer = g_steal_pointer(&keys->app_r2s);
        self->exporter = g_steal_pointer(&keys->exporter);
        self->late_key = g_steal_pointer(&late_key);
        self->phase = TG_PHASE_OPEN;
        self->is_confirmed = TRUE;
        tg_exchange_sent(self, payload, self->attempt, TG_OUTPUT_CONFIRMED);
        tg_exchange_write_pending(self, output);

        return TRUE;
}

static gboolean
refuse_answer(TgExchange *self, TgOutput *output, GError **error)
{
        g_auto(NewOffer) offer = {0};

        if (self->attempts_used >= self->attempts_max) {
                tg_exchange_erase(self);
                self->phase = TG_PHASE_BURNED;
                output->kind = TG_OUTPUT_BURNED;
                return TRUE;
        }

        if (!make_offer(self, self->w, self->attempt + 1, &offer, error))
                return FALSE;
        g_clear_pointer(&self->answer, g_free);
        take_offer(self, &offer, self->attempt + 1, TG_OUTPUT_WRONG_PIN);
        tg_exchange_write_pending(self, output);

        return TRUE;
}

gboolean
tg_initiator_judge(TgExchange *self, TgOutput *output, GError **error)
{
        g_auto(TgExchangeKeys) keys = {0};
        TgAnswer answer = {0};
        guint8 confirm[TG_SHA256_BYTES] = {0};
        gboolean is_whole, is_right;

        if (!open_answer(self, &answer, confirm, &is_whole, error))
                return FALSE;

        /* what is malformed goes the same way and takes as long */
        if (!tg_exchange_agree(self, self->w, self->scalar, &answer, &keys, error))
                return FALSE;
        is_right = tg_bytes_equal(tg_secret_get(keys.confirm_b, NULL), confirm, sizeof confirm);
        is_right &= is_whole & tg_spake2_is_share(answer.share, sizeof answer.share);
        tg_declassify(&is_right, sizeof is_right);

        return is_right ? accept(self, &keys, output, error) : refuse_answer(self, output, error);
}
