/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.tigress.wifi.network: a copy of what it takes to join a Wi-Fi network. What is given, and
 * what is kept, is the WIFI: text of QR codes; what travels is an object of its own, so that nobody
 * parses a text that a stranger wrote. No connection of the recipient's machine is touched.
 */

#include "protocol/wifi.h"

#include "daemon/vertical.h"
#include "protocol/limits.h"
#include "protocol/text.h"

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
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) content = NULL;

        if (tg_wifi_parse_text(tg_step_context(step)->given, &wifi, &error))
                content = tg_wifi_format_json(&wifi, &error);
        if (content == NULL) {
                tg_step_fail(step, g_steal_pointer(&error));
                return;
        }
        tg_step_name(step, wifi.ssid);
        show(step, &wifi);
        tg_step_say(step, content, TRUE);
}

static void
receive(TgStep *step)
{
        g_auto(TgWifi) wifi = {};
        g_auto(TgProvision) provision = {};
        g_autoptr(GError) error = NULL;

        if (tg_wifi_parse_json(tg_step_context(step)->message, &wifi, &error))
                provision.content = tg_wifi_format_text(&wifi, &error);
        if (provision.content == NULL) {
                tg_step_fail(step, g_steal_pointer(&error));
                return;
        }
        provision.content_type = g_strdup("text/plain");
        provision.title = tg_text_clean(wifi.ssid, -1, TG_MAX_TITLE_BYTES);
        show(step, &wifi);
        tg_step_keep(step, &provision);
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
};
