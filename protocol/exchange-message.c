/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/crypto.h"
#include "protocol/declassify.h"
#include "protocol/error.h"
#include "protocol/exchange-private.h"
#include "protocol/limits.h"
#include "protocol/payload.h"
#include "protocol/pin.h"
#include "protocol/thread.h"

/* The contents of offer, response and accept. */

static gboolean
refuse(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_TAMPERED, "%s", why);
        return FALSE;
}

gboolean
tg_format_is_reserved(const char *format)
{
        return g_str_has_prefix(format, TG_RESERVED_FORMATS);
}

/* ---- sealing ---- */

TgHeader
tg_exchange_header(const TgExchange *self, guint32 seq, gint64 ack)
{
        TgHeader header = {
                .present = TRUE,
                .role = self->role,
                .seq = seq,
                .has_ack = ack >= 0,
                .ack = ack >= 0 ? (guint32)ack : 0,
                .reads_end = self->reads_end,
                .is_tight = self->is_tight,
        };

        memcpy(header.sid, self->sid, TG_SID_BYTES);

        return header;
}

char *
tg_exchange_seal(const TgExchange *self,
                 const TgSecret *key,
                 const char *format,
                 const void *content,
                 gsize n_content,
                 const TgHeader *header,
                 guint8 ret_plaintext_hash[TG_SHA256_BYTES],
                 GError **error)
{
        g_autoptr(TgSecret) plaintext = NULL;
        const guint8 *bytes;
        gsize n_bytes;

        if (self->fixed && self->fixed->plaintext)
                plaintext = tg_secret_ref(self->fixed->plaintext);
        else
                plaintext = tg_envelope_build(format, content, n_content, header, error);
        if (!plaintext)
                return NULL;
        bytes = tg_secret_get(plaintext, &n_bytes);
        tg_sha256(bytes, n_bytes, ret_plaintext_hash);

        return tg_payload_seal(key, self->fixed ? self->fixed->iv : NULL, plaintext, error);
}

/* ---- members ---- */

static gboolean
take_octets(const TgJson *object, const char *name, guint8 *ret_bytes, gsize n_bytes)
{
        TgJson value;
        const char *text;
        gsize n_chars;

        return tg_json_get_typed(object, name, TG_JSON_STRING, &value) &&
               tg_json_string_raw(&value, &text, &n_chars) &&
               tg_base64_decode_exact(TG_BASE64_URL, text, n_chars, ret_bytes, n_bytes);
}

static gboolean
take_uint(const TgJson *object, const char *name, guint *ret_number)
{
        TgJson value;
        guint32 number;

        if (!tg_json_get(object, name, &value) || !tg_json_get_uint(&value, &number))
                return FALSE;
        *ret_number = number;

        return TRUE;
}

static void
append_octets(GString *json, const char *before, const guint8 *bytes, gsize n_bytes)
{
        g_autofree char *text = tg_base64_encode(TG_BASE64_URL, bytes, n_bytes);

        g_string_append_printf(json, "%s\"%s\"", before, text);
}

/* ---- offer ---- */

void
tg_offer_clear(TgOffer *offer)
{
        tg_header_clear(&offer->display);
}

static void
append_display(GString *json, const TgHeader *display)
{
        const struct {
                const char *name;
                const char *text;
        } members[] = {
                {"title",       display->title      },
                {"description", display->description},
                {"imageURL",    display->image_url  },
        };
        const char *before = ",\"display\":{";

        for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
                if (!members[i].text)
                        continue;
                g_string_append_printf(json, "%s\"%s\":", before, members[i].name);
                tg_json_append_string(json, members[i].text);
                before = ",";
        }
        if (*before == ',' && before[1] == '\0')
                g_string_append_c(json, '}');
}

char *
tg_offer_content(const TgExchange *self,
                 guint attempt,
                 const guint8 share[TG_SPAKE2_SHARE_BYTES],
                 const guint8 random[TG_EXCHANGE_RANDOM_BYTES])
{
        guint8 commit[TG_SHA256_BYTES];
        GString *json = g_string_new(NULL);

        tg_exchange_commit(TG_ROLE_INITIATOR, self->sid, self->claim, commit);
        g_string_append_printf(json,
                               "{\"mode\":%d,\"attempt\":%u,\"attemptsMax\":%u,\"pinDigits\":%u",
                               self->mode == TG_MODE_T2_PIN ? 1 : 2,
                               attempt,
                               self->attempts_max,
                               self->pin_digits);
        append_octets(json, ",\"share\":", share, TG_SPAKE2_SHARE_BYTES);
        append_octets(json, ",\"claim\":", commit, sizeof commit);
        append_octets(json, ",\"random\":", random, TG_EXCHANGE_RANDOM_BYTES);
        append_display(json, &self->display);
        g_string_append_c(json, '}');

        return g_string_free(json, FALSE);
}

