/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/verticals/wireguard-offer.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"

#define MAX_NAME_BYTES 253

void
tg_wireguard_offer_clear(TgWireguardOffer *self)
{
        g_clear_pointer(&self->server_key, g_free);
        g_clear_pointer(&self->endpoint, g_free);
}

/* ---- its form ---- */

static gboolean
invalid(GError **error, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", what);
        return FALSE;
}

gboolean
tg_wireguard_key_decode(const char *text, guint8 ret_key[TG_X25519_BYTES])
{
        return tg_base64_decode_exact(
                TG_BASE64_STANDARD, text, strlen(text), ret_key, TG_X25519_BYTES);
}

static gboolean
is_port(const char *text)
{
        gsize n = strlen(text);

        return n >= 1 && n <= 5 && text[0] != '0' && strspn(text, "0123456789") == n &&
               g_ascii_strtoull(text, NULL, 10) <= G_MAXUINT16;
}

/* A name or an address of IPv4. */
static gboolean
is_name(const char *text)
{
        gsize n = strlen(text);

        return n >= 1 && n <= MAX_NAME_BYTES && text[0] != '-' && text[0] != '.' &&
               strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
                       n;
}

static gboolean
is_bracketed(const char *text)
{
        gsize n = strlen(text);
        g_autofree char *inside = n > 2 ? g_strndup(text + 1, n - 2) : NULL;
        TgSubnet address;

        return inside != NULL && text[0] == '[' && text[n - 1] == ']' &&
               strchr(inside, '/') == NULL && tg_subnet_parse(inside, &address) &&
               address.n_octets == 16;
}

static gboolean
is_endpoint(const char *text)
{
        const char *colon = strrchr(text, ':');
        g_autofree char *host = colon != NULL ? g_strndup(text, (gsize)(colon - text)) : NULL;

        return host != NULL && strlen(text) <= TG_WIREGUARD_MAX_ENDPOINT_BYTES &&
               is_port(colon + 1) && (is_name(host) || is_bracketed(host));
}

gboolean
tg_wireguard_offer_check(const TgWireguardOffer *self, GError **error)
{
        guint8 key[TG_X25519_BYTES];

        if (self->server_key == NULL || !tg_wireguard_key_decode(self->server_key, key))
                return invalid(error,
                               "the server's key is no public key of WireGuard (wg show … "
                               "public-key)");
        if (self->endpoint == NULL || !is_endpoint(self->endpoint))
                return invalid(error, "the endpoint must be HOST:PORT or [ADDRESS]:PORT");
        if (self->n_routes == 0)
                return invalid(error, "nothing is to go through the tunnel");
        for (guint i = 0; i < self->n_name_servers; i++)
                if (!tg_subnet_is_host(&self->name_servers[i]))
                        return invalid(error, "a name server is an address");
        if (self->keepalive_s > G_MAXUINT16)
                return invalid(error, "the keepalive is at most 65,535 seconds");
        return TRUE;
}

gboolean
tg_wireguard_take_subnets(const char *const *texts,
                          guint n_max,
                          TgSubnet *ret_subnets,
                          guint *ret_n)
{
        guint n = 0;

        for (; texts[n] != NULL; n++)
                if (n == n_max || !tg_subnet_parse(texts[n], &ret_subnets[n]))
                        return FALSE;
        *ret_n = n;
        return TRUE;
}

/* ---- as it travels ---- */

static void
append_subnets(GString *json, const char *name, const TgSubnet *subnets, guint n)
{
        g_string_append_printf(json, ",\"%s\":[", name);
        for (guint i = 0; i < n; i++) {
                char text[TG_MAX_SUBNET_CHARS];

                tg_subnet_format(&subnets[i], text);
                g_string_append_printf(json, "%s\"%s\"", i > 0 ? "," : "", text);
        }
        g_string_append_c(json, ']');
}

void
tg_wireguard_offer_append(const TgWireguardOffer *self, GString *json)
{
        g_string_append(json, "\"serverKey\":");
        tg_json_append_string(json, self->server_key);
        g_string_append(json, ",\"endpoint\":");
        tg_json_append_string(json, self->endpoint);
        append_subnets(json, "allowedIps", self->routes, self->n_routes);
        append_subnets(json, "dns", self->name_servers, self->n_name_servers);
        g_string_append_printf(json, ",\"keepalive\":%u", self->keepalive_s);
}

