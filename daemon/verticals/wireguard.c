/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.tigress.wireguard.peer: the recipient makes a key that never leaves him, the initiator gives
 * it an address and a place among the peers of his server.
 *
 *      offer     {serverKey, endpoint, allowedIps, dns, keepalive, proofKey}
 *      request   {publicKey, proof}
 *      answer    {addresses, presharedKey}
 */

#include "daemon/verticals/wireguard.h"

#include <string.h>

#include "daemon/vertical.h"
#include "daemon/verticals/profile.h"
#include "daemon/verticals/wireguard-offer.h"
#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "protocol/error.h"

#define PROOF_LABEL TG_WIREGUARD_FORMAT " proof"

char *
tg_wireguard_proof(const TgStepContext *context,
                   const TgSecret *own,
                   const guint8 other[TG_X25519_BYTES],
                   const char *public_key,
                   GError **error)
{
        g_autoptr(TgSecret) shared = NULL;
        g_autoptr(TgSecret) mixed = NULL;
        g_autoptr(TgSecret) key = NULL;
        guint8 mac[TG_SHA256_BYTES];
        const guint8 *binding;
        gsize n_binding;

        if (context->binding == NULL) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "nothing can be proved in this exchange: the other wallet is too old");
                return NULL;
        }
        shared = tg_x25519_agree(own, other, error);
        if (shared == NULL)
                return NULL;
        binding = tg_secret_get(context->binding, &n_binding);
        mixed = tg_hkdf_extract_salted(TG_HASH_SHA256, binding, n_binding, shared, error);
        if (mixed != NULL)
                key = tg_hkdf_expand(TG_HASH_SHA256,
                                     mixed,
                                     PROOF_LABEL,
                                     strlen(PROOF_LABEL),
                                     TG_SHA256_BYTES,
                                     error);
        if (key == NULL)
                return NULL;
        tg_hmac_sha256(key, public_key, strlen(public_key), mac);
        return tg_base64_encode(TG_BASE64_STANDARD, mac, sizeof mac);
}

static void
receive(TgStep *step)
{
        if (tg_step_context(step)->role == TG_ROLE_INITIATOR)
                tg_wireguard_answer(step);
        else
                tg_wireguard_hold(step);
}

static const char *const kinds[] = {"lend", NULL};
/* Who wins the race to a link without one is let into the network. */
static const TgPinRule pins[] = {TG_PIN_DEFAULT};

static const TgTermKey terms[] = {
        {"server-key",  "s",  TG_WIREGUARD_KEY_CHARS         },
        {"endpoint",    "s",  TG_WIREGUARD_MAX_ENDPOINT_BYTES},
        {"pool",        "as", TG_MAX_SUBNET_CHARS            },
        {"peers",       "p",  4096                           },
        {"allowed-ips", "as", TG_MAX_SUBNET_CHARS            },
        {"dns",         "as", TG_MAX_SUBNET_CHARS            },
        {"keepalive",   "u",  0                              },
        {NULL,          NULL, 0                              },
};

static const TgTarget targets[] = {
        {TG_PROFILE_TARGET,
         "adds a profile for the tunnel to NetworkManager, for you alone; it does not connect by "
         "itself, and NetworkManager keeps its keys", NULL,
         tg_wireguard_use                                       },
        {NULL,              NULL,                     NULL, NULL},
};

const TgVertical tg_vertical_wireguard = {
        .format = TG_WIREGUARD_FORMAT,
        .name = "WireGuard peer",
        .kinds = kinds,
        .pins = pins,
        .letter = 'a',
        .source = TG_SOURCE_TERMS,
        .terms = terms,
        .check = tg_wireguard_check,
        .begin = tg_wireguard_begin,
        .receive = receive,
        .revoke = tg_wireguard_revoke,
        .targets = targets,
};
