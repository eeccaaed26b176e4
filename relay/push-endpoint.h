/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a notification token of the type "webpush" leads. Its data is either what a browser makes
 * of a subscription,
 *
 *     {"endpoint": "https://…", "keys": {"p256dh": "…", "auth": "…"}}
 *
 * (RFC 8030, RFC 8291; other members are ignored, keys may be absent), or an address alone, as
 * UnifiedPush has it. Strict: the address that is looked at is the one that is requested, and no
 * two programs can read it in two ways.
 */

#include <glib.h>

#include "protocol/mailbox.h"
#include "protocol/webpush.h"

#define TG_TOKEN_WEBPUSH "webpush"
#define TG_MAX_PUSH_URL_BYTES 2048

typedef struct {
        char *url;
        char *origin;
        char *host; /* lower case; of IPv6 without brackets */
        guint port;
        gboolean is_numeric; /* the host is an address */
        gboolean has_keys;
        TgWebPushKeys keys;
} TgPushEndpoint;

void tg_push_endpoint_clear(TgPushEndpoint *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgPushEndpoint, tg_push_endpoint_clear)

/* FALSE: nobody can be reached by this token. */
gboolean tg_push_endpoint_parse(const TgToken *token, TgPushEndpoint *ret_endpoint);

/* What a token says is erased, and freed. */
void tg_push_token_wipe(TgToken *token);
