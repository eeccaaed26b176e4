/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/tdch.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/tdch-message.h"

#define LOCATION_BYTES 32
#define KEY_BYTES 32 /* of every suite */
#define MIN_SECRET_BYTES 32
#define MAX_SECRET_BYTES 255
#define EXPRESSION "{tigress_location}"

/* What is said first must not be guessable: else the second location would follow from the
 * link and a guess. */
#define FIRST_MESSAGES 2
#define FIRST_RANDOM_BYTES 32
#define RANDOM_BYTES 16
#define MIN_RANDOM_BYTES 16 /* that a reader asks of the first messages */

#define SAVED_VERSION 1
#define SAVED_FIXED_BYTES (1 + 1 + 1 + 2 + 4)
#define FLAG_OVER 1
#define FLAG_REKEYED 2
#define FLAG_EXPECTED 4
#define ALL_FLAGS 7

struct TgTdch {
        TgRole role;
        const TgTdchSuite *suite;
        guint index;          /* of the next message */
        gboolean is_rekeyed;  /* the secret in force is an exporter */
        TgSecret *secret;     /* R; NULL: it is over */
        TgSecret *expected;   /* another R that the initiator may have gone over to */
        TgSecret *transcript; /* P_0 … P_(index - 1) */
};

/* ---- making and ending ---- */

static TgSecret *
copy_secret(const TgSecret *secret, GError **error)
{
        gsize n_bytes = tg_secret_size(secret);

        if (n_bytes < MIN_SECRET_BYTES || n_bytes > MAX_SECRET_BYTES) {
                tg_set_error(error, TG_ERROR_INVALID, "no exchange has a secret of this length");
                return NULL;
        }

        return tg_secret_slice(secret, 0, n_bytes, error);
}

TgTdch *
tg_tdch_new(TgRole role, guint16 suite, const TgSecret *secret, GError **error)
{
        g_autoptr(TgTdch) self = g_new0(TgTdch, 1);

        self->role = role;
        self->suite = tg_tdch_suite(suite, error);
        self->secret = self->suite ? copy_secret(secret, error) : NULL;
        self->transcript = self->secret ? tg_secret_new(NULL, 0, error) : NULL;

        return self->transcript ? g_steal_pointer(&self) : NULL;
}

static void
end(TgTdch *self)
{
        g_clear_pointer(&self->secret, tg_secret_unref);
        g_clear_pointer(&self->expected, tg_secret_unref);
        g_clear_pointer(&self->transcript, tg_secret_unref);
}

void
tg_tdch_free(TgTdch *self)
{
        if (!self)
                return;
        end(self);
        g_free(self);
}

gboolean
tg_tdch_is_over(const TgTdch *self)
{
        return !self->secret;
}

gboolean
tg_tdch_is_own_turn(const TgTdch *self)
{
        return !tg_tdch_is_over(self) &&
               (self->index % 2 == 0) == (self->role == TG_ROLE_INITIATOR);
}

guint
tg_tdch_index(const TgTdch *self)
{
        return self->index;
}

static gboolean
refuse_state(GError **error)
{
        tg_set_error(error, TG_ERROR_BAD_STATE, "the exchange is over, or it is not its turn");
        return FALSE;
}

/* ---- where it lies, and under which key ---- */

static TgSecret *
derive(const TgTdch *self, const TgSecret *secret, const char *label, gsize n_bytes, GError **error)
{
        gsize n_transcript;
        const guint8 *transcript = tg_secret_get(self->transcript, &n_transcript);
        guint8 digest[TG_MAX_HASH_BYTES];
        gsize n_digest = tg_hash(self->suite->hash, transcript, n_transcript, digest);

        return tg_hkdf_expand_label(
                self->suite->hash, secret, label, digest, n_digest, n_bytes, error);
}

static gboolean
locate(const TgTdch *self,
       const TgSecret *secret,
       char ret_location[TG_TDCH_LOCATION_CHARS + 1],
       GError **error)
{
        g_autoptr(TgSecret) location = derive(self, secret, "Location", LOCATION_BYTES, error);

        if (!location)
                return FALSE;
        tg_base64_encode_to(
                TG_BASE64_URL, tg_secret_get(location, NULL), LOCATION_BYTES, ret_location);
        ret_location[TG_TDCH_LOCATION_CHARS] = '\0';

        return TRUE;
}