static gboolean
check_ranges(const TgExchange *self, guint mode, const TgOffer *offer, GError **error)
{
        gboolean has_pin = self->mode == TG_MODE_T2_PIN;

        if (mode != (has_pin ? 1 : 2))
                return refuse(error, "the offer is of another kind than the link");
        if (offer->attempts_max < 1 || offer->attempts_max > TG_MAX_ATTEMPTS ||
            offer->attempt < 1 || offer->attempt > offer->attempts_max)
                return refuse(error, "the offer counts its attempts wrongly");
        if (has_pin ? offer->pin_digits < TG_PIN_MIN_DIGITS || offer->pin_digits > TG_PIN_MAX_DIGITS
                    : offer->pin_digits != 0)
                return refuse(error, "the offer wants a pin that none can be");

        return TRUE;
}

gboolean
tg_offer_parse(const TgExchange *self, const TgJson *content, TgOffer *ret_offer, GError **error)
{
        TgOffer offer = {0};
        guint8 random[TG_EXCHANGE_RANDOM_BYTES];
        guint mode;
        TgJson display;

        if (!take_uint(content, "mode", &mode) || !take_uint(content, "attempt", &offer.attempt) ||
            !take_uint(content, "attemptsMax", &offer.attempts_max) ||
            !take_uint(content, "pinDigits", &offer.pin_digits) ||
            !take_octets(content, "share", offer.share, sizeof offer.share) ||
            !take_octets(content, "claim", offer.commit, sizeof offer.commit) ||
            !take_octets(content, "random", random, sizeof random))
                return refuse(error, "the offer is malformed");
        if (!check_ranges(self, mode, &offer, error))
                return FALSE;
        if (!tg_spake2_is_share(offer.share, sizeof offer.share))
                return refuse(error, "the peer's share of the key is none");

        if (tg_json_get_typed(content, "display", TG_JSON_OBJECT, &display)) {
                offer.display.title = tg_json_dup_text(&display, "title", TG_MAX_TITLE_BYTES);
                offer.display.description =
                        tg_json_dup_text(&display, "description", TG_MAX_DESCRIPTION_BYTES);
                offer.display.image_url =
                        tg_json_dup_text(&display, "imageURL", TG_MAX_IMAGE_URL_BYTES);
        }
        *ret_offer = offer;

        return TRUE;
}

/* ---- response ---- */

char *
tg_answer_content(guint attempt, const TgAnswer *answer, const TgSecret *confirm)
{
        GString *json = g_string_new(NULL);
        gsize n_confirm;
        const guint8 *confirm_bytes = tg_secret_get(confirm, &n_confirm);

        tg_declassify(confirm_bytes, n_confirm); /* everybody with the link may see it */
        g_string_append_printf(json, "{\"attempt\":%u", attempt);
        append_octets(json, ",\"share\":", answer->share, sizeof answer->share);
        append_octets(json, ",\"claim\":", answer->commit, sizeof answer->commit);
        append_octets(json, ",\"random\":", answer->random, sizeof answer->random);
        append_octets(json, ",\"confirm\":", confirm_bytes, n_confirm);
        g_string_append_c(json, '}');

        return g_string_free(json, FALSE);
}

gboolean
tg_answer_attempt(const TgJson *content, guint *ret_attempt)
{
        return take_uint(content, "attempt", ret_attempt);
}

gboolean
tg_answer_parse(const TgJson *content, TgAnswer *ret_answer, guint8 ret_confirm[TG_SHA256_BYTES])
{
        gboolean is_right;

        is_right = take_octets(content, "share", ret_answer->share, sizeof ret_answer->share);
        is_right &= take_octets(content, "claim", ret_answer->commit, sizeof ret_answer->commit);
        is_right &= take_octets(content, "random", ret_answer->random, sizeof ret_answer->random);
        is_right &= take_octets(content, "confirm", ret_confirm, TG_SHA256_BYTES);

        return is_right;
}

