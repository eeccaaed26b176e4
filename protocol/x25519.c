/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/x25519.h"

#include <openssl/evp.h>
#include <string.h>

#include "protocol/error.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)

TgSecret *
tg_x25519_new(GError **error)
{
        g_autoptr(TgSecret) drawn = tg_secret_new_random(TG_X25519_BYTES, error);
        TgSecret *key;
        guint8 *bytes;

        if (drawn == NULL)
                return NULL;
        key = tg_secret_new_blank(TG_X25519_BYTES, &bytes, error);
        if (key == NULL)
                return NULL;
        memcpy(bytes, tg_secret_get(drawn, NULL), TG_X25519_BYTES);
        bytes[0] &= 248;
        bytes[31] = (bytes[31] & 127) | 64;
        return key;
}

/* OpenSSL keeps the private part in the secure heap, too. */
static EVP_PKEY *
private_of(const TgSecret *private_key, GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(private_key, &n_bytes);
        EVP_PKEY *key = n_bytes == TG_X25519_BYTES
                                ? EVP_PKEY_new_raw_private_key(
                                          EVP_PKEY_X25519, NULL, bytes, TG_X25519_BYTES)
                                : NULL;

        if (key == NULL)
                tg_set_error(error, TG_ERROR_INVALID, "that is no key of Curve25519");
        return key;
}

gboolean
tg_x25519_public(const TgSecret *private_key,
                 guint8 ret_public_key[TG_X25519_BYTES],
                 GError **error)
{
        g_autoptr(EVP_PKEY) key = private_of(private_key, error);
        size_t n_bytes = TG_X25519_BYTES;

        if (key == NULL)
                return FALSE;
        if (EVP_PKEY_get_raw_public_key(key, ret_public_key, &n_bytes) == 1)
                return TRUE;
        tg_set_error(error, TG_ERROR_FAILED, "OpenSSL gives no public key");
        return FALSE;
}

TgSecret *
tg_x25519_agree(const TgSecret *private_key,
                const guint8 public_key[TG_X25519_BYTES],
                GError **error)
{
        g_autoptr(EVP_PKEY) own = private_of(private_key, error);
        g_autoptr(EVP_PKEY) other = NULL;
        g_autoptr(EVP_PKEY_CTX) context = NULL;
        g_autoptr(TgSecret) shared = NULL;
        size_t n_bytes = TG_X25519_BYTES;
        guint8 *bytes;

        if (own == NULL)
                return NULL;
        shared = tg_secret_new_blank(TG_X25519_BYTES, &bytes, error);
        if (shared == NULL)
                return NULL;
        other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, TG_X25519_BYTES);
        context = EVP_PKEY_CTX_new(own, NULL);
        /* It looks for the result that is all zero. */
        if (other != NULL && context != NULL && EVP_PKEY_derive_init(context) == 1 &&
            EVP_PKEY_derive_set_peer(context, other) == 1 &&
            EVP_PKEY_derive(context, bytes, &n_bytes) == 1 && n_bytes == TG_X25519_BYTES)
                return g_steal_pointer(&shared);
        tg_set_error(error, TG_ERROR_INVALID, "nothing can be agreed on with that public key");
        return NULL;
}
