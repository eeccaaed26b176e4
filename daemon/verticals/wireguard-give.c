/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The initiator: terms, offer; an address and a peer's stanza for whoever has proved to hold the
 * key; and the stanza taken out again. A repeated step gives the same address and the same key. */

#include <string.h>

#include "daemon/record.h"
#include "daemon/verticals/wireguard-offer.h"
#include "daemon/verticals/wireguard-pool.h"
#include "daemon/verticals/wireguard.h"
#include "protocol/bytes.h"
#include "protocol/error.h"

#define PROOF_CHARS 44
#define MAX_KEY_TEXT (TG_WIREGUARD_KEY_CHARS + 1)

/* Numbers are stored: never use one again for something else. */
enum {
        FIELD_PROOF_KEY = 1,
        FIELD_PRESHARED_KEY = 2,
};
enum {
        RECEIPT_PEERS = 1,
        RECEIPT_PUBLIC_KEY = 2,
};

static gboolean
invalid(GError **error, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", what);
        return FALSE;
}

/* ---- terms ---- */

static gboolean
take_list(GVariant *terms,
          const char *name,
          guint n_max,
          TgSubnet *ret_subnets,
          guint *ret_n,
          GError **error)
{
        g_autofree const char **texts = NULL;

        if (!g_variant_lookup(terms, name, "^a&s", &texts))
                return TRUE;
        if (tg_wireguard_take_subnets(texts, n_max, ret_subnets, ret_n))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "\"%s\" is a list of at most %u addresses or networks, without bits after the "
                     "prefix",
                     name,
                     n_max);
        return FALSE;
}

static gboolean
take_pool(GVariant *terms, TgWireguardPool *pool, GError **error)
{
        if (!g_variant_lookup(terms, "peers", "&s", &pool->peers_path))
                return invalid(error, "the key \"peers\" is missing: the file for the peer");
        return take_list(
                       terms, "pool", TG_WIREGUARD_MAX_POOLS, pool->pools, &pool->n_pools, error) &&
               tg_wireguard_pool_check(pool, error);
}

static gboolean
take_offer(GVariant *terms, const TgWireguardPool *pool, TgWireguardOffer *offer, GError **error)
{
        g_variant_lookup(terms, "server-key", "s", &offer->server_key);
        g_variant_lookup(terms, "endpoint", "s", &offer->endpoint);
        g_variant_lookup(terms, "keepalive", "u", &offer->keepalive_s);
        if (!take_list(terms,
                       "allowed-ips",
                       TG_WIREGUARD_MAX_ROUTES,
                       offer->routes,
                       &offer->n_routes,
                       error) ||
            !take_list(terms,
                       "dns",
                       TG_WIREGUARD_MAX_SERVERS,
                       offer->name_servers,
                       &offer->n_name_servers,
                       error))
                return FALSE;
        if (!g_variant_lookup(terms, "allowed-ips", "^a&s", NULL)) {
                memcpy(offer->routes, pool->pools, sizeof pool->pools);
                offer->n_routes = pool->n_pools;
        }
        return tg_wireguard_offer_check(offer, error);
}

void
tg_wireguard_check(TgStep *step)
{
        GVariant *terms = tg_step_context(step)->terms;
        g_autoptr(GVariantDict) checked = g_variant_dict_new(NULL);
        g_auto(TgWireguardOffer) offer = {};
        g_autoptr(GString) members = g_string_new(NULL);
        g_autoptr(GVariant) pool_term = g_variant_lookup_value(terms, "pool", NULL);
        g_autofree char *pool_text = NULL;
        g_autofree char *name = NULL;
        TgSubnet next[TG_WIREGUARD_MAX_POOLS];
        TgWireguardPool pool = {};
        GError *error = NULL;

        if (!take_pool(terms, &pool, &error) || !take_offer(terms, &pool, &offer, &error) ||
            !tg_wireguard_pool_allocate(&pool, NULL, next, &error)) {
                tg_step_fail(step, error);
                return;
        }
        tg_wireguard_offer_append(&offer, members);
        g_variant_dict_insert(checked, "offer", "s", members->str);
        g_variant_dict_insert(checked, "peers", "s", pool.peers_path);
        g_variant_dict_insert_value(checked, "pool", pool_term);

        tg_wireguard_offer_show(&offer, step);
        pool_text = tg_wireguard_join(pool.pools, pool.n_pools);
        tg_step_show(step, "Address out of", pool_text);
        tg_step_show(step, "Peers' file", pool.peers_path);
        name = g_strconcat("WireGuard: ", offer.endpoint, NULL);
        tg_step_name(step, name);
        tg_step_checked(step, g_variant_dict_end(checked), offer.server_key);
}

