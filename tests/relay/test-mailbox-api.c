/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/digest.h"
#include "protocol/limits.h"
#include "tests/relay/asking.h"

#define CREATE_BODY "{\"payload\":" PAYLOAD "," DISPLAY "}"

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
        ask_make(self, "x", ID1, CREATE_BODY);
        assert_problem(self, 400, "malformed");
        ask_make(self, ALICE, "1", CREATE_BODY);
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

                g_assert_cmpuint(ask_make(self, ALICE, id, body), ==, cases[i].status);
        }
}

static void
test_create_repeated_is_the_same_mailbox(Asking *self, gconstpointer data)
{
        g_autofree char *first = NULL, *second = NULL, *foreign = NULL, *other = NULL;

        ask_create(self, NULL);
        first = ask_member(self, "urlLink");

        g_assert_cmpuint(ask_make(self, ALICE, ID1, CREATE_BODY), ==, 201);
        second = ask_member(self, "urlLink");
        g_assert_cmpstr(first, ==, second);
        g_assert_cmpuint(
                self->call->answer.version, ==, 0); /* no ETag: somebody may have written */

        /* somebody else's claim with the same id: a mailbox of his own */
        g_assert_cmpuint(ask_make(self, EVE, ID1, CREATE_BODY), ==, 200);
        foreign = ask_member(self, "urlLink");
        g_assert_cmpstr(first, !=, foreign);
        /* and another id of the same claim */
        g_assert_cmpuint(ask_make(self, ALICE, ID2, CREATE_BODY), ==, 200);
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
                guint status = ask_make(self, ALICE, ID2, body);

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
        g_assert_cmpuint(ask_make(self, ALICE, ID1, body), ==, 200);

        zeros[TG_MAX_PAYLOAD_CHARS - 1] = 'A';
        g_free(body);
        body = g_strdup_printf("{\"payload\":{\"type\":\"T\",\"data\":\"%s\"}," DISPLAY "}", zeros);
        ask_make(self, ALICE, ID2, body);
        assert_problem(self, 413, "too-large");

        g_free(body);
        body = g_strdup_printf("{\"payload\":" PAYLOAD ",\"displayInformation\":{\"title\":\"%s\","
                               "\"description\":\"\",\"imageURL\":\"\"}}",
                               title);
        ask_make(self, ALICE, ID2, body);
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
        g_assert_cmpuint(ask_update(self, BOB, ID2, UPDATE2, NULL), ==, 401); /* was not bound */
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
        g_assert_cmpuint(ask_change(self, "PATCH", BOB, ID2), ==, 200);
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
        g_assert_cmpuint(ask_update(self, BOB, ID2, UPDATE2, NULL), ==, 200);
        g_assert_cmpuint(ask(self, READ(BOB), TG_HEADER_REQUEST_ID, "no", NULL), ==, 400);
}

/* ---- preview ---- */

static void
test_preview_binds_nobody(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(ask(self, "GET", self->path, NULL, TG_HEADER_CLAIM, EVE, NULL), ==, 200);
        g_assert_cmpstr(self->call->answer.content_type, ==, "text/html; charset=utf-8");
        g_assert_nonnull(self->call->answer.policy);
        g_assert_cmpstr(self->call->answer.language, ==, "en");
        g_assert_cmpstr(self->call->answer.varies, ==, "Accept, Accept-Language");
        g_assert_cmpuint(self->call->answer.version, ==, 0);
        g_assert_cmpuint(ask(self,
                             "GET",
                             self->path,
                             NULL,
                             "Accept-Language",
                             "fr;q=0.2, de-AT;q=0.3, en;q=0.1",
                             NULL),
                         ==,
                         200);
        g_assert_cmpstr(self->call->answer.language, ==, "de");
        g_assert_nonnull(strstr(self->call->answer.body, "<html lang=\"de\">"));
        g_assert_cmpuint(ask(self, "HEAD", self->path, NULL, NULL), ==, 200);
        g_assert_cmpuint(
                ask(self, "GET", self->path, NULL, "Accept", "application/json", NULL), ==, 200);
        g_assert_cmpstr(self->call->answer.content_type, ==, "application/json");
        g_assert_cmpstr(self->call->answer.body,
                        ==,
                        "{" DISPLAY ",\"expiration\":\"2027-01-16T08:00:00Z\"}");
        g_assert_null(self->call->answer.policy);
        g_assert_null(self->call->answer.language);
        g_assert_cmpstr(self->call->answer.varies, ==, "Accept");
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
                TgApiCall *call;

                /* neither claim nor id is a UUID */
                tg_http_request_add(&http, TG_HEADER_CLAIM, "junk");
                tg_http_request_add(&http, TG_HEADER_REQUEST_ID, "junk");
                if (cases[i].type)
                        tg_http_request_add(&http, "Content-Type", cases[i].type);
                tg_api_call_free(self->call);
                self->call = call = tg_api_call_new(&self->api, &http, self->now_s);
                ask_again(self, FALSE);
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

        ask_make(self, canary, canary, body);
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

        if (!self->store) {
                g_test_skip("of the file alone");
                return;
        }
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
        ADD("preview-binds-nobody", test_preview_binds_nobody);
        ADD("preview-needs-no-right", test_preview_needs_no_right);
        ADD("order-of-checks", test_order_of_checks);
        ADD("order-of-checks-in-the-mailbox", test_order_of_checks_in_the_mailbox);
        ADD("problems-repeat-nothing", test_problems_repeat_nothing);
        ADD("who-needs-the-writer", test_who_needs_the_writer);

        return g_test_run();
}