static const TgSecret *
choose(const TgTdch *self, TgTdchSecret which)
{
        return which == TG_TDCH_EXPECTED ? self->expected : self->secret;
}

gboolean
tg_tdch_location(const TgTdch *self,
                 TgTdchSecret which,
                 char ret_location[TG_TDCH_LOCATION_CHARS + 1],
                 GError **error)
{
        const TgSecret *secret = choose(self, which);

        return secret ? locate(self, secret, ret_location, error) : refuse_state(error);
}

char *
tg_tdch_url(const char *template, const char *location)
{
        const char *expression = strstr(template, EXPRESSION);

        g_return_val_if_fail(expression != NULL, NULL);

        return g_strdup_printf("%.*s%s%s",
                               (int)(expression - template),
                               template,
                               location,
                               expression + strlen(EXPRESSION));
}

/* ---- messages ---- */

/* The transcript with @plaintext after it. */
static TgSecret *
grow(const TgTdch *self, const TgSecret *plaintext, GError **error)
{
        gsize n_before, n_more;
        const guint8 *before = tg_secret_get(self->transcript, &n_before);
        const guint8 *more = tg_secret_get(plaintext, &n_more);
        TgSecret *grown;
        guint8 *room;

        grown = tg_secret_new_blank(n_before + n_more, &room, error);
        if (!grown)
                return NULL;
        memcpy(room, before, n_before);
        memcpy(room + n_before, more, n_more);

        return grown;
}

/* FALSE when no further message of @n_bytes belongs to an exchange. */
static gboolean
has_room(const TgTdch *self, gsize n_bytes, GError **error)
{
        if (self->index < TG_MAX_TDCH_MESSAGES &&
            n_bytes <= TG_MAX_TDCH_TRANSCRIPT_BYTES - tg_secret_size(self->transcript))
                return TRUE;
        tg_set_error(error, TG_ERROR_LIMIT_REACHED, "the exchange is longer than one may be");

        return FALSE;
}

static void
take_in(TgTdch *self, TgSecret *grown)
{
        tg_secret_unref(self->transcript);
        self->transcript = grown;
        self->index++;
}

GBytes *
tg_tdch_write(TgTdch *self,
              const TgSecret *message,
              const TgTdchChance *chance,
              char ret_location[TG_TDCH_LOCATION_CHARS + 1],
              GError **error)
{
        gsize n_random = self->index < FIRST_MESSAGES ? FIRST_RANDOM_BYTES : RANDOM_BYTES;
        g_autoptr(TgSecret) plaintext = NULL;
        g_autoptr(TgSecret) key = NULL;
        g_autoptr(TgSecret) grown = NULL;
        g_autoptr(GBytes) octets = NULL;

        if (!tg_tdch_is_own_turn(self)) {
                refuse_state(error);
                return NULL;
        }
        if (!has_room(self, 0, error))
                return NULL;
        plaintext = tg_tdch_structure_build(self->index,
                                            chance ? chance->random : NULL,
                                            chance ? chance->n_random : n_random,
                                            message,
                                            error);
        if (!plaintext || !has_room(self, tg_secret_size(plaintext), error) ||
            !locate(self, self->secret, ret_location, error))
                return NULL;
        key = derive(self, self->secret, "Key", KEY_BYTES, error);
        octets = key ? tg_tdch_protect(
                               self->suite, key, chance ? chance->nonce : NULL, plaintext, error)
                     : NULL;
        grown = octets ? grow(self, plaintext, error) : NULL;
        if (!grown)
                return NULL;
        take_in(self, g_steal_pointer(&grown));

        return g_steal_pointer(&octets);
}

/* Message self->index, whole and alone. */
static gboolean
check_plaintext(const TgTdch *self, const TgSecret *plaintext, TgTdchStructure *ret, GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(plaintext, &n_bytes);

        if (tg_tdch_structure_take(bytes, n_bytes, ret) && ret->n_all == n_bytes &&
            ret->id == self->index &&
            (self->index >= FIRST_MESSAGES || ret->n_random >= MIN_RANDOM_BYTES))
                return TRUE;
        tg_set_error(error, TG_ERROR_TAMPERED, "a message is not formed as it must be");

        return FALSE;
}