/* ---- the offer ---- */

static TgSecret *
new_state(TgSecret *proof_key, GError **error)
{
        g_autoptr(TgRecord) record = tg_record_new();
        g_autoptr(TgSecret) preshared = tg_secret_new_random(TG_X25519_BYTES, error);

        if (preshared == NULL)
                return NULL;
        tg_record_put_secret(record, FIELD_PROOF_KEY, proof_key);
        tg_record_put_secret(record, FIELD_PRESHARED_KEY, preshared);
        return tg_record_write(record, error);
}

void
tg_wireguard_begin(TgStep *step)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) proof_key = tg_x25519_new(&error);
        g_autoptr(TgSecret) state = NULL;
        g_autoptr(TgSecret) content = NULL;
        g_autofree char *text = NULL;
        g_autofree char *key_text = NULL;
        guint8 key[TG_X25519_BYTES];
        const char *members;

        if (!g_variant_lookup(tg_step_context(step)->terms, "offer", "&s", &members))
                tg_set_error(&error, TG_ERROR_INVALID, "the stored share is incomplete");
        else if (proof_key != NULL && tg_x25519_public(proof_key, key, &error))
                state = new_state(proof_key, &error);
        if (state != NULL) {
                key_text = tg_base64_encode(TG_BASE64_STANDARD, key, sizeof key);
                text = g_strdup_printf("{%s,\"proofKey\":\"%s\"}", members, key_text);
                content = tg_secret_new(text, strlen(text), &error);
        }
        if (content == NULL) {
                tg_step_fail(step, g_steal_pointer(&error));
                return;
        }
        tg_step_set_state(step, state);
        tg_step_say(step, content, FALSE);
}

/* ---- the answer ---- */

typedef struct {
        TgWireguardOffer offer;
        TgWireguardPool pool;
        char *public_key;
        TgSubnet addresses[TG_WIREGUARD_MAX_POOLS];
        char preshared_key[MAX_KEY_TEXT]; /* base64 */
} Peer;

static void
clear_peer(Peer *self)
{
        tg_wireguard_offer_clear(&self->offer);
        g_clear_pointer(&self->public_key, g_free);
        tg_wipe(self->preshared_key, sizeof self->preshared_key);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Peer, clear_peer)

static gboolean
take_terms(const TgStepContext *context, Peer *peer, GError **error)
{
        g_autofree char *text = NULL;
        const char *members;
        TgJson json;

        if (context->terms == NULL || !g_variant_lookup(context->terms, "offer", "&s", &members))
                return invalid(error, "the stored share is incomplete");
        text = g_strdup_printf("{%s}", members);
        return tg_json_parse(text, strlen(text), strlen(text), &json, error) &&
               tg_wireguard_offer_parse(&json, &peer->offer, error) &&
               take_pool(context->terms, &peer->pool, error);
}

static gboolean
take_keys(const TgStepContext *context, Peer *peer, TgSecret **ret_proof_key, GError **error)
{
        const guint8 *preshared;
        gsize n_bytes;

        if (context->state != NULL)
                *ret_proof_key = tg_record_get_secret(context->state, FIELD_PROOF_KEY);
        if (*ret_proof_key == NULL ||
            !tg_record_get_slice(context->state, FIELD_PRESHARED_KEY, &preshared, &n_bytes) ||
            n_bytes != TG_X25519_BYTES)
                return invalid(error, "the stored share is incomplete");
        tg_base64_encode_to(TG_BASE64_STANDARD, preshared, n_bytes, peer->preshared_key);
        return TRUE;
}

/* Both are of one length, so the comparison tells nothing of where they differ. */
static gboolean
take_request(const TgStepContext *context, Peer *peer, TgSecret *proof_key, GError **error)
{
        g_autofree char *proof = tg_json_dup_text(context->message, "proof", PROOF_CHARS);
        g_autofree char *wanted = NULL;
        guint8 key[TG_X25519_BYTES];

        peer->public_key = tg_json_dup_text(context->message, "publicKey", TG_WIREGUARD_KEY_CHARS);
        if (peer->public_key == NULL || !tg_wireguard_key_decode(peer->public_key, key) ||
            proof == NULL || strlen(proof) != PROOF_CHARS)
                return invalid(error,
                               "the other side has sent no public key of WireGuard with a proof: "
                               "nothing was given");
        if (g_str_equal(peer->public_key, peer->offer.server_key))
                return invalid(error,
                               "the other side has sent the server's own key: nothing was given");
        wanted = tg_wireguard_proof(context, proof_key, key, peer->public_key, error);
        if (wanted == NULL)
                return FALSE;
        return tg_bytes_equal((const guint8 *)wanted, (const guint8 *)proof, PROOF_CHARS) ||
               invalid(error,
                       "the other side has not proved that it holds the key that it has sent: "
                       "nothing was given");
}

