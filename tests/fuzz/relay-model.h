/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a relay's mailboxes must be like from outside, told in the fewest words: who made one,
 * who is bound, what was written last. The fuzzer of the relay compares each answer with it.
 */

#include "relay/mailbox-api.h"

typedef struct {
        guint8 id[TG_ID_BYTES];
        guint8 claims[TG_N_SIDES][TG_UUID_BYTES];
        gboolean is_bound; /* the recipient's claim counts */
        gboolean is_ended;
        gboolean has_verifier;
        guint8 verifier[TG_PROOF_BYTES];
        TgRights rights;
        TgSide writer;
        guint64 version;
        gint64 expires_s;
        char *payload;
} Model;

typedef GPtrArray Models; /* of Model */

Models *models_new(void);

/* Compares what @call was answered with what it may be, and takes over what it has changed. */
void models_check(Models *self, const TgApiCall *call, TgVerdict verdict, gint64 now_s);
