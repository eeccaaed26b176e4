/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/mailbox-api.h"

#include <string.h>

#include "protocol/digest.h"
#include "relay/header.h"
#include "relay/mailbox-steps.h"
#include "relay/preview.h"
#include "relay/resource-api.h"

#define REQUEST_MALFORMED "the header " TG_HEADER_REQUEST_ID " must be a UUID"
#define VERIFIER_MALFORMED                                                                         \
        "the header " TG_HEADER_VERIFIER " must be 32 octets in unpadded url-safe base64"
#define ATTESTATION_NEEDED                                                                         \
        "this relay wants an attestation for a new mailbox, and this is none, or was used "        \
        "before: "                                                                                 \
        "WWW-Authenticate says which kind"
#define IF_NONE_MATCH_MALFORMED "the header If-None-Match must be an entity tag as \"1\""

/* ---- create ---- */

static char *
format_created(TgRun *run)
{
        g_autofree char *link = NULL;
        char id[TG_UUID_CHARS + 1];

        tg_uuid_format(run->mailbox.id, id);
        link = g_strconcat(run->api->origin, TG_MAILBOX_PATH "/", id, NULL);

        return tg_mailbox_format_created(link, run->call->is_push_told, run->mailbox.has_verifier);
}

static void
fill_mailbox(TgRun *run)
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
        tg_store_draw_id(run->store, mailbox->id);
        tg_run_digest_creation(call, mailbox->creation);
        if (mailbox->has_verifier)
                memcpy(mailbox->verifier, call->verifier, TG_PROOF_BYTES);
        tg_run_digest_claim(mailbox->id, call, mailbox->parties[TG_SIDE_INITIATOR].claim);
        run->side = TG_SIDE_INITIATOR;
        tg_run_remember_request(run);
}

/* The mailbox that this very request made before, if its time is not up. */
static TgVerdict
find_created(TgRun *run, gboolean *ret_is_repeated)
{
        guint8 creation[TG_ID_BYTES];

        tg_run_digest_creation(run->call, creation);
        if (!tg_store_load_creation(
                    run->store, creation, TRUE, ret_is_repeated, &run->mailbox, run->error))
                return TG_VERDICT_DOUBT;
        if (!*ret_is_repeated || run->mailbox.expires_s > run->now_s)
                return TG_VERDICT_GO_ON;

        *ret_is_repeated = FALSE;
        if (!tg_store_end(run->store,
                          &run->mailbox,
                          TG_END_EXPIRED,
                          run->mailbox.expires_s,
                          run->api->told_s > 0,
                          run->error))
                return TG_VERDICT_DOUBT;

        return TG_VERDICT_GO_ON;
}

static gsize
measure_new(const TgMailboxRequest *body)
{
        const TgDisplay *display = &body->display;

        return strlen(body->payload) + strlen(display->title) + strlen(display->description) +
               strlen(display->image_url) + (body->token.data ? strlen(body->token.data) : 0);
}

static TgVerdict
challenge(TgRun *run)
{
        tg_run_problem(run, TG_PROBLEM_UNAUTHORIZED, ATTESTATION_NEEDED);
        run->call->answer.challenge = g_strdup(run->call->challenge);

        return TG_VERDICT_ANSWERED;
}

/* Whoever has none that is good writes nothing to the store, and costs it one look: that of any
 * stranger who asks for a mailbox that is not there. */
static TgVerdict
refuse_create(TgRun *run)
{
        guint8 creation[TG_ID_BYTES];
        gboolean is_repeated;

        tg_run_digest_creation(run->call, creation);
        if (!tg_store_load_creation(
                    run->store, creation, FALSE, &is_repeated, &run->mailbox, run->error))
                return TG_VERDICT_DOUBT;
        if (is_repeated && run->mailbox.expires_s > run->now_s)
                return tg_run_answer(run, 201, format_created(run));

        return challenge(run);
}

/* It is used up together with what it is used for. */
static TgVerdict
spend_attestation(TgRun *run)
{
        gboolean is_first;

        if (run->call->attested != TG_ATTESTED_GOOD)
                return TG_VERDICT_GO_ON;
        if (!tg_store_spend(run->store, &run->call->spent, run->mailbox.id, &is_first, run->error))
                return TG_VERDICT_DOUBT;

        return is_first ? TG_VERDICT_GO_ON : challenge(run);
}

