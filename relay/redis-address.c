/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/redis-address.h"

#include <string.h>
#include <sys/un.h>

#include "protocol/error.h"

#define MAX_DATABASE 65535
#define MAX_SENTINELS 16

typedef struct {
        const char *scheme;
        gboolean is_tls;
        gboolean is_local;
        gboolean is_sentinel;
} SchemeInfo;

static const SchemeInfo scheme_infos[] = {
        {"redis://",           FALSE, FALSE, FALSE},
        {"rediss://",          TRUE,  FALSE, FALSE},
        {"redis+unix://",      FALSE, TRUE,  FALSE},
        {"redis+sentinel://",  FALSE, FALSE, TRUE },
        {"rediss+sentinel://", TRUE,  FALSE, TRUE },
};

static const SchemeInfo *
find_scheme(const char *store)
{
        for (gsize i = 0; i < G_N_ELEMENTS(scheme_infos); i++)
                if (g_str_has_prefix(store, scheme_infos[i].scheme))
                        return &scheme_infos[i];

        return NULL;
}

/* What stands before the last @ of the authority. */
static const char *
find_at(const char *authority)
{
        return g_strrstr_len(authority, (gssize)strcspn(authority, "/?#"), "@");
}

gboolean
tg_redis_address_is_one(const char *store)
{
        return find_scheme(store) != NULL;
}

gboolean
tg_redis_address_has_password(const char *store)
{
        const SchemeInfo *info = find_scheme(store);
        const char *authority = info ? store + strlen(info->scheme) : NULL;
        const char *at = authority ? find_at(authority) : NULL;

        return at && memchr(authority, ':', (gsize)(at - authority));
}

static gboolean
refuse(GError **error, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "the store's address: %s", what);
        return FALSE;
}

/* ---- the pieces ---- */

static gboolean
read_user(TgRedisAddress *self, const char *text, const char *end, GError **error)
{
        const char *colon = memchr(text, ':', (gsize)(end - text));
        const char *after_user = colon ? colon : end;

        if (after_user > text)
                self->user = g_uri_unescape_segment(text, after_user, NULL);
        if (colon)
                self->password = g_uri_unescape_segment(colon + 1, end, NULL);
        if ((!self->user && (after_user > text || !colon)) ||
            (colon && (!self->password || *self->password == '\0')))
                return refuse(error, "user and password must be percent-encoded, and not empty");

        return TRUE;
}

static gboolean
read_number(const char *text, guint64 least, guint64 most, guint64 *ret)
{
        return g_ascii_string_to_unsigned(text, 10, least, most, ret, NULL);
}

static void
clear_host(gpointer item)
{
        TgRedisHost *host = item;

        g_free(host->name);
        g_free(host->port);
}

/* HOST, HOST:PORT, [IPv6], [IPv6]:PORT */
static gboolean
read_host(TgRedisAddress *self, const char *text, const char *default_port, GError **error)
{
        const char *close = *text == '[' ? strchr(text, ']') : NULL;
        const char *end = close ? close + 1 : text + strcspn(text, ":");
        TgRedisHost host;
        guint64 number;

        if (*text == '[' && !close)
                return refuse(error, "an IPv6 address must stand in brackets");
        if (*end != '\0' && (*end != ':' || !read_number(end + 1, 1, 65535, &number)))
                return refuse(error, "after HOST: there must be a port number");
        if (end == text || (close && close == text + 1))
                return refuse(error, "there is no host in it");
        host.name = close ? g_strndup(text + 1, (gsize)(close - text - 1))
                          : g_strndup(text, (gsize)(end - text));
        host.port = g_strdup(*end == ':' ? end + 1 : default_port);
        g_array_append_val(self->hosts, host);

        return TRUE;
}

static gboolean
read_hosts(TgRedisAddress *self, const char *text, gboolean is_sentinel, GError **error)
{
        g_auto(GStrv) hosts = g_strsplit(text, ",", -1);

        if (!hosts[0] || (hosts[1] && !is_sentinel) || g_strv_length(hosts) > MAX_SENTINELS)
                return refuse(error, "one host is needed; several only for redis+sentinel://");
        for (char **host = hosts; *host; host++)
                if (!read_host(self, *host, is_sentinel ? "26379" : "6379", error))
                        return FALSE;

        return TRUE;
}

static gboolean
read_database(TgRedisAddress *self, const char *text, GError **error)
{
        guint64 number = 0;

        if (*text != '\0' && !read_number(text, 0, MAX_DATABASE, &number))
                return refuse(error, "the database is a number");
        self->database = (guint)number;

        return TRUE;
}

/* /PATH or /PATH?db=N */
static gboolean
read_local(TgRedisAddress *self, const char *text, GError **error)
{
        const char *query = strchr(text, '?');
        struct sockaddr_un address;

        if (*text != '/' || (query && !g_str_has_prefix(query, "?db=")))
                return refuse(error, "redis+unix:// is followed by /PATH or /PATH?db=NUMBER");
        self->path = query ? g_strndup(text, (gsize)(query - text)) : g_strdup(text);
        if (strlen(self->path) >= sizeof address.sun_path)
                return refuse(error, "the path of the socket is too long");

        return !query || read_database(self, query + strlen("?db="), error);
}

/* HOST…[/NAME][/DATABASE] */
static gboolean
read_remote(TgRedisAddress *self, const char *text, gboolean is_sentinel, GError **error)
{
        g_auto(GStrv) parts = g_strsplit(text, "/", -1);
        guint n_parts = g_strv_length(parts), n_before = is_sentinel ? 2 : 1;

        if (strpbrk(text, "?#@"))
                return refuse(error, "there may be no query or fragment");
        if (n_parts < n_before || n_parts > n_before + 1)
                return refuse(error,
                              is_sentinel ? "redis+sentinel://HOST,…/NAME[/DATABASE] is wanted"
                                          : "redis://HOST[:PORT][/DATABASE] is wanted");
        if (is_sentinel && *parts[1] == '\0')
                return refuse(error, "the name under which the Sentinels know it is empty");
        if (is_sentinel)
                self->service = g_strdup(parts[1]);

        return read_hosts(self, parts[0], is_sentinel, error) &&
               (n_parts == n_before || read_database(self, parts[n_before], error));
}

/* ---- */

TgRedisAddress *
tg_redis_address_parse(const char *store, GError **error)
{
        g_autoptr(TgRedisAddress) self = g_new0(TgRedisAddress, 1);
        const SchemeInfo *info = find_scheme(store);
        const char *text, *at;

        self->hosts = g_array_new(FALSE, FALSE, sizeof(TgRedisHost));
        g_array_set_clear_func(self->hosts, clear_host);
        if (!info) {
                refuse(error,
                       "it begins with redis://, rediss://, redis+unix:// or "
                       "redis+sentinel://");
                return NULL;
        }
        self->is_tls = info->is_tls;
        text = store + strlen(info->scheme);
        at = find_at(text);
        if (at && !read_user(self, text, at, error))
                return NULL;
        if (at)
                text = at + 1;
        if (info->is_local ? !read_local(self, text, error)
                           : !read_remote(self, text, info->is_sentinel, error))
                return NULL;

        return g_steal_pointer(&self);
}

void
tg_redis_address_free(TgRedisAddress *self)
{
        if (!self)
                return;
        if (self->password)
                explicit_bzero(self->password, strlen(self->password));
        g_free(self->password);
        g_free(self->user);
        g_free(self->path);
        g_free(self->service);
        g_array_unref(self->hosts);
        g_free(self);
}
