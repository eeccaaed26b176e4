/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What goes to a push service: a message that only the subscriber can read (RFC 8291), and the
 * word of who sends it (VAPID, RFC 8292). For the relay; none of it has to do with the secrets
 * of a share. Makes octets, and sends none.
 */

#include <glib.h>

#define TG_WEBPUSH_KEY_BYTES 65 /* a point of P-256, uncompressed */
#define TG_WEBPUSH_AUTH_BYTES 16
#define TG_WEBPUSH_SALT_BYTES 16
#define TG_WEBPUSH_SCALAR_BYTES 32

/* Of a subscription. */
typedef struct {
        guint8 key[TG_WEBPUSH_KEY_BYTES];
        guint8 auth[TG_WEBPUSH_AUTH_BYTES];
} TgWebPushKeys;

/* @key is @n_key octets, @auth @n_auth. FALSE unless they have their lengths and @key is a point
 * of the curve in its one form. */
gboolean tg_webpush_keys_set(
        TgWebPushKeys *self, const guint8 *key, gsize n_key, const guint8 *auth, gsize n_auth);

/* One record of the content coding aes128gcm: @data and @n_padding zeros, under a key pair and a
 * salt of its own. TG_ERROR_FAILED when the library fails. */
GBytes *tg_webpush_encrypt(
        const TgWebPushKeys *keys, const void *data, gsize n_data, gsize n_padding, GError **error);
/* The same with a key pair and a salt that are given, for known answers. TG_ERROR_INVALID for a
 * scalar that is none. */
GBytes *tg_webpush_encrypt_with(const TgWebPushKeys *keys,
                                const guint8 scalar[TG_WEBPUSH_SCALAR_BYTES],
                                const guint8 salt[TG_WEBPUSH_SALT_BYTES],
                                const void *data,
                                gsize n_data,
                                gsize n_padding,
                                GError **error);

/* The key pair by which push services know a sender. May be used by several threads at once. */
typedef struct TgVapid TgVapid;

/* From a private key of P-256 in PEM, without a passphrase; TG_ERROR_INVALID for anything else. */
TgVapid *tg_vapid_new(const char *pem, GError **error);
void tg_vapid_free(TgVapid *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgVapid, tg_vapid_free)

/* In url-safe base64, as subscribers name the sender whom they want to hear of. */
const char *tg_vapid_get_key(const TgVapid *self);

/* The value of the header Authorization for requests to @origin until @expires_s (Unix seconds).
 * @contact: an address, mailto: or https:; NULL: none. */
char *tg_vapid_authorize(const TgVapid *self,
                         const char *origin,
                         gint64 expires_s,
                         const char *contact,
                         GError **error);
