/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/digest.h"
#include "protocol/limits.h"
#include "tests/relay/asking.h"

#define READ(claim) "POST", self->path, NULL, TG_HEADER_CLAIM, claim
#define CREATE_BODY "{\"payload\":" PAYLOAD "," DISPLAY "}"

static guint
update(Asking *self, const char *claim, const char *id, const char *body, const char *if_match)
{
        return ask(self,
                   "PUT",
                   self->path,
                   body,
                   TG_HEADER_CLAIM,
                   claim,
                   TG_HEADER_REQUEST_ID,
                   id,
                   if_match ? "If-Match" : NULL,
                   if_match,
                   NULL);
}

static guint
change(Asking *self, const char *method, const char *claim, const char *id)
{
        return ask(self,
                   method,
                   self->path,
                   NULL,
                   TG_HEADER_CLAIM,
                   claim,
                   TG_HEADER_REQUEST_ID,
                   id,
                   NULL);
}

/* ---- create ---- */

static void
test_create(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(self->call->answer.version, ==, 1);
        g_assert_cmpstr(self->call->answer.request_id, ==, ID1);
        g_assert_cmpuint(strlen(self->path), ==, strlen("/v1/m/") + TG_UUID_CHARS);
        g_assert_nonnull(strstr(self->call->answer.body, "\"isPushNotificationSupported\":false"));
        g_assert_null(strstr(self->call->answer.body, "extensions"));
        /* a version 4 UUID */
        g_assert_cmpint(self->path[strlen("/v1/m/") + 14], ==, '4');

        /* the initiator reads its own */
        g_assert_cmpuint(ask(self, READ(ALICE), NULL), ==, 200);
        assert_payload(self, PAYLOAD);
        g_assert_nonnull(strstr(self->call->answer.body, DISPLAY));
        g_assert_nonnull(
                strstr(self->call->answer.body, "\"expiration\":\"2027-01-16T08:00:00Z\""));
}

static void
test_create_needs_claim_and_id(Asking *self, gconstpointer data)
{
        ask(self, "POST", "/v1/m", CREATE_BODY, TG_HEADER_REQUEST_ID, ID1, NULL);
        assert_problem(self, 401, "unauthorized");
        ask(self, "POST", "/v1/m", CREATE_BODY, TG_HEADER_CLAIM, ALICE, NULL);
        assert_problem(self, 400, "malformed");
        ask(self,
            "POST",
            "/v1/m",
            CREATE_BODY,
            TG_HEADER_CLAIM,
            "x",
            TG_HEADER_REQUEST_ID,
            ID1,
            NULL);
        assert_problem(self, 400, "malformed");
        ask(self,
            "POST",
            "/v1/m",
            CREATE_BODY,
            TG_HEADER_CLAIM,
            ALICE,
            TG_HEADER_REQUEST_ID,
            "1",
            NULL);
        assert_problem(self, 400, "malformed");
        ask(self,
            "POST",
            "/v1/m",
            CREATE_BODY,
            TG_HEADER_CLAIM,
            ALICE,
            TG_HEADER_CLAIM,
            BOB,
            TG_HEADER_REQUEST_ID,
            ID1,
            NULL);
        assert_problem(self, 400, "malformed");
        ask(self,
            "POST",
            "/v1/m",
            CREATE_BODY,
            TG_HEADER_CLAIM,
            ALICE,
            TG_HEADER_REQUEST_ID,
            ID1,
            TG_HEADER_VERIFIER,
            "AAAA",
            NULL);
        assert_problem(self, 400, "malformed");
}

static void
test_create_expiration(Asking *self, gconstpointer data)
{
        static const struct {
                const char *expiration;
                guint status;
        } cases[] = {
                {"2027-01-15T07:59:59Z", 400}, /* the past */
                {"2027-01-15T08:00:00Z", 400}, /* now is over */
                {"2027-01-15T08:00:01Z", 200},
                {"2027-01-22T08:00:00Z", 200}, /* the most */
                {"2027-01-22T08:00:01Z", 400},
                {"2027-01-15 08:00:01Z", 400},
                {"1970-01-01T00:00:00Z", 400},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *body =
                        g_strdup_printf("{\"payload\":" PAYLOAD "," DISPLAY
                                        ",\"mailboxConfiguration\":{\"expiration\":\"%s\"}}",
                                        cases[i].expiration);
                g_autofree char *id = g_strdup_printf("bbbbbbbb-0000-4000-8000-%012zu", i);

                g_assert_cmpuint(ask(self,
                                     "POST",
                                     "/v1/m",
                                     body,
                                     TG_HEADER_CLAIM,
                                     ALICE,
                                     TG_HEADER_REQUEST_ID,
                                     id,
                                     NULL),
                                 ==,
                                 cases[i].status);
        }
}

