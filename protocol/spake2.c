/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/spake2.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "protocol/crypto.h"
#include "protocol/declassify.h"
#include "protocol/error.h"

#define UNCOMPRESSED 0x04

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EC_GROUP, EC_GROUP_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EC_POINT, EC_POINT_clear_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIGNUM, BN_clear_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BN_CTX, BN_CTX_free)

/* RFC 9382 section 4, P-256. */
static const guint8 point_m[] = {
        0x02, 0x88, 0x6e, 0x2f, 0x97, 0xac, 0xe4, 0x6e, 0x55, 0xba, 0x9d,
        0xd7, 0x24, 0x25, 0x79, 0xf2, 0x99, 0x3b, 0x64, 0xe1, 0x6e, 0xf3,
        0xdc, 0xab, 0x95, 0xaf, 0xd4, 0x97, 0x33, 0x3d, 0x8f, 0xa1, 0x2f,
};
static const guint8 point_n[] = {
        0x03, 0xd8, 0xbb, 0xd6, 0xc6, 0x39, 0xc6, 0x29, 0x37, 0xb0, 0x4d,
        0x99, 0x7f, 0x38, 0xc3, 0x77, 0x07, 0x19, 0xc6, 0x29, 0xd7, 0x01,
        0x4d, 0x49, 0xa2, 0x4b, 0x4f, 0x98, 0xba, 0xa1, 0x29, 0x2b, 0x49,
};

/* The numbers lie in the same memory as all secrets, and so can lack it: that passes. */
static gboolean
broken(GError **error)
{
        gboolean is_short = FALSE;
        unsigned long reason;

        while ((reason = ERR_get_error()) != 0)
                is_short |= ERR_GET_REASON(reason) == ERR_R_MALLOC_FAILURE;
        if (is_short)
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "no locked memory is left for secrets: end some running shares");
        else
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "the cryptographic library cannot calculate on p-256");

        return FALSE;
}

static gboolean
refuse(GError **error)
{
        ERR_clear_error();
        tg_set_error(error, TG_ERROR_TAMPERED, "the peer's share of the key is none");

        return FALSE;
}

/* What each calculation needs. */
typedef struct {
        EC_GROUP *group;
        BN_CTX *context; /* temporaries in secret memory */
} Curve;

