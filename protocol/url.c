/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/url.h"

#include <arpa/inet.h>
#include <string.h>

#include "protocol/error.h"

#define MAX_HOST_CHARS 253
#define MAX_LABEL_CHARS 63

typedef struct {
        const char *scheme;
        char *host; /* lower case, IPv6 in brackets */
        guint port; /* 0: the scheme's own */
} Authority;

static void
authority_clear(Authority *authority)
{
        g_clear_pointer(&authority->host, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Authority, authority_clear)

static gboolean
is_label(const char *label)
{
        gsize n_chars = strlen(label);

        if (n_chars == 0 || n_chars > MAX_LABEL_CHARS || label[0] == '-' ||
            label[n_chars - 1] == '-')
                return FALSE;
        for (gsize i = 0; i < n_chars; i++)
                if (!g_ascii_isalnum(label[i]) && label[i] != '-' && label[i] != '_')
                        return FALSE;

        return TRUE;
}

static gboolean
is_digits(const char *text)
{
        return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* A name, or an IPv4 address of four plain numbers: "127.1" and "0x7f000001", which
 * some resolvers understand, are neither. */
static gboolean
is_name_or_ipv4(const char *host)
{
        g_auto(GStrv) labels = g_strsplit(host, ".", -1);
        struct in_addr address;
        const char *last = NULL;

        if (strlen(host) > MAX_HOST_CHARS)
                return FALSE;
        for (char **label = labels; *label; label++) {
                if (!is_label(*label))
                        return FALSE;
                last = *label;
        }
        if (!last)
                return FALSE;
        if (is_digits(last) || g_str_has_prefix(last, "0x"))
                return inet_pton(AF_INET, host, &address) == 1;

        return TRUE;
}

static gboolean
is_ipv6(const char *host)
{
        gsize n_chars = strlen(host);
        g_autofree char *inside = NULL;
        struct in6_addr address;

        if (n_chars < 4 || host[0] != '[' || host[n_chars - 1] != ']')
                return FALSE;
        inside = g_strndup(host + 1, n_chars - 2);

        return inet_pton(AF_INET6, inside, &address) == 1;
}

static gboolean
is_loopback(const char *host)
{
        return g_str_equal(host, "localhost") || g_str_equal(host, "[::1]") ||
               (g_str_has_prefix(host, "127.") && is_digits(strrchr(host, '.') + 1));
}

/* host[:port] of @text up to @end. */
static const char *
parse_host_and_port(Authority *authority, const char *text, const char *end)
{
        const char *host_end = NULL;
        g_autofree char *host = NULL;

        if (text < end && *text == '[')
                host_end = memchr(text, ']', (gsize)(end - text));
        host_end = host_end ? host_end + 1 : memchr(text, ':', (gsize)(end - text));
        if (!host_end)
                host_end = end;

        host = g_ascii_strdown(text, host_end - text);
        if (!is_name_or_ipv4(host) && !is_ipv6(host))
                return "its host is neither a name nor an ip address";
        authority->host = g_steal_pointer(&host);

        if (host_end == end)
                return NULL;
        if (*host_end != ':' || end - host_end < 2 || end - host_end > 6)
                return "its port is not of 1 to 65535";
        for (const char *digit = host_end + 1; digit < end; digit++) {
                if (!g_ascii_isdigit(*digit))
                        return "its port is not of 1 to 65535";
                authority->port = authority->port * 10 + (guint)(*digit - '0');
        }
        if (authority->port == 0 || authority->port > 65535)
                return "its port is not of 1 to 65535";

        return NULL;
}

/* NULL, or what is wrong. */
static const char *
parse_authority(Authority *authority,
                const char *text,
                gsize n_chars,
                gboolean allow_http,
                const char **ret_rest)
{
        const char *end = text + n_chars;
        const char *at, *wrong;

        if (n_chars >= 8 && g_ascii_strncasecmp(text, "https://", 8) == 0)
                authority->scheme = "https";
        else if (allow_http && n_chars >= 7 && g_ascii_strncasecmp(text, "http://", 7) == 0)
                authority->scheme = "http";
        else
                return "it must begin with https://";

        text += strlen(authority->scheme) + 3;
        for (at = text; at < end && !strchr("/?#", *at); at++)
                ;
        if (memchr(text, '@', (gsize)(at - text)))
                return "it names a user before the host";
        wrong = parse_host_and_port(authority, text, at);
        if (wrong)
                return wrong;
        if (g_str_equal(authority->scheme, "http") && !is_loopback(authority->host))
                return "it must begin with https:// unless the relay is on this machine";
        *ret_rest = at;

        return NULL;
}

char *
tg_url_origin(const char *text,
              gsize n_chars,
              gboolean allow_http,
              const char *what,
              const char **ret_rest,
              GError **error)
{
        g_auto(Authority) authority = {0};
        const char *rest, *wrong;

        wrong = parse_authority(&authority, text, n_chars, allow_http, &rest);
        if (wrong) {
                tg_set_error(error, TG_ERROR_INVALID, "%s: %s", what, wrong);
                return NULL;
        }
        *ret_rest = rest;

        if (authority.port == 0 ||
            authority.port == (g_str_equal(authority.scheme, "https") ? 443 : 80))
                return g_strconcat(authority.scheme, "://", authority.host, NULL);

        return g_strdup_printf("%s://%s:%u", authority.scheme, authority.host, authority.port);
}

char *
tg_origin_parse(const char *url, gboolean allow_http, GError **error)
{
        static const char what[] = "this is no address of a relay";
        const char *rest;
        g_autofree char *origin = tg_url_origin(url, strlen(url), allow_http, what, &rest, error);

        if (!origin)
                return NULL;
        if (*rest != '\0' && !g_str_equal(rest, "/")) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "%s: it must end after the host or port, as https://relay.example",
                             what);
                return NULL;
        }

        return g_steal_pointer(&origin);
}