static void
test_create_repeated_is_the_same_mailbox(Asking *self, gconstpointer data)
{
        g_autofree char *first = NULL, *second = NULL, *foreign = NULL, *other = NULL;

        ask_create(self, NULL);
        first = ask_member(self, "urlLink");

        g_assert_cmpuint(ask(self,
                             "POST",
                             "/v1/m",
                             CREATE_BODY,
                             TG_HEADER_CLAIM,
                             ALICE,
                             TG_HEADER_REQUEST_ID,
                             ID1,
                             NULL),
                         ==,
                         201);
        second = ask_member(self, "urlLink");
        g_assert_cmpstr(first, ==, second);
        g_assert_cmpuint(
                self->call->answer.version, ==, 0); /* no ETag: somebody may have written */

        /* somebody else's claim with the same id: a mailbox of his own */
        g_assert_cmpuint(ask(self,
                             "POST",
                             "/v1/m",
                             CREATE_BODY,
                             TG_HEADER_CLAIM,
                             EVE,
                             TG_HEADER_REQUEST_ID,
                             ID1,
                             NULL),
                         ==,
                         200);
        foreign = ask_member(self, "urlLink");
        g_assert_cmpstr(first, !=, foreign);
        /* and another id of the same claim */
        g_assert_cmpuint(ask(self,
                             "POST",
                             "/v1/m",
                             CREATE_BODY,
                             TG_HEADER_CLAIM,
                             ALICE,
                             TG_HEADER_REQUEST_ID,
                             ID2,
                             NULL),
                         ==,
                         200);
        other = ask_member(self, "urlLink");
        g_assert_cmpstr(first, !=, other);
}

/* Where its expiration is asked for, a create that comes too late is refused before
 * its id is looked up; where it is not, the old mailbox is over and a new one made. */
static void
test_create_repeated_too_late(Asking *self, gconstpointer data)
{
        static const char body[] =
                "{\"payload\":" PAYLOAD "," DISPLAY ",\"mailboxConfiguration\":{\"expiration\":"
                "\"2027-01-15T09:00:00Z\"}}";

        for (guint i = 0; i < 2; i++) {
                guint status = ask(self,
                                   "POST",
                                   "/v1/m",
                                   body,
                                   TG_HEADER_CLAIM,
                                   ALICE,
                                   TG_HEADER_REQUEST_ID,
                                   ID2,
                                   NULL);

                g_assert_cmpuint(status, ==, i == 0 ? 200 : 400);
                self->now_s += 3600;
        }

        ask_create(self, NULL);
        self->now_s += TG_DEFAULT_LIFE_S;
        ask_create(self, NULL);
}

static void
test_limits(Asking *self, gconstpointer data)
{
        g_autofree char *zeros = g_strnfill(TG_MAX_PAYLOAD_CHARS + 4, 'A');
        g_autofree char *title = g_strnfill(TG_MAX_TITLE_BYTES + 1, 't');
        g_autofree char *body = NULL;

        /* the largest payload there is: TG_MAX_SEALED_BYTES is 2 modulo 3 */
        zeros[TG_MAX_PAYLOAD_CHARS] = '\0';
        zeros[TG_MAX_PAYLOAD_CHARS - 1] = '=';
        body = g_strdup_printf("{\"payload\":{\"type\":\"T\",\"data\":\"%s\"}," DISPLAY "}", zeros);
        g_assert_cmpuint(ask(self,
                             "POST",
                             "/v1/m",
                             body,
                             TG_HEADER_CLAIM,
                             ALICE,
                             TG_HEADER_REQUEST_ID,
                             ID1,
                             NULL),
                         ==,
                         200);

        zeros[TG_MAX_PAYLOAD_CHARS - 1] = 'A';
        g_free(body);
        body = g_strdup_printf("{\"payload\":{\"type\":\"T\",\"data\":\"%s\"}," DISPLAY "}", zeros);
        ask(self, "POST", "/v1/m", body, TG_HEADER_CLAIM, ALICE, TG_HEADER_REQUEST_ID, ID2, NULL);
        assert_problem(self, 413, "too-large");

        g_free(body);
        body = g_strdup_printf("{\"payload\":" PAYLOAD ",\"displayInformation\":{\"title\":\"%s\","
                               "\"description\":\"\",\"imageURL\":\"\"}}",
                               title);
        ask(self, "POST", "/v1/m", body, TG_HEADER_CLAIM, ALICE, TG_HEADER_REQUEST_ID, ID2, NULL);
        assert_problem(self, 413, "too-large");
}

/* ---- read and bind ---- */

static void
test_first_reader_is_bound(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        assert_payload(self, PAYLOAD);
        g_assert_cmpuint(self->call->answer.version, ==, 1);

        ask(self, READ(EVE), NULL);
        assert_problem(self, 401, "unauthorized");
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 200);
        g_assert_cmpuint(ask(self, READ(ALICE), NULL), ==, 200);
        ask(self, READ("not a uuid"), NULL);
        assert_problem(self, 400, "malformed");
        ask(self, "POST", self->path, NULL, NULL);
        assert_problem(self, 401, "unauthorized");
}

static void
test_claim_is_the_same_in_either_case(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(ask(self, READ("abcdefab-1111-4111-8111-111111111111"), NULL), ==, 200);
        g_assert_cmpuint(ask(self, READ("ABCDEFAB-1111-4111-8111-111111111111"), NULL), ==, 200);
}

static void
test_without_right_to_read_nobody_is_bound(Asking *self, gconstpointer data)
{
        ask_create(self, "WD");
        ask(self, READ(BOB), NULL);
        assert_problem(self, 401, "unauthorized");
        g_assert_cmpuint(update(self, BOB, ID2, UPDATE2, NULL), ==, 401); /* was not bound */
        g_assert_cmpuint(ask(self, READ(ALICE), NULL), ==, 200);
}