static void
curve_clear(Curve *self)
{
        g_clear_pointer(&self->group, EC_GROUP_free);
        g_clear_pointer(&self->context, BN_CTX_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Curve, curve_clear)

static gboolean
curve_init(Curve *self, GError **error)
{
        self->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        self->context = BN_CTX_secure_new();

        return self->group && self->context ? TRUE : broken(error);
}

static BIGNUM *
number_new(void)
{
        BIGNUM *number = BN_secure_new();

        if (number)
                BN_set_flags(number, BN_FLG_CONSTTIME);

        return number;
}

static BIGNUM *
take_number(const TgSecret *secret)
{
        g_autoptr(BIGNUM) number = number_new();
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(secret, &n_bytes);

        if (!number || !BN_bin2bn(bytes, (int)n_bytes, number))
                return NULL;

        return g_steal_pointer(&number);
}

static TgSecret *
put_number(const BIGNUM *number, GError **error)
{
        g_autoptr(TgSecret) secret = NULL;
        guint8 *room;

        secret = tg_secret_new_blank(TG_SPAKE2_SCALAR_BYTES, &room, error);
        if (!secret)
                return NULL;
        if (BN_bn2binpad(number, room, TG_SPAKE2_SCALAR_BYTES) != TG_SPAKE2_SCALAR_BYTES) {
                broken(error);
                return NULL;
        }

        return g_steal_pointer(&secret);
}

static gboolean
is_zero(const BIGNUM *number)
{
        gboolean result = BN_is_zero(number);

        tg_declassify(&result, sizeof result);

        return result;
}

/* One bit that is either told to nobody or ends the attempt. */
static gboolean
is_at_infinity(const Curve *curve, const EC_POINT *point)
{
        gboolean result = EC_POINT_is_at_infinity(curve->group, point);

        tg_declassify(&result, sizeof result);

        return result;
}

/* ---- scalars ---- */

TgSecret *
tg_spake2_scalar_new(GError **error)
{
        g_auto(Curve) curve = {0};
        g_autoptr(BIGNUM) number = NULL;

        if (!curve_init(&curve, error))
                return NULL;
        number = number_new();
        do {
                if (!number || !BN_priv_rand_range(number, EC_GROUP_get0_order(curve.group))) {
                        broken(error);
                        return NULL;
                }
        } while (is_zero(number));

        return put_number(number, error);
}

TgSecret *
tg_spake2_scalar_reduce(const TgSecret *wide, GError **error)
{
        g_auto(Curve) curve = {0};
        g_autoptr(BIGNUM) number = NULL;
        g_autoptr(BIGNUM) rest = NULL;

        if (!curve_init(&curve, error))
                return NULL;
        number = take_number(wide);
        rest = number_new();
        if (!number || !rest ||
            !BN_nnmod(rest, number, EC_GROUP_get0_order(curve.group), curve.context) ||
            is_zero(rest)) {
                broken(error);
                return NULL;
        }

        return put_number(rest, error);
}

/* ---- points ---- */

/* Such a point is public, so its temporaries are in ordinary memory: a lack of the other must not
 * make a peer's share look like none, for that is a verdict. */
static EC_POINT *
take_point(const Curve *curve, const guint8 *bytes, gsize n_bytes)
{
        g_autoptr(EC_POINT) point = EC_POINT_new(curve->group);

        if (!point || !EC_POINT_oct2point(curve->group, point, bytes, n_bytes, NULL))
                return NULL;

        return g_steal_pointer(&point);
}

/* The library would also take infinity, compressed and hybrid points. */
static EC_POINT *
take_share(const Curve *curve, const guint8 *bytes, gsize n_bytes)
{
        g_autoptr(EC_POINT) point = NULL;

        if (n_bytes != TG_SPAKE2_SHARE_BYTES || bytes[0] != UNCOMPRESSED)
                return NULL;
        point = take_point(curve, bytes, n_bytes);
        if (!point || is_at_infinity(curve, point))
                return NULL;

        return g_steal_pointer(&point);
}

static gboolean
put_point(const Curve *curve, const EC_POINT *point, guint8 *room)
{
        return EC_POINT_point2oct(curve->group,
                                  point,
                                  POINT_CONVERSION_UNCOMPRESSED,
                                  room,
                                  TG_SPAKE2_SHARE_BYTES,
                                  curve->context) == TG_SPAKE2_SHARE_BYTES;
}

gboolean
tg_spake2_is_share(const guint8 *bytes, gsize n_bytes)
{
        g_auto(Curve) curve = {0};
        g_autoptr(EC_POINT) point = NULL;

        if (!curve_init(&curve, NULL))
                return FALSE;
        point = take_share(&curve, bytes, n_bytes);
        ERR_clear_error();

        return point != NULL;
}

/* w*M, what @side blinds with. One scalar a call here and below: with two at once the library
 * leaves the paths that are hardened against timing. */
static EC_POINT *
blinding(const Curve *curve, TgSpake2Side side, const TgSecret *w)
{
        g_autoptr(EC_POINT) base = side == TG_SPAKE2_A ? take_point(curve, point_m, sizeof point_m)
                                                       : take_point(curve, point_n, sizeof point_n);
        g_autoptr(EC_POINT) product = EC_POINT_new(curve->group);
        g_autoptr(BIGNUM) factor = take_number(w);

        if (!base || !product || !factor ||
            !EC_POINT_mul(curve->group, product, NULL, base, factor, curve->context))
                return NULL;

        return g_steal_pointer(&product);
}

gboolean
tg_spake2_share(TgSpake2Side side,
                const TgSecret *w,
                const TgSecret *scalar,
                guint8 ret_share[TG_SPAKE2_SHARE_BYTES],
                GError **error)
{
        g_auto(Curve) curve = {0};
        g_autoptr(EC_POINT) blind = NULL;
        g_autoptr(EC_POINT) share = NULL;
        g_autoptr(BIGNUM) number = NULL;

        if (!curve_init(&curve, error))
                return FALSE;
        blind = blinding(&curve, side, w);
        share = EC_POINT_new(curve.group);
        number = take_number(scalar);
        if (!blind || !share || !number ||
            !EC_POINT_mul(curve.group, share, number, NULL, NULL, curve.context) ||
            !EC_POINT_add(curve.group, share, share, blind, curve.context) ||
            is_at_infinity(&curve, share) || !put_point(&curve, share, ret_share))
                return broken(error);
        tg_declassify(ret_share, TG_SPAKE2_SHARE_BYTES);

        return TRUE;
}

TgSecret *
tg_spake2_element(TgSpake2Side side,
                  const TgSecret *w,
                  const TgSecret *scalar,
                  const guint8 peer_share[TG_SPAKE2_SHARE_BYTES],
                  GError **error)
{
        TgSpake2Side peer = side == TG_SPAKE2_A ? TG_SPAKE2_B : TG_SPAKE2_A;
        g_auto(Curve) curve = {0};
        g_autoptr(EC_POINT) point = NULL;
        g_autoptr(EC_POINT) blind = NULL;
        g_autoptr(EC_POINT) element = NULL;
        g_autoptr(BIGNUM) number = NULL;
        g_autoptr(TgSecret) secret = NULL;
        guint8 *room;

        if (!curve_init(&curve, error))
                return NULL;
        point = take_share(&curve, peer_share, TG_SPAKE2_SHARE_BYTES);
        if (!point) {
                refuse(error);
                return NULL;
        }
        blind = blinding(&curve, peer, w);
        element = EC_POINT_new(curve.group);
        number = take_number(scalar);
        secret = tg_secret_new_blank(TG_SPAKE2_SHARE_BYTES, &room, error);
        if (!secret)
                return NULL;
        if (!blind || !element || !number || !EC_POINT_invert(curve.group, blind, curve.context) ||
            !EC_POINT_add(curve.group, point, point, blind, curve.context)) {
                broken(error);
                return NULL;
        }
        if (is_at_infinity(&curve, point)) {
                refuse(error);
                return NULL;
        }
        if (!EC_POINT_mul(curve.group, element, NULL, point, number, curve.context)) {
                broken(error);
                return NULL;
        }
        if (is_at_infinity(&curve, element)) {
                refuse(error);
                return NULL;
        }
        if (!put_point(&curve, element, room)) {
                broken(error);
                return NULL;
        }

        return g_steal_pointer(&secret);
}

/* ---- transcript and keys ---- */

static guint8 *
append_part(guint8 *at, const void *bytes, gsize n_bytes)
{
        guint64 length = GUINT64_TO_LE((guint64)n_bytes);

        memcpy(at, &length, sizeof length);
        at += sizeof length;
        if (n_bytes > 0)
                memcpy(at, bytes, n_bytes);

        return at + n_bytes;
}

TgSecret *
tg_spake2_transcript(const TgSpake2Parties *parties,
                     const TgSecret *element,
                     const TgSecret *w,
                     GError **error)
{
        gsize n_element, n_w;
        const guint8 *element_bytes = tg_secret_get(element, &n_element);
        const guint8 *w_bytes = tg_secret_get(w, &n_w);
        TgSecret *transcript;
        guint8 *at;

        g_return_val_if_fail(n_element == TG_SPAKE2_SHARE_BYTES, NULL);
        g_return_val_if_fail(n_w == TG_SPAKE2_SCALAR_BYTES, NULL);

        transcript = tg_secret_new_blank(6 * sizeof(guint64) + parties->n_id_a + parties->n_id_b +
                                                 2 * TG_SPAKE2_SHARE_BYTES + n_element + n_w,
                                         &at,
                                         error);
        if (!transcript)
                return NULL;
        at = append_part(at, parties->id_a, parties->n_id_a);
        at = append_part(at, parties->id_b, parties->n_id_b);
        at = append_part(at, parties->share_a, TG_SPAKE2_SHARE_BYTES);
        at = append_part(at, parties->share_b, TG_SPAKE2_SHARE_BYTES);
        at = append_part(at, element_bytes, n_element);
        append_part(at, w_bytes, n_w);

        return transcript;
}

static TgSecret *
confirmation(const TgSecret *keys, gsize offset, const TgSecret *transcript, GError **error)
{
        g_autoptr(TgSecret) key = tg_secret_slice(keys, offset, TG_SPAKE2_KEY_BYTES, error);
        TgSecret *mac;
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(transcript, &n_bytes);
        guint8 *room;

        if (!key)
                return NULL;
        mac = tg_secret_new_blank(TG_SHA256_BYTES, &room, error);
        if (mac)
                tg_hmac_sha256(key, bytes, n_bytes, room);

        return mac;
}

/* KcA || KcB */
static TgSecret *
confirmation_keys(const TgSecret *ka, const void *aad, gsize n_aad, GError **error)
{
        static const char label[] = "ConfirmationKeys";
        g_autoptr(TgSecret) prk = tg_hkdf_extract(TG_HASH_SHA256, ka, error);
        g_autoptr(GByteArray) info = g_byte_array_new();

        if (!prk)
                return NULL;
        g_byte_array_append(info, (const guint8 *)label, sizeof label - 1);
        if (n_aad > 0)
                g_byte_array_append(info, aad, (guint)n_aad);

        return tg_hkdf_expand(
                TG_HASH_SHA256, prk, info->data, info->len, 2 * TG_SPAKE2_KEY_BYTES, error);
}

void
tg_spake2_keys_clear(TgSpake2Keys *keys)
{
        g_clear_pointer(&keys->ke, tg_secret_unref);
        g_clear_pointer(&keys->ka, tg_secret_unref);
        g_clear_pointer(&keys->confirm_a, tg_secret_unref);
        g_clear_pointer(&keys->confirm_b, tg_secret_unref);
}

gboolean
tg_spake2_keys(const TgSecret *transcript,
               const void *aad,
               gsize n_aad,
               TgSpake2Keys *ret_keys,
               GError **error)
{
        g_auto(TgSpake2Keys) keys = {0};
        g_autoptr(TgSecret) both = NULL;
        g_autoptr(TgSecret) confirm = NULL;
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(transcript, &n_bytes);
        guint8 *room;

        both = tg_secret_new_blank(TG_SHA256_BYTES, &room, error);
        if (!both)
                return FALSE;
        tg_sha256(bytes, n_bytes, room);
        keys.ke = tg_secret_slice(both, 0, TG_SPAKE2_KEY_BYTES, error);
        if (!keys.ke)
                return FALSE;
        keys.ka = tg_secret_slice(both, TG_SPAKE2_KEY_BYTES, TG_SPAKE2_KEY_BYTES, error);
        if (!keys.ka)
                return FALSE;

        confirm = confirmation_keys(keys.ka, aad, n_aad, error);
        if (!confirm)
                return FALSE;
        keys.confirm_a = confirmation(confirm, 0, transcript, error);
        if (!keys.confirm_a)
                return FALSE;
        keys.confirm_b = confirmation(confirm, TG_SPAKE2_KEY_BYTES, transcript, error);
        if (!keys.confirm_b)
                return FALSE;

        *ret_keys = keys;
        keys = (TgSpake2Keys){0};
        return TRUE;
}
