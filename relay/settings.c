/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/settings.h"

#include "config.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "relay/attestation-file.h"
#include "relay/redis-address.h"
#include "relay/settings-file.h"

#define DEFAULT_FILE SYSCONFDIR "/tigress/tigress-relay.conf"
#define SYSTEM_STATE "/var/lib/tigress-relay"

/* A body of 128 KiB holds no more, in base64 and with what stands around it. */
#define MOST_PAYLOAD_BYTES 96000
#define MOST_TEXT_BYTES 8192
#define MOST_LIFE_S (366 * 86400)

/* What a process that runs cannot change. */
typedef enum { FREE, FIXED } Change;

typedef struct {
        const char *key;
        gsize offset;
        Change change;
} TextKey;

#define MEMBER(member) G_STRUCT_OFFSET(TgSettings, member)
#define LIMIT(member) G_STRUCT_OFFSET(TgSettings, limits.member)

static const TextKey list_keys[] = {
        {"Listen",          MEMBER(listen),           FIXED},
        {"MetricsListen",   MEMBER(metrics_listen),   FIXED},
        {"TrustedProxies",  MEMBER(trusted_proxies),  FREE },
        {"PushHosts",       MEMBER(push_hosts),       FREE },
        {"PushPrivate",     MEMBER(push_private),     FREE },
        {"AttestationKeys", MEMBER(attestation_keys), FREE },
};

static const TextKey text_keys[] = {
        {"PublicUrl",         MEMBER(public_url),          FIXED},
        {"Certificate",       MEMBER(certificate),         FREE },
        {"Key",               MEMBER(key),                 FREE },
        {"Store",             MEMBER(store),               FIXED},
        {"StorePasswordFile", MEMBER(store_password_file), FIXED},
        {"StoreCaFile",       MEMBER(store_ca_file),       FIXED},
        {"StoreCertificate",  MEMBER(store_certificate),   FIXED},
        {"StoreKey",          MEMBER(store_key),           FIXED},
        {"StateDirectory",    MEMBER(state_directory),     FIXED},
        {"PushKey",           MEMBER(push_key),            FREE },
        {"PushContact",       MEMBER(push_contact),        FREE },
        {"PushCaFile",        MEMBER(push_ca_file),        FREE },
        {"Attestation",       MEMBER(attestation),         FREE },
        {"TokenIssuer",       MEMBER(token_issuer),        FREE },
};

typedef struct {
        const char *key;
        gsize offset;
        guint64 initial;
        guint64 least;
        guint64 most;
        Change change;
} NumberKey;

#define RATE(rate) MEMBER(per_minute[TG_RATE_##rate])

