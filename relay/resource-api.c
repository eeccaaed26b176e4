/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/resource-api.h"

#include <string.h>

#include "protocol/digest.h"

#define CLAIM_MALFORMED "the header " TG_HEADER_CLAIM " must be a UUID"
#define REQUEST_MALFORMED "the header " TG_HEADER_REQUEST_ID " must be a UUID"
#define LOCK_MALFORMED "the header " TG_HEADER_READER_LOCK " must be: required"
#define TAKEN "something lies at this address already"

/* Nobody waits that long: an absent resource has no time of its own. */
#define NEVER_S (G_MAXINT64 / G_USEC_PER_SEC)

/* With the location in it: one claim for two locations is two digests. */
static void
digest_claim(TgApiCall *call)
{
        guint8 both[TG_RESOURCE_ID_BYTES + TG_UUID_BYTES];

        memcpy(both, call->resource_id, TG_RESOURCE_ID_BYTES);
        memcpy(both + TG_RESOURCE_ID_BYTES, call->claim, TG_UUID_BYTES);
        tg_sha256(both, sizeof both, call->claim_digest);
}

/* The headers, as far as they can be wrong. *ret_claim: NULL without a claim. */
static TgVerdict
check_headers(TgRun *run, const guint8 **ret_claim)
{
        TgApiCall *call = run->call;

        *ret_claim = NULL;
        if (call->is_claim_given == TG_GIVEN_MALFORMED)
                return tg_run_problem(run, TG_PROBLEM_MALFORMED, CLAIM_MALFORMED);
        if (call->is_request_given == TG_GIVEN_MALFORMED)
                return tg_run_problem(run, TG_PROBLEM_MALFORMED, REQUEST_MALFORMED);
        if (call->is_lock_given == TG_GIVEN_MALFORMED)
                return tg_run_problem(run, TG_PROBLEM_MALFORMED, LOCK_MALFORMED);
        if (call->is_claim_given == TG_GIVEN) {
                digest_claim(call);
                *ret_claim = call->claim_digest;
        } else if (!call->is_held) {
                /* who waits without a claim puts an end to nobody else's wait */
                tg_random(call->claim_digest, sizeof call->claim_digest);
        }

        return TG_VERDICT_GO_ON;
}

TgVerdict
tg_resource_put(TgRun *run)
{
        TgApiCall *call = run->call;
        TgResource resource = {
                .expires_s = call->expires_s,
                .is_lock_required = call->is_lock_given == TG_GIVEN,
                .has_request = call->is_request_given == TG_GIVEN,
        };
        const guint8 *claim;
        TgPut put;
        TgVerdict verdict = check_headers(run, &claim);

        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        if (!run->store->is_writer)
                return TG_VERDICT_WRITE;

        memcpy(resource.id, call->resource_id, sizeof resource.id);
        memcpy(resource.request, call->request, sizeof resource.request);
        resource.octets = g_bytes_get_data(call->octets, &resource.n_octets);
        if (!tg_store_put_resource(run->store, &resource, run->now_s, &put, run->error))
                return TG_VERDICT_DOUBT;
        if (put == TG_PUT_TAKEN)
                return tg_run_problem(run, TG_PROBLEM_VERSION, TAKEN);
        if (put == TG_PUT_NO_ROOM)
                return tg_run_problem(run, TG_PROBLEM_UNAVAILABLE, NULL);
        call->has_changed = put == TG_PUT_MADE;

        return tg_run_answer(run, 201, NULL);
}

/* Whoever may not read waits as if nothing had come: a stranger's patience tells him nothing. */
static TgVerdict
answer_nothing(TgRun *run)
{
        TgApiCall *call = run->call;

        if (call->wait_s > 0 && !call->is_wait_over) {
                call->expires_s = NEVER_S;
                return TG_VERDICT_HELD;
        }
        tg_run_problem(run, TG_PROBLEM_NOT_FOUND, NULL);
        call->answer.waited_s = call->wait_s;

        return TG_VERDICT_ANSWERED;
}

TgVerdict
tg_resource_get(TgRun *run)
{
        TgApiCall *call = run->call;
        g_autoptr(GBytes) octets = NULL;
        const guint8 *claim;
        TgGet get;
        TgVerdict verdict = check_headers(run, &claim);

        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        if (!tg_store_get_resource(
                    run->store, call->resource_id, claim, run->now_s, &get, &octets, run->error))
                return TG_VERDICT_DOUBT;
        if (get == TG_GET_WRITE)
                return TG_VERDICT_WRITE;
        if (get == TG_GET_NOTHING)
                return answer_nothing(run);
        tg_answer_set_octets(&call->answer, 200, octets);
        call->answer.waited_s = call->wait_s;

        return TG_VERDICT_ANSWERED;
}

TgVerdict
tg_resource_delete(TgRun *run)
{
        TgApiCall *call = run->call;
        const guint8 *claim;
        gboolean is_removed;
        TgVerdict verdict = check_headers(run, &claim);

        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        if (!run->store->is_writer)
                return TG_VERDICT_WRITE;
        if (!tg_store_remove_resource(
                    run->store, call->resource_id, claim, run->now_s, &is_removed, run->error))
                return TG_VERDICT_DOUBT;

        return is_removed ? tg_run_answer(run, 204, NULL)
                          : tg_run_problem(run, TG_PROBLEM_NOT_FOUND, NULL);
}
