/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the requests of a share have in common: claims, proofs, ids, the relay's clock, and what
 * is made ready before the first one.
 */

#include <stdlib.h>
#include <string.h>

#include "daemon/share-private.h"
#include "protocol/crypto.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"

TgHttpContext *
tg_share_context(TgShare *self)
{
        if (self->context == NULL)
                self->context = tg_http_context_new(self->wallet->http);
        return self->context;
}

TgSecret *
tg_share_draw_claim(GError **error)
{
        guint8 uuid[TG_UUID_BYTES];
        char text[TG_UUID_CHARS + 1];
        TgSecret *claim;

        tg_random_uuid(uuid);
        tg_uuid_format(uuid, text);
        claim = tg_secret_new(text, TG_UUID_CHARS, error);
        tg_wipe(uuid, sizeof uuid);
        tg_wipe(text, sizeof text);

        return claim;
}

char *
tg_share_new_request_id(void)
{
        guint8 uuid[TG_UUID_BYTES];
        char text[TG_UUID_CHARS + 1];

        tg_random_uuid(uuid);
        tg_uuid_format(uuid, text);

        return g_strdup(text);
}

/* All octets that stand behind the link's '#', decoded. */
static TgSecret *
fragment_of(const TgShare *self)
{
        TgMode mode = tg_share_exchange_mode(self);
        TgSecret *fragment;
        const guint8 *key;
        guint8 *buffer;
        gsize n_key;

        if (self->key == NULL)
                return NULL;
        if (mode == TG_MODE_T1)
                return tg_secret_ref(self->key);

        key = tg_secret_get(self->key, &n_key);
        fragment = tg_secret_new_blank(1 + n_key, &buffer, NULL);
        if (fragment == NULL)
                return NULL;
        buffer[0] = mode == TG_MODE_T2_PIN ? 1 : 2;
        memcpy(buffer + 1, key, n_key);
        return fragment;
}

/* The proof that a binding read carries, or the verifier that the relay keeps. */
char *
tg_share_proof(TgShare *self, gboolean is_verifier)
{
        g_autoptr(TgSecret) fragment = fragment_of(self);
        guint8 octets[TG_PROOF_BYTES];
        guint8 verifier[TG_PROOF_BYTES];
        char *text;

        if (fragment == NULL || !tg_claim_proof(fragment, octets, NULL))
                return NULL;
        tg_claim_verifier(octets, verifier);
        text = tg_base64_encode(TG_BASE64_URL, is_verifier ? verifier : octets, TG_PROOF_BYTES);
        tg_wipe(octets, sizeof octets);

        return text;
}

const char *
tg_share_claim_text(const TgShare *self)
{
        return self->claim != NULL ? (const char *)tg_secret_get(self->claim, NULL) : NULL;
}

/* The time that a request asks by: the relay's, where it is far from ours. */
void
tg_share_note_clock(TgShare *self, const TgReply *reply)
{
        if (llabs(reply->clock_skew_s) <= TG_MAX_CLOCK_SKEW_S)
                return;
        g_warning("share %.8s: its relay's clock differs from this machine's by %" G_GINT64_FORMAT
                  " s",
                  self->id,
                  reply->clock_skew_s);
}

/* The earlier of the initiator's word and the relay's, by our clock. */
void
tg_share_note_expiration(TgShare *self, gint64 expiration_s, gint64 clock_skew_s)
{
        gint64 expires_s;

        if (expiration_s <= 0)
                return;
        if (llabs(clock_skew_s) <= TG_MAX_CLOCK_SKEW_S)
                clock_skew_s = 0;
        expires_s = CLAMP(expiration_s - clock_skew_s, 1, self->created_s + TG_MAX_LIFE_S);
        if (self->expires_s != 0 && expires_s >= self->expires_s)
                return;

        /* More than clocks and rounding explain: then the end is the relay's word. */
        if (self->role == TG_ROLE_INITIATOR && self->expires_s - expires_s > TG_MAX_CLOCK_SKEW_S)
                self->is_shortened = TRUE;
        self->expires_s = expires_s;
        tg_share_tell(self, TG_SHARE_EXPIRES);
}

gboolean
tg_share_is_asking(const TgShare *self)
{
        return self->asking != NULL || self->dropping != NULL;
}

gboolean
tg_share_is_offline(TgShare *self, const char *url)
{
        g_autoptr(GError) offline = NULL;

        if (tg_network_reaches(self->wallet->network, url))
                return FALSE;
        offline = tg_error_new(TG_ERROR_UNREACHABLE, "no network: waits until there is one");
        tg_share_set_failure(self, offline);
        return TRUE;
}

void
tg_share_came_through(TgShare *self)
{
        self->n_failures = 0;
        tg_share_set_failure(self, NULL);
}

void
tg_share_try_later(TgShare *self, const TgReply *reply)
{
        tg_share_set_failure(self, reply->error);
        tg_share_later(self, reply->retry_after_s);
}

gboolean
tg_share_prepare(TgShare *self, TgSecret **ret_body, GError **error)
{
        if (self->role == TG_ROLE_RECIPIENT)
                return tg_share_prepare_claim(self, error);
        if (self->content == NULL && self->first_message == NULL)
                return TRUE;
        if (self->first_message == NULL && tg_share_is_slow(self)) {
                *ret_body = tg_secret_ref(self->content); /* until there is a first message */
                return TRUE;
        }

        *ret_body = tg_share_make_first(self, error);
        return *ret_body != NULL;
}

/* Where the vault was opened only after the user had said yes. */
gboolean
tg_share_prepare_now(TgShare *self)
{
        g_autoptr(TgSecret) body = NULL;
        g_autoptr(GError) error = NULL;

        if (!tg_share_prepare(self, &body, &error)) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return FALSE;
        }
        if (!tg_share_save(self, body, &error)) {
                tg_share_go_back(self, error);
                return FALSE;
        }
        return TRUE;
}
