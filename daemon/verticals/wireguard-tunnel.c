/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/verticals/wireguard-tunnel.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"

#define MAX_TEXT_BYTES 8192

void
tg_wireguard_tunnel_clear(TgWireguardTunnel *self)
{
        tg_wireguard_offer_clear(&self->offer);
        g_clear_pointer(&self->preshared_key, tg_secret_unref);
        g_clear_pointer(&self->private_key, tg_secret_unref);
}

static gboolean
invalid(GError **error, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", what);
        return FALSE;
}

gboolean
tg_wireguard_tunnel_check_addresses(const TgWireguardTunnel *self, GError **error)
{
        if (self->n_addresses == 0 ||
            (self->n_addresses == 2 && self->addresses[0].n_octets == self->addresses[1].n_octets))
                return invalid(error, "the addresses of the tunnel are malformed");
        for (guint i = 0; i < self->n_addresses; i++)
                if (!tg_subnet_is_host(&self->addresses[i]))
                        return invalid(error,
                                       "the tunnel's address is none that a machine can have");
        return TRUE;
}

TgSecret *
tg_wireguard_read_key(const char *text, gsize n_chars, GError **error)
{
        g_autoptr(TgSecret) room = NULL;
        guint8 *bytes;

        if (n_chars == TG_WIREGUARD_KEY_CHARS)
                room = tg_secret_new_blank(tg_base64_decoded_room(n_chars), &bytes, error);
        else
                invalid(error, "a key of the tunnel is malformed");
        if (room == NULL)
                return NULL;
        if (tg_base64_decode_exact(TG_BASE64_STANDARD, text, n_chars, bytes, TG_X25519_BYTES))
                return tg_secret_slice(room, 0, TG_X25519_BYTES, error);
        invalid(error, "a key of the tunnel is malformed");
        return NULL;
}

/* ---- written ---- */

/* @name = the 32 octets of @key in base64. */
static char *
put_key(char *at, const char *name, const TgSecret *key)
{
        at = g_stpcpy(at, name);
        tg_base64_encode_to(TG_BASE64_STANDARD, tg_secret_get(key, NULL), TG_X25519_BYTES, at);
        return g_stpcpy(at + TG_WIREGUARD_KEY_CHARS, "\n");
}

TgSecret *
tg_wireguard_tunnel_format(const TgWireguardTunnel *self, GError **error)
{
        static const char private_name[] = "PrivateKey = ";
        static const char preshared_name[] = "PresharedKey = ";
        const TgWireguardOffer *offer = &self->offer;
        g_autofree char *addresses = tg_wireguard_join(self->addresses, self->n_addresses);
        g_autofree char *routes = tg_wireguard_join(offer->routes, offer->n_routes);
        g_autoptr(GString) middle = g_string_new(NULL);
        g_autoptr(GString) end = g_string_new(NULL);
        TgSecret *content;
        guint8 *start;
        char *at;

        g_string_append_printf(middle, "Address = %s\n", addresses);
        for (guint i = 0; i < offer->n_name_servers; i++) {
                char text[TG_MAX_SUBNET_CHARS];

                tg_subnet_format(&offer->name_servers[i], text);
                g_string_append_printf(middle, "%s%s", i > 0 ? ", " : "DNS = ", text);
        }
        g_string_append_printf(middle,
                               "%s\n[Peer]\nPublicKey = %s\n",
                               offer->n_name_servers > 0 ? "\n" : "",
                               offer->server_key);
        g_string_append_printf(end, "Endpoint = %s\nAllowedIPs = %s\n", offer->endpoint, routes);
        if (offer->keepalive_s > 0)
                g_string_append_printf(end, "PersistentKeepalive = %u\n", offer->keepalive_s);

        content = tg_secret_new_blank(strlen("[Interface]\n") + strlen(private_name) + middle->len +
                                              strlen(preshared_name) +
                                              2 * (TG_WIREGUARD_KEY_CHARS + 1) + end->len,
                                      &start,
                                      error);
        if (content == NULL)
                return NULL;
        at = g_stpcpy((char *)start, "[Interface]\n");
        at = put_key(at, private_name, self->private_key);
        at = g_stpcpy(at, middle->str);
        at = put_key(at, preshared_name, self->preshared_key);
        g_stpcpy(at, end->str);
        return content;
}

/* ---- read ---- */

/* A part of the secret text; what is no key of it may be copied. */
typedef struct {
        const char *at;
        gsize n;
} Part;

static gboolean
take_private_key(Part value, TgWireguardTunnel *tunnel, GError **error)
{
        tunnel->private_key = tg_wireguard_read_key(value.at, value.n, error);
        return tunnel->private_key != NULL;
}

static gboolean
take_preshared_key(Part value, TgWireguardTunnel *tunnel, GError **error)
{
        tunnel->preshared_key = tg_wireguard_read_key(value.at, value.n, error);
        return tunnel->preshared_key != NULL;
}

static gboolean
take_list(Part value, guint n_max, TgSubnet *ret_subnets, guint *ret_n, GError **error)
{
        g_autofree char *text = g_strndup(value.at, value.n);
        g_auto(GStrv) words = g_strsplit(text, ", ", -1);

        return tg_wireguard_take_subnets((const char *const *)words, n_max, ret_subnets, ret_n) ||
               invalid(error, "the tunnel's configuration has a malformed list of addresses");
}

