/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/push-endpoint.h"

#include <arpa/inet.h>
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/json.h"
#include "protocol/limits.h"
#include "protocol/url.h"

#define HTTPS_PORT 443
#define LOWEST_OTHER_PORT 1024 /* below are services that were never meant for this */
#define SCHEME "https://"

static void
wipe_text(char **text)
{
        if (*text)
                explicit_bzero(*text, strlen(*text));
        g_clear_pointer(text, g_free);
}

void
tg_push_endpoint_clear(TgPushEndpoint *self)
{
        wipe_text(&self->url);
        wipe_text(&self->origin);
        wipe_text(&self->host);
        explicit_bzero(&self->keys, sizeof self->keys);
}

void
tg_push_token_wipe(TgToken *token)
{
        wipe_text(&token->type);
        wipe_text(&token->data);
}

/* ---- the address ---- */

/* What RFC 3986 allows in path and query, and nothing that a program might take for an end. */
static gboolean
is_tail(const char *text)
{
        if (*text != '\0' && *text != '/' && *text != '?')
                return FALSE;
        for (; *text; text++) {
                if (*text == '%' && !(g_ascii_isxdigit(text[1]) && g_ascii_isxdigit(text[2])))
                        return FALSE;
                if (!g_ascii_isalnum(*text) && !strchr("-._~%!$&'()*+,;=:@/?", *text))
                        return FALSE;
        }

        return TRUE;
}

/* host[:port] of an origin in its canonical spelling. */
static gboolean
split_origin(TgPushEndpoint *self)
{
        const char *host = self->origin + strlen(SCHEME);
        gboolean is_ipv6 = *host == '[';
        const char *end = is_ipv6 ? strchr(host, ']') : host + strcspn(host, ":");
        const char *colon = strchr(end, ':');
        guint64 port = HTTPS_PORT;
        guint8 address[sizeof(struct in6_addr)];

        if (colon && !g_ascii_string_to_unsigned(colon + 1, 10, 1, G_MAXUINT16, &port, NULL))
                return FALSE;
        self->port = (guint)port;
        self->host = is_ipv6 ? g_strndup(host + 1, (gsize)(end - host - 1))
                             : g_strndup(host, (gsize)(end - host));
        self->is_numeric = is_ipv6 || inet_pton(AF_INET, self->host, address) == 1;

        /* A name without a dot is completed by whatever the resolver thinks of. */
        return (self->is_numeric || strchr(self->host, '.')) &&
               (self->port == HTTPS_PORT || self->port >= LOWEST_OTHER_PORT);
}

static gboolean
take_url(TgPushEndpoint *self, const char *text)
{
        gsize n_chars = strlen(text);
        const char *tail;

        if (n_chars > TG_MAX_PUSH_URL_BYTES)
                return FALSE;
        self->origin = tg_url_origin(text, n_chars, FALSE, "this is no endpoint", &tail, NULL);
        if (!self->origin || !is_tail(tail) || !split_origin(self))
                return FALSE;
        self->url = g_strconcat(self->origin, *tail == '/' ? "" : "/", tail, NULL);

        return TRUE;
}

/* ---- the keys ---- */

/* Browsers write them url-safe and unpadded; some libraries do not. */
static gboolean
decode(const TgJson *keys, const char *name, guint8 *bytes, gsize n_room, gsize *ret_n_bytes)
{
        TgJson value;
        const char *text;
        gsize n_chars;

        return tg_json_get_typed(keys, name, TG_JSON_STRING, &value) &&
               tg_json_string_raw(&value, &text, &n_chars) &&
               tg_base64_decoded_room(n_chars) <= n_room &&
               tg_base64_decode(TG_BASE64_ANY, text, n_chars, bytes, ret_n_bytes);
}

static gboolean
take_keys(TgPushEndpoint *self, const TgJson *keys)
{
        guint8 key[TG_WEBPUSH_KEY_BYTES + 8], auth[TG_WEBPUSH_AUTH_BYTES + 8];
        gsize n_key, n_auth;

        self->has_keys = keys->type == TG_JSON_OBJECT &&
                         decode(keys, "p256dh", key, sizeof key, &n_key) &&
                         decode(keys, "auth", auth, sizeof auth, &n_auth) &&
                         tg_webpush_keys_set(&self->keys, key, n_key, auth, n_auth);

        return self->has_keys;
}

static gboolean
take_subscription(TgPushEndpoint *self, const char *text)
{
        g_autofree char *url = NULL;
        TgJson object, value;
        gboolean is_taken;

        if (!tg_json_parse(text, strlen(text), TG_MAX_BODY_BYTES, &object, NULL) ||
            !tg_json_get_typed(&object, "endpoint", TG_JSON_STRING, &value))
                return FALSE;
        url = tg_json_dup_string(&value);
        is_taken = take_url(self, url) &&
                   (!tg_json_get(&object, "keys", &value) || take_keys(self, &value));
        explicit_bzero(url, strlen(url));

        return is_taken;
}

gboolean
tg_push_endpoint_parse(const TgToken *token, TgPushEndpoint *ret_endpoint)
{
        g_auto(TgPushEndpoint) endpoint = {0};
        gboolean is_taken;

        *ret_endpoint = endpoint;
        if (!token->type || strcmp(token->type, TG_TOKEN_WEBPUSH) != 0)
                return FALSE;
        is_taken = *token->data == '{' ? take_subscription(&endpoint, token->data)
                                       : take_url(&endpoint, token->data);
        if (!is_taken)
                return FALSE;
        *ret_endpoint = endpoint;
        endpoint = (TgPushEndpoint){0};

        return TRUE;
}