static TgVerdict
execute_create(TgRun *run)
{
        const TgApiCall *call = run->call;
        const TgMailboxRequest *body = &call->body;
        gboolean is_repeated;
        TgVerdict verdict;

        verdict = tg_run_need_claim(run);
        if (verdict == TG_VERDICT_GO_ON && call->is_verifier_given == TG_GIVEN_MALFORMED)
                verdict = tg_run_problem(run, TG_PROBLEM_MALFORMED, VERIFIER_MALFORMED);
        if (verdict == TG_VERDICT_GO_ON)
                verdict = tg_run_need_request(run);
        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        if (call->attested == TG_ATTESTED_REFUSED)
                return refuse_create(run);
        if (!run->store->is_writer)
                return TG_VERDICT_WRITE;

        verdict = find_created(run, &is_repeated);
        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        if (is_repeated)
                return tg_run_answer(run, 201, format_created(run));
        if (!tg_store_take_room(run->store, measure_new(body)))
                return tg_run_problem(run, TG_PROBLEM_UNAVAILABLE, NULL);

        fill_mailbox(run);
        verdict = spend_attestation(run);
        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        if (!tg_store_insert(run->store, &run->mailbox, &body->display, body->payload, run->error))
                return TG_VERDICT_DOUBT;
        if (body->token.type &&
            !tg_store_save_token(
                    run->store, &run->mailbox, TG_SIDE_INITIATOR, &body->token, run->error))
                return TG_VERDICT_DOUBT;

        return tg_run_answer_version(run, 200, format_created(run));
}

/* ---- read ---- */

static gboolean
may_bind(const TgRun *run)
{
        const TgApiCall *call = run->call;
        const TgMailbox *mailbox = &run->mailbox;
        guint8 verifier[TG_PROOF_BYTES];

        /* Who was bound when the wait began and is no longer has let go. */
        if (call->is_held || tg_party_is_bound(&mailbox->parties[TG_SIDE_RECIPIENT]))
                return FALSE;
        if (!mailbox->has_verifier)
                return TRUE;
        if (call->is_proof_given != TG_GIVEN)
                return FALSE;
        tg_claim_verifier(call->proof, verifier);

        return tg_bytes_equal(verifier, mailbox->verifier, TG_PROOF_BYTES);
}

/* The answer to a reader whose claim is in order; what it has to be is known
 * before anything is written. */
static TgVerdict
answer_read(TgRun *run)
{
        g_auto(TgContent) content = {0};
        TgApiCall *call = run->call;
        TgTags tags = TG_TAGS_DIFFER;

        if (call->if_none_match)
                tags = tg_header_match_tags(call->if_none_match, run->mailbox.version, TRUE);
        if (tags == TG_TAGS_MALFORMED)
                return tg_run_problem(run, TG_PROBLEM_MALFORMED, IF_NONE_MATCH_MALFORMED);

        if (tags == TG_TAGS_MATCH && call->wait_s > 0 && !call->is_wait_over) {
                call->expires_s = run->mailbox.expires_s;
                return TG_VERDICT_HELD;
        }
        if (tags == TG_TAGS_MATCH) {
                tg_run_answer_version(run, 304, NULL);
                call->answer.waited_s = call->wait_s;
                return TG_VERDICT_ANSWERED;
        }

        if (!tg_store_load_content(run->store, TRUE, &content, run->error))
                return TG_VERDICT_DOUBT;
        tg_run_answer_version(
                run,
                200,
                tg_mailbox_format_read(content.payload, &content.display, run->mailbox.expires_s));
        call->answer.waited_s = call->wait_s;

        return TG_VERDICT_ANSWERED;
}

static TgVerdict
save_reader(TgRun *run, gboolean is_binding)
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

        return TG_VERDICT_GO_ON;
}

