/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/exchange.h"

#include <string.h>

#include "protocol/crypto.h"
#include "protocol/error.h"
#include "protocol/exchange-private.h"
#include "protocol/limits.h"
#include "protocol/pin.h"
#include "protocol/thread.h"

/* ---- terms ---- */

static gboolean
refuse_terms(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

static gboolean
check_terms(const TgExchangeTerms *terms, GError **error)
{
        gboolean wants_pin = terms->mode == TG_MODE_T2_PIN && terms->role == TG_ROLE_INITIATOR;
        gsize n_secret = terms->secret ? tg_secret_size(terms->secret) : 0;
        guint8 claim[TG_UUID_BYTES];

        if ((guint)terms->role > TG_ROLE_RECIPIENT || (guint)terms->mode > TG_MODE_T2_PIN)
                return refuse_terms(error, "there is no such exchange");
        if (wants_pin != (terms->pin != NULL))
                return refuse_terms(error, "an exchange has a pin, or its mode has none");
        if (terms->scrypt_log2_n > TG_SCRYPT_LOG2_N)
                return refuse_terms(error, "a PIN would take too long to judge");
        if (terms->place && (!*terms->place || strlen(terms->place) > TG_MAX_LINK_CHARS))
                return refuse_terms(error, "the mailbox has no address that one can have");
        if (terms->mode == TG_MODE_T1)
                return n_secret == 16 || n_secret == 32
                               ? TRUE
                               : refuse_terms(error, "the link's secret has a wrong length");

        if (n_secret != TG_EXCHANGE_KEY_BYTES)
                return refuse_terms(error, "the link's secret has a wrong length");
        if (!terms->claim || !tg_uuid_parse(terms->claim, strlen(terms->claim), claim))
                return refuse_terms(error, "the device's claim is no uuid");
        if (terms->role == TG_ROLE_RECIPIENT && !terms->place)
                return refuse_terms(error, "the mailbox has no address that one can have");

        return TRUE;
}

static gboolean
take_pin(TgExchange *self, const TgSecret *pin, GError **error)
{
        self->attempts_max = self->mode == TG_MODE_T2_PIN ? TG_MAX_PIN_TRIES : 1;
        if (!pin)
                return TRUE;
        self->pin = tg_pin_parse(pin, 0, error);
        if (!self->pin)
                return FALSE;
        self->pin_digits = (guint)tg_secret_size(self->pin);

        return TRUE;
}

TgExchange *
tg_exchange_new(const TgExchangeTerms *terms, GError **error)
{
        g_autoptr(TgExchange) self = NULL;
        gboolean is_t1 = terms->mode == TG_MODE_T1;

        if (!check_terms(terms, error))
                return NULL;

        self = g_new0(TgExchange, 1);
        self->role = terms->role;
        self->mode = terms->mode;
        self->place = g_strdup(terms->place);
        self->is_tight = terms->is_tight;
        self->scrypt_log2_n = terms->scrypt_log2_n ? terms->scrypt_log2_n : TG_SCRYPT_LOG2_N;
        if (self->role == TG_ROLE_INITIATOR)
                tg_random(self->sid, sizeof self->sid);
        self->thread = tg_thread_new(self->role,
                                     self->role == TG_ROLE_INITIATOR ? self->sid : NULL,
                                     is_t1 && terms->is_headerless_allowed);
        if (is_t1) {
                self->key = tg_secret_ref((TgSecret *)terms->secret);
                return g_steal_pointer(&self);
        }

        tg_uuid_parse(terms->claim, strlen(terms->claim), self->claim);
        self->early = tg_exchange_early(terms->secret, error);
        if (!self->early)
                return NULL;
        if (self->role == TG_ROLE_INITIATOR && !take_pin(self, terms->pin, error))
                return NULL;

        return g_steal_pointer(&self);
}

void
tg_exchange_fix(TgExchange *self, const TgExchangeFixed *fixed)
{
        self->fixed = fixed;
        if (fixed && fixed->sid) {
                memcpy(self->sid, fixed->sid, TG_SID_BYTES);
                tg_thread_free(self->thread);
                self->thread = tg_thread_new(self->role, self->sid, FALSE);
        }
}

void
tg_exchange_erase(TgExchange *self)
{
        TgSecret **secrets[] = {
                &self->key,
                &self->early,
                &self->pin,
                &self->w,
                &self->scalar,
                &self->info_key,
                &self->late_key,
                &self->confirm,
                &self->app_own,
                &self->app_peer,
                &self->exporter,
        };

        for (gsize i = 0; i < G_N_ELEMENTS(secrets); i++)
                g_clear_pointer(secrets[i], tg_secret_unref);
        g_clear_pointer(&self->info, g_bytes_unref);
        g_clear_pointer(&self->answer, g_free);
        tg_exchange_set_pending(self, NULL, TG_OUTPUT_NONE);
}

void
tg_exchange_free(TgExchange *self)
{
        if (!self)
                return;

        tg_exchange_erase(self);
        tg_wipe(self->claim, sizeof self->claim);
        g_clear_pointer(&self->thread, tg_thread_free);
        g_free(self->place);
        tg_header_clear(&self->display);
        g_free(self);
}

gboolean
tg_exchange_set_place(TgExchange *self, const char *place, GError **error)
{
        if (self->place || !place || !*place || strlen(place) > TG_MAX_LINK_CHARS) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the mailbox has its address already, or none that one can have");
                return FALSE;
        }
        self->place = g_strdup(place);

        return TRUE;
}

