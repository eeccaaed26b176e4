/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/envelope.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

#define HEADER_VERSION 1
#define SID_CHARS 22

void
tg_header_clear(TgHeader *header)
{
        g_clear_pointer(&header->title, g_free);
        g_clear_pointer(&header->description, g_free);
        g_clear_pointer(&header->image_url, g_free);
        g_clear_pointer(&header->next, tg_secret_unref);
        g_clear_pointer(&header->limits, g_free);
}

void
tg_envelope_free(TgEnvelope *self)
{
        if (!self)
                return;

        g_free(self->format);
        tg_header_clear(&self->header);
        tg_secret_unref(self->plaintext);
        g_free(self);
}

static gboolean
refuse(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_TAMPERED, "%s", why);
        return FALSE;
}

/* ---- reading ---- */

static gboolean
take_sid(const TgJson *object, guint8 ret_sid[TG_SID_BYTES])
{
        TgJson value;
        const char *text;
        gsize n_chars;

        return tg_json_get_typed(object, "sid", TG_JSON_STRING, &value) &&
               tg_json_string_raw(&value, &text, &n_chars) &&
               tg_base64_decode_exact(TG_BASE64_URL, text, n_chars, ret_sid, TG_SID_BYTES);
}

static gboolean
take_role(const TgJson *object, TgRole *ret_role)
{
        TgJson value;

        if (!tg_json_get_typed(object, "role", TG_JSON_STRING, &value))
                return FALSE;
        if (tg_json_string_equal(&value, "s"))
                *ret_role = TG_ROLE_INITIATOR;
        else if (tg_json_string_equal(&value, "r"))
                *ret_role = TG_ROLE_RECIPIENT;
        else
                return FALSE;

        return TRUE;
}

/* Members that are optional are ignored when they have another shape, but for the limits: whoever
 * takes the credential judges those. FALSE: there was no memory for one that is a secret. */
static gboolean
take_extras(const TgJson *object, TgHeader *header, GError **error)
{
        TgJson value;
        guint32 number;

        header->reads_end = tg_json_get(object, "end", &value) &&
                            tg_json_get_uint(&value, &number) && number == 1;
        if (tg_json_get_typed(object, "next", TG_JSON_OBJECT, &value) &&
            value.n_chars <= TG_MAX_NEXT_CHARS) {
                header->next = tg_secret_new(value.text, value.n_chars, error);
                if (!header->next)
                        return FALSE;
        }
        if (tg_json_get(object, "limits", &value))
                header->limits = value.n_chars <= TG_MAX_BOUNDS_CHARS
                                         ? g_strndup(value.text, value.n_chars)
                                         : g_strdup("null");
        if (!tg_json_get_typed(object, "display", TG_JSON_OBJECT, &value))
                return TRUE;
        header->title = tg_json_dup_text(&value, "title", TG_MAX_TITLE_BYTES);
        header->description = tg_json_dup_text(&value, "description", TG_MAX_DESCRIPTION_BYTES);
        header->image_url = tg_json_dup_text(&value, "imageURL", TG_MAX_IMAGE_URL_BYTES);

        return TRUE;
}

static gboolean
take_header(const TgJson *object, TgHeader *header, GError **error)
{
        TgJson value;
        guint32 version;

        if (object->type != TG_JSON_OBJECT)
                return refuse(error, "the message's header is no object");
        if (!tg_json_get(object, "v", &value) || !tg_json_get_uint(&value, &version) ||
            version != HEADER_VERSION)
                return refuse(error, "the message's header is of an unknown version");
        if (!take_sid(object, header->sid) || !take_role(object, &header->role) ||
            !tg_json_get(object, "seq", &value) || !tg_json_get_uint(&value, &header->seq))
                return refuse(error, "the message's header is malformed");

        header->has_ack = tg_json_get(object, "ack", &value);
        if (header->has_ack && !tg_json_get_uint(&value, &header->ack))
                return refuse(error, "the message's header is malformed");
        if (tg_json_get(object, "pad", &value) && value.type != TG_JSON_STRING)
                return refuse(error, "the message's header is malformed");

        if (!take_extras(object, header, error))
                return FALSE;
        header->present = TRUE;
        return TRUE;
}