/* ---- accept ---- */

typedef struct {
        const void *bytes;
        gsize n_bytes;
} Part;

static TgSecret *
join(const Part *parts, gsize n_parts, GError **error)
{
        TgSecret *text;
        gsize n_bytes = 0;
        guint8 *at;

        for (gsize i = 0; i < n_parts; i++)
                n_bytes += parts[i].n_bytes;
        text = tg_secret_new_blank(n_bytes, &at, error);
        for (gsize i = 0; text && i < n_parts; i++) {
                if (parts[i].n_bytes > 0)
                        memcpy(at, parts[i].bytes, parts[i].n_bytes);
                at += parts[i].n_bytes;
        }

        return text;
}

static Part
text_part(const char *text)
{
        return (Part){text, strlen(text)};
}

static Part
secret_part(const TgSecret *secret)
{
        Part part;

        part.bytes = tg_secret_get(secret, &part.n_bytes);

        return part;
}

/* The parts of an info object; FALSE when it is none. */
static gboolean
take_info(const TgJson *info, TgJson *ret_format, TgJson *ret_content)
{
        return tg_json_get_typed(info, "format", TG_JSON_STRING, ret_format) &&
               tg_json_get_typed(info, "content", TG_JSON_OBJECT, ret_content) &&
               tg_json_string_bytes(ret_format) > 0 &&
               tg_json_string_bytes(ret_format) <= TG_MAX_FORMAT_BYTES;
}

/* Of what the peer would refuse it would say nothing: both would wait for the other. */
static gboolean
check_info(const TgSecret *text, gsize n_content, GError **error)
{
        gsize n_bytes;
        const char *bytes = (const char *)tg_secret_get(text, &n_bytes);
        TgJson info, format, content;

        if (tg_json_parse(bytes, n_bytes, n_bytes, &info, NULL) &&
            take_info(&info, &format, &content) && content.n_chars == n_content)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "the content must have a format and be one json object, without white space "
                     "around it, that keeps to the json profile");

        return FALSE;
}

TgSecret *
tg_info_build(const char *format, const TgSecret *content, GError **error)
{
        g_autoptr(GString) before = g_string_new("{\"format\":");
        g_autoptr(TgSecret) info = NULL;
        Part parts[3];

        tg_json_append_string(before, format);
        g_string_append(before, ",\"content\":");
        parts[0] = text_part(before->str);
        parts[1] = secret_part(content);
        parts[2] = text_part("}");
        info = join(parts, G_N_ELEMENTS(parts), error);
        if (!info || !check_info(info, parts[1].n_bytes, error))
                return NULL;

        return g_steal_pointer(&info);
}

TgSecret *
tg_accept_content(const TgSecret *info, const guint8 *confirm, GError **error)
{
        g_autoptr(GString) before = g_string_new(NULL);
        Part parts[3];

        tg_declassify(confirm, TG_SHA256_BYTES); /* worth nothing but to the one who has it too */
        append_octets(before, "{\"confirm\":", confirm, TG_SHA256_BYTES);
        g_string_append(before, ",\"info\":");
        parts[0] = text_part(before->str);
        parts[1] = secret_part(info);
        parts[2] = text_part("}");

        return join(parts, G_N_ELEMENTS(parts), error);
}

gboolean
tg_accept_parse(TgEnvelope *envelope, guint8 ret_confirm[TG_SHA256_BYTES], GError **error)
{
        TgJson info, format, content;
        g_autofree char *name = NULL;

        if (!g_str_equal(envelope->format, TG_ACCEPT_FORMAT))
                return refuse(error, "the message is not the one that accepts the answer");
        if (!take_octets(&envelope->content, "confirm", ret_confirm, TG_SHA256_BYTES))
                return refuse(error, "the acceptance does not confirm the key");
        if (!tg_json_get_typed(&envelope->content, "info", TG_JSON_OBJECT, &info) ||
            !take_info(&info, &format, &content))
                return refuse(error, "the acceptance brings nothing");
        name = tg_json_dup_string(&format);
        if (tg_format_is_reserved(name))
                return refuse(error, "a message of the exchange itself poses as its content");

        g_free(envelope->format);
        envelope->format = g_steal_pointer(&name);
        envelope->content = content;

        return TRUE;
}