static TgVerdict
execute_read(TgRun *run)
{
        TgApiCall *call = run->call;
        gboolean is_binding;
        TgVerdict verdict = tg_run_find_mailbox(run), saved;

        if (verdict == TG_VERDICT_GO_ON)
                verdict = tg_run_check_claim(run);
        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        is_binding = run->side == TG_SIDE_NOBODY;
        if (is_binding && !may_bind(run))
                return tg_run_problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        if (call->is_request_given == TG_GIVEN_MALFORMED)
                return tg_run_problem(run, TG_PROBLEM_MALFORMED, REQUEST_MALFORMED);
        if (run->side != TG_SIDE_INITIATOR && !tg_run_has_right(run, TG_RIGHT_READ))
                return tg_run_problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        if (!run->store->is_writer && !call->is_held && (is_binding || call->body.token.type))
                return TG_VERDICT_WRITE;

        verdict = answer_read(run);
        if (verdict == TG_VERDICT_DOUBT || call->answer.status == 400 || call->is_held)
                return verdict;
        saved = save_reader(run, is_binding);

        return saved == TG_VERDICT_GO_ON ? verdict : saved;
}

/* ---- update, delete, relinquish ---- */

static TgSide
other_side(TgSide side)
{
        return side == TG_SIDE_INITIATOR ? TG_SIDE_RECIPIENT : TG_SIDE_INITIATOR;
}

/* Up to the request id. */
static TgVerdict
begin_change(TgRun *run, gboolean *ret_is_repeated)
{
        TgVerdict verdict;

        if (!run->store->is_writer)
                return TG_VERDICT_WRITE;
        verdict = tg_run_find_mailbox(run);
        if (verdict == TG_VERDICT_GO_ON)
                verdict = tg_run_check_bound_claim(run);
        if (verdict == TG_VERDICT_GO_ON)
                verdict = tg_run_check_request(run, ret_is_repeated);

        return verdict;
}

static void
wake_other(TgRun *run)
{
        if (run->call->is_push_on)
                run->call->woken = other_side(run->side);
}

static TgVerdict
execute_update(TgRun *run)
{
        TgApiCall *call = run->call;
        const TgMailboxRequest *body = &call->body;
        TgMailbox *mailbox = &run->mailbox;
        gboolean is_repeated;
        TgVerdict verdict = begin_change(run, &is_repeated);

        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        if (is_repeated) { /* its answer was lost, and perhaps the relay with the wake-up */
                wake_other(run);
                return tg_run_answer(run, 201, tg_mailbox_format_updated(call->is_push_told));
        }
        if (!tg_run_has_right(run, TG_RIGHT_WRITE))
                return tg_run_problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        verdict = tg_run_check_if_match(run);
        if (verdict != TG_VERDICT_GO_ON)
                return verdict;

        tg_run_remember_request(run);
        mailbox->version++;
        mailbox->writer = run->side;
        if (!tg_store_save(run->store, mailbox, body->payload, run->error))
                return TG_VERDICT_DOUBT;
        if (body->token.type &&
            !tg_store_save_token(run->store, mailbox, run->side, &body->token, run->error))
                return TG_VERDICT_DOUBT;
        call->has_changed = TRUE;
        wake_other(run);

        return tg_run_answer_version(run, 200, tg_mailbox_format_updated(call->is_push_told));
}

/* Of the other side, which is to hear of the end: afterwards the store has it no more. */
static gboolean
take_last_token(TgRun *run)
{
        TgApiCall *call = run->call;

        if (!call->is_push_on)
                return TRUE;
        tg_push_token_wipe(&call->token);
        if (!tg_store_load_token(
                    run->store, &run->mailbox, other_side(run->side), &call->token, run->error))
                return FALSE;
        wake_other(run);
        call->is_end = TRUE;

        return TRUE;
}

static TgVerdict
execute_delete(TgRun *run)
{
        gboolean is_repeated, is_initiator;
        TgVerdict verdict = begin_change(run, &is_repeated);

        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        is_initiator = run->side == TG_SIDE_INITIATOR;
        if (!is_initiator && !tg_run_has_right(run, TG_RIGHT_DELETE))
                return tg_run_problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        verdict = tg_run_check_if_match(run);
        if (verdict != TG_VERDICT_GO_ON)
                return verdict;

        if (!take_last_token(run))
                return TG_VERDICT_DOUBT;
        if (!tg_store_end(run->store,
                          &run->mailbox,
                          is_initiator ? TG_END_CANCELLED : TG_END_COMPLETED,
                          run->now_s,
                          run->api->told_s > 0,
                          run->error))
                return TG_VERDICT_DOUBT;
        run->call->has_changed = TRUE;

        return tg_run_answer(run, 200, NULL);
}