TgEnvelope *
tg_envelope_parse(TgSecret *plaintext, GError **error)
{
        g_autoptr(TgEnvelope) self = g_new0(TgEnvelope, 1);
        g_autoptr(GError) reason = NULL;
        gsize n_bytes;
        const char *text = (const char *)tg_secret_get(plaintext, &n_bytes);
        TgJson object, value;

        self->plaintext = tg_secret_ref(plaintext);
        if (!tg_json_parse(text, n_bytes, TG_MAX_PLAINTEXT_BYTES, &object, &reason)) {
                tg_set_error(error,
                             TG_ERROR_TAMPERED,
                             "the message cannot be read: %s",
                             reason->message);
                return NULL;
        }

        if (!tg_json_get_typed(&object, "format", TG_JSON_STRING, &value) ||
            tg_json_string_bytes(&value) == 0 ||
            tg_json_string_bytes(&value) > TG_MAX_FORMAT_BYTES) {
                refuse(error, "the message does not say its format");
                return NULL;
        }
        self->format = tg_json_dup_string(&value);
        if (!tg_json_get_typed(&object, "content", TG_JSON_OBJECT, &self->content)) {
                refuse(error, "the message has no content");
                return NULL;
        }
        if (tg_json_get(&object, "tigress", &value) && !take_header(&value, &self->header, error))
                return NULL;

        return g_steal_pointer(&self);
}

/* ---- writing ---- */

/* Counts without a buffer, writes with one: first the size, then the secret of that size. */
typedef struct {
        char *at; /* NULL: only count */
        gsize n_chars;
} Writer;

static void
put_bytes(Writer *self, const void *bytes, gsize n_bytes)
{
        if (self->at) {
                memcpy(self->at, bytes, n_bytes);
                self->at += n_bytes;
        }
        self->n_chars += n_bytes;
}

static void
put(Writer *self, const char *text)
{
        put_bytes(self, text, strlen(text));
}

static void
put_quoted(Writer *self, const char *text)
{
        if (self->at)
                self->at = tg_json_quote_to(self->at, text, strlen(text));
        self->n_chars += tg_json_quoted_chars(text, strlen(text));
}

static void
put_uint(Writer *self, const char *before, guint32 number)
{
        char digits[16];

        g_snprintf(digits, sizeof digits, "%" G_GUINT32_FORMAT, number);
        put(self, before);
        put(self, digits);
}

static void
put_display(Writer *self, const TgHeader *header)
{
        const struct {
                const char *name;
                const char *text;
        } members[] = {
                {"\"title\":",       header->title      },
                {"\"description\":", header->description},
                {"\"imageURL\":",    header->image_url  },
        };
        gboolean has_any = FALSE;

        for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
                if (!members[i].text)
                        continue;
                put(self, has_any ? "," : ",\"display\":{");
                put(self, members[i].name);
                put_quoted(self, members[i].text);
                has_any = TRUE;
        }
        if (has_any)
                put(self, "}");
}

static void
put_header(Writer *self, const TgHeader *header, gsize n_padding)
{
        char sid[SID_CHARS];

        tg_base64_encode_to(TG_BASE64_URL, header->sid, TG_SID_BYTES, sid);
        put(self, ",\"tigress\":{\"v\":1,\"sid\":\"");
        put_bytes(self, sid, sizeof sid);
        put(self, header->role == TG_ROLE_INITIATOR ? "\",\"role\":\"s\"" : "\",\"role\":\"r\"");
        put_uint(self, ",\"seq\":", header->seq);
        if (header->has_ack)
                put_uint(self, ",\"ack\":", header->ack);
        if (header->reads_end)
                put(self, ",\"end\":1");
        if (header->limits) {
                put(self, ",\"limits\":");
                put(self, header->limits);
        }
        put_display(self, header);
        if (header->next) {
                gsize n_next;
                const guint8 *next = tg_secret_get(header->next, &n_next);

                put(self, ",\"next\":");
                put_bytes(self, next, n_next);
        }
        put(self, ",\"pad\":\"");
        if (self->at) {
                memset(self->at, '0', n_padding);
                self->at += n_padding;
        }
        self->n_chars += n_padding;
        put(self, "\"}");
}

