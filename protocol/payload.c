/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/payload.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "protocol/declassify.h"
#include "protocol/error.h"
#include "protocol/limits.h"

static const struct {
        const char *name;
        gsize n_key;
} types[] = {
        {"AEAD_AES_128_GCM", 16},
        {"AEAD_AES_256_GCM", 32},
};

static gboolean
refuse(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_TAMPERED, "%s", why);
        return FALSE;
}

static char *
format(const char *type, const guint8 *sealed, gsize n_sealed)
{
        gsize n_chars = tg_base64_encoded_chars(TG_BASE64_STANDARD, n_sealed);
        char *payload = g_malloc(n_chars + 64);
        char *at = payload;

        at = g_stpcpy(at, "{\"type\":\"");
        at = g_stpcpy(at, type);
        at = g_stpcpy(at, "\",\"data\":\"");
        tg_base64_encode_to(TG_BASE64_STANDARD, sealed, n_sealed, at);
        g_stpcpy(at + n_chars, "\"}");

        return payload;
}

char *
tg_payload_seal(const TgSecret *key, const guint8 *iv, const TgSecret *plaintext, GError **error)
{
        const char *type = NULL;
        g_autofree guint8 *sealed = NULL;
        gsize n_bytes, n_sealed;
        const guint8 *bytes = tg_secret_get(plaintext, &n_bytes);

        for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
                if (types[i].n_key == tg_secret_size(key))
                        type = types[i].name;
        if (!type) {
                tg_set_error(error, TG_ERROR_INVALID, "a key must have 16 or 32 octets");
                return NULL;
        }
        if (n_bytes > TG_MAX_PLAINTEXT_BYTES) {
                tg_set_error(error, TG_ERROR_LIMIT_REACHED, "the message is too long to be sent");
                return NULL;
        }

        n_sealed = n_bytes + TG_AEAD_IV_BYTES + TG_AEAD_TAG_BYTES;
        sealed = g_malloc(n_sealed);
        if (!tg_aead_seal(key, iv, NULL, 0, bytes, n_bytes, sealed, error))
                return NULL;
        tg_declassify(sealed, n_sealed);

        return format(type, sealed, n_sealed);
}

/* Type and data of a payload in either form. */
static gboolean
find_members(const TgJson *payload,
             char **ret_scratch,
             TgJson *ret_type,
             TgJson *ret_data,
             GError **error)
{
        g_autofree char *scratch = NULL;
        TgJson object = *payload;
        TgJson type, data;

        if (payload->type == TG_JSON_STRING) {
                gsize n_bytes = tg_json_string_bytes(payload);

                scratch = tg_json_dup_string(payload);
                if (!tg_json_parse(scratch, n_bytes, TG_MAX_BODY_BYTES, &object, NULL))
                        return refuse(error, "the payload's string is no json text");
        }
        if (object.type != TG_JSON_OBJECT)
                return refuse(error, "the payload is no object");
        if (!tg_json_get_typed(&object, "type", TG_JSON_STRING, &type))
                return refuse(error, "the payload has no type");
        if (!tg_json_get_typed(&object, "data", TG_JSON_STRING, &data))
                return refuse(error, "the payload has no data");

        *ret_scratch = g_steal_pointer(&scratch);
        *ret_type = type;
        *ret_data = data;
        return TRUE;
}

/* Key length that goes with a type, 0 for an unknown one. */
static gsize
key_length(const TgJson *type)
{
        for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
                if (tg_json_string_equal(type, types[i].name))
                        return types[i].n_key;

        return 0;
}

/* The characters of data: where they stand, or a copy in *ret_copy where some writer
 * has escaped its solidi. */
static const char *
data_text(const TgJson *data, char **ret_copy, gsize *ret_n_chars)
{
        const char *text;

        if (tg_json_string_raw(data, &text, ret_n_chars))
                return text;

        *ret_n_chars = tg_json_string_bytes(data);
        *ret_copy = tg_json_dup_string(data);
        return *ret_copy;
}