static void
test_claim_proof(Asking *self, gconstpointer data)
{
        guint8 proof[TG_PROOF_BYTES] = {42}, verifier[TG_SHA256_BYTES];
        g_autofree char *proof_text = NULL, *verifier_text = NULL, *wrong_text = NULL, *link = NULL;

        tg_claim_verifier(proof, verifier);
        proof_text = tg_base64_encode(TG_BASE64_URL, proof, sizeof proof);
        verifier_text = tg_base64_encode(TG_BASE64_URL, verifier, sizeof verifier);
        proof[31] ^= 1;
        wrong_text = tg_base64_encode(TG_BASE64_URL, proof, sizeof proof);

        g_assert_cmpuint(ask(self,
                             "POST",
                             "/v1/m",
                             CREATE_BODY,
                             TG_HEADER_CLAIM,
                             ALICE,
                             TG_HEADER_REQUEST_ID,
                             ID1,
                             TG_HEADER_VERIFIER,
                             verifier_text,
                             NULL),
                         ==,
                         200);
        g_assert_nonnull(strstr(self->call->answer.body, "\"extensions\":[\"claim-proof\"]"));
        link = ask_member(self, "urlLink");
        self->path = g_strdup(link + strlen(ORIGIN));

        /* the address alone binds nothing, before … */
        ask(self, READ(EVE), NULL);
        assert_problem(self, 401, "unauthorized");
        ask(self, READ(EVE), TG_HEADER_PROOF, wrong_text, NULL);
        assert_problem(self, 401, "unauthorized");
        ask(self, READ(EVE), TG_HEADER_PROOF, verifier_text, NULL);
        assert_problem(self, 401, "unauthorized");
        ask(self, READ(EVE), TG_HEADER_PROOF, "AAAA", NULL);
        assert_problem(self, 401, "unauthorized");
        g_assert_cmpuint(ask(self, READ(BOB), TG_HEADER_PROOF, proof_text, NULL), ==, 200);
        /* … and who is bound needs no proof … */
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 200);
        /* … and again after he let go */
        g_assert_cmpuint(change(self, "PATCH", BOB, ID2), ==, 200);
        ask(self, READ(BOB), NULL);
        assert_problem(self, 401, "unauthorized");
        g_assert_cmpuint(ask(self, READ(EVE), TG_HEADER_PROOF, proof_text, NULL), ==, 200);
}

static void
test_conditional_read(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(ask(self, READ(BOB), "If-None-Match", "\"1\"", NULL), ==, 304);
        g_assert_null(self->call->answer.body);
        g_assert_cmpuint(self->call->answer.version, ==, 1);
        ask(self, READ(EVE), NULL); /* that read has bound all the same */
        assert_problem(self, 401, "unauthorized");

        g_assert_cmpuint(ask(self, READ(BOB), "If-None-Match", "\"2\"", NULL), ==, 200);
        g_assert_cmpuint(ask(self, READ(BOB), "If-None-Match", "\"7\", W/\"1\"", NULL), ==, 304);
        g_assert_cmpuint(ask(self, READ(BOB), "If-None-Match", "*", NULL), ==, 304);
        g_assert_cmpuint(ask(self, READ(BOB), "If-None-Match", "1", NULL), ==, 400);
        /* a preference without a condition waits for nothing */
        g_assert_cmpuint(ask(self, READ(BOB), "Prefer", "wait=10", NULL), ==, 200);
}

static void
test_malformed_condition_binds_nobody(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(ask(self, READ(EVE), "If-None-Match", "1", NULL), ==, 400);
        ask_bind(self);
}

static void
test_read_remembers_no_id(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(ask(self, READ(BOB), TG_HEADER_REQUEST_ID, ID2, NULL), ==, 200);
        g_assert_cmpstr(self->call->answer.request_id, ==, ID2);
        g_assert_cmpuint(ask(self, READ(BOB), TG_HEADER_REQUEST_ID, ID2, NULL), ==, 200);
        g_assert_cmpuint(update(self, BOB, ID2, UPDATE2, NULL), ==, 200);
        g_assert_cmpuint(ask(self, READ(BOB), TG_HEADER_REQUEST_ID, "no", NULL), ==, 400);
}

/* ---- held reads ---- */

#define HELD(claim, version) READ(claim), "If-None-Match", version, "Prefer", "wait=30", NULL

static void
test_held_read_is_woken_by_a_payload(Asking *self, gconstpointer data)
{
        TgApiCall *held;

        ask_create(self, "RWD");
        g_assert_cmpuint(ask(self, HELD(BOB, "\"1\"")), ==, 0); /* binds, and then waits */
        g_assert_cmpuint(self->call->wait_s, ==, 30);
        g_assert_cmpint(self->call->expires_s, ==, NOW + TG_DEFAULT_LIFE_S);
        held = g_steal_pointer(&self->call);
        ask(self, READ(EVE), NULL);
        assert_problem(self, 401, "unauthorized");
        g_assert_cmpuint(update(self, ALICE, ID2, UPDATE2, NULL), ==, 200);
        g_assert_true(self->call->has_changed);

        tg_api_call_free(self->call);
        self->call = held;
        g_assert_cmpuint(ask_again(self, FALSE), ==, 200);
        assert_payload(self, PAYLOAD2);
        g_assert_cmpuint(self->call->answer.version, ==, 2);
}

static void
test_held_read_ends_with_its_wait(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(ask(self, HELD(BOB, "\"1\"")), ==, 0);
        g_assert_cmpuint(ask_again(self, FALSE), ==, 0); /* woken for nothing */
        g_assert_cmpuint(ask_again(self, TRUE), ==, 304);
        g_assert_cmpuint(self->call->answer.waited_s, ==, 30);
}

