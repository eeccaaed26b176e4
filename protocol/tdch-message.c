/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/tdch-message.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"

#define FIXED_BYTES 7 /* one for the length of random, two for the number, four for a length */

/* ---- suites ---- */

static const TgTdchSuite suites[] = {
        {0x1301, TG_HASH_SHA256, TG_CIPHER_AES_128_GCM      },
        {0x1302, TG_HASH_SHA384, TG_CIPHER_AES_256_GCM      },
        {0x1303, TG_HASH_SHA256, TG_CIPHER_CHACHA20_POLY1305},
};

const TgTdchSuite *
tg_tdch_suite(guint16 id, GError **error)
{
        for (gsize i = 0; i < G_N_ELEMENTS(suites); i++)
                if (suites[i].id == id)
                        return &suites[i];
        tg_set_error(error, TG_ERROR_INVALID, "there is no such cipher suite");

        return NULL;
}

gsize
tg_tdch_nonce_bytes(const TgTdchSuite *suite)
{
        return MAX(TG_AEAD_IV_BYTES, tg_cipher_key_bytes(suite->cipher));
}

/* ---- structure ---- */

gboolean
tg_tdch_structure_take(const guint8 *bytes, gsize n_bytes, TgTdchStructure *ret_structure)
{
        const guint8 *at;
        gsize n_random, n_message;

        if (n_bytes < FIXED_BYTES || n_bytes - FIXED_BYTES < bytes[0])
                return FALSE;
        n_random = bytes[0];
        at = bytes + 1 + n_random;
        n_message = (gsize)at[2] << 24 | (gsize)at[3] << 16 | (gsize)at[4] << 8 | at[5];
        if (n_message > n_bytes - FIXED_BYTES - n_random ||
            n_message > TG_MAX_PLAINTEXT_BYTES - FIXED_BYTES - n_random)
                return FALSE;

        *ret_structure = (TgTdchStructure){
                .n_random = n_random,
                .id = (guint16)(at[0] << 8 | at[1]),
                .offset = FIXED_BYTES + n_random,
                .n_message = n_message,
                .n_all = FIXED_BYTES + n_random + n_message,
        };

        return TRUE;
}

TgSecret *
tg_tdch_structure_build(
        guint index, const guint8 *random, gsize n_random, const TgSecret *message, GError **error)
{
        gsize n_message;
        const guint8 *bytes = tg_secret_get(message, &n_message);
        g_autoptr(TgSecret) fresh = NULL;
        TgSecret *self;
        guint8 *at;

        g_return_val_if_fail(index < TG_MAX_TDCH_MESSAGES && n_random <= G_MAXUINT8, NULL);

        if (n_message > TG_MAX_PLAINTEXT_BYTES - FIXED_BYTES - n_random) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "it does not fit into one message: share something smaller");
                return NULL;
        }
        if (!random) { /* as secret as a key: with the link, all later places follow from it */
                fresh = tg_secret_new_random(n_random, error);
                if (!fresh)
                        return NULL;
                random = tg_secret_get(fresh, NULL);
        }
        self = tg_secret_new_blank(FIXED_BYTES + n_random + n_message, &at, error);
        if (!self)
                return NULL;

        *at++ = (guint8)n_random;
        memcpy(at, random, n_random);
        at += n_random;
        *at++ = (guint8)(index >> 8);
        *at++ = (guint8)index;
        for (int shift = 24; shift >= 0; shift -= 8)
                *at++ = (guint8)(n_message >> shift);
        memcpy(at, bytes, n_message);

        return self;
}

/* ---- protection ---- */

gboolean
tg_tdch_derive(const TgTdchSuite *suite,
               const void *salt,
               gsize n_salt,
               const TgSecret *secret,
               TgSecret **ret_key,
               TgSecret **ret_nonce,
               GError **error)
{
        static const char key_info[] = "key", nonce_info[] = "nonce";
        g_autoptr(TgSecret) prk = tg_hkdf_extract_salted(suite->hash, salt, n_salt, secret, error);
        g_autoptr(TgSecret) key = NULL;

        if (!prk)
                return FALSE;
        key = tg_hkdf_expand(suite->hash,
                             prk,
                             key_info,
                             strlen(key_info),
                             tg_cipher_key_bytes(suite->cipher),
                             error);
        if (!key)
                return FALSE;
        *ret_nonce = tg_hkdf_expand(
                suite->hash, prk, nonce_info, strlen(nonce_info), TG_AEAD_IV_BYTES, error);
        if (!*ret_nonce)
                return FALSE;
        *ret_key = g_steal_pointer(&key);

        return TRUE;
}

GBytes *
tg_tdch_protect(const TgTdchSuite *suite,
                const TgSecret *secret,
                const guint8 *nonce,
                const TgSecret *plaintext,
                GError **error)
{
        gsize n_nonce = tg_tdch_nonce_bytes(suite);
        gsize n_all = n_nonce + tg_secret_size(plaintext) + TG_AEAD_TAG_BYTES;
        g_autofree guint8 *all = g_malloc(n_all);
        g_autoptr(TgSecret) key = NULL;
        g_autoptr(TgSecret) aead_nonce = NULL;

        if (nonce)
                memcpy(all, nonce, n_nonce);
        else
                tg_random(all, n_nonce);
        if (!tg_tdch_derive(suite, all, n_nonce, secret, &key, &aead_nonce, error) ||
            !tg_cipher_seal(suite->cipher, key, aead_nonce, plaintext, all + n_nonce, error))
                return NULL;

        return g_bytes_new_take(g_steal_pointer(&all), n_all);
}

TgSecret *
tg_tdch_unprotect(const TgTdchSuite *suite,
                  const TgSecret *secret,
                  const guint8 *bytes,
                  gsize n_bytes,
                  GError **error)
{
        gsize n_nonce = tg_tdch_nonce_bytes(suite);
        g_autoptr(TgSecret) key = NULL;
        g_autoptr(TgSecret) aead_nonce = NULL;

        if (n_bytes < n_nonce + TG_AEAD_TAG_BYTES ||
            n_bytes > n_nonce + TG_AEAD_TAG_BYTES + TG_MAX_PLAINTEXT_BYTES) {
                tg_set_error(error, TG_ERROR_TAMPERED, "a message has an impossible length");
                return NULL;
        }
        if (!tg_tdch_derive(suite, bytes, n_nonce, secret, &key, &aead_nonce, error))
                return NULL;

        return tg_cipher_open(
                suite->cipher, key, aead_nonce, bytes + n_nonce, n_bytes - n_nonce, error);
}
