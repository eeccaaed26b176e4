/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What each request of the mailbox API means (draft-vinokurov-tigress-http-00 with
 * the decisions in ARCHITECTURE.md): a function of request, store and time to an
 * answer, or to "hold it". Knows no socket, thread or clock, and keeps no state,
 * so the same call may be run again when a batch of the store has failed.
 */

#include "relay/request.h"

typedef enum {
        TG_VERDICT_ANSWERED,
        TG_VERDICT_HELD,  /* set is_held once the batch has committed, and run it again when the
                             mailbox changes, at call->expires_s, and when call->wait_s seconds
                             have passed, with is_wait_over */
        TG_VERDICT_WRITE, /* nothing was done: it needs a writing store, in a batch */
        TG_VERDICT_DOUBT, /* the store failed: roll back; @error is set */
} TgVerdict;

/* Checks mailbox, claim, request id, right and condition, in this order, and does
 * what is asked. An answer is to be sent only after the batch has committed. */
TgVerdict
tg_api_execute(const TgApi *api, TgApiCall *call, TgStore *store, gint64 now_s, GError **error);

/* Answers a call that the store could not serve. */
void tg_api_fail(TgApiCall *call);
