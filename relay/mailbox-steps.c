/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/mailbox-steps.h"

#include <string.h>

#include "protocol/digest.h"
#include "relay/header.h"

#define CREATION_LABEL "tigress creation"

#define CLAIM_MALFORMED "the header " TG_HEADER_CLAIM " must be a UUID"
#define REQUEST_NEEDED                                                                             \
        "the header " TG_HEADER_REQUEST_ID " must be a UUID, and this request needs it"
#define REQUEST_OF_ANOTHER_KIND                                                                    \
        "this request id was used for another kind of request: draw a new one"
#define IF_MATCH_MALFORMED "the header If-Match must be an entity tag as \"1\""

TgVerdict
tg_run_problem(TgRun *run, TgProblem what, const char *detail)
{
        tg_answer_set_problem(&run->call->answer, what, detail);
        return TG_VERDICT_ANSWERED;
}

TgVerdict
tg_run_answer(TgRun *run, guint status, char *body)
{
        tg_answer_set(&run->call->answer, status, "application/json", body);
        return TG_VERDICT_ANSWERED;
}

TgVerdict
tg_run_answer_version(TgRun *run, guint status, char *body)
{
        tg_run_answer(run, status, body);
        run->call->answer.version = run->mailbox.version;
        return TG_VERDICT_ANSWERED;
}

/* ---- claims ---- */

/* With the mailbox in it: one claim in two mailboxes is two digests. */
void
tg_run_digest_claim(const guint8 id[TG_ID_BYTES],
                    const TgApiCall *call,
                    guint8 ret[TG_DIGEST_BYTES])
{
        guint8 both[TG_ID_BYTES + TG_UUID_BYTES];

        memcpy(both, id, TG_ID_BYTES);
        memcpy(both + TG_ID_BYTES, call->claim, TG_UUID_BYTES);
        tg_sha256(both, sizeof both, ret);
}

/* Claim and id together: whoever knows only the id finds nothing by it. */
void
tg_run_digest_creation(const TgApiCall *call, guint8 ret[TG_ID_BYTES])
{
        static const char label[] = CREATION_LABEL;
        guint8 all[sizeof label + 2 * TG_UUID_BYTES];
        guint8 digest[TG_SHA256_BYTES];

        memcpy(all, label, sizeof label);
        memcpy(all + sizeof label, call->claim, TG_UUID_BYTES);
        memcpy(all + sizeof label + TG_UUID_BYTES, call->request, TG_UUID_BYTES);
        tg_sha256(all, sizeof all, digest);
        memcpy(ret, digest, TG_ID_BYTES);
}

gboolean
tg_party_is_bound(const TgParty *party)
{
        static const guint8 nobody[TG_DIGEST_BYTES];

        return memcmp(party->claim, nobody, sizeof nobody) != 0;
}

static TgSide
side_of(const TgMailbox *mailbox, const guint8 digest[TG_DIGEST_BYTES])
{
        const TgParty *parties = mailbox->parties;
        gboolean is_initiator =
                tg_bytes_equal(parties[TG_SIDE_INITIATOR].claim, digest, TG_DIGEST_BYTES);
        gboolean is_recipient =
                tg_bytes_equal(parties[TG_SIDE_RECIPIENT].claim, digest, TG_DIGEST_BYTES);

        return is_initiator ? TG_SIDE_INITIATOR : is_recipient ? TG_SIDE_RECIPIENT : TG_SIDE_NOBODY;
}

gboolean
tg_run_has_right(const TgRun *run, TgRights right)
{
        return (run->mailbox.rights & right) != 0;
}

/* ---- the steps that requests have in common ---- */

/* The 404 of a mailbox that is not there, or no longer. A claim that was bound to
 * it is told by whose word; a stranger costs the same two look-ups and gets the
 * same octets as if there had never been one. */