static gboolean
take_addresses(Part value, TgWireguardTunnel *tunnel, GError **error)
{
        return take_list(
                value, TG_WIREGUARD_MAX_ADDRESSES, tunnel->addresses, &tunnel->n_addresses, error);
}

static gboolean
take_name_servers(Part value, TgWireguardTunnel *tunnel, GError **error)
{
        return take_list(value,
                         TG_WIREGUARD_MAX_SERVERS,
                         tunnel->offer.name_servers,
                         &tunnel->offer.n_name_servers,
                         error);
}

static gboolean
take_server_key(Part value, TgWireguardTunnel *tunnel, GError **error)
{
        tunnel->offer.server_key = g_strndup(value.at, value.n);
        return TRUE;
}

static gboolean
take_endpoint(Part value, TgWireguardTunnel *tunnel, GError **error)
{
        tunnel->offer.endpoint = g_strndup(value.at, value.n);
        return TRUE;
}

static gboolean
take_routes(Part value, TgWireguardTunnel *tunnel, GError **error)
{
        return take_list(value,
                         TG_WIREGUARD_MAX_ROUTES,
                         tunnel->offer.routes,
                         &tunnel->offer.n_routes,
                         error);
}

static gboolean
take_keepalive(Part value, TgWireguardTunnel *tunnel, GError **error)
{
        g_autofree char *text = g_strndup(value.at, value.n);
        guint64 seconds;

        if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT16, &seconds, NULL))
                return invalid(error, "the tunnel's configuration has a malformed keepalive");
        tunnel->offer.keepalive_s = (guint)seconds;
        return TRUE;
}

/* In the order in which they are written; the empty name ends the first section. */
static const struct {
        const char *line; /* the whole line, or its beginning */
        gboolean (*take)(Part value, TgWireguardTunnel *tunnel, GError **error);
        gboolean may_miss;
} lines[] = {
        {"[Interface]",            NULL,               FALSE},
        {"PrivateKey = ",          take_private_key,   FALSE},
        {"Address = ",             take_addresses,     FALSE},
        {"DNS = ",                 take_name_servers,  TRUE },
        {"",                       NULL,               FALSE},
        {"[Peer]",                 NULL,               FALSE},
        {"PublicKey = ",           take_server_key,    FALSE},
        {"PresharedKey = ",        take_preshared_key, FALSE},
        {"Endpoint = ",            take_endpoint,      FALSE},
        {"AllowedIPs = ",          take_routes,        FALSE},
        {"PersistentKeepalive = ", take_keepalive,     TRUE },
};

static gboolean
cut_line(Part *rest, Part *ret_line)
{
        const char *end = memchr(rest->at, '\n', rest->n);

        if (end == NULL)
                return FALSE;
        *ret_line = (Part){rest->at, (gsize)(end - rest->at)};
        rest->n -= ret_line->n + 1;
        rest->at = end + 1;
        return TRUE;
}

static gboolean
is_line(Part line, guint number)
{
        gsize n = strlen(lines[number].line);

        return line.n >= n && memcmp(line.at, lines[number].line, n) == 0 &&
               (lines[number].take != NULL || line.n == n);
}

static gboolean
changed(GError **error)
{
        return invalid(error,
                       "what the keyring has is not the configuration that was accepted: somebody "
                       "has changed it");
}

static gboolean
take_line(Part line, guint *number, TgWireguardTunnel *tunnel, GError **error)
{
        Part value;
        gsize n_name;

        while (*number < G_N_ELEMENTS(lines) && lines[*number].may_miss && !is_line(line, *number))
                ++*number;
        if (*number == G_N_ELEMENTS(lines) || !is_line(line, *number) ||
            memchr(line.at, '\0', line.n) != NULL)
                return changed(error);
        n_name = strlen(lines[*number].line);
        value = (Part){line.at + n_name, line.n - n_name};
        return lines[*number].take == NULL || lines[*number].take(value, tunnel, error);
}

static gboolean
take_lines(Part rest, TgWireguardTunnel *tunnel, GError **error)
{
        guint number = 0;
        Part line;

        while (cut_line(&rest, &line)) {
                if (!take_line(line, &number, tunnel, error))
                        return FALSE;
                number++;
        }
        while (number < G_N_ELEMENTS(lines) && lines[number].may_miss)
                number++;
        return (rest.n == 0 && number == G_N_ELEMENTS(lines)) || changed(error);
}

gboolean
tg_wireguard_tunnel_parse(const TgSecret *text, TgWireguardTunnel *ret_tunnel, GError **error)
{
        g_auto(TgWireguardTunnel) tunnel = {};
        gsize n;
        const char *chars = (const char *)tg_secret_get(text, &n);

        if (n > MAX_TEXT_BYTES)
                return invalid(error, "the tunnel's configuration is too large");
        if (!take_lines((Part){chars, n}, &tunnel, error) ||
            !tg_wireguard_tunnel_check_addresses(&tunnel, error) ||
            !tg_wireguard_offer_check(&tunnel.offer, error))
                return FALSE;

        *ret_tunnel = tunnel;
        tunnel = (TgWireguardTunnel){};
        return TRUE;
}
