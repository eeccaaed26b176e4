/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.tigress.wifi.network: a copy of what it takes to join a Wi-Fi network. What is given is the
 * WIFI: text of QR codes, or the name of a profile of NetworkManager's, whose password is read
 * after the user's yes; what is kept is that text; what travels is an object of its own, so that
 * nobody parses a text that a stranger wrote. No connection of the recipient's machine is touched
 * until he asks for it.
 */

#include "protocol/wifi.h"

#include "daemon/vertical.h"
#include "daemon/verticals/copy.h"
#include "daemon/verticals/profile.h"
#include "protocol/error.h"

#define MAX_PROFILE_NAME_BYTES 255

static const char *const kinds[] = {"copy", NULL};
static const TgPinRule pins[] = {TG_PIN_DEFAULT};

static void
show(TgStep *step, const TgWifi *wifi)
{
        tg_step_show(step, "Network", wifi->ssid);
        tg_step_show(step, "Protection", tg_wifi_describe(wifi->security));
        tg_step_show(step,
                     "Hidden",
                     wifi->is_hidden ? "yes: devices that know it call for it everywhere" : "no");
}

static void
say(TgStep *step, const TgWifi *wifi)
{
        GError *error = NULL;
        TgSecret *content = tg_wifi_format_json(wifi, &error);

        show(step, wifi);
        tg_copy_say(step, content, wifi->ssid, error);
}

/* ---- out of a profile ---- */

static void
on_found(const TgNmWifi *found, const GError *error, gpointer user_data)
{
        g_autoptr(TgStep) step = user_data;
        g_autoptr(GVariantDict) checked = g_variant_dict_new(NULL);

        if (error != NULL) {
                tg_step_fail(step, g_error_copy(error));
                return;
        }
        g_variant_dict_insert(checked, "connection", "s", found->uuid);
        g_variant_dict_insert(checked, "ssid", "s", found->wifi.ssid);
        g_variant_dict_insert(checked, "security", "u", (guint32)found->wifi.security);
        g_variant_dict_insert(checked, "hidden", "b", found->wifi.is_hidden);
        tg_step_name(step, found->wifi.ssid);
        show(step, &found->wifi);
        tg_step_checked(step, g_variant_dict_end(checked), found->uuid);
}

static void
check(TgStep *step)
{
        const char *connection;

        if (!g_variant_lookup(tg_step_context(step)->terms, "connection", "&s", &connection))
                tg_step_fail(step,
                             tg_error_new(TG_ERROR_INVALID,
                                          "one of the keys \"content\" and \"connection\" is "
                                          "needed"));
        else
                tg_nm_read_wifi(
                        connection, FALSE, tg_step_cancellable(step), on_found, tg_step_ref(step));
}

/* Whether it is still the network that the user was shown. */
static gboolean
is_as_consented(GVariant *terms, const TgWifi *wifi)
{
        guint32 security;
        gboolean is_hidden;
        const char *ssid;

        return g_variant_lookup(terms, "ssid", "&s", &ssid) &&
               g_variant_lookup(terms, "security", "u", &security) &&
               g_variant_lookup(terms, "hidden", "b", &is_hidden) &&
               g_str_equal(ssid, wifi->ssid) && security == wifi->security &&
               is_hidden == wifi->is_hidden;
}

static void
on_read(const TgNmWifi *found, const GError *error, gpointer user_data)
{
        g_autoptr(TgStep) step = user_data;

        /* Whoever was asked and said no is not asked again. */
        if (g_error_matches(error, TG_ERROR, TG_ERROR_DENIED))
                tg_step_fail(step, tg_error_new(TG_ERROR_INVALID, "%s", error->message));
        else if (error != NULL)
                tg_step_fail(step, g_error_copy(error));
        else if (!is_as_consented(tg_step_context(step)->terms, &found->wifi))
                tg_step_fail(step,
                             tg_error_new(TG_ERROR_INVALID,
                                          "the profile is another network's, or says otherwise how "
                                          "to join it, than when you were asked"));
        else
                say(step, &found->wifi);
}

static void
begin(TgStep *step)
{
        const TgStepContext *context = tg_step_context(step);
        g_auto(TgWifi) wifi = {};
        GError *error = NULL;
        const char *connection;

        if (context->terms == NULL) {
                if (tg_wifi_parse_text(context->given, &wifi, &error))
                        say(step, &wifi);
                else
                        tg_step_fail(step, error);
                return;
        }
        if (g_variant_lookup(context->terms, "connection", "&s", &connection))
                tg_nm_read_wifi(
                        connection, TRUE, tg_step_cancellable(step), on_read, tg_step_ref(step));
        else
                tg_step_fail(step,
                             tg_error_new(TG_ERROR_INVALID, "the stored share is incomplete"));
}

/* ---- the recipient ---- */

static void
receive(TgStep *step)
{
        g_auto(TgWifi) wifi = {};
        GError *error = NULL;
        TgSecret *content = NULL;

        if (tg_wifi_parse_json(tg_step_context(step)->message, &wifi, &error)) {
                show(step, &wifi);
                content = tg_wifi_format_text(&wifi, &error);
        }
        tg_copy_keep(step, content, "text/plain", wifi.ssid, error);
}

static TgSecret *
to_cxf(TgSecret *content, const TgCxfLabel *label, GError **error)
{
        static const char *const words[] = {
                [TG_WIFI_OPEN] = "unsecured",
                [TG_WIFI_WPA] = "wpa2-personal",
                [TG_WIFI_SAE] = "wpa3-personal",
        };
        g_auto(TgWifi) wifi = {};
        TgCxfMember members[] = {
                {.name = "ssid",                .field_type = "string"                    },
                {.name = "networkSecurityType", .field_type = "wifi-network-security-type"},
                {.name = "hidden",              .field_type = "boolean"                   },
                {.name = "passphrase",          .field_type = "concealed-string"          },
        };

        if (!tg_wifi_parse_text(content, &wifi, error))
                return NULL;
        members[0].text = wifi.ssid;
        members[1].text = words[wifi.security];
        members[2].text = wifi.is_hidden ? "true" : "false";
        members[3].secret = wifi.password;
        return tg_cxf_item_write(label, "wifi", members, wifi.password != NULL ? 4 : 3, error);
}

static void
use(TgStep *step)
{
        g_auto(TgWifi) wifi = {};
        GError *error = NULL;

        if (tg_wifi_parse_text(tg_step_context(step)->given, &wifi, &error))
                tg_nm_add_wifi(
                        &wifi, tg_step_cancellable(step), tg_profile_added, tg_step_ref(step));
        else
                tg_step_fail(step, error);
}

static const TgTarget targets[] = {
        {TG_PROFILE_TARGET,
         "adds a profile for this network to NetworkManager, for you alone; it does not connect by "
         "itself, and NetworkManager keeps the password", NULL,
         use                                                        },
        {NULL,              NULL,                         NULL, NULL},
};

static const TgTermKey terms[] = {
        {"connection", "n",  MAX_PROFILE_NAME_BYTES},
        {NULL,         NULL, 0                     },
};

const TgVertical tg_vertical_wifi = {
        .format = "org.tigress.wifi.network",
        .name = "Wi-Fi network",
        .kinds = kinds,
        .pins = pins,
        .letter = 'a',
        .source = TG_SOURCE_CONTENT,
        .terms = terms,
        .is_prompt = TRUE,
        .check = check,
        .begin = begin,
        .receive = receive,
        .to_cxf = to_cxf,
        .targets = targets,
};
