/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/settings.h"

#include "config.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"

#define DEFAULT_FILE SYSCONFDIR "/tigress/tigress-relay.conf"
#define GROUP "Relay"
#define SYSTEM_STATE "/var/lib/tigress-relay"

/* A body of 128 KiB holds no more, in base64 and with what stands around it. */
#define MOST_PAYLOAD_BYTES 96000
#define MOST_TEXT_BYTES 8192
#define MOST_LIFE_S (366 * 86400)

typedef struct {
        const char *key;
        gsize offset;
} TextKey;

static const TextKey text_keys[] = {
        {"PublicUrl",      G_STRUCT_OFFSET(TgSettings, public_url)     },
        {"Certificate",    G_STRUCT_OFFSET(TgSettings, certificate)    },
        {"Key",            G_STRUCT_OFFSET(TgSettings, key)            },
        {"Store",          G_STRUCT_OFFSET(TgSettings, store)          },
        {"StateDirectory", G_STRUCT_OFFSET(TgSettings, state_directory)},
};

typedef struct {
        const char *key;
        gsize offset;
        guint64 initial;
        guint64 least;
        guint64 most;
} NumberKey;

#define NUMBER(member) G_STRUCT_OFFSET(TgSettings, member)
#define LIMIT(member) G_STRUCT_OFFSET(TgSettings, limits.member)

static const NumberKey number_keys[] = {
        {"MaxConnections",       NUMBER(max_connections),                4096,                   1,  1000000           },
        {"ConnectionsPerSource", NUMBER(max_connections_per_source),     256,                    0,  1000000           },
        {"ConnectionsPerMinute", NUMBER(per_minute[TG_RATE_CONNECTION]), 600,                    0,  G_MAXUINT32       },
        {"RequestsPerMinute",    NUMBER(per_minute[TG_RATE_REQUEST]),    3000,                   0,  G_MAXUINT32       },
        {"CreationsPerMinute",   NUMBER(per_minute[TG_RATE_CREATION]),   60,                     0,  G_MAXUINT32       },
        {"DefaultLife",          NUMBER(default_life_s),                 TG_DEFAULT_LIFE_S,      1,  MOST_LIFE_S       },
        {"MaxLife",              NUMBER(max_life_s),                     TG_MAX_LIFE_S,          1,  MOST_LIFE_S       },
        {"TellEnd",              NUMBER(told_s),                         TG_TOMBSTONE_S,         0,  86400             },
        {"MaxStoreBytes",        NUMBER(max_store_bytes),                0,                      0,  G_MAXINT64        },
        {"EraseInterval",        NUMBER(erase_interval_s),               10,                     1,  30                },
        {"MaxPayload",           LIMIT(max_sealed_bytes),                TG_MAX_SEALED_BYTES,    28, MOST_PAYLOAD_BYTES},
        {"MaxTitle",             LIMIT(max_title_bytes),                 TG_MAX_TITLE_BYTES,     0,  MOST_TEXT_BYTES   },
        {"MaxDescription",
         LIMIT(max_description_bytes),
         TG_MAX_DESCRIPTION_BYTES,                                                               0,
         MOST_TEXT_BYTES                                                                                               },
        {"MaxImageUrl",          LIMIT(max_image_url_bytes),             TG_MAX_IMAGE_URL_BYTES, 0,  MOST_TEXT_BYTES   },
        {"MaxResource",          LIMIT(max_resource_bytes),              TG_MAX_TDCH_BODY_BYTES, 1,  TG_MAX_BODY_BYTES },
        {"MaxToken",             LIMIT(max_token_bytes),                 TG_MAX_TOKEN_BYTES,     0,  MOST_TEXT_BYTES   },
};
G_STATIC_ASSERT(sizeof(gsize) == sizeof(guint64)); /* limits are gsize */

static guint64 *
number_at(TgSettings *self, gsize offset)
{
        return G_STRUCT_MEMBER_P(self, offset);
}

static char **
text_at(TgSettings *self, gsize offset)
{
        return G_STRUCT_MEMBER_P(self, offset);
}

/* ---- the file ---- */

