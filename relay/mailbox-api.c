/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/mailbox-api.h"

#include <string.h>

#include "protocol/crypto.h"
#include "relay/header.h"
#include "relay/preview.h"

#define CREATION_LABEL "tigress creation"

#define CLAIM_MALFORMED "the header " TG_HEADER_CLAIM " must be a UUID"
#define REQUEST_NEEDED                                                                             \
        "the header " TG_HEADER_REQUEST_ID " must be a UUID, and this request needs it"
#define REQUEST_MALFORMED "the header " TG_HEADER_REQUEST_ID " must be a UUID"
#define REQUEST_OF_ANOTHER_KIND                                                                    \
        "this request id was used for another kind of request: draw a new one"
#define VERIFIER_MALFORMED                                                                         \
        "the header " TG_HEADER_VERIFIER " must be 32 octets in unpadded url-safe base64"
#define IF_MATCH_MALFORMED "the header If-Match must be an entity tag as \"1\""
#define IF_NONE_MATCH_MALFORMED "the header If-None-Match must be an entity tag as \"1\""

/* One run of one call. */
typedef struct {
        const TgApi *api;
        TgApiCall *call;
        TgStore *store;
        gint64 now_s;
        GError **error;
        TgMailbox mailbox;
        TgSide side; /* whose claim it is */
} Run;

/* "Nothing against it so far": steps return it to go on. */
#define GO_ON ((TgVerdict)-1)

static TgVerdict
problem(Run *run, TgProblem what, const char *detail)
{
        tg_answer_set_problem(&run->call->answer, what, detail);
        return TG_VERDICT_ANSWERED;
}

static TgVerdict
answer(Run *run, guint status, char *body)
{
        tg_answer_set(&run->call->answer, status, "application/json", body);
        return TG_VERDICT_ANSWERED;
}

static TgVerdict
answer_version(Run *run, guint status, char *body)
{
        answer(run, status, body);
        run->call->answer.version = run->mailbox.version;
        return TG_VERDICT_ANSWERED;
}

/* ---- claims ---- */

/* With the mailbox in it: one claim in two mailboxes is two digests. */
static void
digest_claim(const guint8 id[TG_ID_BYTES], const TgApiCall *call, guint8 ret[TG_DIGEST_BYTES])
{
        guint8 both[TG_ID_BYTES + TG_UUID_BYTES];

        memcpy(both, id, TG_ID_BYTES);
        memcpy(both + TG_ID_BYTES, call->claim, TG_UUID_BYTES);
        tg_sha256(both, sizeof both, ret);
}

/* Claim and id together: whoever knows only the id finds nothing by it. */
static void
digest_creation(const TgApiCall *call, guint8 ret[TG_ID_BYTES])
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

static gboolean
is_bound(const TgParty *party)
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

static gboolean
has_right(const Run *run, TgRights right)
{
        return (run->mailbox.rights & right) != 0;
}

/* ---- the steps that requests have in common ---- */

/* The 404 of a mailbox that is not there, or no longer. A claim that was bound to
 * it is told by whose word; a stranger costs the same two look-ups and gets the
 * same octets as if there had never been one. */
static TgVerdict
not_found(Run *run, gboolean was_found)
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
                return problem(run, TG_PROBLEM_CANCELLED, NULL);
        case TG_END_COMPLETED:
                return problem(run, TG_PROBLEM_COMPLETED, NULL);
        case TG_END_EXPIRED:
                return problem(run, TG_PROBLEM_EXPIRED, NULL);
        case TG_END_NONE:
                break;
        }

        return problem(run, TG_PROBLEM_NOT_FOUND, NULL);
}

static TgVerdict
find_mailbox(Run *run)
{
        TgApiCall *call = run->call;
        gboolean is_found;

        if (call->is_claim_given == TG_GIVEN)
                digest_claim(call->id, call, call->claim_digest);
        if (!tg_store_load(run->store, call->id, &is_found, &run->mailbox, run->error))
                return TG_VERDICT_DOUBT;
        if (!is_found || run->mailbox.expires_s <= run->now_s)
                return not_found(run, is_found);

        return GO_ON;
}

