/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A Wi-Fi network and what it takes to join it, in the two forms in which it is passed on: the
 * WIFI: text of QR codes (Wi-Fi Alliance, WPA3 Specification section 7, with the escapes that
 * telephones and NetworkManager write), and the object that travels between wallets.
 */

#include <glib.h>

#include "protocol/json.h"
#include "protocol/secret.h"

typedef enum {
        TG_WIFI_OPEN,
        TG_WIFI_WPA, /* a password; WPA, WPA2, or WPA3 beside it */
        TG_WIFI_SAE, /* a password; WPA3 alone */
} TgWifiSecurity;

typedef struct {
        char *ssid; /* 1 to 32 octets of UTF-8 without control characters, exactly as it is */
        TgWifiSecurity security;
        TgSecret *password; /* NULL: open. Of WPA also 64 hex digits, the key itself */
        gboolean is_hidden;
} TgWifi;

void tg_wifi_clear(TgWifi *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgWifi, tg_wifi_clear)

/* Whether all of it can be passed on. TG_ERROR_INVALID with a sentence. */
gboolean tg_wifi_check(const TgWifi *self, GError **error);

/* TG_ERROR_INVALID for what is none, for WEP and for networks with accounts (802.1X). */
gboolean tg_wifi_parse_text(const TgSecret *text, TgWifi *ret_wifi, GError **error);
gboolean tg_wifi_parse_json(const TgJson *object, TgWifi *ret_wifi, GError **error);

/* Of what has been checked. */
TgSecret *tg_wifi_format_text(const TgWifi *self, GError **error);
TgSecret *tg_wifi_format_json(const TgWifi *self, GError **error);

/* For people. */
const char *tg_wifi_describe(TgWifiSecurity security);