static gboolean
refuse(GError **error, const char *file, const char *key, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s: %s=%s", file, key, what);
        return FALSE;
}

static gboolean
read_number(
        TgSettings *self, const NumberKey *info, const char *text, const char *file, GError **error)
{
        guint64 number;

        if (g_ascii_string_to_unsigned(text, 10, info->least, info->most, &number, NULL)) {
                *number_at(self, info->offset) = number;
                return TRUE;
        }
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "%s: %s= must be a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                     file,
                     info->key,
                     info->least,
                     info->most);

        return FALSE;
}

static gboolean
read_key(TgSettings *self, GKeyFile *keys, const char *key, const char *file, GError **error)
{
        g_autofree char *text = g_key_file_get_string(keys, GROUP, key, NULL);

        if (!text || (*text == '\0' && strcmp(key, "Listen") != 0))
                return refuse(error, file, key, " has no value: give one, or remove the line");
        if (strcmp(key, "Listen") == 0) {
                g_strfreev(self->listen);
                self->listen = g_key_file_get_string_list(keys, GROUP, key, NULL, NULL);
                return TRUE;
        }
        for (gsize i = 0; i < G_N_ELEMENTS(text_keys); i++)
                if (strcmp(key, text_keys[i].key) == 0) {
                        char **member = text_at(self, text_keys[i].offset);

                        g_free(*member);
                        *member = g_steal_pointer(&text);
                        return TRUE;
                }
        for (gsize i = 0; i < G_N_ELEMENTS(number_keys); i++)
                if (strcmp(key, number_keys[i].key) == 0)
                        return read_number(self, &number_keys[i], text, file, error);

        return refuse(error, file, key, " is no setting of tigress-relay: see the manual page");
}

static gboolean
read_file(TgSettings *self, const char *file, GError **error)
{
        g_autoptr(GKeyFile) keys = g_key_file_new();
        g_autoptr(GError) problem = NULL;
        g_auto(GStrv) groups = NULL;
        g_auto(GStrv) names = NULL;

        if (!g_key_file_load_from_file(keys, file, G_KEY_FILE_NONE, &problem)) {
                tg_set_error(error, TG_ERROR_INVALID, "cannot read %s: %s", file, problem->message);
                return FALSE;
        }
        groups = g_key_file_get_groups(keys, NULL);
        if (!groups[0] || groups[1] || strcmp(groups[0], GROUP) != 0) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "%s: the one group must be [" GROUP "]", file);
                return FALSE;
        }
        names = g_key_file_get_keys(keys, GROUP, NULL, NULL);
        for (char **name = names; *name; name++)
                if (!read_key(self, keys, *name, file, error))
                        return FALSE;

        return TRUE;
}

/* ---- all together ---- */

static void
set_text(char **member, const char *text)
{
        if (!text)
                return;
        g_free(*member);
        *member = g_strdup(text);
}

static void
set_options(TgSettings *self, const TgSettingOptions *options)
{
        if (options->listen) {
                g_strfreev(self->listen);
                self->listen = g_strdupv(options->listen);
        }
        set_text(&self->public_url, options->public_url);
        set_text(&self->certificate, options->certificate);
        set_text(&self->key, options->key);
        set_text(&self->store, options->store);
        set_text(&self->state_directory, options->state_directory);
}

static char *
find_state_directory(gboolean is_trial)
{
        const char *given = g_getenv("STATE_DIRECTORY"); /* of the unit */

        if (given && *given)
                return g_strndup(given, strcspn(given, ":"));
        if (is_trial)
                return g_build_filename(g_get_user_state_dir(), "tigress-relay", NULL);

        return g_strdup(SYSTEM_STATE);
}

static gboolean
resolve_store(TgSettings *self, GError **error)
{
        g_autofree char *named = g_steal_pointer(&self->store);
        const char *scheme = named ? g_strstr_len(named, -1, "://") : NULL;

        if (scheme) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the store must be a file (PATH or sqlite:PATH) or :memory:");
                return FALSE;
        }
        if (!named)
                self->store = g_build_filename(self->state_directory, "relay.db", NULL);
        else if (g_str_has_prefix(named, "sqlite:"))
                self->store = g_strdup(named + strlen("sqlite:"));
        else
                self->store = g_steal_pointer(&named);
        if (*self->store)
                return TRUE;
        tg_set_error(error, TG_ERROR_INVALID, "the store must be a file: give its path");

        return FALSE;
}