static TgVerdict
check_claim(Run *run)
{
        const TgApiCall *call = run->call;

        if (call->is_claim_given == TG_GIVEN_MALFORMED)
                return problem(run, TG_PROBLEM_MALFORMED, CLAIM_MALFORMED);
        if (call->is_claim_given == TG_GIVEN_NOT)
                return problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        run->side = side_of(&run->mailbox, call->claim_digest);

        return GO_ON;
}

static TgVerdict
check_bound_claim(Run *run)
{
        TgVerdict verdict = check_claim(run);

        if (verdict == GO_ON && run->side == TG_SIDE_NOBODY)
                return problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);

        return verdict;
}

/* For requests that change something. *ret_is_repeated: this very request has
 * succeeded before; nothing is to be done again. */
static TgVerdict
check_request(Run *run, gboolean *ret_is_repeated)
{
        const TgApiCall *call = run->call;
        const TgParty *party = &run->mailbox.parties[run->side];

        *ret_is_repeated = FALSE;
        if (call->is_request_given != TG_GIVEN)
                return problem(run, TG_PROBLEM_MALFORMED, REQUEST_NEEDED);
        if (party->last_operation == TG_OPERATION_NONE ||
            memcmp(party->last_request, call->request, TG_UUID_BYTES) != 0)
                return GO_ON;
        if (party->last_operation != (guint)call->operation)
                return problem(run, TG_PROBLEM_MALFORMED, REQUEST_OF_ANOTHER_KIND);
        *ret_is_repeated = TRUE;

        return GO_ON;
}

static TgVerdict
check_if_match(Run *run)
{
        const char *tags = run->call->if_match;

        if (!tags)
                return GO_ON;
        switch (tg_header_match_tags(tags, run->mailbox.version, FALSE)) {
        case TG_TAGS_MALFORMED:
                return problem(run, TG_PROBLEM_MALFORMED, IF_MATCH_MALFORMED);
        case TG_TAGS_DIFFER:
                return problem(run, TG_PROBLEM_VERSION, NULL);
        case TG_TAGS_MATCH:
                break;
        }

        return GO_ON;
}

static void
remember_request(Run *run)
{
        TgParty *party = &run->mailbox.parties[run->side];

        memcpy(party->last_request, run->call->request, TG_UUID_BYTES);
        party->last_operation = run->call->operation;
}

/* ---- create ---- */

static char *
format_created(Run *run)
{
        g_autofree char *link = NULL;
        char id[TG_UUID_CHARS + 1];

        tg_uuid_format(run->mailbox.id, id);
        link = g_strconcat(run->api->origin, TG_MAILBOX_PATH "/", id, NULL);

        return tg_mailbox_format_created(link, FALSE, run->mailbox.has_verifier);
}

static void
fill_mailbox(Run *run)
{
        const TgApiCall *call = run->call;
        TgMailbox *mailbox = &run->mailbox;

        *mailbox = (TgMailbox){
                .expires_s = call->expires_s,
                .rights = call->body.rights,
                .version = 1,
                .writer = TG_SIDE_INITIATOR,
                .has_verifier = call->is_verifier_given == TG_GIVEN,
        };
        tg_random_uuid(mailbox->id);
        digest_creation(call, mailbox->creation);
        if (mailbox->has_verifier)
                memcpy(mailbox->verifier, call->verifier, TG_PROOF_BYTES);
        digest_claim(mailbox->id, call, mailbox->parties[TG_SIDE_INITIATOR].claim);
        run->side = TG_SIDE_INITIATOR;
        remember_request(run);
}

/* The mailbox that this very request made before, if its time is not up. */
static TgVerdict
find_created(Run *run, gboolean *ret_is_repeated)
{
        guint8 creation[TG_ID_BYTES];

        digest_creation(run->call, creation);
        if (!tg_store_load_creation(
                    run->store, creation, ret_is_repeated, &run->mailbox, run->error))
                return TG_VERDICT_DOUBT;
        if (!*ret_is_repeated || run->mailbox.expires_s > run->now_s)
                return GO_ON;

        *ret_is_repeated = FALSE;
        if (!tg_store_end(run->store,
                          &run->mailbox,
                          TG_END_EXPIRED,
                          run->mailbox.expires_s,
                          run->api->told_s > 0,
                          run->error))
                return TG_VERDICT_DOUBT;

        return GO_ON;
}

