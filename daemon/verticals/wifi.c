/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.tigress.wifi.network: a copy of what it takes to join a Wi-Fi network. What is given, and
 * what is kept, is the WIFI: text of QR codes; what travels is an object of its own, so that nobody
 * parses a text that a stranger wrote. No connection of the recipient's machine is touched.
 */

#include "protocol/wifi.h"

#include "daemon/vertical.h"
#include "daemon/verticals/copy.h"

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
begin(TgStep *step)
{
        g_auto(TgWifi) wifi = {};
        GError *error = NULL;
        TgSecret *content = NULL;

        if (tg_wifi_parse_text(tg_step_context(step)->given, &wifi, &error)) {
                show(step, &wifi);
                content = tg_wifi_format_json(&wifi, &error);
        }
        tg_copy_say(step, content, wifi.ssid, error);
}

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

const TgVertical tg_vertical_wifi = {
        .format = "org.tigress.wifi.network",
        .name = "Wi-Fi network",
        .kinds = kinds,
        .pins = pins,
        .letter = 'a',
        .source = TG_SOURCE_CONTENT,
        .is_prompt = TRUE,
        .begin = begin,
        .receive = receive,
        .to_cxf = to_cxf,
};
