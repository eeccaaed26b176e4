/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The recipient: a key is made for this share, its public part sent with a proof; out of what comes
 * back, each part of it read and checked, a configuration is written. No text of the other side's
 * gets into it: wg-quick would run what stands there as PostUp. */

#include <string.h>

#include "daemon/record.h"
#include "daemon/verticals/wireguard-tunnel.h"
#include "daemon/verticals/wireguard.h"
#include "protocol/bytes.h"
#include "protocol/error.h"

/* Numbers are stored: never use one again for something else. */
enum {
        FIELD_PRIVATE_KEY = 1,
        FIELD_OFFER = 2,
};

static gboolean
invalid(GError **error, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", what);
        return FALSE;
}

/* ---- the request ---- */

static TgSecret *
request_of(const TgStepContext *context, const TgSecret *own, GError **error)
{
        g_autofree char *other =
                tg_json_dup_text(context->message, "proofKey", TG_WIREGUARD_KEY_CHARS);
        g_autofree char *public_text = NULL;
        g_autofree char *proof = NULL;
        g_autofree char *text = NULL;
        guint8 other_key[TG_X25519_BYTES];
        guint8 public_key[TG_X25519_BYTES];

        if (other == NULL || !tg_wireguard_key_decode(other, other_key)) {
                invalid(error, "what is offered is malformed");
                return NULL;
        }
        if (!tg_x25519_public(own, public_key, error))
                return NULL;
        public_text = tg_base64_encode(TG_BASE64_STANDARD, public_key, sizeof public_key);
        proof = tg_wireguard_proof(context, own, other_key, public_text, error);
        if (proof == NULL)
                return NULL;
        text = g_strdup_printf("{\"publicKey\":\"%s\",\"proof\":\"%s\"}", public_text, proof);
        return tg_secret_new(text, strlen(text), error);
}

static TgSecret *
state_of(const TgStepContext *context, TgSecret *own, GError **error)
{
        g_autoptr(TgRecord) record = tg_record_new();

        tg_record_put_secret(record, FIELD_PRIVATE_KEY, own);
        tg_record_put_bytes(record, FIELD_OFFER, context->message->text, context->message->n_chars);
        return tg_record_write(record, error);
}

static void
make_key(TgStep *step)
{
        const TgStepContext *context = tg_step_context(step);
        g_auto(TgWireguardOffer) offer = {};
        g_autoptr(TgSecret) own = NULL;
        g_autoptr(TgSecret) request = NULL;
        g_autoptr(TgSecret) state = NULL;
        g_autoptr(GError) error = NULL;

        if (tg_wireguard_offer_parse(context->message, &offer, &error))
                own = tg_x25519_new(&error);
        if (own != NULL)
                request = request_of(context, own, &error);
        if (request != NULL)
                state = state_of(context, own, &error);
        if (state == NULL) {
                tg_step_fail(step, g_steal_pointer(&error));
                return;
        }
        tg_step_set_state(step, state);
        tg_wireguard_offer_show(&offer, step);
        tg_step_say(step, request, FALSE);
}

/* ---- the configuration ---- */

static gboolean
take_state(const TgStepContext *context, TgWireguardTunnel *tunnel, GError **error)
{
        const guint8 *offer;
        gsize n_offer;
        TgJson json;

        if (context->state != NULL)
                tunnel->private_key = tg_record_get_secret(context->state, FIELD_PRIVATE_KEY);
        if (tunnel->private_key == NULL ||
            !tg_record_get_slice(context->state, FIELD_OFFER, &offer, &n_offer))
                return invalid(error, "the stored share is incomplete");
        return tg_json_parse((const char *)offer, n_offer, n_offer, &json, error) &&
               tg_wireguard_offer_parse(&json, &tunnel->offer, error);
}

static gboolean
take_preshared_key(const TgJson *message, TgWireguardTunnel *tunnel, GError **error)
{
        const char *text;
        gsize n_chars;
        TgJson value;

        if (!tg_json_get_typed(message, "presharedKey", TG_JSON_STRING, &value) ||
            !tg_json_string_raw(&value, &text, &n_chars))
                return invalid(error, "the key that has arrived is malformed");
        tunnel->preshared_key = tg_wireguard_read_key(text, n_chars, error);
        return tunnel->preshared_key != NULL;
}

static gboolean
take_addresses(const TgJson *message, TgWireguardTunnel *tunnel, GError **error)
{
        if (!tg_wireguard_parse_subnets(message,
                                        "addresses",
                                        TG_WIREGUARD_MAX_ADDRESSES,
                                        tunnel->addresses,
                                        &tunnel->n_addresses))
                return invalid(error, "the addresses that have arrived are malformed");
        return tg_wireguard_tunnel_check_addresses(tunnel, error);
}

static void
take_tunnel(TgStep *step)
{
        const TgStepContext *context = tg_step_context(step);
        g_auto(TgWireguardTunnel) tunnel = {};
        g_auto(TgProvision) provision = {.content_type = g_strdup("text/plain")};
        g_autofree char *addresses = NULL;
        g_autoptr(GError) error = NULL;

        if (take_state(context, &tunnel, &error) &&
            take_addresses(context->message, &tunnel, &error) &&
            take_preshared_key(context->message, &tunnel, &error))
                provision.content = tg_wireguard_tunnel_format(&tunnel, &error);
        if (provision.content == NULL) {
                tg_step_fail(step, g_steal_pointer(&error));
                return;
        }
        provision.title = g_strconcat("WireGuard: ", tunnel.offer.endpoint, NULL);
        provision.issuer = g_strdup(tunnel.offer.server_key);
        addresses = tg_wireguard_join(tunnel.addresses, tunnel.n_addresses);
        tg_wireguard_offer_show(&tunnel.offer, step);
        tg_step_show(step, "Address", addresses);
        tg_step_keep(step, &provision);
}

void
tg_wireguard_hold(TgStep *step)
{
        if (tg_step_context(step)->number == 0)
                make_key(step);
        else
                take_tunnel(step);
}
