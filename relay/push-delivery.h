/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One wake-up on its way to a push service (RFC 8030): the name is resolved once, every address
 * that it has is looked at, and only these are connected to. Waits; for a thread of its own.
 *
 * What comes of it is a word. Nothing of an endpoint, an address or an answer is logged or kept.
 */

#include "relay/push-rules.h"
#include "relay/store.h"

typedef enum {
        TG_PUSH_SENT,
        TG_PUSH_LATER,   /* the service, or the way to it, is in trouble */
        TG_PUSH_GONE,    /* the endpoint does not exist any more */
        TG_PUSH_FAILED,  /* the service does not take it, and will not */
        TG_PUSH_REFUSED, /* the operator's rules, or the guard, are against it */
        TG_PUSH_BUSY,    /* too many are under way to this host; not tried */
} TgPushOutcome;

typedef struct {
        guint8 id[TG_ID_BYTES];
        TgSide side;
        TgToken token;
        TgPushRules *rules;
        TgPushOutcome outcome;
        guint retry_after_s; /* as the service wants it; 0: it does not say */
} TgPushJob;

/* Takes what is in @token and leaves nothing there; refers to @rules. */
TgPushJob *
tg_push_job_new(const guint8 id[TG_ID_BYTES], TgSide side, TgToken *token, TgPushRules *rules);
void tg_push_job_free(TgPushJob *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgPushJob, tg_push_job_free)

/* Once, before any thread delivers. */
void tg_push_delivery_init(void);

/* Sets what has come of it. Gives up soon after @is_stopping has become true. @endpoint is that
 * of the job. */
void tg_push_deliver(TgPushJob *self,
                     const TgPushEndpoint *endpoint,
                     const _Atomic gboolean *is_stopping);