static gboolean
write_peer(const TgStepContext *context, const Peer *peer, GError **error)
{
        g_autofree char *addresses = tg_wireguard_join(peer->addresses, peer->pool.n_pools);
        g_autofree char *stanza = g_strdup_printf("# tigress %s\n"
                                                  "[Peer]\n"
                                                  "PublicKey = %s\n"
                                                  "PresharedKey = %s\n"
                                                  "AllowedIPs = %s\n",
                                                  context->share_id,
                                                  peer->public_key,
                                                  peer->preshared_key,
                                                  addresses);
        gboolean is_written =
                tg_wireguard_peers_add(peer->pool.peers_path, peer->public_key, stanza, error);

        tg_wipe(stanza, strlen(stanza));
        return is_written;
}

static TgSecret *
answer_of(const Peer *peer, GError **error)
{
        g_autoptr(GString) before = g_string_new("{\"addresses\":[");
        TgSecret *content;
        guint8 *start;
        char *at;

        for (guint i = 0; i < peer->pool.n_pools; i++) {
                char text[TG_MAX_SUBNET_CHARS];

                tg_subnet_format(&peer->addresses[i], text);
                g_string_append_printf(before, "%s\"%s\"", i > 0 ? "," : "", text);
        }
        g_string_append(before, "],\"presharedKey\":\"");
        content = tg_secret_new_blank(
                before->len + TG_WIREGUARD_KEY_CHARS + strlen("\"}"), &start, error);
        if (content == NULL)
                return NULL;
        at = (char *)start;
        memcpy(at, before->str, before->len);
        memcpy(at + before->len, peer->preshared_key, TG_WIREGUARD_KEY_CHARS);
        memcpy(at + before->len + TG_WIREGUARD_KEY_CHARS, "\"}", strlen("\"}"));
        return content;
}

static TgSecret *
receipt_of(const Peer *peer, GError **error)
{
        g_autoptr(TgRecord) record = tg_record_new();

        tg_record_put_text(record, RECEIPT_PEERS, peer->pool.peers_path);
        tg_record_put_text(record, RECEIPT_PUBLIC_KEY, peer->public_key);
        return tg_record_write(record, error);
}

static void
show_peer(TgStep *step, const Peer *peer)
{
        g_autofree char *addresses = tg_wireguard_join(peer->addresses, peer->pool.n_pools);

        tg_wireguard_offer_show(&peer->offer, step);
        tg_step_show(step, "Address", addresses);
        tg_step_show(step, "Peer's key", peer->public_key);
        tg_step_show(step, "Peers' file", peer->pool.peers_path);
}

void
tg_wireguard_answer(TgStep *step)
{
        const TgStepContext *context = tg_step_context(step);
        g_auto(Peer) peer = {};
        g_autoptr(TgSecret) proof_key = NULL;
        g_autoptr(TgSecret) content = NULL;
        g_autoptr(TgSecret) receipt = NULL;
        g_autoptr(GError) error = NULL;

        if (take_terms(context, &peer, &error) && take_keys(context, &peer, &proof_key, &error) &&
            take_request(context, &peer, proof_key, &error) &&
            tg_wireguard_pool_allocate(&peer.pool, context->share_id, peer.addresses, &error) &&
            write_peer(context, &peer, &error)) {
                content = answer_of(&peer, &error);
                receipt = content != NULL ? receipt_of(&peer, &error) : NULL;
        }
        if (receipt == NULL) {
                tg_step_fail(step, g_steal_pointer(&error));
                return;
        }
        show_peer(step, &peer);
        tg_step_set_receipt(step, receipt);
        tg_step_say(step, content, TRUE);
}

/* ---- taken back ---- */

void
tg_wireguard_revoke(TgStep *step)
{
        const TgSecret *receipt = tg_step_context(step)->receipt;
        g_autofree char *path = receipt != NULL ? tg_record_get_text(receipt, RECEIPT_PEERS) : NULL;
        g_autofree char *key =
                receipt != NULL ? tg_record_get_text(receipt, RECEIPT_PUBLIC_KEY) : NULL;
        GError *error = NULL;

        if (path == NULL || key == NULL)
                error = tg_error_new(TG_ERROR_INVALID, "the stored share is incomplete");
        else if (tg_wireguard_peers_remove(path, key, &error))
                tg_step_done(step);
        if (error != NULL)
                tg_step_fail(step, error);
}