/* ---- what can be asked ---- */

guint
tg_exchange_attempts_used(const TgExchange *self)
{
        return self->attempts_used;
}

guint
tg_exchange_attempts_left(const TgExchange *self)
{
        guint own = TG_MAX_PIN_TRIES - MIN(self->attempts_used, TG_MAX_PIN_TRIES);
        guint offers;

        if (self->mode == TG_MODE_T1 || self->phase == TG_PHASE_BURNED)
                return 0;
        if (self->role == TG_ROLE_INITIATOR)
                return self->attempts_max - self->attempts_used;
        if (self->phase == TG_PHASE_NEW)
                return own;
        offers = self->attempts_max - self->attempt + (self->phase == TG_PHASE_ASKED ? 1 : 0);

        return MIN(own, offers);
}

guint
tg_exchange_pin_digits(const TgExchange *self)
{
        return self->pin_digits;
}

gboolean
tg_exchange_is_confirmed(const TgExchange *self)
{
        return self->is_confirmed;
}

gboolean
tg_exchange_is_given(const TgExchange *self)
{
        if (self->role != TG_ROLE_INITIATOR)
                return FALSE;

        return self->mode == TG_MODE_T1 ? self->phase != TG_PHASE_NEW : self->is_confirmed;
}

gboolean
tg_exchange_peer_reads_end(const TgExchange *self)
{
        return tg_thread_peer_reads_end(self->thread);
}

guint
tg_exchange_count(const TgExchange *self)
{
        return tg_thread_count(self->thread);
}

TgMode
tg_exchange_mode(const TgExchange *self)
{
        return self->mode;
}

const TgSecret *
tg_exchange_exporter(const TgExchange *self)
{
        return self->exporter;
}

TgSecret *
tg_exchange_binding(const TgExchange *self, const char *format, GError **error)
{
        static const char label[] = "TIGRESS binding"; /* its zero octet belongs to it */
        const guint8 *sid = tg_thread_sid(self->thread);
        g_autoptr(GByteArray) octets = NULL;
        guint8 digest[TG_SHA256_BYTES];

        if (self->mode != TG_MODE_T1 && self->exporter && self->is_confirmed)
                return tg_hkdf_expand_label(TG_HASH_SHA256,
                                            self->exporter,
                                            "tg binding",
                                            (const guint8 *)format,
                                            strlen(format),
                                            TG_EXCHANGE_KEY_BYTES,
                                            error);
        if (self->mode != TG_MODE_T1 || !sid || tg_thread_is_headerless(self->thread)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "there is nothing that a proof could be bound to in this exchange");
                return NULL;
        }

        octets = g_byte_array_new();
        g_byte_array_append(octets, (const guint8 *)label, sizeof label);
        g_byte_array_append(octets, sid, TG_SID_BYTES);
        g_byte_array_append(octets, (const guint8 *)format, (guint)strlen(format));
        tg_sha256(octets->data, octets->len, digest);

        return tg_secret_new(digest, sizeof digest, error);
}

const TgSecret *
tg_exchange_pin(const TgExchange *self)
{
        return self->pin;
}
