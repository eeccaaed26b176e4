/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/credentials.h"

#include <string.h>

#include "protocol/bytes.h"

#define MAX_TIME_CHARS 12

/* One parameter as it stands. */
typedef struct {
        const char *name;
        gsize n_name;
        const char *value;
        gsize n_value;
        gboolean has_escape;
} Parameter;

static gboolean
is_token_char(char c)
{
        return g_ascii_isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static void
skip_blanks(const char **at)
{
        *at += strspn(*at, " \t");
}

static gsize
skip_token(const char **at)
{
        const char *start = *at;

        while (is_token_char(**at))
                (*at)++;

        return (gsize)(*at - start);
}

static gboolean
is_control(char c)
{
        return ((guchar)c < 0x20 && c != '\t') || (guchar)c == 0x7f;
}

/* What stands between quotes; @at is behind the first of them, and then behind the second. */
static gboolean
skip_quoted(const char **at, Parameter *parameter)
{
        parameter->value = *at;
        for (; **at != '"'; (*at)++) {
                if (**at == '\\') {
                        parameter->has_escape = TRUE;
                        (*at)++;
                }
                if (is_control(**at)) /* the end, too */
                        return FALSE;
        }
        parameter->n_value = (gsize)(*at - parameter->value);
        (*at)++;

        return TRUE;
}

static gboolean
read_parameter(const char **at, Parameter *parameter)
{
        *parameter = (Parameter){.name = *at};
        parameter->n_name = skip_token(at);
        skip_blanks(at);
        if (parameter->n_name == 0 || **at != '=')
                return FALSE;
        (*at)++;
        skip_blanks(at);
        if (**at == '"') {
                (*at)++;
                return skip_quoted(at, parameter);
        }
        parameter->value = *at;
        parameter->n_value = skip_token(at);

        return parameter->n_value > 0;
}

static gboolean
is_named(const Parameter *parameter, const char *name)
{
        return strlen(name) == parameter->n_name &&
               g_ascii_strncasecmp(name, parameter->name, parameter->n_name) == 0;
}

static gboolean
take_parameter(const Parameter *parameter, TgCredential *wanted, guint n_wanted)
{
        for (guint i = 0; i < n_wanted; i++) {
                if (!is_named(parameter, wanted[i].name))
                        continue;
                if (wanted[i].value || parameter->has_escape)
                        return FALSE;
                wanted[i].value = parameter->value;
                wanted[i].n_chars = parameter->n_value;
        }

        return TRUE;
}

gboolean
tg_credentials_read(const char *text, const char *scheme, TgCredential *wanted, guint n_wanted)
{
        gsize n_scheme = strlen(scheme);
        const char *at = text;

        for (guint i = 0; i < n_wanted; i++)
                wanted[i] = (TgCredential){.name = wanted[i].name};
        if (skip_token(&at) != n_scheme || g_ascii_strncasecmp(text, scheme, n_scheme) != 0 ||
            *at != ' ')
                return FALSE;
        at += strspn(at, " ");
        for (;;) {
                Parameter parameter;

                if (!read_parameter(&at, &parameter) ||
                    !take_parameter(&parameter, wanted, n_wanted))
                        return FALSE;
                skip_blanks(&at);
                if (*at == '\0')
                        return TRUE;
                if (*at != ',')
                        return FALSE;
                at++;
                skip_blanks(&at);
        }
}

gboolean
tg_credential_decode(const TgCredential *self, guint8 *buffer, gsize n_bytes)
{
        gsize n_padding = (3 - n_bytes % 3) % 3;
        gsize n_chars = tg_base64_encoded_chars(TG_BASE64_URL, n_bytes);

        if (!self->value || self->n_chars != n_chars + n_padding ||
            memcmp(self->value + n_chars, "==", n_padding) != 0)
                return FALSE;

        return tg_base64_decode_exact(TG_BASE64_URL, self->value, n_chars, buffer, n_bytes);
}

char *
tg_credential_encode(const guint8 *bytes, gsize n_bytes)
{
        g_autofree char *text = tg_base64_encode(TG_BASE64_URL, bytes, n_bytes);

        return g_strdup_printf("%s%.*s", text, (int)((3 - n_bytes % 3) % 3), "==");
}

gboolean
tg_credential_read_time(const TgCredential *self, gint64 *ret_s)
{
        gint64 s = 0;

        if (!self->value || self->n_chars == 0 || self->n_chars > MAX_TIME_CHARS ||
            *self->value == '0')
                return FALSE;
        for (gsize i = 0; i < self->n_chars; i++) {
                if (!g_ascii_isdigit(self->value[i]))
                        return FALSE;
                s = s * 10 + (self->value[i] - '0');
        }
        *ret_s = s;

        return TRUE;
}
