/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/json-string.h"

guint32
tg_json_hex4(const char *text)
{
        guint32 value = 0;

        for (int i = 0; i < 4; i++)
                value = value << 4 | (guint32)g_ascii_xdigit_value(text[i]);

        return value;
}

static gsize
put_utf8(guint32 c, guint8 buffer[4])
{
        if (c < 0x80) {
                buffer[0] = (guint8)c;
                return 1;
        }
        if (c < 0x800) {
                buffer[0] = (guint8)(0xc0 | c >> 6);
                buffer[1] = (guint8)(0x80 | (c & 0x3f));
                return 2;
        }
        if (c < 0x10000) {
                buffer[0] = (guint8)(0xe0 | c >> 12);
                buffer[1] = (guint8)(0x80 | (c >> 6 & 0x3f));
                buffer[2] = (guint8)(0x80 | (c & 0x3f));
                return 3;
        }
        buffer[0] = (guint8)(0xf0 | c >> 18);
        buffer[1] = (guint8)(0x80 | (c >> 12 & 0x3f));
        buffer[2] = (guint8)(0x80 | (c >> 6 & 0x3f));
        buffer[3] = (guint8)(0x80 | (c & 0x3f));
        return 4;
}

gsize
tg_json_take_escape(const char **at, guint8 buffer[4])
{
        const char *text = *at;
        guint32 c;

        *at = text + 2;
        switch (text[1]) {
        case 'b':
                buffer[0] = '\b';
                return 1;
        case 'f':
                buffer[0] = '\f';
                return 1;
        case 'n':
                buffer[0] = '\n';
                return 1;
        case 'r':
                buffer[0] = '\r';
                return 1;
        case 't':
                buffer[0] = '\t';
                return 1;
        case 'u':
                break;
        default: /* quote, solidus, reverse solidus */
                buffer[0] = (guint8)text[1];
                return 1;
        }

        c = tg_json_hex4(text + 2);
        *at = text + 6;
        if (c >= 0xd800 && c < 0xdc00) {
                c = 0x10000 + ((c - 0xd800) << 10) + (tg_json_hex4(text + 8) - 0xdc00);
                *at = text + 12;
        }

        return put_utf8(c, buffer);
}

int
tg_json_octets_next(TgJsonOctets *self)
{
        if (self->next < self->n_pending)
                return self->pending[self->next++];
        if (self->at == self->end)
                return -1;
        if (*self->at != '\\')
                return (guint8)*self->at++;

        self->n_pending = (guint)tg_json_take_escape(&self->at, self->pending);
        self->next = 1;
        return self->pending[0];
}

TgJsonType
tg_json_type_at(const char *text)
{
        switch (*text) {
        case '{':
                return TG_JSON_OBJECT;
        case '[':
                return TG_JSON_ARRAY;
        case '"':
                return TG_JSON_STRING;
        case 't':
                return TG_JSON_TRUE;
        case 'f':
                return TG_JSON_FALSE;
        case 'n':
                return TG_JSON_NULL;
        default:
                return TG_JSON_NUMBER;
        }
}
