/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/x509-grant.h"

#include <string.h>

#include "daemon/verticals/x509-authority.h"
#include "daemon/verticals/x509-name.h"
#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/error.h"

static const char *const key_names[] = {"p256", "ed25519"};

void
tg_x509_grant_clear(TgX509Grant *self)
{
        g_clear_pointer(&self->ca, g_bytes_unref);
        g_clear_pointer(&self->subject, g_free);
        g_clear_pointer(&self->names, g_strfreev);
}

gboolean
tg_x509_key_parse(const char *text, TgX509Key *ret_key)
{
        for (gsize i = 0; i < G_N_ELEMENTS(key_names); i++) {
                if (g_strcmp0(text, key_names[i]) != 0)
                        continue;
                *ret_key = (TgX509Key)i;
                return TRUE;
        }
        return FALSE;
}

gboolean
tg_x509_grant_check(const TgX509Grant *self, GError **error)
{
        g_autoptr(X509) ca = NULL;
        g_autoptr(X509_NAME) subject = tg_x509_subject(self->subject, error);
        g_autoptr(GENERAL_NAMES) names = NULL;

        if (subject == NULL)
                return FALSE;
        names = tg_x509_alt_names(self->names, error);
        if (names == NULL)
                return FALSE;
        if (self->from_s >= self->to_s || self->to_s > G_MAXUINT32)
                return tg_x509_invalid(error, "the certificate's end must be after its beginning");
        if (self->life_s != 0 &&
            (self->life_s < TG_X509_MIN_LIFE_S || self->life_s > TG_X509_MAX_LIFE_S ||
             self->n_renewals > TG_X509_MAX_RENEWALS))
                return tg_x509_invalid(error,
                                       "certificates that are renewed live for 10 seconds to 6 "
                                       "days each, and are at most 10,000: the relay keeps the "
                                       "mailbox of the next one for a week");
        if (self->serial[0] == 0 || self->serial[0] > 0x7f)
                return tg_x509_invalid(error, "the certificate's number is malformed");
        ca = tg_x509_authority_parse(self->ca, error);
        return ca != NULL && tg_x509_authority_lasts(ca, self->from_s, self->to_s, error);
}

guint64
tg_x509_grant_begins(const TgX509Grant *self, guint64 now_s)
{
        return MAX(now_s, self->from_s);
}

gboolean
tg_x509_grant_narrow(TgX509Grant *self, guint64 from_s, guint64 to_s, GError **error)
{
        if (self->life_s == 0)
                return TRUE;
        if (from_s < self->from_s || to_s > self->to_s || from_s >= to_s ||
            to_s - from_s > self->life_s + TG_X509_SLACK_S)
                return tg_x509_invalid(error,
                                       "the certificate is for longer than what was offered, or "
                                       "for another time");
        self->from_s = from_s;
        self->to_s = to_s;
        return TRUE;
}

gboolean
tg_x509_grant_goes_on(const TgX509Grant *self, const TgX509Grant *next)
{
        return g_bytes_equal(self->ca, next->ca) && g_str_equal(self->subject, next->subject) &&
               g_strv_equal((const char *const *)self->names, (const char *const *)next->names) &&
               self->key == next->key && next->from_s >= self->from_s && next->to_s <= self->to_s &&
               next->life_s != 0 && next->life_s <= self->life_s &&
               next->n_renewals < self->n_renewals &&
               memcmp(self->serial, next->serial, sizeof self->serial) != 0;
}

void
tg_x509_grant_number(TgX509Grant *self)
{
        tg_random(self->serial, sizeof self->serial);
        self->serial[0] = (guint8)(0x40 | (self->serial[0] & 0x3f)); /* positive, never short */
}

/* ---- as it travels ---- */