static void
test_held_read_gets_nothing_after_relinquish(Asking *self, gconstpointer data)
{
        TgApiCall *held;

        ask_create(self, "RWD");
        g_assert_cmpuint(ask(self, HELD(BOB, "\"1\"")), ==, 0);
        held = g_steal_pointer(&self->call);
        g_assert_cmpuint(change(self, "PATCH", BOB, ID2), ==, 200);
        g_assert_true(self->call->has_changed);
        g_assert_cmpuint(update(self, ALICE, ID3, UPDATE2, NULL), ==, 200);

        tg_api_call_free(self->call);
        self->call = held;
        ask_again(self, FALSE);
        assert_problem(self, 401, "unauthorized");
        /* nor did looking again bind him */
        g_assert_cmpuint(ask(self, READ(EVE), NULL), ==, 200);
}

static void
test_held_read_ends_with_the_mailbox(Asking *self, gconstpointer data)
{
        TgApiCall *held;

        ask_create(self, "RWD");
        g_assert_cmpuint(ask(self, HELD(BOB, "\"1\"")), ==, 0);
        held = g_steal_pointer(&self->call);
        g_assert_cmpuint(change(self, "DELETE", ALICE, ID2), ==, 200);
        g_assert_true(self->call->has_changed);
        tg_api_call_free(self->call);
        self->call = held;
        ask_again(self, FALSE);
        assert_problem(self, 404, "cancelled");

        ask_create(self, "RWD");
        g_assert_cmpuint(ask(self, HELD(BOB, "\"1\"")), ==, 0);
        self->now_s = self->call->expires_s - 1;
        g_assert_cmpuint(ask_again(self, FALSE), ==, 0);
        self->now_s++;
        ask_again(self, FALSE);
        assert_problem(self, 404, "expired");
}

static void
test_wait_is_at_most_a_minute(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(
                ask(self, READ(BOB), "If-None-Match", "\"1\"", "Prefer", "wait=4000000000", NULL),
                ==,
                0);
        g_assert_cmpuint(self->call->wait_s, ==, TG_MAX_WAIT_S);
        g_assert_cmpuint(
                ask(self, READ(BOB), "If-None-Match", "\"1\"", "Prefer", "wait=0", NULL), ==, 304);
        g_assert_cmpuint(
                ask(self, READ(BOB), "If-None-Match", "\"1\"", "Prefer", "wait=-1", NULL), ==, 304);
}

/* ---- update ---- */

static void
test_update(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        g_assert_cmpuint(update(self, BOB, ID2, UPDATE2, "\"1\""), ==, 200);
        g_assert_cmpuint(self->call->answer.version, ==, 2);
        g_assert_cmpstr(self->call->answer.body, ==, "{\"isPushNotificationSupported\":false}");
        g_assert_cmpuint(ask(self, READ(ALICE), NULL), ==, 200);
        assert_payload(self, PAYLOAD2);
        g_assert_cmpuint(update(self, ALICE, ID2, UPDATE3, "\"2\""), ==, 200);
        g_assert_cmpuint(self->call->answer.version, ==, 3);

        g_assert_cmpuint(update(self, EVE, ID3, UPDATE2, NULL), ==, 401);
        g_assert_cmpuint(
                ask(self, "PUT", self->path, UPDATE2, TG_HEADER_CLAIM, BOB, NULL), ==, 400);
        g_assert_cmpuint(
                ask(self, "PUT", self->path, UPDATE2, TG_HEADER_REQUEST_ID, ID3, NULL), ==, 401);
        g_assert_cmpuint(update(self, BOB, ID3, "{}", NULL), ==, 400);
        g_assert_cmpuint(update(self, BOB, ID3, UPDATE2, "3"), ==, 400);
        g_assert_cmpuint(update(self, BOB, ID3, UPDATE2, "*"), ==, 200);
}

/* A read binds; a write does not. */
static void
test_update_binds_nobody(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(update(self, EVE, ID2, UPDATE2, NULL), ==, 401);
        ask_bind(self);
        assert_payload(self, PAYLOAD);
}

static void
test_update_needs_the_right(Asking *self, gconstpointer data)
{
        ask_create(self, NULL); /* RD */
        ask_bind(self);
        g_assert_cmpuint(update(self, BOB, ID2, UPDATE2, NULL), ==, 401);
        g_assert_cmpuint(update(self, ALICE, ID2, UPDATE2, NULL), ==, 401); /* rights bind both */
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 200);
        assert_payload(self, PAYLOAD);
}

static void
test_update_repeated_changes_nothing(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        g_assert_cmpuint(update(self, BOB, ID2, UPDATE2, "\"1\""), ==, 200);
        /* its condition no longer holds, and that does not matter */
        g_assert_cmpuint(update(self, BOB, ID2, UPDATE2, "\"1\""), ==, 201);
        g_assert_cmpuint(self->call->answer.version, ==, 0);
        g_assert_false(self->call->has_changed);
        g_assert_cmpuint(update(self, BOB, ID2, UPDATE3, NULL), ==, 201);
        /* another claim's id is only an id */
        g_assert_cmpuint(update(self, EVE, ID2, UPDATE3, NULL), ==, 401);
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 200);
        assert_payload(self, PAYLOAD2);
        g_assert_cmpuint(self->call->answer.version, ==, 2);
        g_assert_cmpuint(update(self, ALICE, ID2, UPDATE3, NULL), ==, 200);
}