static gboolean
check_data(const char *text, gsize n_chars, GError **error)
{
        gsize n_sealed;

        if (!tg_base64_check(TG_BASE64_STANDARD, text, n_chars, &n_sealed))
                return refuse(error, "the payload's data is no standard base64");
        if (n_sealed < TG_MIN_SEALED_BYTES || n_sealed > TG_MAX_SEALED_BYTES)
                return refuse(error, "the payload's data has a length that none can have");

        return TRUE;
}

gboolean
tg_payload_split(const TgJson *payload,
                 char **ret_scratch,
                 TgJson *ret_type,
                 TgJson *ret_data,
                 GError **error)
{
        g_autofree char *scratch = NULL;
        g_autofree char *copy = NULL;
        TgJson type, data;
        const char *text;
        gsize n_chars;

        if (!find_members(payload, &scratch, &type, &data, error))
                return FALSE;
        if (key_length(&type) == 0)
                return refuse(error, "the payload is of an unknown type");
        text = data_text(&data, &copy, &n_chars);
        if (!check_data(text, n_chars, error))
                return FALSE;

        *ret_scratch = g_steal_pointer(&scratch);
        *ret_type = type;
        *ret_data = data;
        return TRUE;
}

/* The octets of data, of a payload of either form whose type has the key length @n_key. */
static guint8 *
dup_octets(const TgJson *payload, gsize n_key, gsize *ret_n_bytes, GError **error)
{
        g_autofree char *scratch = NULL;
        g_autofree char *copy = NULL;
        g_autofree guint8 *octets = NULL;
        TgJson type, data;
        const char *text;
        gsize n_chars;

        if (!tg_payload_split(payload, &scratch, &type, &data, error))
                return NULL;
        if (key_length(&type) != n_key) {
                refuse(error, "the payload is of a type that does not fit the key");
                return NULL;
        }
        text = data_text(&data, &copy, &n_chars);
        octets = g_malloc(tg_base64_decoded_room(n_chars));
        if (!tg_base64_decode(TG_BASE64_STANDARD, text, n_chars, octets, ret_n_bytes)) {
                refuse(error, "the payload's data is no standard base64");
                return NULL;
        }

        return g_steal_pointer(&octets);
}

TgSecret *
tg_payload_open(const TgSecret *key, const TgJson *payload, GError **error)
{
        gsize n_sealed;
        g_autofree guint8 *sealed = dup_octets(payload, tg_secret_size(key), &n_sealed, error);

        return sealed ? tg_aead_open(key, NULL, 0, sealed, n_sealed, error) : NULL;
}

TgSecret *
tg_payload_octets(const TgJson *payload, GError **error)
{
        gsize n_sealed;
        g_autofree guint8 *sealed = dup_octets(payload, 32, &n_sealed, error);

        return sealed ? tg_secret_new(sealed, n_sealed, error) : NULL;
}

char *
tg_payload_from_octets(const TgSecret *octets, GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(octets, &n_bytes);

        if (n_bytes < TG_MIN_SEALED_BYTES || n_bytes > TG_MAX_SEALED_BYTES) {
                refuse(error, "the message has a length that no payload can have");
                return NULL;
        }
        tg_declassify(bytes, n_bytes);

        return format("AEAD_AES_256_GCM", bytes, n_bytes);
}

gboolean
tg_payload_digest(const TgJson *payload, guint8 ret_digest[32], GError **error)
{
        g_autofree char *scratch = NULL;
        g_autofree char *copy = NULL;
        TgJson type, data;
        const char *text;
        gsize n_chars;

        if (!tg_payload_split(payload, &scratch, &type, &data, error))
                return FALSE;
        text = data_text(&data, &copy, &n_chars);
        tg_sha256(text, n_chars, ret_digest);

        return TRUE;
}