static TgVerdict
execute_create(Run *run)
{
        const TgApiCall *call = run->call;
        const TgMailboxRequest *body = &call->body;
        gboolean is_repeated;
        TgVerdict verdict;

        if (call->is_claim_given == TG_GIVEN_MALFORMED)
                return problem(run, TG_PROBLEM_MALFORMED, CLAIM_MALFORMED);
        if (call->is_claim_given == TG_GIVEN_NOT)
                return problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        if (call->is_verifier_given == TG_GIVEN_MALFORMED)
                return problem(run, TG_PROBLEM_MALFORMED, VERIFIER_MALFORMED);
        if (call->is_request_given != TG_GIVEN)
                return problem(run, TG_PROBLEM_MALFORMED, REQUEST_NEEDED);
        if (!run->store->is_writer)
                return TG_VERDICT_WRITE;

        verdict = find_created(run, &is_repeated);
        if (verdict != GO_ON)
                return verdict;
        if (is_repeated)
                return answer(run, 201, format_created(run));

        fill_mailbox(run);
        if (!tg_store_insert(run->store, &run->mailbox, &body->display, body->payload, run->error))
                return TG_VERDICT_DOUBT;
        if (body->token.type &&
            !tg_store_save_token(
                    run->store, &run->mailbox, TG_SIDE_INITIATOR, &body->token, run->error))
                return TG_VERDICT_DOUBT;

        return answer_version(run, 200, format_created(run));
}

/* ---- read ---- */

static gboolean
may_bind(const Run *run)
{
        const TgApiCall *call = run->call;
        const TgMailbox *mailbox = &run->mailbox;
        guint8 verifier[TG_PROOF_BYTES];

        /* Who was bound when the wait began and is no longer has let go. */
        if (call->is_held || is_bound(&mailbox->parties[TG_SIDE_RECIPIENT]))
                return FALSE;
        if (!mailbox->has_verifier)
                return TRUE;
        if (call->is_proof_given != TG_GIVEN)
                return FALSE;
        tg_sha256(call->proof, TG_PROOF_BYTES, verifier);

        return tg_bytes_equal(verifier, mailbox->verifier, TG_PROOF_BYTES);
}

/* The answer to a reader whose claim is in order; what it has to be is known
 * before anything is written. */
static TgVerdict
answer_read(Run *run)
{
        g_auto(TgContent) content = {0};
        TgApiCall *call = run->call;
        TgTags tags = TG_TAGS_DIFFER;

        if (call->if_none_match)
                tags = tg_header_match_tags(call->if_none_match, run->mailbox.version, TRUE);
        if (tags == TG_TAGS_MALFORMED)
                return problem(run, TG_PROBLEM_MALFORMED, IF_NONE_MATCH_MALFORMED);

        if (tags == TG_TAGS_MATCH && call->wait_s > 0 && !call->is_wait_over) {
                call->expires_s = run->mailbox.expires_s;
                return TG_VERDICT_HELD;
        }
        if (tags == TG_TAGS_MATCH) {
                answer_version(run, 304, NULL);
                call->answer.waited_s = call->wait_s;
                return TG_VERDICT_ANSWERED;
        }

        if (!tg_store_load_content(run->store, TRUE, &content, run->error))
                return TG_VERDICT_DOUBT;
        answer_version(
                run,
                200,
                tg_mailbox_format_read(content.payload, &content.display, run->mailbox.expires_s));
        call->answer.waited_s = call->wait_s;

        return TG_VERDICT_ANSWERED;
}

