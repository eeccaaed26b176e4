/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/verticals/otpauth.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

#define SCHEME "otpauth://"
#define MAX_ADDRESS_BYTES 4096
#define MAX_NAME_BYTES 128
#define MAX_KEY_CHARS 512
#define MAX_PERIOD_S 3600

/* What authenticators take where nothing is said. */
static const TgOtp defaults = {.algorithm = 0, .n_digits = 6, .period_s = 30};

static const struct {
        const char *address; /* otpauth: */
        const char *json;    /* Credential Exchange Format */
        const char *name;    /* for people */
} algorithms[] = {
        {"SHA1",   "sha1",   "SHA-1"  },
        {"SHA256", "sha256", "SHA-256"},
        {"SHA512", "sha512", "SHA-512"},
};

/* A part of an address, which may be the secret part: never copied but by those who know. */
typedef struct {
        const char *at;
        gsize n;
} Part;

void
tg_otp_clear(TgOtp *otp)
{
        g_clear_pointer(&otp->key, tg_secret_unref);
        g_clear_pointer(&otp->issuer, g_free);
        g_clear_pointer(&otp->account, g_free);
}

static gboolean
refuse(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

/* ---- what it is made of ---- */

static gboolean
is_word(Part part, const char *word)
{
        return part.n == strlen(word) && g_ascii_strncasecmp(part.at, word, part.n) == 0;
}

/* What stands before @separator; the rest, without it, stays in @part. */
static Part
cut(Part *part, char separator)
{
        const char *found = part->n > 0 ? memchr(part->at, separator, part->n) : NULL;
        Part before = {part->at, found != NULL ? (gsize)(found - part->at) : part->n};
        gsize n_taken = found != NULL ? before.n + 1 : before.n;

        part->at += n_taken;
        part->n -= n_taken;
        return before;
}

static gboolean
take_number(Part part, guint min, guint max, guint *ret_number, const char *why, GError **error)
{
        guint number = 0;

        if (part.n == 0 || part.n > 4)
                return refuse(error, why);
        for (gsize i = 0; i < part.n; i++) {
                if (!g_ascii_isdigit(part.at[i]))
                        return refuse(error, why);
                number = number * 10 + (guint)(part.at[i] - '0');
        }
        if (number < min || number > max)
                return refuse(error, why);
        *ret_number = number;
        return TRUE;
}

static gboolean
take_digits(Part part, TgOtp *otp, GError **error)
{
        return take_number(
                part, 6, 8, &otp->n_digits, "a one-time password has 6 to 8 digits", error);
}

static gboolean
take_period(Part part, TgOtp *otp, GError **error)
{
        return take_number(part,
                           1,
                           MAX_PERIOD_S,
                           &otp->period_s,
                           "a one-time password is good for 1 to 3,600 seconds",
                           error);
}

static gboolean
take_algorithm(Part part, TgOtp *otp, GError **error)
{
        for (guint i = 0; i < G_N_ELEMENTS(algorithms); i++) {
                if (!is_word(part, algorithms[i].address))
                        continue;
                otp->algorithm = i;
                return TRUE;
        }
        return refuse(error, "the one-time password is of an unknown algorithm");
}

/* Also where the padding is percent-encoded, as it must be in an address, or left out. */
static gsize
without_padding(Part part)
{
        for (;;) {
                if (part.n >= 1 && part.at[part.n - 1] == '=')
                        part.n -= 1;
                else if (part.n >= 3 && g_ascii_strncasecmp(part.at + part.n - 3, "%3d", 3) == 0)
                        part.n -= 3;
                else
                        return part.n;
        }
}

static gboolean
take_key(Part part, TgOtp *otp, GError **error)
{
        gsize n = without_padding(part);
        gsize rest = n % 8;
        guint8 *chars;

        /* No number of octets has 1, 3 or 6 characters in its last group. */
        if (n == 0 || n > MAX_KEY_CHARS || rest == 1 || rest == 3 || rest == 6)
                return refuse(error, "the one-time password's key is no base32");
        otp->key = tg_secret_new_blank(n, &chars, error);
        if (otp->key == NULL)
                return FALSE;
        for (gsize i = 0; i < n; i++) {
                char c = g_ascii_toupper(part.at[i]);

                if (!(c >= 'A' && c <= 'Z') && !(c >= '2' && c <= '7'))
                        return refuse(error, "the one-time password's key is no base32");
                chars[i] = (guint8)c;
        }
        return TRUE;
}

static gboolean
take_name(Part part, char **ret_name, GError **error)
{
        g_autofree char *name = g_uri_unescape_segment(part.at, part.at + part.n, NULL);

        if (name == NULL || !g_utf8_validate(name, -1, NULL))
                return refuse(error, "a name in the one-time password's address is malformed");
        g_free(*ret_name);
        *ret_name = tg_text_clean(name, -1, MAX_NAME_BYTES);
        if ((*ret_name)[0] == '\0')
                g_clear_pointer(ret_name, g_free);
        return TRUE;
}

/* ---- an address ---- */

/* "account", or "issuer:account"; the colon may be encoded. */
static gboolean
take_label(Part label, TgOtp *otp, GError **error)
{
        g_autofree char *text = g_uri_unescape_segment(label.at, label.at + label.n, NULL);
        const char *colon = text != NULL ? strchr(text, ':') : NULL;

        if (text == NULL || !g_utf8_validate(text, -1, NULL))
                return refuse(error, "the name in the one-time password's address is malformed");
        if (colon != NULL)
                otp->issuer = tg_text_clean(text, colon - text, MAX_NAME_BYTES);
        otp->account = tg_text_clean(colon != NULL ? colon + 1 : text, -1, MAX_NAME_BYTES);
        if (otp->issuer != NULL && otp->issuer[0] == '\0')
                g_clear_pointer(&otp->issuer, g_free);
        if (otp->account[0] == '\0')
                g_clear_pointer(&otp->account, g_free);
        return TRUE;
}

static gboolean
take_issuer(Part part, TgOtp *otp, GError **error)
{
        return take_name(part, &otp->issuer, error);
}

static const struct {
        const char *name;
        gboolean (*take)(Part part, TgOtp *otp, GError **error);
} parameters[] = {
        {"secret",    take_key      },
        {"issuer",    take_issuer   },
        {"algorithm", take_algorithm},
        {"digits",    take_digits   },
        {"period",    take_period   },
};

static gboolean
take_parameters(Part query, TgOtp *otp, GError **error)
{
        guint seen = 0;

        while (query.n > 0) {
                Part value = cut(&query, '&');
                Part name = cut(&value, '=');

                for (guint i = 0; i < G_N_ELEMENTS(parameters); i++) {
                        if (!is_word(name, parameters[i].name))
                                continue;
                        if (seen & 1u << i)
                                return refuse(error,
                                              "the one-time password's address says a thing twice");
                        seen |= 1u << i;
                        if (!parameters[i].take(value, otp, error))
                                return FALSE;
                }
        }
        return otp->key != NULL || refuse(error, "the one-time password's address has no key");
}

gboolean
tg_otp_parse_address(const TgSecret *address, TgOtp *ret_otp, GError **error)
{
        g_auto(TgOtp) otp = defaults;
        gsize n;
        const char *text = (const char *)tg_secret_get(address, &n);
        Part rest = {text, n};
        Part label, type, query;

        while (rest.n > 0 && g_ascii_isspace(rest.at[rest.n - 1]))
                rest.n--; /* a file ends in a new line */
        if (rest.n > MAX_ADDRESS_BYTES || rest.n < strlen(SCHEME) ||
            g_ascii_strncasecmp(rest.at, SCHEME, strlen(SCHEME)) != 0)
                return refuse(error,
                              "that is no address of a one-time password (otpauth://totp/…)");
        cut(&rest, ':');
        cut(&rest, '/');
        cut(&rest, '/');
        label = cut(&rest, '?');
        type = cut(&label, '/');
        if (is_word(type, "hotp"))
                return refuse(error,
                              "a password that is counted (hotp) cannot be on two devices: "
                              "they would not count the same");
        if (!is_word(type, "totp"))
                return refuse(error,
                              "that is no address of a one-time password (otpauth://totp/…)");
        query = cut(&rest, '#');
        if (!take_label(label, &otp, error) || !take_parameters(query, &otp, error))
                return FALSE;

        *ret_otp = otp;
        otp = defaults;
        return TRUE;
}

/* ---- a dictionary ---- */

static gboolean
take_json_number(const TgJson *object, const char *name, Part *ret_part)
{
        TgJson value;

        if (!tg_json_get_typed(object, name, TG_JSON_NUMBER, &value))
                return FALSE;
        *ret_part = (Part){value.text, value.n_chars};
        return TRUE;
}

static gboolean
take_json_text(const TgJson *object, const char *name, Part *ret_part)
{
        TgJson value;

        return tg_json_get_typed(object, name, TG_JSON_STRING, &value) &&
               tg_json_string_raw(&value, &ret_part->at, &ret_part->n);
}

static char *
take_json_name(const TgJson *object, const char *name)
{
        g_autofree char *text = tg_json_dup_text(object, name, TG_MAX_TITLE_BYTES);
        g_autofree char *clean = text != NULL ? tg_text_clean(text, -1, MAX_NAME_BYTES) : NULL;

        return clean != NULL && clean[0] != '\0' ? g_steal_pointer(&clean) : NULL;
}

gboolean
tg_otp_parse_json(const TgJson *object, TgOtp *ret_otp, GError **error)
{
        g_auto(TgOtp) otp = defaults;
        Part key, algorithm, digits, period;

        if (!take_json_text(object, "secret", &key) ||
            !take_json_text(object, "algorithm", &algorithm) ||
            !take_json_number(object, "digits", &digits) ||
            !take_json_number(object, "period", &period))
                return refuse(error, "the one-time password is malformed");
        if (!take_key(key, &otp, error) || !take_algorithm(algorithm, &otp, error) ||
            !take_digits(digits, &otp, error) || !take_period(period, &otp, error))
                return FALSE;
        otp.issuer = take_json_name(object, "issuer");
        otp.account = take_json_name(object, "username");

        *ret_otp = otp;
        otp = defaults;
        return TRUE;
}

/* ---- written ---- */

/* @before, the key, @after: joined in secret memory. */
static TgSecret *
join(const GString *before, const TgOtp *self, const GString *after, GError **error)
{
        gsize n_key;
        const guint8 *key = tg_secret_get(self->key, &n_key);
        guint8 *at;
        TgSecret *text = tg_secret_new_blank(before->len + n_key + after->len, &at, error);

        if (text == NULL)
                return NULL;
        memcpy(at, before->str, before->len);
        memcpy(at + before->len, key, n_key);
        memcpy(at + before->len + n_key, after->str, after->len);
        return text;
}

TgSecret *
tg_otp_format_address(const TgOtp *self, GError **error)
{
        g_autoptr(GString) before = g_string_new(SCHEME "totp/");
        g_autoptr(GString) after = g_string_new(NULL);

        if (self->issuer != NULL) {
                g_string_append_uri_escaped(before, self->issuer, NULL, FALSE);
                g_string_append_c(before, ':');
        }
        if (self->account != NULL)
                g_string_append_uri_escaped(before, self->account, NULL, FALSE);
        g_string_append(before, "?secret=");
        if (self->issuer != NULL) {
                g_string_append(after, "&issuer=");
                g_string_append_uri_escaped(after, self->issuer, NULL, FALSE);
        }
        g_string_append_printf(after,
                               "&algorithm=%s&digits=%u&period=%u",
                               algorithms[self->algorithm].address,
                               self->n_digits,
                               self->period_s);
        return join(before, self, after, error);
}

static void
append_name(GString *json, const char *member, const char *name)
{
        if (name == NULL)
                return;
        g_string_append_printf(json, ",\"%s\":", member);
        tg_json_append_string(json, name);
}

TgSecret *
tg_otp_format_json(const TgOtp *self, GError **error)
{
        g_autoptr(GString) before = g_string_new("{\"secret\":\"");
        g_autoptr(GString) after = g_string_new("\"");

        g_string_append_printf(after,
                               ",\"period\":%u,\"digits\":%u,\"algorithm\":\"%s\"",
                               self->period_s,
                               self->n_digits,
                               algorithms[self->algorithm].json);
        append_name(after, "username", self->account);
        append_name(after, "issuer", self->issuer);
        g_string_append_c(after, '}');
        return join(before, self, after, error);
}

const char *
tg_otp_algorithm_word(const TgOtp *self)
{
        return algorithms[self->algorithm].json;
}

char *
tg_otp_name(const TgOtp *self)
{
        if (self->issuer != NULL && self->account != NULL)
                return g_strdup_printf("%s: %s", self->issuer, self->account);
        return g_strdup(self->issuer != NULL ? self->issuer : self->account);
}

char *
tg_otp_describe(const TgOtp *self)
{
        return g_strdup_printf("%u digits, new ones every %u s, %s",
                               self->n_digits,
                               self->period_s,
                               algorithms[self->algorithm].name);
}