char *
tg_x509_grant_write(const TgX509Grant *self)
{
        g_autoptr(GString) json = g_string_new("{\"ca\":\"");
        gsize n_ca;
        const guint8 *octets = g_bytes_get_data(self->ca, &n_ca);
        g_autofree char *ca = tg_base64_encode(TG_BASE64_STANDARD, octets, n_ca);
        g_autofree char *serial = tg_hex_encode(self->serial, sizeof self->serial);

        g_string_append_printf(json, "%s\",\"subject\":", ca);
        tg_json_append_string(json, self->subject);
        g_string_append(json, ",\"altNames\":[");
        for (guint i = 0; self->names[i] != NULL; i++) {
                if (i > 0)
                        g_string_append_c(json, ',');
                tg_json_append_string(json, self->names[i]);
        }
        g_string_append_printf(json,
                               "],\"key\":\"%s\",\"notBefore\":%" G_GUINT64_FORMAT
                               ",\"notAfter\":%" G_GUINT64_FORMAT ",\"serial\":\"%s\"",
                               key_names[self->key],
                               self->from_s,
                               self->to_s,
                               serial);
        if (self->life_s != 0)
                g_string_append_printf(json,
                                       ",\"life\":%" G_GUINT32_FORMAT
                                       ",\"renewals\":%" G_GUINT32_FORMAT,
                                       self->life_s,
                                       self->n_renewals);
        g_string_append_c(json, '}');
        return g_strdup(json->str);
}

static gboolean
parse_time(const TgJson *object, const char *name, guint64 *ret_time_s)
{
        g_autofree char *text = NULL;
        TgJson value;

        if (!tg_json_get_typed(object, name, TG_JSON_NUMBER, &value))
                return FALSE;
        text = g_strndup(value.text, value.n_chars);
        return g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, ret_time_s, NULL);
}

static GStrv
parse_names(const TgJson *object)
{
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();
        TgJsonIter iter;
        TgJson array;
        TgJson item;
        guint n_names = 0;

        if (!tg_json_get_typed(object, "altNames", TG_JSON_ARRAY, &array))
                return NULL;
        tg_json_iter_init(&iter, &array);
        while (tg_json_iter_next(&iter, NULL, &item)) {
                g_autofree char *text = NULL;

                if (item.type != TG_JSON_STRING || ++n_names > TG_X509_MAX_ALT_NAMES ||
                    tg_json_string_bytes(&item) > TG_X509_MAX_ALT_NAME_BYTES)
                        return NULL;
                text = tg_json_dup_string(&item);
                g_strv_builder_add(names, text);
        }
        return g_strv_builder_end(names);
}

static GBytes *
parse_octets(const TgJson *object)
{
        g_autofree char *text = tg_json_dup_text(object, "ca", TG_X509_MAX_CA_BYTES * 2);
        g_autofree guint8 *octets = NULL;
        gsize n_octets;

        if (text == NULL)
                return NULL;
        octets = g_malloc(tg_base64_decoded_room(strlen(text)) + 1);
        if (!tg_base64_decode(TG_BASE64_STANDARD, text, strlen(text), octets, &n_octets))
                return NULL;
        return g_bytes_new(octets, n_octets);
}

static gboolean
parse_serial(const TgJson *object, guint8 *ret_serial)
{
        g_autofree char *text = tg_json_dup_text(object, "serial", 2 * TG_X509_SERIAL_BYTES);
        g_autoptr(GBytes) octets = text != NULL ? tg_hex_decode(text) : NULL;

        if (octets == NULL || g_bytes_get_size(octets) != TG_X509_SERIAL_BYTES)
                return FALSE;
        memcpy(ret_serial, g_bytes_get_data(octets, NULL), TG_X509_SERIAL_BYTES);
        return TRUE;
}

/* Both or none. */
static gboolean
parse_renewals(const TgJson *object, TgX509Grant *grant)
{
        TgJson life;
        TgJson renewals;
        gboolean has_life = tg_json_get(object, "life", &life);

        if (has_life != tg_json_get(object, "renewals", &renewals))
                return FALSE;
        return !has_life || (tg_json_get_uint(&life, &grant->life_s) && grant->life_s > 0 &&
                             tg_json_get_uint(&renewals, &grant->n_renewals));
}

