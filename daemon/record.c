/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/record.h"

#include <string.h>

/*
 * One octet for the layout's version, then for each field
 *
 *      1  number
 *      4  length, most significant octet first
 *      n  octets
 *
 * with no number twice. Numbers are stored as 8 octets, most significant first.
 */
#define LAYOUT 1
#define HEAD_BYTES 5
#define NUMBER_BYTES 8

typedef struct {
        guint8 number;
        TgSecret *value;
} Field;

struct TgRecord {
        GArray *fields;
        GError *failure; /* the first; told by tg_record_write() */
};

static void
field_clear(gpointer data)
{
        Field *field = data;

        tg_secret_unref(field->value);
}

TgRecord *
tg_record_new(void)
{
        TgRecord *self = g_new0(TgRecord, 1);

        self->fields = g_array_new(FALSE, FALSE, sizeof(Field));
        g_array_set_clear_func(self->fields, field_clear);

        return self;
}

void
tg_record_free(TgRecord *self)
{
        if (!self)
                return;

        g_array_unref(self->fields);
        g_clear_error(&self->failure);
        g_free(self);
}

static void
put(TgRecord *self, guint8 number, TgSecret *value)
{
        Field field = {.number = number, .value = value};

        for (guint i = 0; i < self->fields->len; i++)
                g_assert(g_array_index(self->fields, Field, i).number != number);

        g_array_append_val(self->fields, field);
}

void
tg_record_put_secret(TgRecord *self, guint8 field, TgSecret *value)
{
        if (value)
                put(self, field, tg_secret_ref(value));
}

void
tg_record_put_bytes(TgRecord *self, guint8 field, const void *bytes, gsize n_bytes)
{
        TgSecret *value;

        if (self->failure)
                return;

        value = tg_secret_new(bytes, n_bytes, &self->failure);
        if (value)
                put(self, field, value);
}

void
tg_record_put_text(TgRecord *self, guint8 field, const char *value)
{
        if (value)
                tg_record_put_bytes(self, field, value, strlen(value));
}

void
tg_record_put_number(TgRecord *self, guint8 field, guint64 value)
{
        guint64 octets = GUINT64_TO_BE(value);

        tg_record_put_bytes(self, field, &octets, NUMBER_BYTES);
}

TgSecret *
tg_record_write(TgRecord *self, GError **error)
{
        gsize n_bytes = 1;
        TgSecret *plaintext;
        guint8 *at;

        if (self->failure) {
                g_propagate_error(error, g_error_copy(self->failure));
                return NULL;
        }

        for (guint i = 0; i < self->fields->len; i++)
                n_bytes += HEAD_BYTES + tg_secret_size(g_array_index(self->fields, Field, i).value);

        plaintext = tg_secret_new_blank(n_bytes, &at, error);
        if (!plaintext)
                return NULL;

        *at++ = LAYOUT;
        for (guint i = 0; i < self->fields->len; i++) {
                const Field *field = &g_array_index(self->fields, Field, i);
                gsize n_value;
                const guint8 *value = tg_secret_get(field->value, &n_value);
                guint32 length = GUINT32_TO_BE((guint32)n_value);

                *at++ = field->number;
                memcpy(at, &length, sizeof length);
                at += sizeof length;
                memcpy(at, value, n_value);
                at += n_value;
        }

        return plaintext;
}

/* ---- reading ---- */

typedef struct {
        const guint8 *at;
        gsize n_left;
        gboolean is_broken;
} Reader;

static void
reader_init(Reader *reader, const TgSecret *plaintext)
{
        reader->at = tg_secret_get(plaintext, &reader->n_left);
        reader->is_broken = reader->n_left == 0 || *reader->at != LAYOUT;
        if (reader->is_broken)
                return;

        reader->at++;
        reader->n_left--;
}

static gboolean
reader_next(Reader *reader, guint8 *ret_number, const guint8 **ret_bytes, gsize *ret_n_bytes)
{
        guint32 length;

        if (reader->is_broken || reader->n_left == 0)
                return FALSE;

        if (reader->n_left < HEAD_BYTES) {
                reader->is_broken = TRUE;
                return FALSE;
        }
        memcpy(&length, reader->at + 1, sizeof length);
        length = GUINT32_FROM_BE(length);
        if (length > reader->n_left - HEAD_BYTES) {
                reader->is_broken = TRUE;
                return FALSE;
        }

        *ret_number = *reader->at;
        *ret_bytes = reader->at + HEAD_BYTES;
        *ret_n_bytes = length;
        reader->at += HEAD_BYTES + length;
        reader->n_left -= HEAD_BYTES + length;
        return TRUE;
}

gboolean
tg_record_is_valid(const TgSecret *plaintext)
{
        gboolean is_seen[256] = {};
        const guint8 *bytes;
        gsize n_bytes;
        guint8 number;
        Reader reader;

        reader_init(&reader, plaintext);
        while (reader_next(&reader, &number, &bytes, &n_bytes)) {
                if (is_seen[number])
                        return FALSE;
                is_seen[number] = TRUE;
        }

        return !reader.is_broken;
}

gboolean
tg_record_get_slice(const TgSecret *plaintext,
                    guint8 field,
                    const guint8 **ret_bytes,
                    gsize *ret_n_bytes)
{
        const guint8 *bytes;
        gsize n_bytes;
        guint8 number;
        Reader reader;

        reader_init(&reader, plaintext);
        while (reader_next(&reader, &number, &bytes, &n_bytes)) {
                if (number != field)
                        continue;
                *ret_bytes = bytes;
                *ret_n_bytes = n_bytes;
                return TRUE;
        }

        return FALSE;
}

TgSecret *
tg_record_get_secret(const TgSecret *plaintext, guint8 field)
{
        const guint8 *bytes;
        gsize n_bytes;

        if (!tg_record_get_slice(plaintext, field, &bytes, &n_bytes))
                return NULL;

        return tg_secret_new(bytes, n_bytes, NULL);
}

char *
tg_record_get_text(const TgSecret *plaintext, guint8 field)
{
        const guint8 *bytes;
        gsize n_bytes;

        if (!tg_record_get_slice(plaintext, field, &bytes, &n_bytes))
                return NULL;

        return memchr(bytes, '\0', n_bytes) ? NULL : g_strndup((const char *)bytes, n_bytes);
}

guint64
tg_record_get_number(const TgSecret *plaintext, guint8 field, guint64 otherwise)
{
        const guint8 *bytes;
        gsize n_bytes;
        guint64 octets;

        if (!tg_record_get_slice(plaintext, field, &bytes, &n_bytes) || n_bytes != NUMBER_BYTES)
                return otherwise;

        memcpy(&octets, bytes, NUMBER_BYTES);
        return GUINT64_FROM_BE(octets);
}

void
tg_record_put_variant(TgRecord *self, guint8 field, GVariant *value)
{
        if (value != NULL)
                tg_record_put_bytes(
                        self, field, g_variant_get_data(value), g_variant_get_size(value));
}

GVariant *
tg_record_get_variant(const TgSecret *plaintext, guint8 field, const GVariantType *type)
{
        g_autoptr(GBytes) copy = NULL;
        g_autoptr(GVariant) value = NULL;
        const guint8 *bytes;
        gsize n_bytes;

        if (!tg_record_get_slice(plaintext, field, &bytes, &n_bytes))
                return NULL;
        copy = g_bytes_new(bytes, n_bytes);
        value = g_variant_ref_sink(g_variant_new_from_bytes(type, copy, FALSE));
        return g_variant_is_normal_form(value) ? g_steal_pointer(&value) : NULL;
}