static void
test_late_duplicate_of_an_older_update(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        g_assert_cmpuint(update(self, BOB, ID2, UPDATE2, "\"1\""), ==, 200);
        g_assert_cmpuint(update(self, BOB, ID3, UPDATE3, "\"2\""), ==, 200);
        update(self, BOB, ID2, UPDATE2, "\"1\"");
        assert_problem(self, 412, "version");
        g_assert_cmpuint(ask(self, READ(ALICE), NULL), ==, 200);
        assert_payload(self, PAYLOAD3);
}

static void
test_id_of_another_method(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        update(self, ALICE, ID1, UPDATE2, NULL); /* made the mailbox */
        assert_problem(self, 400, "malformed");
        change(self, "DELETE", ALICE, ID1);
        assert_problem(self, 400, "malformed");
        g_assert_cmpuint(update(self, BOB, ID1, UPDATE2, NULL), ==, 200);
        change(self, "DELETE", BOB, ID1);
        assert_problem(self, 400, "malformed");
        change(self, "PATCH", BOB, ID1);
        assert_problem(self, 400, "malformed");
        /* all zeros is an id like any other */
        g_assert_cmpuint(update(self, ALICE, "00000000-0000-0000-0000-000000000000", UPDATE3, NULL),
                         ==,
                         200);
}

/* ---- delete ---- */

static void
test_delete_by_the_initiator(Asking *self, gconstpointer data)
{
        ask_create(self, "R"); /* its own it may always */
        ask_bind(self);
        g_assert_cmpuint(change(self, "DELETE", BOB, ID2), ==, 401);
        g_assert_cmpuint(change(self, "DELETE", EVE, ID2), ==, 401);
        g_assert_cmpuint(
                ask(self, "DELETE", self->path, NULL, TG_HEADER_CLAIM, ALICE, NULL), ==, 400);
        g_assert_cmpuint(change(self, "DELETE", ALICE, ID2), ==, 200);
        g_assert_null(self->call->answer.body);

        change(self, "DELETE", ALICE, ID2); /* done */
        assert_problem(self, 404, "cancelled");
        ask(self, READ(BOB), NULL);
        assert_problem(self, 404, "cancelled");
}

static void
test_delete_by_the_recipient(Asking *self, gconstpointer data)
{
        ask_create(self, "RD");
        ask_bind(self);
        g_assert_cmpuint(change(self, "DELETE", BOB, ID2), ==, 200);
        ask(self, READ(ALICE), NULL);
        assert_problem(self, 404, "completed");
        update(self, BOB, ID3, UPDATE2, NULL);
        assert_problem(self, 404, "completed");
}

/* ---- relinquish ---- */

static void
test_relinquish(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(change(self, "PATCH", BOB, ID2), ==, 401); /* not bound yet */
        ask_bind(self);
        g_assert_cmpuint(change(self, "PATCH", ALICE, ID2), ==, 401);
        g_assert_cmpuint(change(self, "PATCH", EVE, ID2), ==, 401);
        g_assert_cmpuint(ask(self, "PATCH", self->path, NULL, TG_HEADER_CLAIM, BOB, NULL), ==, 400);
        g_assert_cmpuint(change(self, "PATCH", BOB, ID2), ==, 200);
        g_assert_cmpuint(change(self, "PATCH", BOB, ID2), ==, 401); /* done */
        g_assert_cmpuint(update(self, BOB, ID3, UPDATE2, NULL), ==, 401);

        g_assert_cmpuint(ask(self, READ(EVE), NULL), ==, 200);
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 401);
        /* an id of the one who let go is nothing to the next */
        g_assert_cmpuint(update(self, EVE, ID2, UPDATE2, NULL), ==, 200);
}

static void
test_relinquish_leaves_no_offer_behind(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        g_assert_cmpuint(update(self, BOB, ID2, UPDATE2, NULL), ==, 200);
        change(self, "PATCH", BOB, ID3);
        assert_problem(self, 409, "conflict");
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 200); /* still bound */
        g_assert_cmpuint(update(self, ALICE, ID2, UPDATE3, NULL), ==, 200);
        g_assert_cmpuint(change(self, "PATCH", BOB, ID3), ==, 200);
}

static void
test_who_let_go_is_told_nothing(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        g_assert_cmpuint(change(self, "PATCH", BOB, ID2), ==, 200);
        g_assert_cmpuint(change(self, "DELETE", ALICE, ID3), ==, 200);
        ask(self, READ(BOB), NULL);
        g_assert_cmpstr(self->call->answer.body, ==, NOT_FOUND);
}

/* ---- the end ---- */

static void
test_expiry_at_the_second(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        self->now_s = NOW + TG_DEFAULT_LIFE_S - 1;
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 200);
        self->now_s++;
        ask(self, READ(BOB), NULL);
        assert_problem(self, 404, "expired");
        ask(self, READ(ALICE), NULL);
        assert_problem(self, 404, "expired");
        g_assert_cmpuint(update(self, ALICE, ID2, UPDATE2, NULL), ==, 404);
        g_assert_cmpuint(change(self, "DELETE", ALICE, ID2), ==, 404);
        g_assert_cmpuint(change(self, "PATCH", BOB, ID2), ==, 404);
        ask(self, "GET", self->path, NULL, NULL);
        g_assert_cmpstr(self->call->answer.body, ==, NOT_FOUND);
        ask(self, READ(EVE), NULL);
        g_assert_cmpstr(self->call->answer.body, ==, NOT_FOUND);
}

