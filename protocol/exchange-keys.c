/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/crypto.h"
#include "protocol/error.h"
#include "protocol/exchange-private.h"

/* The key schedule: everything hangs on the link's secret by hashing only, so who has not got the
 * link gets nothing by breaking the curve. */

#define WIDE_BYTES 40 /* RFC 9382 section 3.2: 64 bits more than the order, against bias */

static TgSecret *
expand(const TgSecret *secret, const char *label, const guint8 *context, gsize n, GError **error)
{
        return tg_hkdf_expand_label(
                TG_HASH_SHA256, secret, label, context, n, TG_EXCHANGE_KEY_BYTES, error);
}

TgSecret *
tg_exchange_early(const TgSecret *secret, GError **error)
{
        return tg_hkdf_extract(TG_HASH_SHA256, secret, error);
}

TgSecret *
tg_exchange_handshake_key(const TgSecret *early, TgRole writer, GError **error)
{
        return expand(
                early, writer == TG_ROLE_INITIATOR ? "tg hs s2r" : "tg hs r2s", NULL, 0, error);
}

TgSecret *
tg_exchange_w(const TgSecret *early,
              const guint8 sid[TG_SID_BYTES],
              const TgSecret *pin,
              guint scrypt_log2_n,
              GError **error)
{
        g_autoptr(TgSecret) salt = expand(early, "tg pin salt", sid, TG_SID_BYTES, error);
        g_autoptr(TgSecret) nothing = NULL;
        g_autoptr(TgSecret) wide = NULL;

        if (!salt)
                return NULL;
        if (!pin) {
                nothing = tg_secret_new("", 0, error);
                if (!nothing)
                        return NULL;
                pin = nothing;
        }
        wide = tg_scrypt(pin, salt, scrypt_log2_n, WIDE_BYTES, error);

        return wide ? tg_spake2_scalar_reduce(wide, error) : NULL;
}

/* Binds a party without giving its bearer token to the other one. */
void
tg_exchange_commit(TgRole role,
                   const guint8 sid[TG_SID_BYTES],
                   const guint8 claim[TG_UUID_BYTES],
                   guint8 ret_commit[TG_SHA256_BYTES])
{
        static const char label[] = "TIGRESS claim"; /* its zero octet belongs to it */
        guint8 octets[sizeof label + 1 + TG_SID_BYTES + TG_UUID_BYTES];
        guint8 *at = octets;

        memcpy(at, label, sizeof label);
        at += sizeof label;
        *at++ = role == TG_ROLE_INITIATOR ? 's' : 'r';
        memcpy(at, sid, TG_SID_BYTES);
        memcpy(at + TG_SID_BYTES, claim, TG_UUID_BYTES);
        tg_sha256(octets, sizeof octets, ret_commit);
        tg_wipe(octets, sizeof octets);
}

/* What RFC 9382 calls AAD: with it both confirmations cover the place, every octet of the offer
 * and both randoms. */
static void
hash_context(const TgExchange *self, const TgAnswer *answer, guint8 ret_hash[TG_SHA256_BYTES])
{
        static const char label[] = "TIGRESS T2 v1";
        gsize n_place = strlen(self->place);
        guint8 octet = sizeof label - 1;
        guint8 length[2] = {(guint8)(n_place >> 8), (guint8)n_place};
        g_autoptr(GByteArray) octets = g_byte_array_new();

        g_byte_array_append(octets, &octet, 1);
        g_byte_array_append(octets, (const guint8 *)label, sizeof label - 1);
        octet = self->mode == TG_MODE_T2_PIN ? 1 : 2;
        g_byte_array_append(octets, &octet, 1);
        g_byte_array_append(octets, self->offer_hash, TG_SHA256_BYTES);
        g_byte_array_append(octets, length, sizeof length);
        g_byte_array_append(octets, (const guint8 *)self->place, (guint)n_place);
        g_byte_array_append(octets, answer->random, TG_EXCHANGE_RANDOM_BYTES);
        g_byte_array_append(octets, answer->commit, TG_SHA256_BYTES);
        tg_sha256(octets->data, octets->len, ret_hash);
}

#define NAME_A "TIGRESS sender" /* with their zero octets */
#define NAME_B "TIGRESS receiver"

typedef struct {
        guint8 a[sizeof NAME_A + TG_SHA256_BYTES];
        guint8 b[sizeof NAME_B + TG_SHA256_BYTES];
} Names;