static void
put_plaintext(Writer *self,
              const char *format,
              const guint8 *content,
              gsize n_content,
              const TgHeader *header,
              gsize n_padding)
{
        put(self, "{\"format\":");
        put_quoted(self, format);
        put(self, ",\"content\":");
        put_bytes(self, content, n_content);
        if (header)
                put_header(self, header, n_padding);
        put(self, "}");
}

gsize
tg_padding_bucket(gsize n_bytes)
{
        static const gsize buckets[] = {4096, 8192, 16384, 32768, 65536};
        G_STATIC_ASSERT(TG_MAX_PLAINTEXT_BYTES == 65536);

        for (gsize i = 0; i < G_N_ELEMENTS(buckets); i++)
                if (n_bytes <= buckets[i])
                        return buckets[i];

        return 0;
}

TgSecret *
tg_envelope_build(const char *format,
                  const guint8 *content,
                  gsize n_content,
                  const TgHeader *header,
                  GError **error)
{
        g_autoptr(TgSecret) plaintext = NULL;
        g_autoptr(TgEnvelope) envelope = NULL;
        Writer counter = {0}, writer = {0};
        gsize n_bytes, n_max;
        guint8 *room;

        if (header && !header->present)
                header = NULL;
        n_max = header && header->is_tight ? TG_MAX_TIGHT_BYTES : TG_MAX_PLAINTEXT_BYTES;

        if (n_content <= TG_MAX_PLAINTEXT_BYTES)
                put_plaintext(&counter, format, content, n_content, header, 0);
        else
                counter.n_chars = n_content;
        n_bytes = header ? tg_padding_bucket(counter.n_chars) : counter.n_chars;
        if (header && header->is_tight)
                n_bytes = MIN(n_bytes, n_max);
        if (n_bytes == 0 || n_bytes < counter.n_chars || n_bytes > n_max) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "the message has %" G_GSIZE_FORMAT
                             " octets and at most %d fit: make the content smaller",
                             counter.n_chars,
                             (int)n_max);
                return NULL;
        }

        plaintext = tg_secret_new_blank(n_bytes, &room, error);
        if (!plaintext)
                return NULL;
        writer.at = (char *)room;
        put_plaintext(&writer, format, content, n_content, header, n_bytes - counter.n_chars);

        /* what the peer would refuse is not sent: the content may come from a handler */
        envelope = tg_envelope_parse(plaintext, NULL);
        if (!envelope || envelope->content.n_chars != n_content) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the content must be one json object, without white space around it, "
                             "that keeps to the json profile");
                return NULL;
        }

        return g_steal_pointer(&plaintext);
}

/* ---- end messages ---- */

static const char *const outcome_names[] = {
        [TG_OUTCOME_COMPLETED] = "completed",
        [TG_OUTCOME_DECLINED] = "declined",
        [TG_OUTCOME_FAILED] = "failed",
};

char *
tg_end_content(TgOutcome outcome, const char *reason)
{
        g_autofree char *clean = tg_text_clean(reason, -1, TG_MAX_REASON_BYTES);
        g_autoptr(GString) json = g_string_new("{\"outcome\":");

        g_return_val_if_fail((guint)outcome < G_N_ELEMENTS(outcome_names), NULL);

        tg_json_append_string(json, outcome_names[outcome]);
        if (*clean) {
                g_string_append(json, ",\"reason\":");
                tg_json_append_string(json, clean);
        }
        g_string_append_c(json, '}');

        return g_string_free(g_steal_pointer(&json), FALSE);
}

void
tg_end_parse(const TgJson *content, TgOutcome *ret_outcome, char **ret_reason)
{
        TgJson value;

        *ret_outcome = TG_OUTCOME_FAILED;
        *ret_reason = NULL;

        if (tg_json_get_typed(content, "outcome", TG_JSON_STRING, &value))
                for (gsize i = 0; i < G_N_ELEMENTS(outcome_names); i++)
                        if (tg_json_string_equal(&value, outcome_names[i]))
                                *ret_outcome = (TgOutcome)i;
        if (tg_json_get_typed(content, "reason", TG_JSON_STRING, &value)) {
                g_autofree char *text = tg_json_dup_string(&value);
                g_autofree char *clean = tg_text_clean(text, -1, TG_MAX_REASON_BYTES);

                if (*clean)
                        *ret_reason = g_steal_pointer(&clean);
        }
}