static TgVerdict
save_reader(Run *run, gboolean is_binding)
{
        TgParty *recipient = &run->mailbox.parties[TG_SIDE_RECIPIENT];
        const TgToken *token = &run->call->body.token;

        if (is_binding) {
                memcpy(recipient->claim, run->call->claim_digest, TG_DIGEST_BYTES);
                memset(recipient->last_request, 0, sizeof recipient->last_request);
                recipient->last_operation = TG_OPERATION_NONE;
                if (!tg_store_save(run->store, &run->mailbox, NULL, run->error))
                        return TG_VERDICT_DOUBT;
        }
        if (token->type && !tg_store_save_token(run->store,
                                                &run->mailbox,
                                                is_binding ? TG_SIDE_RECIPIENT : run->side,
                                                token,
                                                run->error))
                return TG_VERDICT_DOUBT;

        return GO_ON;
}

static TgVerdict
execute_read(Run *run)
{
        TgApiCall *call = run->call;
        gboolean is_binding;
        TgVerdict verdict = find_mailbox(run), saved;

        if (verdict == GO_ON)
                verdict = check_claim(run);
        if (verdict != GO_ON)
                return verdict;
        is_binding = run->side == TG_SIDE_NOBODY;
        if (is_binding && !may_bind(run))
                return problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        if (call->is_request_given == TG_GIVEN_MALFORMED)
                return problem(run, TG_PROBLEM_MALFORMED, REQUEST_MALFORMED);
        if (run->side != TG_SIDE_INITIATOR && !has_right(run, TG_RIGHT_READ))
                return problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        if (!run->store->is_writer && !call->is_held && (is_binding || call->body.token.type))
                return TG_VERDICT_WRITE;

        verdict = answer_read(run);
        if (verdict == TG_VERDICT_DOUBT || call->answer.status == 400 || call->is_held)
                return verdict;
        saved = save_reader(run, is_binding);

        return saved == GO_ON ? verdict : saved;
}

/* ---- update, delete, relinquish ---- */

/* Up to the request id. */
static TgVerdict
begin_change(Run *run, gboolean *ret_is_repeated)
{
        TgVerdict verdict;

        if (!run->store->is_writer)
                return TG_VERDICT_WRITE;
        verdict = find_mailbox(run);
        if (verdict == GO_ON)
                verdict = check_bound_claim(run);
        if (verdict == GO_ON)
                verdict = check_request(run, ret_is_repeated);

        return verdict;
}

static TgVerdict
execute_update(Run *run)
{
        TgApiCall *call = run->call;
        const TgMailboxRequest *body = &call->body;
        TgMailbox *mailbox = &run->mailbox;
        gboolean is_repeated;
        TgVerdict verdict = begin_change(run, &is_repeated);

        if (verdict != GO_ON)
                return verdict;
        if (is_repeated)
                return answer(run, 201, tg_mailbox_format_updated(FALSE));
        if (!has_right(run, TG_RIGHT_WRITE))
                return problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        verdict = check_if_match(run);
        if (verdict != GO_ON)
                return verdict;

        remember_request(run);
        mailbox->version++;
        mailbox->writer = run->side;
        if (!tg_store_save(run->store, mailbox, body->payload, run->error))
                return TG_VERDICT_DOUBT;
        if (body->token.type &&
            !tg_store_save_token(run->store, mailbox, run->side, &body->token, run->error))
                return TG_VERDICT_DOUBT;
        call->has_changed = TRUE;

        return answer_version(run, 200, tg_mailbox_format_updated(FALSE));
}

static TgVerdict
execute_delete(Run *run)
{
        gboolean is_repeated, is_initiator;
        TgVerdict verdict = begin_change(run, &is_repeated);

        if (verdict != GO_ON)
                return verdict;
        is_initiator = run->side == TG_SIDE_INITIATOR;
        if (!is_initiator && !has_right(run, TG_RIGHT_DELETE))
                return problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        verdict = check_if_match(run);
        if (verdict != GO_ON)
                return verdict;

        if (!tg_store_end(run->store,
                          &run->mailbox,
                          is_initiator ? TG_END_CANCELLED : TG_END_COMPLETED,
                          run->now_s,
                          run->api->told_s > 0,
                          run->error))
                return TG_VERDICT_DOUBT;
        run->call->has_changed = TRUE;

        return answer(run, 200, NULL);
}