static void
sweep(Asking *self)
{
        g_autoptr(GError) error = NULL;
        gboolean is_done = FALSE;

        while (!is_done) {
                g_assert_true(tg_store_begin(self->store, &error));
                tg_store_erase(self->store, self->now_s, self->api.told_s, &is_done, &error);
                g_assert_no_error(error);
                g_assert_true(tg_store_commit(self->store, &error));
        }
}

static void
test_word_is_kept_for_an_hour(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        self->now_s += TG_DEFAULT_LIFE_S + 100;
        sweep(self); /* the hour runs from the end, not from the sweep */
        ask(self, READ(BOB), NULL);
        assert_problem(self, 404, "expired");
        self->now_s += TG_TOMBSTONE_S - 101;
        sweep(self);
        ask(self, READ(BOB), NULL);
        assert_problem(self, 404, "expired");
        self->now_s++;
        ask(self, READ(BOB), NULL);
        g_assert_cmpstr(self->call->answer.body, ==, NOT_FOUND);
        sweep(self);
        self->now_s -= 1000; /* nor is it there any more */
        ask(self, READ(BOB), NULL);
        g_assert_cmpstr(self->call->answer.body, ==, NOT_FOUND);
}

static void
test_word_may_be_turned_off(Asking *self, gconstpointer data)
{
        self->api.told_s = 0;
        ask_create(self, "RWD");
        ask_bind(self);
        g_assert_cmpuint(change(self, "DELETE", ALICE, ID2), ==, 200);
        ask(self, READ(BOB), NULL);
        g_assert_cmpstr(self->call->answer.body, ==, NOT_FOUND);

        ask_create(self, "RWD");
        ask_bind(self);
        self->now_s += TG_DEFAULT_LIFE_S;
        ask(self, READ(BOB), NULL);
        g_assert_cmpstr(self->call->answer.body, ==, NOT_FOUND);
}

/* Octet for octet: with any claim that was not bound, and for any method. */
static void
test_strangers_cannot_tell_that_there_was_one(Asking *self, gconstpointer data)
{
        static const char never[] = "/v1/m/99999999-9999-4999-8999-999999999999";
        static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH", "GET", "HEAD"};
        const char *claims[] = {EVE, "junk", NULL};
        g_autofree char *ended = NULL;

        ask_create(self, "RWD");
        ask_bind(self);
        g_assert_cmpuint(change(self, "DELETE", ALICE, ID2), ==, 200);
        ended = g_strdup(self->path);

        for (gsize m = 0; m < G_N_ELEMENTS(methods); m++)
                for (gsize c = 0; c < G_N_ELEMENTS(claims); c++) {
                        const char *body = strcmp(methods[m], "PUT") == 0 ? UPDATE2 : NULL;
                        TgAnswer answers[2];

                        for (guint i = 0; i < 2; i++) {
                                ask(self,
                                    methods[m],
                                    i == 0 ? ended : never,
                                    body,
                                    claims[c] ? TG_HEADER_CLAIM : "X-Nothing",
                                    claims[c] ? claims[c] : "",
                                    NULL);
                                answers[i] = self->call->answer;
                                self->call->answer.body = NULL;
                        }
                        g_assert_cmpuint(answers[0].status, ==, 404);
                        g_assert_cmpstr(answers[0].body, ==, answers[1].body);
                        g_assert_cmpstr(answers[0].body, ==, NOT_FOUND);
                        g_clear_pointer(&answers[0].body, g_free);
                        g_clear_pointer(&answers[1].body, g_free);
                        g_assert_cmpmem(
                                &answers[0], sizeof answers[0], &answers[1], sizeof answers[1]);
                }
        /* and the word goes with its mailbox, not with the claim */
        ask(self, "POST", never, NULL, TG_HEADER_CLAIM, BOB, NULL);
        g_assert_cmpstr(self->call->answer.body, ==, NOT_FOUND);
}

/* ---- preview ---- */

static void
test_preview_binds_nobody(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(ask(self, "GET", self->path, NULL, TG_HEADER_CLAIM, EVE, NULL), ==, 200);
        g_assert_cmpstr(self->call->answer.content_type, ==, "text/html; charset=utf-8");
        g_assert_nonnull(self->call->answer.policy);
        g_assert_cmpuint(self->call->answer.version, ==, 0);
        g_assert_cmpuint(ask(self, "HEAD", self->path, NULL, NULL), ==, 200);
        g_assert_cmpuint(
                ask(self, "GET", self->path, NULL, "Accept", "application/json", NULL), ==, 200);
        g_assert_cmpstr(self->call->answer.content_type, ==, "application/json");
        g_assert_cmpstr(self->call->answer.body,
                        ==,
                        "{" DISPLAY ",\"expiration\":\"2027-01-16T08:00:00Z\"}");
        g_assert_null(self->call->answer.policy);
        g_assert_null(strstr(self->call->answer.body, "payload"));
        ask_bind(self);
}

static void
test_preview_needs_no_right(Asking *self, gconstpointer data)
{
        ask_create(self, "");
        g_assert_cmpuint(ask(self, "GET", self->path, NULL, NULL), ==, 200);
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 401);
}