/* https://HOST[:PORT], as clients compare it: lower case, no default port; NULL
 * for anything else. */
static char *
parse_origin(const char *text)
{
        g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
        g_autofree char *host = NULL;
        const char *path;
        gboolean is_ipv6;

        if (!uri || strcmp(g_uri_get_scheme(uri), "https") != 0 || g_uri_get_userinfo(uri) ||
            g_uri_get_query(uri) || g_uri_get_fragment(uri))
                return NULL;
        path = g_uri_get_path(uri);
        host = g_ascii_strdown(g_uri_get_host(uri) ? g_uri_get_host(uri) : "", -1);
        if ((*path != '\0' && strcmp(path, "/") != 0) || *host == '\0' || !g_str_is_ascii(host))
                return NULL;
        is_ipv6 = strchr(host, ':') != NULL;
        if (g_uri_get_port(uri) <= 0 || g_uri_get_port(uri) == 443)
                return g_strdup_printf(
                        "https://%s%s%s", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "");

        return g_strdup_printf("https://%s%s%s:%d",
                               is_ipv6 ? "[" : "",
                               host,
                               is_ipv6 ? "]" : "",
                               g_uri_get_port(uri));
}

static gboolean
resolve_public_url(TgSettings *self, GError **error)
{
        g_autofree char *origin = self->public_url ? parse_origin(self->public_url) : NULL;

        if (!self->public_url && self->is_trial)
                return TRUE; /* the address that it listens on, once that is known */
        if (!self->public_url) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the public address is not set: give PublicUrl=https://HOST "
                             "in " DEFAULT_FILE " or --public-url, or try the relay with --trial");
                return FALSE;
        }
        if (!origin) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the public address must be https://HOST or https://HOST:PORT, "
                             "nothing after it");
                return FALSE;
        }
        g_free(self->public_url);
        self->public_url = g_steal_pointer(&origin);

        return TRUE;
}

static gboolean
check(TgSettings *self, GError **error)
{
        if (!self->certificate != !self->key) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "a certificate needs its key: set both Certificate= and Key=, or "
                             "neither");
                return FALSE;
        }
        if (self->is_trial && self->certificate) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "a trial makes its own certificate: leave out --trial, or the "
                             "certificate");
                return FALSE;
        }

        return TRUE;
}

TgSettings *
tg_settings_load(const TgSettingOptions *options, GError **error)
{
        g_autoptr(TgSettings) self = g_new0(TgSettings, 1);
        const char *file = options->file;

        self->is_trial = options->is_trial;
        self->listen = g_new0(char *, 1);
        for (gsize i = 0; i < G_N_ELEMENTS(number_keys); i++)
                *number_at(self, number_keys[i].offset) = number_keys[i].initial;
        /* In a trial everybody comes from one address: this machine's. */
        if (self->is_trial) {
                memset(self->per_minute, 0, sizeof self->per_minute);
                self->max_connections_per_source = 0;
        }

        if (!file && !self->is_trial && g_file_test(DEFAULT_FILE, G_FILE_TEST_EXISTS))
                file = DEFAULT_FILE;
        if (file && !read_file(self, file, error))
                return NULL;
        set_options(self, options);
        if (!self->state_directory)
                self->state_directory = find_state_directory(self->is_trial);
        if (!resolve_store(self, error) || !resolve_public_url(self, error) || !check(self, error))
                return NULL;

        return g_steal_pointer(&self);
}

void
tg_settings_free(TgSettings *self)
{
        if (!self)
                return;
        g_strfreev(self->listen);
        for (gsize i = 0; i < G_N_ELEMENTS(text_keys); i++)
                g_free(*text_at(self, text_keys[i].offset));
        g_free(self);
}
