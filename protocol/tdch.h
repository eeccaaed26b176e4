/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An exchange over plain HTTP (draft-rescorla-tigress-http-00): one resource a message, whose
 * place and key follow from the link's secret and from everything said before. The initiator
 * writes message 0, then they take turns. A pure state machine: no clock, store, socket or loop.
 *
 *     U_i = HKDF-Expand-Label(R, "Location", Hash(P_0 … P_(i-1)), 32)
 *     K_i = HKDF-Expand-Label(R, "Key",      Hash(P_0 … P_(i-1)), 32)
 *
 * What arrives and is not right ends the exchange for good: there is no second look at a
 * location, and secret and transcript are erased. What is our own fault (out of turn, no memory)
 * changes nothing. tg_tdch_is_over() tells them apart.
 *
 * The owner's duty: save tg_tdch_save() together with the octets to be written, or with the
 * octets that were read, before it acts on them.
 */

#include <glib.h>

#include "protocol/envelope.h"
#include "protocol/secret.h"

#define TG_TDCH_LOCATION_CHARS 43

typedef struct TgTdch TgTdch;

/* Copies @secret, the link's R (32 to 255 octets). TG_ERROR_INVALID for another length or an
 * unknown suite. */
TgTdch *tg_tdch_new(TgRole role, guint16 suite, const TgSecret *secret, GError **error);
void tg_tdch_free(TgTdch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgTdch, tg_tdch_free)

gboolean tg_tdch_is_over(const TgTdch *self);
/* Message tg_tdch_index() is ours to write; else it is awaited. */
gboolean tg_tdch_is_own_turn(const TgTdch *self);
guint tg_tdch_index(const TgTdch *self); /* messages so far */

/* The secret under which the next message may lie. */
typedef enum {
        TG_TDCH_IN_FORCE,
        TG_TDCH_EXPECTED, /* the one of tg_tdch_expect_rekey() */
} TgTdchSecret;

/* Where the next message lies, written or not. TG_ERROR_BAD_STATE when it is over, or no other
 * secret is expected. Whoever knows a location can take its message away: not for logs. */
gboolean tg_tdch_location(const TgTdch *self,
                          TgTdchSecret which,
                          char ret_location[TG_TDCH_LOCATION_CHARS + 1],
                          GError **error);

/* The template of a link (which link.c has checked) with @location in the place of its only
 * expression. */
char *tg_tdch_url(const char *template, const char *location);

/* For known answers; not for use. */
typedef struct {
        const guint8 *random;
        gsize n_random;
        const guint8 *nonce; /* as many octets as the suite wants */
} TgTdchChance;

/* The octets of the next message, with its location, and takes it into the transcript. @chance
 * NULL: random. TG_ERROR_LIMIT_REACHED when it, or the exchange, would be too long. */
GBytes *tg_tdch_write(TgTdch *self,
                      const TgSecret *message,
                      const TgTdchChance *chance,
                      char ret_location[TG_TDCH_LOCATION_CHARS + 1],
                      GError **error);

/* Opens what lay at tg_tdch_location(@which). The secret under which it was found is the one in
 * force from then on, and no other is expected. TG_ERROR_TAMPERED ends the exchange. */
TgSecret *
tg_tdch_read(TgTdch *self, TgTdchSecret which, const guint8 *bytes, gsize n_bytes, GError **error);

/* The initiator, before it writes what only the right peer may find: @exporter is the secret
 * from here on; the transcript runs on. Once. */
gboolean tg_tdch_rekey(TgTdch *self, const TgSecret *exporter, GError **error);
/* The recipient, after an answer: the next message may lie under @exporter. */
gboolean tg_tdch_expect_rekey(TgTdch *self, const TgSecret *exporter, GError **error);

/* All of it, secret and transcript included. */
TgSecret *tg_tdch_save(const TgTdch *self, GError **error);
TgTdch *tg_tdch_load(const TgSecret *saved, GError **error);
