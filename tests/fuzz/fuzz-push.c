/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a stranger says of where he is to be woken: any octets as the data of a token. */

#include <string.h>

#include "relay/push-endpoint.h"
#include "tests/fuzz/fuzz.h"

static gboolean
parse(char *data, TgPushEndpoint *ret)
{
        char type[] = TG_TOKEN_WEBPUSH;
        TgToken token = {type, data};

        return tg_push_endpoint_parse(&token, ret);
}

/* Nobody can read it in another way: as a URL it has one host and one port, and these are they. */
static void
check_url(const TgPushEndpoint *endpoint)
{
        g_autoptr(GUri) uri = g_uri_parse(endpoint->url, G_URI_FLAGS_ENCODED, NULL);

        g_assert_cmpuint(strlen(endpoint->url), <=, TG_MAX_PUSH_URL_BYTES + 1);
        for (const char *at = endpoint->url; *at; at++)
                g_assert_true(g_ascii_isgraph(*at) && !strchr("#\\\"<>{}|^`", *at));
        g_assert_true(g_str_has_prefix(endpoint->url, endpoint->origin));
        g_assert_true(endpoint->url[strlen(endpoint->origin)] == '/');
        g_assert_nonnull(uri);
        g_assert_cmpstr(g_uri_get_scheme(uri), ==, "https");
        g_assert_null(g_uri_get_userinfo(uri));
        g_assert_null(g_uri_get_fragment(uri));
        g_assert_cmpstr(g_uri_get_host(uri), ==, endpoint->host);
        g_assert_cmpint(g_uri_get_port(uri), ==, endpoint->port == 443 ? -1 : (int)endpoint->port);
        g_assert_true(endpoint->port == 443 || endpoint->port >= 1024);
        g_assert_true(endpoint->is_numeric || strchr(endpoint->host, '.'));
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        g_autofree char *text = g_strndup((const char *)bytes, n_bytes);
        g_auto(TgPushEndpoint) endpoint = {0}, again = {0};

        if (!parse(text, &endpoint)) {
                g_assert_null(endpoint.url);
                g_assert_null(endpoint.host);
                return;
        }
        check_url(&endpoint);
        g_assert_true(parse(endpoint.url, &again));
        g_assert_cmpstr(again.url, ==, endpoint.url);
        g_assert_cmpstr(again.host, ==, endpoint.host);
        g_assert_cmpuint(again.port, ==, endpoint.port);
        g_assert_false(again.has_keys);
}