static TgVerdict
not_found(TgRun *run, gboolean was_found)
{
        TgApiCall *call = run->call;
        gint64 since_s = run->now_s - run->api->told_s;
        TgEnd word = TG_END_NONE;

        if (call->operation != TG_OPERATION_PREVIEW && call->is_claim_given == TG_GIVEN &&
            run->api->told_s > 0) {
                if (!tg_store_load_end(run->store, call->claim_digest, since_s, &word, run->error))
                        return TG_VERDICT_DOUBT;
                /* Its time is up, but nobody has swept it away yet. */
                if (was_found && side_of(&run->mailbox, call->claim_digest) != TG_SIDE_NOBODY &&
                    run->mailbox.expires_s > since_s)
                        word = TG_END_EXPIRED;
        }

        switch (word) {
        case TG_END_CANCELLED:
                return tg_run_problem(run, TG_PROBLEM_CANCELLED, NULL);
        case TG_END_COMPLETED:
                return tg_run_problem(run, TG_PROBLEM_COMPLETED, NULL);
        case TG_END_EXPIRED:
                return tg_run_problem(run, TG_PROBLEM_EXPIRED, NULL);
        case TG_END_NONE:
                break;
        }

        return tg_run_problem(run, TG_PROBLEM_NOT_FOUND, NULL);
}

TgVerdict
tg_run_find_mailbox(TgRun *run)
{
        TgApiCall *call = run->call;
        gboolean is_found;

        if (call->is_claim_given == TG_GIVEN)
                tg_run_digest_claim(call->id, call, call->claim_digest);
        if (!tg_store_load(run->store, call->id, &is_found, &run->mailbox, run->error))
                return TG_VERDICT_DOUBT;
        if (!is_found || run->mailbox.expires_s <= run->now_s)
                return not_found(run, is_found);

        return TG_VERDICT_GO_ON;
}

TgVerdict
tg_run_need_claim(TgRun *run)
{
        if (run->call->is_claim_given == TG_GIVEN_MALFORMED)
                return tg_run_problem(run, TG_PROBLEM_MALFORMED, CLAIM_MALFORMED);
        if (run->call->is_claim_given == TG_GIVEN_NOT)
                return tg_run_problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);

        return TG_VERDICT_GO_ON;
}

TgVerdict
tg_run_need_request(TgRun *run)
{
        if (run->call->is_request_given != TG_GIVEN)
                return tg_run_problem(run, TG_PROBLEM_MALFORMED, REQUEST_NEEDED);

        return TG_VERDICT_GO_ON;
}

TgVerdict
tg_run_check_claim(TgRun *run)
{
        TgVerdict verdict = tg_run_need_claim(run);

        if (verdict == TG_VERDICT_GO_ON)
                run->side = side_of(&run->mailbox, run->call->claim_digest);

        return verdict;
}

TgVerdict
tg_run_check_bound_claim(TgRun *run)
{
        TgVerdict verdict = tg_run_check_claim(run);

        if (verdict == TG_VERDICT_GO_ON && run->side == TG_SIDE_NOBODY)
                return tg_run_problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);

        return verdict;
}

TgVerdict
tg_run_check_request(TgRun *run, gboolean *ret_is_repeated)
{
        const TgApiCall *call = run->call;
        const TgParty *party = &run->mailbox.parties[run->side];

        TgVerdict verdict = tg_run_need_request(run);

        *ret_is_repeated = FALSE;
        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        if (party->last_operation == TG_OPERATION_NONE ||
            memcmp(party->last_request, call->request, TG_UUID_BYTES) != 0)
                return TG_VERDICT_GO_ON;
        if (party->last_operation != (guint)call->operation)
                return tg_run_problem(run, TG_PROBLEM_MALFORMED, REQUEST_OF_ANOTHER_KIND);
        *ret_is_repeated = TRUE;

        return TG_VERDICT_GO_ON;
}

TgVerdict
tg_run_check_if_match(TgRun *run)
{
        const char *tags = run->call->if_match;

        if (!tags)
                return TG_VERDICT_GO_ON;
        switch (tg_header_match_tags(tags, run->mailbox.version, FALSE)) {
        case TG_TAGS_MALFORMED:
                return tg_run_problem(run, TG_PROBLEM_MALFORMED, IF_MATCH_MALFORMED);
        case TG_TAGS_DIFFER:
                return tg_run_problem(run, TG_PROBLEM_VERSION, NULL);
        case TG_TAGS_MATCH:
                break;
        }

        return TG_VERDICT_GO_ON;
}

void
tg_run_remember_request(TgRun *run)
{
        TgParty *party = &run->mailbox.parties[run->side];

        memcpy(party->last_request, run->call->request, TG_UUID_BYTES);
        party->last_operation = run->call->operation;
}