static const NumberKey number_keys[] = {
        {"MaxConnections",       MEMBER(max_connections),            4096,                1,    1000000,            FIXED},
        {"ConnectionsPerSource", MEMBER(max_connections_per_source), 256,                 0,    1000000,            FREE },
        {"ProxyProtocol",        MEMBER(has_proxy_header),           0,                   0,    1,                  FIXED},
        {"MaxHeldReads",         MEMBER(max_held),                   3072,                0,    1000000,            FREE },
        {"HeldReadsPerSource",   MEMBER(max_held_per_source),        128,                 0,    1000000,            FREE },
        {"MaxWait",              MEMBER(max_wait_s),                 TG_MAX_WAIT_S,       0,    TG_MAX_WAIT_S,      FREE },
        {"RequestTimeout",       MEMBER(request_timeout_s),          90,                  1,    3600,               FREE },
        {"IdleTimeout",          MEMBER(idle_timeout_s),             60,                  1,    3600,               FIXED},
        {"StopTimeout",          MEMBER(stop_timeout_s),             5,                   1,    600,                FREE },
        {"MaxHeaders",           MEMBER(max_headers_bytes),          8192,                4096, 65536,              FIXED},
        {"MaxBodyMemory",
         MEMBER(max_body_bytes),
         64 * 1024 * 1024,
         TG_MAX_BODY_BYTES,                                                                     G_MAXUINT32,
         FREE                                                                                                            },
        {"PushConnections",      MEMBER(push_connections),           16,                  1,    256,                FREE },
        {"PushQueue",            MEMBER(push_queue),                 4096,                1,    1000000,            FREE },
        {"PushTimeout",          MEMBER(push_timeout_s),             10,                  1,    25,                 FREE },
        {"PushInterval",         MEMBER(push_interval_s),            10,                  0,    3600,               FREE },
        {"PushRetry",            MEMBER(push_retry_s),               900,                 30,   86400,              FREE },
        {"ConnectionsPerMinute", RATE(CONNECTION),                   600,                 0,    G_MAXUINT32,        FREE },
        {"RequestsPerMinute",    RATE(REQUEST),                      3000,                0,    G_MAXUINT32,        FREE },
        {"CreationsPerMinute",   RATE(CREATION),                     60,                  0,    G_MAXUINT32,        FREE },
        {"TokenWindow",          MEMBER(token_window_s),             86400,               3600, 30 * 86400,         FREE },
        {"AttestationSkew",      MEMBER(attestation_skew_s),         300,                 10,   3600,               FREE },
        {"DefaultLife",          MEMBER(default_life_s),             TG_DEFAULT_LIFE_S,   1,    MOST_LIFE_S,        FREE },
        {"MaxLife",              MEMBER(max_life_s),                 TG_MAX_LIFE_S,       1,    MOST_LIFE_S,        FREE },
        {"TellEnd",              MEMBER(told_s),                     TG_TOMBSTONE_S,      0,    86400,              FIXED},
        {"MaxStoreBytes",        MEMBER(max_store_bytes),            0,                   0,    G_MAXINT64,         FIXED},
        {"EraseInterval",        MEMBER(erase_interval_s),           10,                  1,    30,                 FIXED},
        {"MaxPayload",           LIMIT(max_sealed_bytes),            TG_MAX_SEALED_BYTES, 28,   MOST_PAYLOAD_BYTES, FREE },
        {"MaxTitle",             LIMIT(max_title_bytes),             TG_MAX_TITLE_BYTES,  0,    MOST_TEXT_BYTES,    FREE },
        {"MaxDescription",
         LIMIT(max_description_bytes),
         TG_MAX_DESCRIPTION_BYTES,                                                        0,
         MOST_TEXT_BYTES,                                                                                           FREE },
        {"MaxImageUrl",
         LIMIT(max_image_url_bytes),
         TG_MAX_IMAGE_URL_BYTES,                                                          0,
         MOST_TEXT_BYTES,                                                                                           FREE },
        {"MaxResource",
         LIMIT(max_resource_bytes),
         TG_MAX_TDCH_BODY_BYTES,                                                          1,
         TG_MAX_BODY_BYTES,                                                                                         FREE },
        {"MaxToken",             LIMIT(max_token_bytes),             TG_MAX_TOKEN_BYTES,  0,    MOST_TEXT_BYTES,    FREE },
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

static char ***
list_at(TgSettings *self, gsize offset)
{
        return G_STRUCT_MEMBER_P(self, offset);
}

/* ---- where it stands ---- */

/* While they are being read. */
typedef struct {
        TgSettings *settings;
        const char *file;
        GHashTable *lines; /* key → its line in the file, unless an option has won */
} Reading;

static gboolean
fault(const Reading *reading, const char *key, GError **error, const char *what)
{
        guint line = GPOINTER_TO_UINT(g_hash_table_lookup(reading->lines, key));

        if (line > 0)
                tg_set_error(error, TG_ERROR_INVALID, "%s:%u: %s", reading->file, line, what);
        else
                tg_set_error(error, TG_ERROR_INVALID, "%s", what);

        return FALSE;
}

/* ---- the file ---- */

static gboolean
read_number(Reading *reading, const NumberKey *info, const char *text, GError **error)
{
        g_autofree char *what = NULL;
        guint64 number;

        if (g_ascii_string_to_unsigned(text, 10, info->least, info->most, &number, NULL)) {
                *number_at(reading->settings, info->offset) = number;
                return TRUE;
        }
        what = g_strdup_printf("%s= must be a number from %" G_GUINT64_FORMAT
                               " to %" G_GUINT64_FORMAT,
                               info->key,
                               info->least,
                               info->most);

        return fault(reading, info->key, error, what);
}

/* VALUE;VALUE;… with or without a last semicolon. */
static void
read_list(char ***list, const char *text)
{
        g_autoptr(GPtrArray) values = g_ptr_array_new();
        g_auto(GStrv) pieces = g_strsplit(text, ";", -1);

        for (char **piece = pieces; *piece; piece++) {
                g_strstrip(*piece);
                if (**piece)
                        g_ptr_array_add(values, g_strdup(*piece));
        }
        g_ptr_array_add(values, NULL);
        g_strfreev(*list);
        *list = (char **)g_ptr_array_free(g_steal_pointer(&values), FALSE);
}

static gboolean
read_line(Reading *reading, const TgSettingLine *line, GError **error)
{
        TgSettings *self = reading->settings;
        g_autofree char *unknown = NULL;

        g_hash_table_insert(reading->lines, g_strdup(line->key), GUINT_TO_POINTER(line->line));
        for (gsize i = 0; i < G_N_ELEMENTS(list_keys); i++)
                if (strcmp(line->key, list_keys[i].key) == 0) {
                        read_list(list_at(self, list_keys[i].offset), line->value);
                        return TRUE;
                }
        if (*line->value == '\0') {
                unknown = g_strconcat(
                        line->key, "= has no value: give one, or remove the line", NULL);
                return fault(reading, line->key, error, unknown);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(text_keys); i++)
                if (strcmp(line->key, text_keys[i].key) == 0) {
                        char **member = text_at(self, text_keys[i].offset);

                        g_free(*member);
                        *member = g_strdup(line->value);
                        return TRUE;
                }
        for (gsize i = 0; i < G_N_ELEMENTS(number_keys); i++)
                if (strcmp(line->key, number_keys[i].key) == 0)
                        return read_number(reading, &number_keys[i], line->value, error);
        unknown = g_strconcat(
                line->key, "= is no setting of tigress-relay: see tigress-relay.conf(5)", NULL);

        return fault(reading, line->key, error, unknown);
}

static gboolean
read_file(Reading *reading, GError **error)
{
        g_autoptr(GArray) lines = tg_settings_file_read(reading->file, error);

        if (!lines)
                return FALSE;
        for (guint i = 0; i < lines->len; i++)
                if (!read_line(reading, &g_array_index(lines, TgSettingLine, i), error))
                        return FALSE;

        return TRUE;
}

/* ---- all together ---- */

static void
set_text(Reading *reading, char **member, const char *key, const char *text)
{
        if (!text)
                return;
        g_free(*member);
        *member = g_strdup(text);
        g_hash_table_remove(reading->lines, key);
}

static void
set_options(Reading *reading, const TgSettingOptions *options)
{
        TgSettings *self = reading->settings;

        if (options->listen) {
                g_strfreev(self->listen);
                self->listen = g_strdupv(options->listen);
                g_hash_table_remove(reading->lines, "Listen");
        }
        set_text(reading, &self->public_url, "PublicUrl", options->public_url);
        set_text(reading, &self->certificate, "Certificate", options->certificate);
        set_text(reading, &self->key, "Key", options->key);
        set_text(reading, &self->store, "Store", options->store);
        set_text(reading, &self->state_directory, "StateDirectory", options->state_directory);
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

/* An address is kept as it stands: whoever connects reads it again. */
static gboolean
check_redis(Reading *reading, const TgSettingOptions *options, GError **error)
{
        g_autoptr(GError) problem = NULL;
        g_autoptr(TgRedisAddress) address = NULL;

        if (!HAVE_REDIS)
                return fault(reading, "Store", error, "this tigress-relay is built without Redis");
        if (options->store && tg_redis_address_has_password(options->store))
                return fault(reading,
                             "Store",
                             error,
                             "a password on the command line can be read by everybody on this "
                             "machine: change it, and put the new one into a file that "
                             "StorePasswordFile= names");
        address = tg_redis_address_parse(reading->settings->store, &problem);

        return address || fault(reading, "Store", error, problem->message);
}

static gboolean
resolve_store(Reading *reading, const TgSettingOptions *options, GError **error)
{
        TgSettings *self = reading->settings;
        g_autofree char *named = g_steal_pointer(&self->store);
        const char *scheme = named ? g_strstr_len(named, -1, "://") : NULL;

        if (!named)
                self->store = g_build_filename(self->state_directory, "relay.db", NULL);
        else if (g_str_has_prefix(named, "sqlite:"))
                self->store = g_strdup(named + strlen("sqlite:"));
        else
                self->store = g_steal_pointer(&named);
        if (tg_redis_address_is_one(self->store))
                return check_redis(reading, options, error);
        if (scheme)
                return fault(reading,
                             "Store",
                             error,
                             "the store must be a file (PATH or sqlite:PATH), :memory:, or a "
                             "Redis (redis://HOST)");

        return *self->store ||
               fault(reading, "Store", error, "the store must be a file: give its path");
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
resolve_public_url(Reading *reading, GError **error)
{
        TgSettings *self = reading->settings;
        g_autofree char *origin = self->public_url ? parse_origin(self->public_url) : NULL;

        if (!self->public_url && self->is_trial)
                return TRUE; /* the address that it listens on, once that is known */
        if (!self->public_url)
                return fault(reading,
                             "PublicUrl",
                             error,
                             "the public address is not set: give PublicUrl=https://HOST "
                             "in " DEFAULT_FILE " or --public-url, or try the relay with --trial");
        if (!origin)
                return fault(reading,
                             "PublicUrl",
                             error,
                             "the public address must be https://HOST or https://HOST:PORT, "
                             "nothing after it");
        g_free(self->public_url);
        self->public_url = g_steal_pointer(&origin);

        return TRUE;
}

static gboolean
parse_proxies(const Reading *reading, GError **error)
{
        TgSettings *self = reading->settings;

        for (char **text = self->trusted_proxies; *text; text++) {
                g_autofree char *what = NULL;
                TgPrefix prefix;

                if (tg_prefix_parse(*text, &prefix)) {
                        g_array_append_val(self->proxies, prefix);
                        continue;
                }
                what = g_strdup_printf("\"%s\" is no network: TrustedProxies= takes addresses, "
                                       "ADDRESS/BITS and the word unix",
                                       *text);
                return fault(reading, "TrustedProxies", error, what);
        }

        return (!self->has_proxy_header || self->proxies->len > 0) ||
               fault(reading,
                     "ProxyProtocol",
                     error,
                     "the PROXY protocol is believed of nobody: set TrustedProxies=, or "
                     "ProxyProtocol=0");
}

static gboolean
check(const Reading *reading, GError **error)
{
        const TgSettings *self = reading->settings;
        const char *key, *what;

        if (!tg_attestation_check(self, &key, &what))
                return fault(reading, key, error, what);
        if (!self->certificate != !self->key)
                return fault(reading,
                             self->certificate ? "Certificate" : "Key",
                             error,
                             "a certificate needs its key: set both Certificate= and Key=, or "
                             "neither");
        if (!self->store_certificate != !self->store_key)
                return fault(reading,
                             self->store_certificate ? "StoreCertificate" : "StoreKey",
                             error,
                             "a certificate needs its key: set both StoreCertificate= and "
                             "StoreKey=, or neither");
        if (self->is_trial && self->certificate)
                return fault(reading,
                             "Certificate",
                             error,
                             "a trial makes its own certificate: leave out --trial, or the "
                             "certificate");

        return TRUE;
}

static void
set_defaults(TgSettings *self)
{
        for (gsize i = 0; i < G_N_ELEMENTS(list_keys); i++)
                *list_at(self, list_keys[i].offset) = g_new0(char *, 1);
        self->proxies = g_array_new(FALSE, FALSE, sizeof(TgPrefix));
        for (gsize i = 0; i < G_N_ELEMENTS(number_keys); i++)
                *number_at(self, number_keys[i].offset) = number_keys[i].initial;
        /* In a trial everybody comes from one address: this machine's. */
        if (self->is_trial) {
                memset(self->per_minute, 0, sizeof self->per_minute);
                self->max_connections_per_source = 0;
                self->max_held_per_source = 0;
        }
}

TgSettings *
tg_settings_load(const TgSettingOptions *options, GError **error)
{
        g_autoptr(TgSettings) self = g_new0(TgSettings, 1);
        g_autoptr(GHashTable) lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        Reading reading = {.settings = self, .file = options->file, .lines = lines};

        self->is_trial = options->is_trial;
        set_defaults(self);
        if (!reading.file && !self->is_trial && g_file_test(DEFAULT_FILE, G_FILE_TEST_EXISTS))
                reading.file = DEFAULT_FILE;
        if (reading.file && !read_file(&reading, error))
                return NULL;
        set_options(&reading, options);
        if (!self->state_directory)
                self->state_directory = find_state_directory(self->is_trial);
        if (!resolve_store(&reading, options, error) || !resolve_public_url(&reading, error) ||
            !parse_proxies(&reading, error) || !check(&reading, error))
                return NULL;

        return g_steal_pointer(&self);
}

void
tg_settings_free(TgSettings *self)
{
        if (!self)
                return;
        for (gsize i = 0; i < G_N_ELEMENTS(list_keys); i++)
                g_strfreev(*list_at(self, list_keys[i].offset));
        for (gsize i = 0; i < G_N_ELEMENTS(text_keys); i++)
                g_free(*text_at(self, text_keys[i].offset));
        g_clear_pointer(&self->proxies, g_array_unref);
        g_free(self);
}

/* ---- shown, and replaced ---- */

/* An address may have a user's name and password: "redis://…@host". */
static char *
mask(const char *text)
{
        const char *scheme = strstr(text, "://"), *at = strrchr(text, '@');

        if (!scheme || !at || at < scheme)
                return g_strdup(text);

        return g_strdup_printf("%.*s://\xe2\x80\xa6%s", (int)(scheme - text), text, at);
}

char *
tg_settings_format(const TgSettings *self)
{
        TgSettings *all = (TgSettings *)self; /* only looked at */
        GString *text = g_string_new("[Relay]\n");

        for (gsize i = 0; i < G_N_ELEMENTS(list_keys); i++) {
                g_autofree char *joined = g_strjoinv(";", *list_at(all, list_keys[i].offset));

                g_string_append_printf(text, "%s=%s\n", list_keys[i].key, joined);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(text_keys); i++) {
                const char *value = *text_at(all, text_keys[i].offset);
                g_autofree char *masked = value ? mask(value) : NULL;

                if (masked)
                        g_string_append_printf(text, "%s=%s\n", text_keys[i].key, masked);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(number_keys); i++)
                g_string_append_printf(text,
                                       "%s=%" G_GUINT64_FORMAT "\n",
                                       number_keys[i].key,
                                       *number_at(all, number_keys[i].offset));

        return g_string_free(text, FALSE);
}

const char **
tg_settings_keep_fixed(TgSettings *self, const TgSettings *now)
{
        TgSettings *old = (TgSettings *)now; /* only looked at */
        g_autoptr(GPtrArray) kept = g_ptr_array_new();

        for (gsize i = 0; i < G_N_ELEMENTS(list_keys); i++) {
                char ***mine = list_at(self, list_keys[i].offset);
                char **its = *list_at(old, list_keys[i].offset);

                if (list_keys[i].change == FREE ||
                    g_strv_equal((const char *const *)*mine, (const char *const *)its))
                        continue;
                g_strfreev(*mine);
                *mine = g_strdupv(its);
                g_ptr_array_add(kept, (gpointer)list_keys[i].key);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(text_keys); i++) {
                char **mine = text_at(self, text_keys[i].offset);
                const char *its = *text_at(old, text_keys[i].offset);

                if (text_keys[i].change == FREE || g_strcmp0(*mine, its) == 0)
                        continue;
                if (*mine) /* else a trial's, which is found at the start */
                        g_ptr_array_add(kept, (gpointer)text_keys[i].key);
                g_free(*mine);
                *mine = g_strdup(its);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(number_keys); i++) {
                guint64 *mine = number_at(self, number_keys[i].offset);
                guint64 its = *number_at(old, number_keys[i].offset);

                if (number_keys[i].change == FREE || *mine == its)
                        continue;
                *mine = its;
                g_ptr_array_add(kept, (gpointer)number_keys[i].key);
        }
        g_ptr_array_add(kept, NULL);

        return (const char **)g_ptr_array_free(g_steal_pointer(&kept), FALSE);
}
