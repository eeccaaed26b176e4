/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/wifi.h"

#include <string.h>

#include "protocol/error.h"

#define SCHEME "WIFI:"
#define MAX_TEXT_BYTES 1024
#define MAX_PASSWORD_BYTES 128
#define SPECIAL "\\;,:\""

static const struct {
        const char *text; /* of a QR code */
        const char *json;
        const char *description;
} securities[] = {
        [TG_WIFI_OPEN] = {"nopass", "open",    "none: anybody can join and listen"},
        [TG_WIFI_WPA] = {"WPA",    "wpa-psk", "password (WPA2 or WPA3)"          },
        [TG_WIFI_SAE] = {"SAE",    "sae",     "password (WPA3 only)"             },
};

/* A part of a text that may be the secret part. */
typedef struct {
        const char *at;
        gsize n;
} Part;

void
tg_wifi_clear(TgWifi *self)
{
        g_clear_pointer(&self->ssid, g_free);
        g_clear_pointer(&self->password, tg_secret_unref);
}

static gboolean
refuse(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

const char *
tg_wifi_describe(TgWifiSecurity security)
{
        return securities[security].description;
}

/* ---- its form ---- */

static gboolean
has_control(const char *text, gsize n)
{
        for (gsize i = 0; i < n; i++)
                if (g_ascii_iscntrl(text[i]) || text[i] == '\0')
                        return TRUE;
        return FALSE;
}

static gboolean
is_hex(const char *text, gsize n)
{
        for (gsize i = 0; i < n; i++)
                if (!g_ascii_isxdigit(text[i]))
                        return FALSE;
        return n > 0;
}

static gboolean
is_ascii(const char *text, gsize n)
{
        for (gsize i = 0; i < n; i++)
                if (!g_ascii_isprint(text[i]))
                        return FALSE;
        return TRUE;
}

/* A passphrase, or the key that one is made into: IEEE 802.11, annex J.4. */
static gboolean
is_wpa_password(const char *text, gsize n)
{
        return (n >= 8 && n <= 63 && is_ascii(text, n)) || (n == 64 && is_hex(text, n));
}

static gboolean
check_password(const TgWifi *self, GError **error)
{
        gsize n = 0;
        const char *text =
                self->password != NULL ? (const char *)tg_secret_get(self->password, &n) : NULL;

        switch (self->security) {
        case TG_WIFI_OPEN:
                return text == NULL || refuse(error, "an open Wi-Fi network has no password");
        case TG_WIFI_WPA:
                return (text != NULL && is_wpa_password(text, n)) ||
                       refuse(error,
                              "the Wi-Fi network's password must have 8 to 63 printable characters "
                              "of ASCII");
        case TG_WIFI_SAE:
                return (text != NULL && n > 0 && n <= MAX_PASSWORD_BYTES &&
                        g_utf8_validate(text, (gssize)n, NULL) && !has_control(text, n)) ||
                       refuse(error, "the Wi-Fi network's password is missing or malformed");
        }
        return refuse(error, "the Wi-Fi network's kind of security is not known");
}

gboolean
tg_wifi_check(const TgWifi *self, GError **error)
{
        gsize n = self->ssid != NULL ? strlen(self->ssid) : 0;

        if (n == 0 || n > 32 || has_control(self->ssid, n) ||
            !g_utf8_validate(self->ssid, -1, NULL))
                return refuse(error,
                              "the Wi-Fi network's name must be 1 to 32 octets of text without "
                              "control characters");
        return check_password(self, error);
}

/* ---- a text ---- */

/* Up to a semicolon that is not escaped; FALSE: there is none. */
static gboolean
cut_field(Part *rest, Part *ret_field)
{
        for (gsize i = 0; i < rest->n; i++) {
                if (rest->at[i] == '\\') {
                        i++;
                } else if (rest->at[i] == ';') {
                        *ret_field = (Part){rest->at, i};
                        rest->at += i + 1;
                        rest->n -= i + 1;
                        return TRUE;
                }
        }
        return FALSE;
}

/* Between quotes stands what would pass for hex digits otherwise. */
static Part
without_quotes(Part value)
{
        gsize n_escapes = 0;

        if (value.n < 2 || value.at[0] != '"' || value.at[value.n - 1] != '"')
                return value;
        while (n_escapes + 2 < value.n && value.at[value.n - 2 - n_escapes] == '\\')
                n_escapes++;
        return n_escapes % 2 == 1 ? value : (Part){value.at + 1, value.n - 2};
}

static TgSecret *
unescape(Part value, GError **error)
{
        Part bare = without_quotes(value);
        g_autoptr(TgSecret) room = NULL;
        guint8 *chars;
        gsize n = 0;

        room = tg_secret_new_blank(bare.n, &chars, error);
        for (gsize i = 0; room != NULL && i < bare.n; i++) {
                if (bare.at[i] == '\\' && i + 1 < bare.n)
                        i++;
                chars[n++] = (guint8)bare.at[i];
        }
        return room != NULL ? tg_secret_slice(room, 0, n, error) : NULL;
}

static gboolean
is_word(Part part, const char *word)
{
        return part.n == strlen(word) && g_ascii_strncasecmp(part.at, word, part.n) == 0;
}

static gboolean
take_security(Part value, TgWifi *wifi, GError **error)
{
        if (is_word(value, "WEP"))
                return refuse(error,
                              "a WEP network protects nothing: anybody has its key within minutes");
        if (is_word(value, "WPA2-EAP") || is_word(value, "WPA-EAP") || is_word(value, "EAP"))
                return refuse(error,
                              "a network with accounts (802.1X) has no password that could be "
                              "shared: an account is one person's");
        if (is_word(value, "WPA2") || is_word(value, "WPA3")) {
                wifi->security = TG_WIFI_WPA;
                return TRUE;
        }
        if (value.n == 0) {
                wifi->security = TG_WIFI_OPEN;
                return TRUE;
        }
        for (guint i = 0; i < G_N_ELEMENTS(securities); i++) {
                if (!is_word(value, securities[i].text))
                        continue;
                wifi->security = i;
                return TRUE;
        }
        return refuse(error, "the Wi-Fi network's kind of security is not known");
}

static gboolean
take_name(Part value, TgWifi *wifi, GError **error)
{
        g_autoptr(TgSecret) name = unescape(value, error);
        gsize n;
        const char *text;

        if (name == NULL)
                return FALSE;
        text = (const char *)tg_secret_get(name, &n);
        if (memchr(text, '\0', n) != NULL)
                return refuse(error, "the Wi-Fi network's name has a zero in it");
        wifi->ssid = g_strndup(text, n);
        return TRUE;
}

static gboolean
take_hidden(Part value, TgWifi *wifi, GError **error)
{
        wifi->is_hidden = is_word(value, "true");
        return wifi->is_hidden || is_word(value, "false") || value.n == 0 ||
               refuse(error, "whether the Wi-Fi network is hidden is neither true nor false");
}

static gboolean
take_password(Part value, TgWifi *wifi, GError **error)
{
        if (value.n == 0)
                return TRUE; /* some write an empty one for open networks */
        wifi->password = unescape(value, error);
        return wifi->password != NULL;
}

static gboolean
take_account(Part value, TgWifi *wifi, GError **error)
{
        return value.n == 0 || take_security((Part){"EAP", 3}, wifi, error);
}

static const struct {
        char letter;
        gboolean (*take)(Part value, TgWifi *wifi, GError **error);
} fields[] = {
        {'T', take_security},
        {'S', take_name    },
        {'P', take_password},
        {'H', take_hidden  },
 /* EAP method, anonymous identity, identity */
        {'E', take_account },
        {'A', take_account },
        {'I', take_account },
};

/* Fields that are not known (R, K: transition, public key) are left out. */
static gboolean
take_field(Part field, guint *seen, TgWifi *wifi, GError **error)
{
        Part value;

        if (field.n < 2 || memchr(field.at, ':', field.n) == NULL)
                return refuse(error, "that is no text of a Wi-Fi network (WIFI:…)");
        value = (Part){field.at + 2, field.n - 2};
        for (guint i = 0; i < G_N_ELEMENTS(fields) && field.at[1] == ':'; i++) {
                if (g_ascii_toupper(field.at[0]) != fields[i].letter)
                        continue;
                if (*seen & 1u << i)
                        return refuse(error, "the text of the Wi-Fi network says a thing twice");
                *seen |= 1u << i;
                return fields[i].take(value, wifi, error);
        }
        return TRUE;
}

static gboolean
take_fields(Part rest, TgWifi *wifi, GError **error)
{
        guint seen = 0;
        Part field;

        while (cut_field(&rest, &field)) {
                if (field.n == 0)
                        return rest.n == 0 ||
                               refuse(error, "the text of the Wi-Fi network goes on after its end");
                if (!take_field(field, &seen, wifi, error))
                        return FALSE;
        }
        return refuse(error, "the text of the Wi-Fi network does not end (;;)");
}

gboolean
tg_wifi_parse_text(const TgSecret *text, TgWifi *ret_wifi, GError **error)
{
        g_auto(TgWifi) wifi = {};
        gsize n;
        const char *chars = (const char *)tg_secret_get(text, &n);
        Part rest = {chars, n};

        while (rest.n > 0 && g_ascii_isspace(rest.at[rest.n - 1]))
                rest.n--; /* a file ends in a new line */
        if (rest.n > MAX_TEXT_BYTES || rest.n < strlen(SCHEME) ||
            g_ascii_strncasecmp(rest.at, SCHEME, strlen(SCHEME)) != 0)
                return refuse(error, "that is no text of a Wi-Fi network (WIFI:…)");
        rest.at += strlen(SCHEME);
        rest.n -= strlen(SCHEME);
        if (!take_fields(rest, &wifi, error) || !tg_wifi_check(&wifi, error))
                return FALSE;

        *ret_wifi = wifi;
        wifi = (TgWifi){};
        return TRUE;
}

/* ---- an object ---- */

static gboolean
take_json_security(const TgJson *object, TgWifiSecurity *ret_security)
{
        TgJson value;

        if (!tg_json_get_typed(object, "security", TG_JSON_STRING, &value))
                return FALSE;
        for (guint i = 0; i < G_N_ELEMENTS(securities); i++) {
                if (!tg_json_string_equal(&value, securities[i].json))
                        continue;
                *ret_security = i;
                return TRUE;
        }
        return FALSE;
}

static gboolean
take_json_password(const TgJson *object, TgSecret **ret_password, GError **error)
{
        TgJson value;
        guint8 *chars;

        if (!tg_json_get(object, "password", &value))
                return TRUE;
        if (value.type != TG_JSON_STRING || tg_json_string_bytes(&value) > MAX_PASSWORD_BYTES)
                return refuse(error, "the Wi-Fi network is malformed");
        *ret_password = tg_secret_new_blank(tg_json_string_bytes(&value), &chars, error);
        if (*ret_password == NULL)
                return FALSE;
        tg_json_string_copy(&value, (char *)chars);
        return TRUE;
}

gboolean
tg_wifi_parse_json(const TgJson *object, TgWifi *ret_wifi, GError **error)
{
        g_auto(TgWifi) wifi = {.ssid = tg_json_dup_text(object, "ssid", 32)};
        TgJson hidden;

        if (wifi.ssid == NULL || !take_json_security(object, &wifi.security) ||
            !tg_json_get(object, "hidden", &hidden) ||
            (hidden.type != TG_JSON_TRUE && hidden.type != TG_JSON_FALSE))
                return refuse(error, "the Wi-Fi network is malformed");
        wifi.is_hidden = hidden.type == TG_JSON_TRUE;
        if (!take_json_password(object, &wifi.password, error) || !tg_wifi_check(&wifi, error))
                return FALSE;

        *ret_wifi = wifi;
        wifi = (TgWifi){};
        return TRUE;
}

/* ---- written ---- */

static gsize
escaped_chars(const char *text, gsize n)
{
        gsize n_chars = n + (is_hex(text, n) ? 2 : 0);

        for (gsize i = 0; i < n; i++)
                if (strchr(SPECIAL, text[i]) != NULL)
                        n_chars++;
        return n_chars;
}

/* @is_key: hex digits that mean octets. */
static char *
escape_to(char *at, const char *text, gsize n, gboolean is_key)
{
        gboolean has_quotes = is_hex(text, n) && !is_key;

        if (has_quotes)
                *at++ = '"';
        for (gsize i = 0; i < n; i++) {
                if (strchr(SPECIAL, text[i]) != NULL)
                        *at++ = '\\';
                *at++ = text[i];
        }
        if (has_quotes)
                *at++ = '"';
        return at;
}

TgSecret *
tg_wifi_format_text(const TgWifi *self, GError **error)
{
        g_autofree char *name = g_malloc(2 * strlen(self->ssid) + 3);
        g_autofree char *before = NULL;
        const char *after = self->is_hidden ? ";H:true;;" : ";;";
        g_autoptr(TgSecret) room = NULL;
        gsize n_password = 0;
        const char *password = self->password != NULL
                                       ? (const char *)tg_secret_get(self->password, &n_password)
                                       : "";
        guint8 *start;
        char *at;

        *escape_to(name, self->ssid, strlen(self->ssid), FALSE) = '\0';
        before = g_strdup_printf("WIFI:T:%s;S:%s%s",
                                 securities[self->security].text,
                                 name,
                                 self->password != NULL ? ";P:" : "");
        room = tg_secret_new_blank(strlen(before) + escaped_chars(password, n_password) +
                                           strlen(after),
                                   &start,
                                   error);
        if (room == NULL)
                return NULL;
        at = g_stpcpy((char *)start, before);
        at = escape_to(at, password, n_password, self->security == TG_WIFI_WPA && n_password == 64);
        memcpy(at, after, strlen(after));
        at += strlen(after);
        return tg_secret_slice(room, 0, (gsize)(at - (char *)start), error);
}

TgSecret *
tg_wifi_format_json(const TgWifi *self, GError **error)
{
        g_autoptr(GString) before = g_string_new("{\"ssid\":");
        TgSecret *content;
        gsize n_password = 0;
        const char *password = self->password != NULL
                                       ? (const char *)tg_secret_get(self->password, &n_password)
                                       : NULL;
        guint8 *start;
        char *at;

        tg_json_append_string(before, self->ssid);
        g_string_append_printf(before,
                               ",\"security\":\"%s\",\"hidden\":%s%s",
                               securities[self->security].json,
                               self->is_hidden ? "true" : "false",
                               password != NULL ? ",\"password\":" : "");
        content = tg_secret_new_blank(
                before->len + (password != NULL ? tg_json_quoted_chars(password, n_password) : 0) +
                        1,
                &start,
                error);
        if (content == NULL)
                return NULL;
        memcpy(start, before->str, before->len);
        at = (char *)start + before->len;
        if (password != NULL)
                at = tg_json_quote_to(at, password, n_password);
        *at = '}';
        return content;
}