static TgVerdict
execute_relinquish(TgRun *run)
{
        TgMailbox *mailbox = &run->mailbox;
        gboolean is_repeated;
        TgVerdict verdict = begin_change(run, &is_repeated);

        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        if (run->side != TG_SIDE_RECIPIENT)
                return tg_run_problem(run, TG_PROBLEM_UNAUTHORIZED, NULL);
        /* Else whoever holds a link could write an "offer" of his own, let go, and
         * have the next device take it for the initiator's. */
        if (mailbox->writer == TG_SIDE_RECIPIENT)
                return tg_run_problem(run, TG_PROBLEM_CONFLICT, NULL);
        verdict = tg_run_check_if_match(run);
        if (verdict != TG_VERDICT_GO_ON)
                return verdict;

        mailbox->parties[TG_SIDE_RECIPIENT] = (TgParty){0};
        if (!tg_store_save(run->store, mailbox, NULL, run->error) ||
            !tg_store_save_token(run->store, mailbox, TG_SIDE_RECIPIENT, NULL, run->error))
                return TG_VERDICT_DOUBT;
        run->call->has_changed = TRUE;

        return tg_run_answer(run, 200, NULL);
}

/* ---- preview ---- */

/* No claim is looked at and nothing is changed: messengers come here unasked. */
static TgVerdict
execute_preview(TgRun *run)
{
        g_auto(TgContent) content = {0};
        g_autofree char *link = NULL;
        TgApiCall *call = run->call;
        char id[TG_UUID_CHARS + 1];
        gint64 expires_s;
        TgVerdict verdict = tg_run_find_mailbox(run);

        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        if (call->is_request_given == TG_GIVEN_MALFORMED)
                return tg_run_problem(run, TG_PROBLEM_MALFORMED, REQUEST_MALFORMED);
        if (!tg_store_load_content(run->store, FALSE, &content, run->error))
                return TG_VERDICT_DOUBT;

        expires_s = run->mailbox.expires_s;
        if (call->wants_json) {
                tg_run_answer(run, 200, tg_mailbox_format_preview(&content.display, expires_s));
                call->answer.varies = "Accept";
        } else {
                tg_uuid_format(call->id, id);
                link = g_strconcat(run->api->origin, TG_MAILBOX_PATH "/", id, NULL);
                tg_answer_set(&call->answer,
                              200,
                              "text/html; charset=utf-8",
                              tg_preview_format(&content.display, expires_s, link, call->language));
                call->answer.policy = tg_preview_policy();
                call->answer.language = tg_preview_language_tag(call->language);
                call->answer.varies = "Accept, Accept-Language";
        }

        return TG_VERDICT_ANSWERED;
}

/* ---- the relay's own ---- */

static TgVerdict
execute_find_token(TgRun *run)
{
        TgApiCall *call = run->call;
        TgVerdict verdict = tg_run_find_mailbox(run);

        tg_push_token_wipe(&call->token);
        if (verdict != TG_VERDICT_GO_ON)
                return verdict;
        if (!tg_store_load_token(run->store, &run->mailbox, call->side, &call->token, run->error))
                return TG_VERDICT_DOUBT;

        return tg_run_answer(run, 200, NULL);
}

static TgVerdict
execute_forget_token(TgRun *run)
{
        const TgApiCall *call = run->call;

        if (!run->store->is_writer)
                return TG_VERDICT_WRITE;
        if (!tg_store_forget_token(run->store, call->id, call->side, &call->token, run->error))
                return TG_VERDICT_DOUBT;

        return tg_run_answer(run, 200, NULL);
}

/* ---- */

static TgVerdict
dispatch(TgRun *run)
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
        case TG_OPERATION_PUT_RESOURCE:
                return tg_resource_put(run);
        case TG_OPERATION_GET_RESOURCE:
                return tg_resource_get(run);
        case TG_OPERATION_DELETE_RESOURCE:
                return tg_resource_delete(run);
        case TG_OPERATION_FIND_TOKEN:
                return execute_find_token(run);
        case TG_OPERATION_FORGET_TOKEN:
                return execute_forget_token(run);
        case TG_OPERATION_NONE:
                break;
        }

        g_assert_not_reached();
}

TgVerdict
tg_api_execute(const TgApi *api, TgApiCall *call, TgStore *store, gint64 now_s, GError **error)
{
        TgRun run = {
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
        call->woken = TG_SIDE_NOBODY;
        call->is_end = FALSE;
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
        call->woken = TG_SIDE_NOBODY;
}