static void
name_parties(const TgExchange *self, const TgAnswer *answer, Names *ret_names)
{
        memcpy(ret_names->a, NAME_A, sizeof NAME_A);
        if (self->role == TG_ROLE_INITIATOR)
                tg_exchange_commit(
                        TG_ROLE_INITIATOR, self->sid, self->claim, ret_names->a + sizeof NAME_A);
        else
                memcpy(ret_names->a + sizeof NAME_A, self->peer_commit, TG_SHA256_BYTES);
        memcpy(ret_names->b, NAME_B, sizeof NAME_B);
        memcpy(ret_names->b + sizeof NAME_B, answer->commit, TG_SHA256_BYTES);
}

/* K; of an impossible share one that nobody else knows. */
static TgSecret *
find_element(const TgExchange *self,
             const TgSecret *w,
             const TgSecret *scalar,
             const TgAnswer *answer,
             GError **error)
{
        gboolean is_a = self->role == TG_ROLE_INITIATOR;
        TgSpake2Side side = is_a ? TG_SPAKE2_A : TG_SPAKE2_B;
        const guint8 *own = is_a ? self->offer_share : answer->share;
        const guint8 *peer = is_a ? answer->share : self->offer_share;
        g_autoptr(GError) reason = NULL;
        TgSecret *element = tg_spake2_element(side, w, scalar, peer, &reason);

        if (element)
                return element;
        if (tg_error_code(reason) != TG_ERROR_TAMPERED) {
                g_propagate_error(error, g_steal_pointer(&reason));
                return NULL;
        }

        return tg_spake2_element(side, w, scalar, own, error);
}

void
tg_exchange_keys_clear(TgExchangeKeys *keys)
{
        g_clear_pointer(&keys->app_s2r, tg_secret_unref);
        g_clear_pointer(&keys->app_r2s, tg_secret_unref);
        g_clear_pointer(&keys->exporter, tg_secret_unref);
        g_clear_pointer(&keys->confirm_a, tg_secret_unref);
        g_clear_pointer(&keys->confirm_b, tg_secret_unref);
}

static gboolean
derive(const TgExchange *self,
       const TgSecret *ke,
       const guint8 context[TG_SHA256_BYTES],
       TgExchangeKeys *keys,
       GError **error)
{
        g_autoptr(TgSecret) derived = NULL;
        g_autoptr(TgSecret) master = NULL;
        const guint8 *salt;
        gsize n_salt;

        derived = expand(self->early, "tg derived", context, TG_SHA256_BYTES, error);
        if (!derived)
                return FALSE;
        salt = tg_secret_get(derived, &n_salt);
        master = tg_hkdf_extract_salted(TG_HASH_SHA256, salt, n_salt, ke, error);
        if (!master)
                return FALSE;
        keys->app_s2r = expand(master, "tg app s2r", context, TG_SHA256_BYTES, error);
        if (!keys->app_s2r)
                return FALSE;
        keys->app_r2s = expand(master, "tg app r2s", context, TG_SHA256_BYTES, error);
        if (!keys->app_r2s)
                return FALSE;
        keys->exporter = expand(master, "tg exporter", context, TG_SHA256_BYTES, error);

        return keys->exporter != NULL;
}

gboolean
tg_exchange_agree(const TgExchange *self,
                  const TgSecret *w,
                  const TgSecret *scalar,
                  const TgAnswer *answer,
                  TgExchangeKeys *ret_keys,
                  GError **error)
{
        guint8 context[TG_SHA256_BYTES];
        Names names;
        const TgSpake2Parties parties = {
                .id_a = names.a,
                .id_b = names.b,
                .n_id_a = sizeof names.a,
                .n_id_b = sizeof names.b,
                .share_a = self->offer_share,
                .share_b = answer->share,
        };
        g_auto(TgSpake2Keys) spake2 = {0};
        g_auto(TgExchangeKeys) keys = {0};
        g_autoptr(TgSecret) element = NULL;
        g_autoptr(TgSecret) transcript = NULL;

        name_parties(self, answer, &names);
        hash_context(self, answer, context);
        element = find_element(self, w, scalar, answer, error);
        if (!element)
                return FALSE;
        transcript = tg_spake2_transcript(&parties, element, w, error);
        if (!transcript || !tg_spake2_keys(transcript, context, sizeof context, &spake2, error) ||
            !derive(self, spake2.ke, context, &keys, error))
                return FALSE;
        keys.confirm_a = g_steal_pointer(&spake2.confirm_a);
        keys.confirm_b = g_steal_pointer(&spake2.confirm_b);

        *ret_keys = keys;
        keys = (TgExchangeKeys){0};
        return TRUE;
}
