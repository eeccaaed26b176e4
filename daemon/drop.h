/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a share over plain HTTP keeps beside its exchange, all of it stored: the turns and their
 * secret (protocol/tdch.h), the own message until it is there, what was read until it is
 * taken in, and the claims that make a message one reader's.
 */

#include <glib.h>

#include "protocol/secret.h"
#include "protocol/tdch.h"

#define TG_DROP_SUITE 0x1301 /* of new shares: TLS_AES_128_GCM_SHA256 */
#define TG_N_PLACES (TG_TDCH_EXPECTED + 1)

typedef struct {
        guint16 suite;
        TgTdch *tdch; /* NULL: not begun, or erased */
        /* Seals, for the exchange alone, messages that travel without a seal of their own: it
         * knows nothing but sealed ones. Never leaves. */
        TgSecret *seal;

        char *put_url;                 /* where the last own message lies, or lay */
        GBytes *put_octets;            /* NULL: they are there for good */
        TgSecret *claims[TG_N_PLACES]; /* UUID texts: for the places where the next may lie */
        GBytes *got;                   /* read at `got_at`, not yet taken in */
        TgTdchSecret got_at;
        gboolean is_unguarded; /* the server knows no request ids, nor the reader's lock */

        /* after an end */
        TgSecret *back_claim;   /* with which the last own message is taken back */
        gboolean is_taken_back; /* it was unread */
        gboolean was_given;     /* the credential was in it, or before it */

        /* only in memory */
        gboolean is_put_fresh; /* never asked for before */
        guint n_looks;         /* since the last message */
        guint hold_s;
} TgDropState;

TgDropState *tg_drop_state_new(guint16 suite, GError **error);
void tg_drop_state_free(TgDropState *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgDropState, tg_drop_state_free)
/* All secrets but those that an errand needs. */
void tg_drop_state_erase(TgDropState *self);

TgSecret *tg_drop_state_save(const TgDropState *self, GError **error);
TgDropState *tg_drop_state_load(const TgSecret *saved, GError **error);
