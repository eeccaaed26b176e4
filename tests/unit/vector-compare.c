/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/vector-compare.h"

#include "protocol/bytes.h"
#include "tests/unit/helper.h"

TgSecret *
secret_of(const Node *vector, const char *name)
{
        return helper_secret_from_hex(node_text(vector, name));
}

char *
difference(const char *what, const guint8 *got, gsize n_got, const char *hex)
{
        g_autofree char *got_hex = tg_hex_encode(got, n_got);

        if (g_str_equal(got_hex, hex))
                return NULL;

        return g_strdup_printf("%s: got %s instead of %s", what, got_hex, hex);
}

char *
text_difference(const char *what, const char *got, const char *wanted)
{
        if (g_strcmp0(got, wanted) == 0)
                return NULL;

        return g_strdup_printf("%s: got %s instead of %s", what, got, wanted);
}

char *
secret_difference(const char *what, const TgSecret *got, const char *hex)
{
        return difference(what, tg_secret_get(got, NULL), tg_secret_size(got), hex);
}

char *
not_refused(const char *why)
{
        return g_strdup_printf("was accepted, though: %s", why);
}

char *
refused(GError *error)
{
        char *message = g_strdup_printf("was refused: %s", error ? error->message : "no reason");

        g_clear_error(&error);
        return message;
}