/* ---- the order of the checks ---- */

static guint
refuse_all(gpointer source, gboolean is_creation)
{
        guint *n_asked = source;

        (*n_asked)++;

        return 7;
}

/* Each request has everything wrong from its row on; it is told of the first. */
static void
test_order_of_checks(Asking *self, gconstpointer data)
{
        static const struct {
                const char *method, *path, *type, *body;
                gboolean is_too_large, is_limited;
                guint status;
        } cases[] = {
                {"TRACE",  "/nowhere",      "text/plain",       "{", TRUE,  TRUE,  405},
                {"post",   "/v1/m",         "text/plain",       "{", TRUE,  TRUE,  405},
                {"PUT",    "/nowhere",      "text/plain",       "{", TRUE,  TRUE,  404},
                {"PUT",    "/v1/m/",        "text/plain",       "{", TRUE,  TRUE,  404},
                {"PUT",    "/v1/m/not-one", "text/plain",       "{", TRUE,  TRUE,  404},
                {"PUT",    "/v1/m",         "text/plain",       "{", TRUE,  TRUE,  405},
                {"GET",    "/v1/m",         "text/plain",       "{", TRUE,  TRUE,  405},
                {"POST",   "/v1/m",         "text/plain",       "{", TRUE,  TRUE,  413},
                {"POST",   "/v1/m",         "text/plain",       "{", FALSE, TRUE,  415},
                {"POST",   "/v1/m",         NULL,               "{", FALSE, TRUE,  415},
                {"DELETE", "/v1/m/" ID1,    "text/plain",       "{", FALSE, TRUE,  415},
                {"POST",   "/v1/m",         "application/json", "{", FALSE, TRUE,  429},
                {"POST",   "/v1/m",         "application/json", "{", FALSE, FALSE, 400},
                {"POST",   "/v1/m/" ID1,    "application/json", "{", FALSE, FALSE, 400},
                {"DELETE", "/v1/m/" ID1,    "application/json", "{", FALSE, FALSE, 400},
                {"DELETE", "/v1/m/" ID1,    NULL,               "",  FALSE, FALSE, 404},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                guint n_asked = 0;
                TgHttpRequest http = {
                        .method = cases[i].method,
                        .path = cases[i].path,
                        .body = cases[i].body,
                        .n_body = strlen(cases[i].body),
                        .is_too_large = cases[i].is_too_large,
                        .admit = cases[i].is_limited ? refuse_all : NULL,
                        .source = &n_asked,
                };
                g_autoptr(TgApiCall) call = NULL;

                /* neither claim nor id is a UUID */
                tg_http_request_add(&http, TG_HEADER_CLAIM, "junk");
                tg_http_request_add(&http, TG_HEADER_REQUEST_ID, "junk");
                if (cases[i].type)
                        tg_http_request_add(&http, "Content-Type", cases[i].type);
                call = tg_api_call_new(&self->api, &http, self->now_s);
                tg_api_execute(&self->api, call, self->store, self->now_s, NULL);
                g_assert_cmpuint(call->answer.status, ==, cases[i].status);
                g_assert_cmpuint(call->answer.retry_after_s, ==, cases[i].status == 429 ? 7 : 0);
                g_assert_true((call->answer.allow != NULL) == (cases[i].status == 405));
                g_assert_cmpuint(n_asked, ==, cases[i].status == 429 ? 1 : 0);
        }
}

/* mailbox, claim, request id, right, If-Match */
static void
test_order_of_checks_in_the_mailbox(Asking *self, gconstpointer data)
{
        ask_create(self, "RD");
        ask_bind(self);
#define PUT_WITH(claim, id)                                                                        \
        ask(self,                                                                                  \
            "PUT",                                                                                 \
            self->path,                                                                            \
            UPDATE2,                                                                               \
            TG_HEADER_CLAIM,                                                                       \
            claim,                                                                                 \
            TG_HEADER_REQUEST_ID,                                                                  \
            id,                                                                                    \
            "If-Match",                                                                            \
            "junk",                                                                                \
            NULL)
        PUT_WITH("junk", "junk");
        assert_problem(self, 400, "malformed");
        g_assert_nonnull(strstr(self->call->answer.body, TG_HEADER_CLAIM));
        PUT_WITH(EVE, "junk");
        assert_problem(self, 401, "unauthorized");
        PUT_WITH(BOB, "junk");
        assert_problem(self, 400, "malformed");
        g_assert_nonnull(strstr(self->call->answer.body, TG_HEADER_REQUEST_ID));
        PUT_WITH(BOB, ID2);
        assert_problem(self, 401, "unauthorized"); /* no right to write */
#undef PUT_WITH
        ask(self,
            "DELETE",
            self->path,
            NULL,
            TG_HEADER_CLAIM,
            BOB,
            TG_HEADER_REQUEST_ID,
            ID2,
            "If-Match",
            "junk",
            NULL);
        assert_problem(self, 400, "malformed");
        g_assert_nonnull(strstr(self->call->answer.body, "If-Match"));
        ask(self,
            "DELETE",
            self->path,
            NULL,
            TG_HEADER_CLAIM,
            BOB,
            TG_HEADER_REQUEST_ID,
            ID2,
            "If-Match",
            "\"9\"",
            NULL);
        assert_problem(self, 412, "version");
}

