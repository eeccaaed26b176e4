/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/helper.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/limits.h"

void
helper_init(int *argc, char ***argv)
{
        g_test_init(argc, argv, NULL);
        g_assert_cmpint(tg_secret_init(TG_SECURE_HEAP_BYTES), !=, TG_SECRET_HEAP_FAILED);
}

TgJson
helper_json(const char *text)
{
        g_autoptr(GError) error = NULL;
        TgJson value;

        tg_json_parse(text, strlen(text), G_MAXINT32, &value, &error);
        g_assert_no_error(error);

        return value;
}

TgSecret *
helper_secret(const char *text)
{
        g_autoptr(GError) error = NULL;
        TgSecret *secret = tg_secret_new(text, strlen(text), &error);

        g_assert_no_error(error);

        return secret;
}

TgSecret *
helper_secret_from_hex(const char *hex)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = tg_hex_decode(hex);
        TgSecret *secret;

        g_assert_nonnull(bytes);
        secret = tg_secret_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), &error);
        g_assert_no_error(error);

        return secret;
}

TgSecret *
helper_secret_filled(guint8 octet, gsize n_bytes)
{
        g_autoptr(GError) error = NULL;
        guint8 *room;
        TgSecret *secret = tg_secret_new_blank(n_bytes, &room, &error);

        g_assert_no_error(error);
        memset(room, octet, n_bytes);

        return secret;
}

void
helper_assert_error(const GError *error, TgError code, const char *secret)
{
        const char *message;

        g_assert_error(error, TG_ERROR, (int)code);
        message = error->message;
        g_assert_cmpuint(strlen(message), >, 8);
        g_assert_false(g_ascii_isupper(message[0]));
        g_assert_cmpint(message[strlen(message) - 1], !=, '.');
        g_assert_null(strchr(message, '\n'));
        g_assert_true(g_utf8_validate(message, -1, NULL));
        if (secret)
                g_assert_null(strstr(message, secret));
}

guint32
helper_random_below(HelperRandom *self, guint32 limit)
{
        if (self->state == 0)
                self->state = G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
        self->state ^= self->state << 13;
        self->state ^= self->state >> 7;
        self->state ^= self->state << 17;

        return (guint32)(self->state >> 32) % limit;
}
