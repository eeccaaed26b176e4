/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a WireGuard peer is told of the other end of its tunnel: consented to on one side, told to
 * the other, and written there into a configuration. */

#include <glib.h>

#include "daemon/step.h"
#include "daemon/verticals/subnet.h"
#include "protocol/json.h"
#include "protocol/x25519.h"

#define TG_WIREGUARD_KEY_CHARS 44
#define TG_WIREGUARD_MAX_ENDPOINT_BYTES 261 /* name, colon, port, brackets */
#define TG_WIREGUARD_MAX_ROUTES 32
#define TG_WIREGUARD_MAX_SERVERS 4

typedef struct {
        char *server_key; /* base64 */
        char *endpoint;   /* "HOST:PORT" */
        TgSubnet routes[TG_WIREGUARD_MAX_ROUTES];
        guint n_routes;
        TgSubnet name_servers[TG_WIREGUARD_MAX_SERVERS];
        guint n_name_servers;
        guint keepalive_s; /* 0: none */
} TgWireguardOffer;

void tg_wireguard_offer_clear(TgWireguardOffer *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgWireguardOffer, tg_wireguard_offer_clear)

/* Every part has its form. TG_ERROR_INVALID. */
gboolean tg_wireguard_offer_check(const TgWireguardOffer *self, GError **error);

/* Of a list as terms have it; FALSE: one is none, or there are more than @n_max. */
gboolean tg_wireguard_take_subnets(const char *const *texts,
                                   guint n_max,
                                   TgSubnet *ret_subnets,
                                   guint *ret_n);

/* Members of a JSON object, without the braces. */
void tg_wireguard_offer_append(const TgWireguardOffer *self, GString *json);
/* TG_ERROR_INVALID for what is missing or malformed. */
gboolean
tg_wireguard_offer_parse(const TgJson *object, TgWireguardOffer *ret_offer, GError **error);
/* A member that is an array of networks. */
gboolean tg_wireguard_parse_subnets(
        const TgJson *object, const char *name, guint n_max, TgSubnet *ret_subnets, guint *ret_n);

/* For people. */
void tg_wireguard_offer_show(const TgWireguardOffer *self, TgStep *step);
/* "A, B", in the long form; new memory. */
char *tg_wireguard_join(const TgSubnet *subnets, guint n);

gboolean tg_wireguard_key_decode(const char *text, guint8 ret_key[TG_X25519_BYTES]);
