/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/vector-checks-webpush.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/webpush.h"
#include "tests/unit/vector-compare.h"

/* The member @name, which is url-safe base64. */
static GBytes *
bytes_of(const Node *vector, const char *name)
{
        const char *text = node_text(vector, name);
        gsize n_chars = strlen(text), n_bytes;
        g_autofree guint8 *bytes = g_malloc(tg_base64_decoded_room(n_chars) + 1);

        if (!tg_base64_decode(TG_BASE64_URL, text, n_chars, bytes, &n_bytes))
                g_error("the vector's member %s is no base64", name);

        return g_bytes_new(bytes, n_bytes);
}

static gboolean
set_keys(const Node *vector, TgWebPushKeys *keys)
{
        g_autoptr(GBytes) key = bytes_of(vector, "uaPublic");
        g_autoptr(GBytes) auth = bytes_of(vector, "auth");
        gsize n_key, n_auth;
        const guint8 *key_bytes = g_bytes_get_data(key, &n_key);
        const guint8 *auth_bytes = g_bytes_get_data(auth, &n_auth);

        return tg_webpush_keys_set(keys, key_bytes, n_key, auth_bytes, n_auth);
}

/* The body has the public key in it, so this checks that, too. */
static char *
check_encrypt(const Node *vector)
{
        g_autoptr(GBytes) scalar = bytes_of(vector, "asPrivate");
        g_autoptr(GBytes) salt = bytes_of(vector, "salt");
        g_autoptr(GBytes) data = bytes_of(vector, "plaintext");
        g_autoptr(GBytes) wanted = bytes_of(vector, "body");
        g_autoptr(GBytes) body = NULL;
        g_autoptr(GError) error = NULL;
        TgWebPushKeys keys;
        gsize n_data;
        const guint8 *data_bytes = g_bytes_get_data(data, &n_data);

        g_assert_cmpuint(g_bytes_get_size(scalar), ==, TG_WEBPUSH_SCALAR_BYTES);
        g_assert_cmpuint(g_bytes_get_size(salt), ==, TG_WEBPUSH_SALT_BYTES);
        g_assert_cmpint(node_number(vector, "rs"), ==, 4096);
        if (!set_keys(vector, &keys))
                return g_strdup("the subscription was refused");
        body = tg_webpush_encrypt_with(&keys,
                                       g_bytes_get_data(scalar, NULL),
                                       g_bytes_get_data(salt, NULL),
                                       data_bytes,
                                       n_data,
                                       (gsize)node_number(vector, "pad"),
                                       &error);
        if (!body)
                return refused(g_steal_pointer(&error));

        return g_bytes_equal(body, wanted) ? NULL : g_strdup("the body is another");
}

static char *
check_subscription_reject(const Node *vector)
{
        TgWebPushKeys keys;

        return set_keys(vector, &keys) ? not_refused(node_text(vector, "name")) : NULL;
}

const Section webpush_sections[] = {
        {"vectors",                  check_encrypt},
        {"encryptReject",                          check_subscription_reject},
        {0},
};