static TgVerdict
execute_relinquish(Run *run)
{
        TgMailbox *mailbox = &run->mailbox;
        gboolean is_repeated;
        TgVerdict verdict = begin_change(run, &is_repeated);

        if (verdict != GO_ON)
                return verdict;
        if (run->side != TG_SIDE_RECIPIENT)
                return problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        /* Else whoever holds a link could write an "offer" of his own, let go, and
         * have the next device take it for the initiator's. */
        if (mailbox->writer == TG_SIDE_RECIPIENT)
                return problem(run, TG_PROBLEM_CONFLICT, NULL);
        verdict = check_if_match(run);
        if (verdict != GO_ON)
                return verdict;

        mailbox->parties[TG_SIDE_RECIPIENT] = (TgParty){0};
        if (!tg_store_save(run->store, mailbox, NULL, run->error) ||
            !tg_store_save_token(run->store, mailbox, TG_SIDE_RECIPIENT, NULL, run->error))
                return TG_VERDICT_DOUBT;
        run->call->has_changed = TRUE;

        return answer(run, 200, NULL);
}

/* ---- preview ---- */

/* No claim is looked at and nothing is changed: messengers come here unasked. */
static TgVerdict
execute_preview(Run *run)
{
        g_auto(TgContent) content = {0};
        g_autofree char *link = NULL;
        TgApiCall *call = run->call;
        char id[TG_UUID_CHARS + 1];
        gint64 expires_s;
        TgVerdict verdict = find_mailbox(run);

        if (verdict != GO_ON)
                return verdict;
        if (call->is_request_given == TG_GIVEN_MALFORMED)
                return problem(run, TG_PROBLEM_MALFORMED, REQUEST_MALFORMED);
        if (!tg_store_load_content(run->store, FALSE, &content, run->error))
                return TG_VERDICT_DOUBT;

        expires_s = run->mailbox.expires_s;
        if (call->wants_json) {
                answer(run, 200, tg_mailbox_format_preview(&content.display, expires_s));
        } else {
                tg_uuid_format(call->id, id);
                link = g_strconcat(run->api->origin, TG_MAILBOX_PATH "/", id, NULL);
                tg_answer_set(&call->answer,
                              200,
                              "text/html; charset=utf-8",
                              tg_preview_format(&content.display, expires_s, link));
                call->answer.policy = tg_preview_policy();
        }
        call->answer.varies = TRUE;

        return TG_VERDICT_ANSWERED;
}

/* ---- */

static TgVerdict
dispatch(Run *run)
{
        switch (run->call->operation) {
        case TG_OPERATION_CREATE:
                return execute_create(run);
        case TG_OPERATION_READ:
                return execute_read(run);
        case TG_OPERATION_UPDATE:
                return execute_update(run);
        case TG_OPERATION_DELETE:
                return execute_delete(run);
        case TG_OPERATION_RELINQUISH:
                return execute_relinquish(run);
        case TG_OPERATION_PREVIEW:
                return execute_preview(run);
        case TG_OPERATION_NONE:
                break;
        }

        g_assert_not_reached();
}

TgVerdict
tg_api_execute(const TgApi *api, TgApiCall *call, TgStore *store, gint64 now_s, GError **error)
{
        Run run = {
                .api = api,
                .call = call,
                .store = store,
                .now_s = now_s,
                .error = error,
                .side = TG_SIDE_NOBODY,
        };
        TgVerdict verdict;

        if (call->is_refused)
                return TG_VERDICT_ANSWERED;

        call->has_changed = FALSE;
        tg_answer_set(&call->answer, 0, NULL, NULL);
        verdict = dispatch(&run);
        tg_store_release(store);

        return verdict;
}

void
tg_api_fail(TgApiCall *call)
{
        tg_answer_set_problem(&call->answer, TG_PROBLEM_UNAVAILABLE, NULL);
        call->has_changed = FALSE;
}
