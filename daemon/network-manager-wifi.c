/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Wi-Fi networks: read out of a profile, with the password if it is wanted, and added as one. */

#include <string.h>

#include "daemon/network-manager-private.h"
#include "protocol/error.h"

#define NOT_SAVED 0x2u /* of a secret's flags: asked for each time */

static gboolean
invalid(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

/* ---- which one ---- */

static const TgNmProfile *
find_by_uuid(const TgNmJob *job, const char *name)
{
        for (guint i = 0; i < job->profiles->len; i++) {
                const TgNmProfile *profile = job->profiles->pdata[i];

                if (profile->uuid != NULL && g_ascii_strcasecmp(profile->uuid, name) == 0)
                        return profile;
        }
        return NULL;
}

static gboolean
is_wifi(const TgNmProfile *profile)
{
        return g_strcmp0(profile->type, TG_NM_WIFI) == 0;
}

/* A name need not be one profile's alone. Of another type it is somebody else. */
static const TgNmProfile *
find_by_name(const TgNmJob *job, const char *name, GError **error)
{
        const TgNmProfile *found = NULL;

        for (guint i = 0; i < job->profiles->len; i++) {
                const TgNmProfile *profile = job->profiles->pdata[i];

                if (g_strcmp0(profile->name, name) != 0 || !is_wifi(profile))
                        continue;
                if (found != NULL) {
                        invalid(error,
                                "NetworkManager has several Wi-Fi profiles with this name: give "
                                "the UUID of one (nmcli connection show)");
                        return NULL;
                }
                found = profile;
        }
        if (found == NULL)
                tg_set_error(error,
                             TG_ERROR_NOT_FOUND,
                             "NetworkManager has no Wi-Fi profile with this name or UUID that this "
                             "user may see (nmcli connection show)");
        return found;
}

/* ---- what it says ---- */

static gboolean
take_name(const TgNmProfile *profile, TgWifi *wifi, GError **error)
{
        gsize n_bytes = 0;
        const char *octets =
                profile->ssid != NULL ? g_bytes_get_data(profile->ssid, &n_bytes) : NULL;
        TgWifi bare = {};

        if (octets == NULL || memchr(octets, '\0', n_bytes) != NULL)
                return invalid(error, "the Wi-Fi network's name is no text");
        bare.ssid = wifi->ssid = g_strndup(octets, n_bytes);
        return tg_wifi_check(&bare, error);
}

static const struct {
        const char *name; /* of NetworkManager's key-mgmt */
        TgWifiSecurity security;
        const char *refusal;
} securities[] = {
        {"wpa-psk",             TG_WIFI_WPA, NULL                                                                              },
        {"sae",                 TG_WIFI_SAE, NULL                                                                              },
        {"none",                0,           "a WEP network protects nothing: anybody has its key within minutes"              },
        {"ieee8021x",
         0,                                  "a WEP network with accounts (802.1X) is neither safe nor yours alone to share"   },
        {"wpa-eap",
         0,                                  "a network with accounts (802.1X) has no password that could be shared: an account is "
         "one person's"                                                                                             },
        {"wpa-eap-suite-b-192",
         0,                                  "a network with accounts (802.1X) has no password that could be shared: an account is "
         "one person's"                                                                                             },
        {"owe",
         0,                                  "a network with Enhanced Open (OWE) has no password: whoever is there can join it"},
};

static gboolean
take_security(const TgNmProfile *profile, TgWifi *wifi, GError **error)
{
        const char *name = profile->key_management;

        if (g_strcmp0(profile->mode, "adhoc") == 0 || g_strcmp0(profile->mode, "mesh") == 0)
                return invalid(error,
                               "a network without an access point (ad hoc, mesh) cannot be joined "
                               "by its name and password alone");
        if (name == NULL) {
                wifi->security = TG_WIFI_OPEN;
                return TRUE;
        }
        for (guint i = 0; i < G_N_ELEMENTS(securities); i++) {
                if (!g_str_equal(name, securities[i].name))
                        continue;
                wifi->security = securities[i].security;
                return securities[i].refusal == NULL || invalid(error, securities[i].refusal);
        }
        return invalid(error, "the Wi-Fi network's kind of security is not known");
}

static gboolean
take_profile(const TgNmProfile *profile, TgNmWifi *found, GError **error)
{
        if (!is_wifi(profile))
                return invalid(error, "that is the UUID of a profile which is no Wi-Fi network's");
        if (!take_name(profile, &found->wifi, error) ||
            !take_security(profile, &found->wifi, error))
                return FALSE;
        if (found->wifi.security != TG_WIFI_OPEN && (profile->password_flags & NOT_SAVED) != 0)
                return invalid(error,
                               "the network's password is stored nowhere: NetworkManager asks for "
                               "it each time");
        found->wifi.is_hidden = profile->is_hidden;
        found->uuid = g_strdup(profile->uuid);
        found->name = g_strdup(profile->name);
        return TRUE;
}

/* ---- the password ---- */

typedef struct {
        char *name;
        gboolean with_password;
        TgNmWifi found;
        TgNmWifiFunc func;
        gpointer user_data;
} Reading;

static int
on_secrets(sd_bus_message *reply, void *user_data, sd_bus_error *ret_error)
{
        static const TgNmField fields[] = {
                {TG_NM_WIFI_SECURITY, "psk", 'S', NULL, G_STRUCT_OFFSET(TgWifi, password)},
        };
        TgNmJob *job = user_data;
        Reading *reading = job->data;
        TgWifi *wifi = &reading->found.wifi;
        GError *error = NULL;

        /* Wiped when it is freed. */
        (void)sd_bus_message_sensitive(reply);
        if (tg_nm_settings_read(reply, fields, G_N_ELEMENTS(fields), wifi) < 0)
                tg_set_error(&error,
                             TG_ERROR_FAILED,
                             "what NetworkManager says of the password cannot be understood");
        else if (wifi->password == NULL)
                tg_set_error(&error,
                             TG_ERROR_NOT_FOUND,
                             "NetworkManager does not have the password of this network: connect "
                             "once, or share the WIFI: text");
        else
                tg_wifi_check(wifi, &error);
        tg_nm_job_end(job, error);
        return 0;
}

static void
read_profile(TgNmJob *job)
{
        Reading *reading = job->data;
        const TgNmProfile *profile = find_by_uuid(job, reading->name);
        sd_bus_message *message;
        GError *error = NULL;

        if (profile == NULL)
                profile = find_by_name(job, reading->name, &error);
        if (profile == NULL || !take_profile(profile, &reading->found, &error) ||
            !reading->with_password || reading->found.wifi.security == TG_WIFI_OPEN) {
                tg_nm_job_end(job, error);
                return;
        }
        message = tg_nm_call_new(
                job, profile->path, TG_NM_SETTINGS_INTERFACE ".Connection", "GetSecrets");
        if (message == NULL)
                return;
        if (sd_bus_message_append(message, "s", TG_NM_WIFI_SECURITY) < 0) {
                sd_bus_message_unref(message);
                tg_nm_job_end(job, tg_error_new(TG_ERROR_FAILED, "the call cannot be written"));
                return;
        }
        tg_nm_call_send(job,
                        message,
                        "NetworkManager has not given out the password in time, nor has anybody "
                        "answered whom it may have asked",
                        on_secrets);
}

static void
reading_ended(TgNmJob *job, const GError *error)
{
        Reading *reading = job->data;

        reading->func(error == NULL ? &reading->found : NULL, error, reading->user_data);
        g_free(reading->name);
        g_free(reading->found.uuid);
        g_free(reading->found.name);
        tg_wifi_clear(&reading->found.wifi);
        g_free(reading);
}

void
tg_nm_read_wifi(const char *name,
                gboolean with_password,
                GCancellable *cancellable,
                TgNmWifiFunc func,
                gpointer user_data)
{
        static const TgNmTask task = {.listed = read_profile, .ended = reading_ended};
        Reading *reading = g_new0(Reading, 1);

        reading->name = g_strdup(name);
        reading->with_password = with_password;
        reading->func = func;
        reading->user_data = user_data;
        tg_nm_job_start(&task, reading, cancellable);
}

/* ---- added ---- */

static gboolean
is_same(gconstpointer what, const TgNmProfile *profile)
{
        const TgWifi *wifi = what;
        gsize n_bytes = 0;
        const char *octets =
                profile->ssid != NULL ? g_bytes_get_data(profile->ssid, &n_bytes) : NULL;

        return octets != NULL && n_bytes == strlen(wifi->ssid) &&
               memcmp(octets, wifi->ssid, n_bytes) == 0;
}

static char *
name_of(gconstpointer what)
{
        const TgWifi *wifi = what;

        return g_strdup(wifi->ssid);
}

static int
append_network(sd_bus_message *message, const TgWifi *wifi)
{
        int r = tg_nm_open_setting(message, TG_NM_WIFI);

        if (r >= 0)
                r = sd_bus_message_append(message,
                                          "{sv}{sv}",
                                          "mode",
                                          "s",
                                          "infrastructure",
                                          "hidden",
                                          "b",
                                          wifi->is_hidden);
        if (r >= 0)
                r = tg_nm_open_value(message, "ssid", "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(message, 'y', wifi->ssid, strlen(wifi->ssid));
        if (r >= 0)
                r = tg_nm_close_value(message);
        return r < 0 ? r : tg_nm_close_setting(message);
}

static int
append_security(sd_bus_message *message, const TgWifi *wifi)
{
        gsize n_chars;
        const char *password = (const char *)tg_secret_get(wifi->password, &n_chars);
        int r = tg_nm_open_setting(message, TG_NM_WIFI_SECURITY);

        if (r >= 0)
                r = sd_bus_message_append(message,
                                          "{sv}{sv}",
                                          "key-mgmt",
                                          "s",
                                          wifi->security == TG_WIFI_SAE ? "sae" : "wpa-psk",
                                          "psk-flags",
                                          "u",
                                          0u);
        if (r >= 0)
                r = tg_nm_append_secret(message, "psk", password, n_chars);
        return r < 0 ? r : tg_nm_close_setting(message);
}

static int
fill(sd_bus_message *message, gconstpointer what)
{
        static const char *const families[] = {"ipv4", "ipv6"};
        const TgWifi *wifi = what;
        int r = append_network(message, wifi);

        for (guint i = 0; r >= 0 && i < G_N_ELEMENTS(families); i++) {
                r = tg_nm_open_setting(message, families[i]);
                if (r >= 0)
                        r = sd_bus_message_append(message, "{sv}", "method", "s", "auto");
                if (r >= 0)
                        r = tg_nm_close_setting(message);
        }
        return r < 0 || wifi->password == NULL ? r : append_security(message, wifi);
}

static void
destroy(gpointer what)
{
        tg_wifi_clear(what);
        g_free(what);
}

void
tg_nm_add_wifi(TgWifi *wifi, GCancellable *cancellable, TgNmAddedFunc func, gpointer user_data)
{
        static const TgNmAddition addition = {
                .type = TG_NM_WIFI,
                .is_same = is_same,
                .name = name_of,
                .fill = fill,
                .destroy = destroy,
        };
        TgWifi *taken = g_new(TgWifi, 1);

        *taken = *wifi;
        *wifi = (TgWifi){};
        tg_nm_add(&addition, taken, cancellable, func, user_data);
}