gboolean
tg_wireguard_parse_subnets(
        const TgJson *object, const char *name, guint n_max, TgSubnet *ret_subnets, guint *ret_n)
{
        TgJsonIter iter;
        TgJson array;
        TgJson item;

        *ret_n = 0;
        if (!tg_json_get_typed(object, name, TG_JSON_ARRAY, &array))
                return FALSE;
        tg_json_iter_init(&iter, &array);
        while (tg_json_iter_next(&iter, NULL, &item)) {
                g_autofree char *text = NULL;

                if (item.type != TG_JSON_STRING || *ret_n == n_max ||
                    tg_json_string_bytes(&item) >= TG_MAX_SUBNET_CHARS)
                        return FALSE;
                text = tg_json_dup_string(&item);
                if (!tg_subnet_parse(text, &ret_subnets[*ret_n]))
                        return FALSE;
                ++*ret_n;
        }
        return TRUE;
}

gboolean
tg_wireguard_offer_parse(const TgJson *object, TgWireguardOffer *ret_offer, GError **error)
{
        g_auto(TgWireguardOffer) offer = {
                .server_key = tg_json_dup_text(object, "serverKey", TG_WIREGUARD_KEY_CHARS),
                .endpoint = tg_json_dup_text(object, "endpoint", TG_WIREGUARD_MAX_ENDPOINT_BYTES),
        };
        TgJson keepalive;

        if (!tg_wireguard_parse_subnets(
                    object, "allowedIps", TG_WIREGUARD_MAX_ROUTES, offer.routes, &offer.n_routes) ||
            !tg_wireguard_parse_subnets(object,
                                        "dns",
                                        TG_WIREGUARD_MAX_SERVERS,
                                        offer.name_servers,
                                        &offer.n_name_servers) ||
            !tg_json_get_typed(object, "keepalive", TG_JSON_NUMBER, &keepalive) ||
            !tg_json_get_uint(&keepalive, &offer.keepalive_s))
                return invalid(error, "what is offered is malformed");
        if (!tg_wireguard_offer_check(&offer, error))
                return FALSE;

        *ret_offer = offer;
        offer = (TgWireguardOffer){};
        return TRUE;
}

/* ---- for people ---- */

char *
tg_wireguard_join(const TgSubnet *subnets, guint n)
{
        g_autoptr(GString) text = g_string_new(NULL);

        for (guint i = 0; i < n; i++) {
                char one[TG_MAX_SUBNET_CHARS];

                tg_subnet_format_long(&subnets[i], one);
                g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", one);
        }
        return g_strdup(text->str);
}

/* Two halves of all are all, too, and are used to win against another default route. */
static gboolean
takes_all(const TgWireguardOffer *self, guint n_octets)
{
        for (guint i = 0; i < self->n_routes; i++)
                if (self->routes[i].n_octets == n_octets &&
                    self->routes[i].n_bits <= (n_octets == 4 ? 1 : 3))
                        return TRUE;
        return FALSE;
}

void
tg_wireguard_offer_show(const TgWireguardOffer *self, TgStep *step)
{
        g_autofree char *routes = tg_wireguard_join(self->routes, self->n_routes);
        g_autoptr(GString) servers = g_string_new(NULL);
        gboolean all4 = takes_all(self, 4);
        gboolean all6 = takes_all(self, 16);

        for (guint i = 0; i < self->n_name_servers; i++) {
                char text[TG_MAX_SUBNET_CHARS];

                tg_subnet_format(&self->name_servers[i], text);
                g_string_append_printf(servers, "%s%s", i > 0 ? ", " : "", text);
        }
        tg_step_show(step, "Endpoint", self->endpoint);
        tg_step_show(step,
                     "Traffic",
                     all4 && all6 ? "ALL traffic goes through the tunnel"
                     : all4       ? "ALL traffic of IPv4 goes through the tunnel"
                     : all6       ? "ALL traffic of IPv6 goes through the tunnel"
                                  : "what goes to these networks goes through the tunnel");
        tg_step_show(step, "Networks", routes);
        tg_step_show(step,
                     "Name servers",
                     servers->len > 0 ? servers->str : "as they are, without the tunnel's");
        tg_step_show(step, "Server's key", self->server_key);
}
