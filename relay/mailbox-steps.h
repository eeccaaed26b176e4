/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The checks that the requests of the mailbox API have in common, in the order in
 * which they are made: mailbox, claim, request id, right, condition. For
 * mailbox-api.c.
 */

#include "relay/mailbox-api.h"

/* One run of one call. */
typedef struct {
        const TgApi *api;
        TgApiCall *call;
        TgStore *store;
        gint64 now_s;
        GError **error;
        TgMailbox mailbox;
        TgSide side; /* whose claim it is */
} TgRun;

/* "Nothing against it so far": a check returns it, or what the run is to return. */
#define TG_VERDICT_GO_ON ((TgVerdict)-1)

/* Set the answer, and return that there is one. @body is taken. */
TgVerdict tg_run_problem(TgRun *run, TgProblem what, const char *detail);
TgVerdict tg_run_answer(TgRun *run, guint status, char *body);
TgVerdict tg_run_answer_version(TgRun *run, guint status, char *body);

void tg_run_digest_claim(const guint8 id[TG_ID_BYTES],
                         const TgApiCall *call,
                         guint8 ret[TG_DIGEST_BYTES]);
void tg_run_digest_creation(const TgApiCall *call, guint8 ret[TG_ID_BYTES]);
gboolean tg_party_is_bound(const TgParty *party);
gboolean tg_run_has_right(const TgRun *run, TgRights right);

/* The header is there, and a UUID. */
TgVerdict tg_run_need_claim(TgRun *run);
TgVerdict tg_run_need_request(TgRun *run);

/* Loads run->mailbox, or answers 404. */
TgVerdict tg_run_find_mailbox(TgRun *run);
/* There is a claim; sets run->side. */
TgVerdict tg_run_check_claim(TgRun *run);
/* … and it is bound. */
TgVerdict tg_run_check_bound_claim(TgRun *run);
/* For requests that change something. *ret_is_repeated: this very request has
 * succeeded before; nothing is to be done again. */
TgVerdict tg_run_check_request(TgRun *run, gboolean *ret_is_repeated);
TgVerdict tg_run_check_if_match(TgRun *run);

/* In run->mailbox; the caller saves it. */
void tg_run_remember_request(TgRun *run);