gboolean
tg_x509_grant_parse(const TgJson *object, TgX509Grant *ret_grant, GError **error)
{
        g_auto(TgX509Grant) grant = {
                .ca = parse_octets(object),
                .subject = tg_json_dup_text(object, "subject", TG_X509_MAX_SUBJECT_BYTES),
                .names = parse_names(object),
        };
        g_autofree char *key = tg_json_dup_text(object, "key", 16);

        if (grant.ca == NULL || grant.subject == NULL || grant.names == NULL ||
            !tg_x509_key_parse(key, &grant.key) || !parse_serial(object, grant.serial) ||
            !parse_time(object, "notBefore", &grant.from_s) ||
            !parse_time(object, "notAfter", &grant.to_s) || !parse_renewals(object, &grant))
                return tg_x509_invalid(error, "what is offered is malformed");
        if (!tg_x509_grant_check(&grant, error))
                return FALSE;

        *ret_grant = grant;
        grant = (TgX509Grant){};
        return TRUE;
}

/* ---- for people ---- */

static char *
span_text(guint32 seconds)
{
        static const struct {
                guint32 seconds;
                const char *name;
        } units[] = {
                {86400, "days"   },
                {3600,  "hours"  },
                {60,    "minutes"}
        };

        for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
                if (seconds % units[i].seconds == 0 && seconds > units[i].seconds)
                        return g_strdup_printf("%u %s", seconds / units[i].seconds, units[i].name);
        return g_strdup_printf("%u seconds", seconds);
}

static void
show_renewals(const TgX509Grant *self, TgStep *step)
{
        g_autofree char *life = span_text(self->life_s);
        g_autofree char *most = g_strdup_printf("%u", self->n_renewals);

        tg_step_show(step, "Each certificate lives for", life);
        tg_step_show(step, "Renewals, by itself, at most", most);
}

void
tg_x509_grant_show(const TgX509Grant *self, TgStep *step)
{
        g_autofree char *names = g_strjoinv(", ", self->names);
        g_autofree char *serial = tg_hex_encode(self->serial, sizeof self->serial);
        g_autofree char *fingerprint = tg_x509_authority_fingerprint(self->ca);
        g_autoptr(X509) ca = tg_x509_authority_parse(self->ca, NULL);
        g_autofree char *issuer = ca != NULL ? tg_x509_authority_name(ca) : g_strdup("");

        tg_step_show(step, "Subject", self->subject);
        tg_step_show(step, "Other names", names[0] != '\0' ? names : "none");
        if (self->life_s != 0)
                show_renewals(self, step);
        if (self->life_s != 0 && self->to_s - self->from_s > self->life_s + TG_X509_SLACK_S) {
                tg_step_show_time(step, "Renewed from", self->from_s);
                tg_step_show_time(step, "Renewed until", self->to_s);
        } else {
                tg_step_show_time(step, "Valid from", self->from_s);
                tg_step_show_time(step, "Valid until", self->to_s);
                tg_step_set_over(step, (guint64)self->to_s);
        }
        tg_step_show(step, "Use", "logging in to servers (TLS client), and nothing else");
        tg_step_show(step, "Serial number", serial);
        tg_step_show(step, "Authority", issuer);
        tg_step_show(step, "Authority's SHA-256", fingerprint);
}

char *
tg_x509_grant_person(const TgX509Grant *self)
{
        g_auto(GStrv) parts = g_strsplit(self->subject, ",", -1);

        for (guint i = 0; parts[i] != NULL; i++)
                if (g_str_has_prefix(parts[i], "CN="))
                        return g_strdup(parts[i] + 3);
        return g_strdup(self->subject);
}
