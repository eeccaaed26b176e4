/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/octets.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"

TgSecret *
tg_octets_decode(const TgJson *text, GError **error)
{
        g_autoptr(TgSecret) room = NULL;
        const char *chars;
        gsize n_chars;
        gsize n_bytes;
        guint8 *buffer;

        if (!tg_json_string_raw(text, &chars, &n_chars)) {
                tg_set_error(error, TG_ERROR_INVALID, "the octets are not base64");
                return NULL;
        }

        room = tg_secret_new_blank(tg_base64_decoded_room(n_chars), &buffer, error);
        if (room == NULL)
                return NULL;

        if (!tg_base64_decode(TG_BASE64_STANDARD, chars, n_chars, buffer, &n_bytes)) {
                tg_set_error(error, TG_ERROR_INVALID, "the octets are not base64");
                return NULL;
        }

        return tg_secret_slice(room, 0, n_bytes, error);
}

TgSecret *
tg_octets_encode(const char *before, const TgSecret *octets, const char *after, GError **error)
{
        g_autoptr(TgSecret) text = NULL;
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(octets, &n_bytes);
        gsize n_before = strlen(before);
        gsize n_chars = tg_base64_encoded_chars(TG_BASE64_STANDARD, n_bytes);
        gsize n_after = strlen(after);
        guint8 *at;

        text = tg_secret_new_blank(n_before + n_chars + n_after, &at, error);
        if (text == NULL)
                return NULL;

        memcpy(at, before, n_before);
        tg_base64_encode_to(TG_BASE64_STANDARD, bytes, n_bytes, (char *)at + n_before);
        memcpy(at + n_before + n_chars, after, n_after);

        return g_steal_pointer(&text);
}