/* *ret_grown is set when nothing was wrong. FALSE without TG_ERROR_TAMPERED is our fault. */
static TgSecret *
open_message(TgTdch *self,
             const TgSecret *secret,
             const guint8 *bytes,
             gsize n_bytes,
             TgSecret **ret_grown,
             GError **error)
{
        g_autoptr(TgSecret) key = derive(self, secret, "Key", KEY_BYTES, error);
        g_autoptr(TgSecret) plaintext = NULL;
        g_autoptr(TgSecret) message = NULL;
        TgTdchStructure structure;

        if (!key)
                return NULL;
        plaintext = tg_tdch_unprotect(self->suite, key, bytes, n_bytes, error);
        if (!plaintext || !check_plaintext(self, plaintext, &structure, error))
                return NULL;
        if (!has_room(self, structure.n_all, NULL)) {
                tg_set_error(error, TG_ERROR_TAMPERED, "the exchange is longer than one may be");
                return NULL;
        }
        message = tg_secret_slice(plaintext, structure.offset, structure.n_message, error);
        *ret_grown = message ? grow(self, plaintext, error) : NULL;

        return *ret_grown ? g_steal_pointer(&message) : NULL;
}

TgSecret *
tg_tdch_read(TgTdch *self, TgTdchSecret which, const guint8 *bytes, gsize n_bytes, GError **error)
{
        const TgSecret *secret = choose(self, which);
        g_autoptr(GError) failure = NULL;
        TgSecret *message, *grown = NULL;

        if (!secret || tg_tdch_is_own_turn(self)) {
                refuse_state(error);
                return NULL;
        }
        message = open_message(self, secret, bytes, n_bytes, &grown, &failure);
        if (!message) {
                if (tg_error_code(failure) == TG_ERROR_TAMPERED)
                        end(self);
                g_propagate_error(error, g_steal_pointer(&failure));
                return NULL;
        }

        if (which == TG_TDCH_EXPECTED) {
                tg_secret_unref(self->secret);
                self->secret = g_steal_pointer(&self->expected);
                self->is_rekeyed = TRUE;
        }
        g_clear_pointer(&self->expected, tg_secret_unref);
        take_in(self, grown);

        return message;
}

/* ---- another secret ---- */

/* Only an answer can have told the two sides apart from whoever has the link. */
static gboolean
may_rekey(const TgTdch *self, TgRole role)
{
        return !tg_tdch_is_over(self) && !self->is_rekeyed && self->role == role &&
               self->index >= FIRST_MESSAGES && self->index % 2 == 0;
}

gboolean
tg_tdch_rekey(TgTdch *self, const TgSecret *exporter, GError **error)
{
        TgSecret *secret;

        if (!may_rekey(self, TG_ROLE_INITIATOR))
                return refuse_state(error);
        secret = copy_secret(exporter, error);
        if (!secret)
                return FALSE;
        tg_secret_unref(self->secret);
        self->secret = secret;
        self->is_rekeyed = TRUE;

        return TRUE;
}

gboolean
tg_tdch_expect_rekey(TgTdch *self, const TgSecret *exporter, GError **error)
{
        TgSecret *secret;

        if (!may_rekey(self, TG_ROLE_RECIPIENT))
                return refuse_state(error);
        secret = copy_secret(exporter, error);
        if (!secret)
                return FALSE;
        g_clear_pointer(&self->expected, tg_secret_unref);
        self->expected = secret;

        return TRUE;
}

/* ---- stored state ---- */

/*
 *     uint8  version, role, flags;
 *     uint16 suite;
 *     uint32 index;
 *     and unless it is over:
 *     opaque secret<32..255>;
 *     opaque expected<32..255>;   with FLAG_EXPECTED alone
 *     opaque transcript[…];       the rest: index structures
 */
static guint8 *
put(guint8 *at, const TgSecret *secret, gboolean has_length)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(secret, &n_bytes);

        if (has_length)
                *at++ = (guint8)n_bytes;
        memcpy(at, bytes, n_bytes);

        return at + n_bytes;
}