/* What is asked for is never said again. */
static void
test_problems_repeat_nothing(Asking *self, gconstpointer data)
{
        static const char canary[] = "c4n4ry";
        g_autofree char *body = g_strdup_printf("{\"payload\":{\"type\":\"%s\",\"data\":\"%s\"},"
                                                "\"%s\":1,\"notificationToken\":{\"type\":\"%s\"}}",
                                                canary,
                                                canary,
                                                canary,
                                                canary);
        g_autofree char *path = g_strdup_printf("/v1/m/%s", canary);

        ask(self,
            "POST",
            "/v1/m",
            body,
            TG_HEADER_CLAIM,
            canary,
            TG_HEADER_REQUEST_ID,
            canary,
            NULL);
        g_assert_cmpuint(self->call->answer.status, ==, 400);
        g_assert_null(strstr(self->call->answer.body, canary));
        g_assert_cmpstr(self->call->answer.request_id, ==, "");
        ask(self, "POST", path, NULL, TG_HEADER_CLAIM, canary, NULL);
        g_assert_null(strstr(self->call->answer.body, canary));
        ask(self, canary, path, NULL, NULL);
        g_assert_null(strstr(self->call->answer.body, canary));
}

/* Reads need no batch and no writer, but for the one that binds. */
static void
test_who_needs_the_writer(Asking *self, gconstpointer data)
{
        TgHttpRequest http = {.method = "POST", .body = ""};
        g_autoptr(TgApiCall) call = NULL;

        ask_create(self, "RWD");
        http.path = self->path;
        tg_http_request_add(&http, TG_HEADER_CLAIM, BOB);
        call = tg_api_call_new(&self->api, &http, self->now_s);
        self->store->is_writer = FALSE;
        g_assert_cmpint(tg_api_execute(&self->api, call, self->store, self->now_s, NULL),
                        ==,
                        TG_VERDICT_WRITE);
        self->store->is_writer = TRUE;
        ask_bind(self);
        self->store->is_writer = FALSE;
        g_assert_cmpint(tg_api_execute(&self->api, call, self->store, self->now_s, NULL),
                        ==,
                        TG_VERDICT_ANSWERED);
        g_assert_cmpuint(call->answer.status, ==, 200);
        self->store->is_writer = TRUE;
}

#define ADD(name, function)                                                                        \
        g_test_add("/mailbox-api/" name, Asking, NULL, asking_set_up, function, asking_tear_down)

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("create", test_create);
        ADD("create-needs-claim-and-id", test_create_needs_claim_and_id);
        ADD("create-expiration", test_create_expiration);
        ADD("create-repeated-is-the-same-mailbox", test_create_repeated_is_the_same_mailbox);
        ADD("create-repeated-too-late", test_create_repeated_too_late);
        ADD("limits", test_limits);
        ADD("first-reader-is-bound", test_first_reader_is_bound);
        ADD("claim-is-the-same-in-either-case", test_claim_is_the_same_in_either_case);
        ADD("without-right-to-read-nobody-is-bound", test_without_right_to_read_nobody_is_bound);
        ADD("claim-proof", test_claim_proof);
        ADD("conditional-read", test_conditional_read);
        ADD("malformed-condition-binds-nobody", test_malformed_condition_binds_nobody);
        ADD("read-remembers-no-id", test_read_remembers_no_id);
        ADD("held-read-is-woken-by-a-payload", test_held_read_is_woken_by_a_payload);
        ADD("held-read-ends-with-its-wait", test_held_read_ends_with_its_wait);
        ADD("held-read-gets-nothing-after-relinquish",
            test_held_read_gets_nothing_after_relinquish);
        ADD("held-read-ends-with-the-mailbox", test_held_read_ends_with_the_mailbox);
        ADD("wait-is-at-most-a-minute", test_wait_is_at_most_a_minute);
        ADD("update", test_update);
        ADD("update-binds-nobody", test_update_binds_nobody);
        ADD("update-needs-the-right", test_update_needs_the_right);
        ADD("update-repeated-changes-nothing", test_update_repeated_changes_nothing);
        ADD("late-duplicate-of-an-older-update", test_late_duplicate_of_an_older_update);
        ADD("id-of-another-method", test_id_of_another_method);
        ADD("delete-by-the-initiator", test_delete_by_the_initiator);
        ADD("delete-by-the-recipient", test_delete_by_the_recipient);
        ADD("relinquish", test_relinquish);
        ADD("relinquish-leaves-no-offer-behind", test_relinquish_leaves_no_offer_behind);
        ADD("who-let-go-is-told-nothing", test_who_let_go_is_told_nothing);
        ADD("expiry-at-the-second", test_expiry_at_the_second);
        ADD("word-is-kept-for-an-hour", test_word_is_kept_for_an_hour);
        ADD("word-may-be-turned-off", test_word_may_be_turned_off);
        ADD("strangers-cannot-tell-that-there-was-one",
            test_strangers_cannot_tell_that_there_was_one);
        ADD("preview-binds-nobody", test_preview_binds_nobody);
        ADD("preview-needs-no-right", test_preview_needs_no_right);
        ADD("order-of-checks", test_order_of_checks);
        ADD("order-of-checks-in-the-mailbox", test_order_of_checks_in_the_mailbox);
        ADD("problems-repeat-nothing", test_problems_repeat_nothing);
        ADD("who-needs-the-writer", test_who_needs_the_writer);

        return g_test_run();
}
