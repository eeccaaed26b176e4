/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/json-line.h"

#include <string.h>

#include "cli/escape.h"
#include "cli/output.h"
#include "protocol/bytes.h"

TgJsonLine *
tg_json_line_begin(void)
{
        return g_string_new("{");
}

static void
append_key(TgJsonLine *self, const char *key)
{
        g_autofree char *escaped = tg_escape(TG_ESCAPE_JSON, key); /* of details: not our own */

        if (self->str[self->len - 1] != '{')
                g_string_append(self, ", ");
        g_string_append_printf(self, "\"%s\": ", escaped);
}

void
tg_json_line_string(TgJsonLine *self, const char *key, const char *value)
{
        g_autofree char *escaped = tg_escape(TG_ESCAPE_JSON, value);

        append_key(self, key);
        if (value)
                g_string_append_printf(self, "\"%s\"", escaped);
        else
                g_string_append(self, "null");
}

void
tg_json_line_number(TgJsonLine *self, const char *key, gint64 value)
{
        append_key(self, key);
        g_string_append_printf(self, "%" G_GINT64_FORMAT, value);
}

void
tg_json_line_boolean(TgJsonLine *self, const char *key, gboolean value)
{
        append_key(self, key);
        g_string_append(self, value ? "true" : "false");
}

void
tg_json_line_time(TgJsonLine *self, const char *key, guint64 value)
{
        append_key(self, key);
        if (value > 0)
                g_string_append_printf(self, "%" G_GUINT64_FORMAT, value);
        else
                g_string_append(self, "null");
}

void
tg_json_line_open(TgJsonLine *self, const char *key)
{
        append_key(self, key);
        g_string_append_c(self, '{');
}

void
tg_json_line_close(TgJsonLine *self)
{
        g_string_append_c(self, '}');
}

void
tg_json_line_end(TgJsonLine *self)
{
        g_string_append_c(self, '}');
        tg_output_line(self->str);
        g_string_free(self, TRUE);
}

static gsize
write_secret(const TgSecret *secret, gboolean as_base64, char *buffer)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(secret, &n_bytes);

        if (!as_base64)
                return tg_escape_to(TG_ESCAPE_JSON, (const char *)bytes, n_bytes, buffer);
        if (buffer)
                tg_base64_encode_to(TG_BASE64_STANDARD, bytes, n_bytes, buffer);

        return tg_base64_encoded_chars(TG_BASE64_STANDARD, n_bytes);
}

gboolean
tg_json_line_end_with_secret(TgJsonLine *self,
                             const char *key,
                             const TgSecret *secret,
                             gboolean as_base64,
                             GError **error)
{
        g_autoptr(TgSecret) line = NULL;
        g_autoptr(GString) front = self;
        gsize n_chars = write_secret(secret, as_base64, NULL);
        guint8 *buffer;

        append_key(front, key);
        g_string_append_c(front, '"');
        line = tg_secret_new_blank(front->len + n_chars + 2, &buffer, error);
        if (!line)
                return FALSE;

        memcpy(buffer, front->str, front->len);
        write_secret(secret, as_base64, (char *)buffer + front->len);
        memcpy(buffer + front->len + n_chars, "\"}", 2);

        return tg_output_secret(line, error);
}