TgSecret *
tg_tdch_save(const TgTdch *self, GError **error)
{
        gsize n_bytes = SAVED_FIXED_BYTES;
        TgSecret *saved;
        guint8 *at;

        if (self->secret)
                n_bytes += 1 + tg_secret_size(self->secret) + tg_secret_size(self->transcript);
        if (self->expected)
                n_bytes += 1 + tg_secret_size(self->expected);
        saved = tg_secret_new_blank(n_bytes, &at, error);
        if (!saved)
                return NULL;

        *at++ = SAVED_VERSION;
        *at++ = (guint8)self->role;
        *at++ = (guint8)((self->secret ? 0 : FLAG_OVER) | (self->is_rekeyed ? FLAG_REKEYED : 0) |
                         (self->expected ? FLAG_EXPECTED : 0));
        *at++ = (guint8)(self->suite->id >> 8);
        *at++ = (guint8)self->suite->id;
        for (int shift = 24; shift >= 0; shift -= 8)
                *at++ = (guint8)(self->index >> shift);
        if (self->secret)
                at = put(at, self->secret, TRUE);
        if (self->expected)
                at = put(at, self->expected, TRUE);
        if (self->transcript)
                put(at, self->transcript, FALSE);

        return saved;
}

static gboolean
take_secret(const guint8 *bytes, gsize n_bytes, gsize *at, TgSecret **ret_secret, GError **error)
{
        gsize n_secret;

        if (*at >= n_bytes || bytes[*at] > n_bytes - *at - 1 || bytes[*at] < MIN_SECRET_BYTES)
                return FALSE;
        n_secret = bytes[*at];
        *ret_secret = tg_secret_new(bytes + *at + 1, n_secret, error);
        *at += 1 + n_secret;

        return *ret_secret != NULL;
}

/* Exactly the messages 0 … n_messages - 1. */
static gboolean
is_transcript(const guint8 *bytes, gsize n_bytes, guint n_messages)
{
        if (n_messages > TG_MAX_TDCH_MESSAGES || n_bytes > TG_MAX_TDCH_TRANSCRIPT_BYTES)
                return FALSE;
        for (guint i = 0; i < n_messages; i++) {
                TgTdchStructure structure;

                if (!tg_tdch_structure_take(bytes, n_bytes, &structure) || structure.id != i)
                        return FALSE;
                bytes += structure.n_all;
                n_bytes -= structure.n_all;
        }

        return n_bytes == 0;
}

/* Without @error set: the octets are none of ours. */
static gboolean
load(TgTdch *self, const guint8 *bytes, gsize n_bytes, GError **error)
{
        gsize at = SAVED_FIXED_BYTES;
        guint flags;

        if (n_bytes < SAVED_FIXED_BYTES || bytes[0] != SAVED_VERSION || bytes[1] > 1)
                return FALSE;
        self->role = (TgRole)bytes[1];
        flags = bytes[2];
        self->suite = tg_tdch_suite((guint16)(bytes[3] << 8 | bytes[4]), NULL);
        self->index = (guint)bytes[5] << 24 | (guint)bytes[6] << 16 | (guint)bytes[7] << 8 |
                      (guint)bytes[8];
        self->is_rekeyed = (flags & FLAG_REKEYED) != 0;
        if (!self->suite || (flags & ~(guint)ALL_FLAGS))
                return FALSE;
        if (flags & FLAG_OVER)
                return !(flags & FLAG_EXPECTED) && n_bytes == SAVED_FIXED_BYTES;

        if (!take_secret(bytes, n_bytes, &at, &self->secret, error))
                return FALSE;
        if (flags & FLAG_EXPECTED) {
                if (!may_rekey(self, TG_ROLE_RECIPIENT) ||
                    !take_secret(bytes, n_bytes, &at, &self->expected, error))
                        return FALSE;
        }
        if (!is_transcript(bytes + at, n_bytes - at, self->index))
                return FALSE;
        self->transcript = tg_secret_new(bytes + at, n_bytes - at, error);

        return self->transcript != NULL;
}

TgTdch *
tg_tdch_load(const TgSecret *saved, GError **error)
{
        g_autoptr(TgTdch) self = g_new0(TgTdch, 1);
        g_autoptr(GError) failure = NULL;
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(saved, &n_bytes);

        if (load(self, bytes, n_bytes, &failure))
                return g_steal_pointer(&self);
        if (failure)
                g_propagate_error(error, g_steal_pointer(&failure));
        else
                tg_set_error(
                        error, TG_ERROR_FAILED, "the stored state of an exchange cannot be read");

        return NULL;
}
