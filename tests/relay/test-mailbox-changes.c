/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Waiting, update, delete, relinquish, and what is told when a mailbox has ended. */

#include <string.h>

#include "protocol/limits.h"
#include "tests/relay/asking.h"

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
        g_assert_cmpuint(ask_update(self, ALICE, ID2, UPDATE2, NULL), ==, 200);
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
        g_assert_cmpuint(ask_change(self, "PATCH", BOB, ID2), ==, 200);
        g_assert_true(self->call->has_changed);
        g_assert_cmpuint(ask_update(self, ALICE, ID3, UPDATE2, NULL), ==, 200);

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
        g_assert_cmpuint(ask_change(self, "DELETE", ALICE, ID2), ==, 200);
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
        g_assert_cmpuint(ask_update(self, BOB, ID2, UPDATE2, "\"1\""), ==, 200);
        g_assert_cmpuint(self->call->answer.version, ==, 2);
        g_assert_cmpstr(self->call->answer.body, ==, "{\"isPushNotificationSupported\":false}");
        g_assert_cmpuint(ask(self, READ(ALICE), NULL), ==, 200);
        assert_payload(self, PAYLOAD2);
        g_assert_cmpuint(ask_update(self, ALICE, ID2, UPDATE3, "\"2\""), ==, 200);
        g_assert_cmpuint(self->call->answer.version, ==, 3);

        g_assert_cmpuint(ask_update(self, EVE, ID3, UPDATE2, NULL), ==, 401);
        g_assert_cmpuint(
                ask(self, "PUT", self->path, UPDATE2, TG_HEADER_CLAIM, BOB, NULL), ==, 400);
        g_assert_cmpuint(
                ask(self, "PUT", self->path, UPDATE2, TG_HEADER_REQUEST_ID, ID3, NULL), ==, 401);
        g_assert_cmpuint(ask_update(self, BOB, ID3, "{}", NULL), ==, 400);
        g_assert_cmpuint(ask_update(self, BOB, ID3, UPDATE2, "3"), ==, 400);
        g_assert_cmpuint(ask_update(self, BOB, ID3, UPDATE2, "*"), ==, 200);
}

/* A read binds; a write does not. */
static void
test_update_binds_nobody(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(ask_update(self, EVE, ID2, UPDATE2, NULL), ==, 401);
        ask_bind(self);
        assert_payload(self, PAYLOAD);
}

static void
test_update_needs_the_right(Asking *self, gconstpointer data)
{
        ask_create(self, NULL); /* RD */
        ask_bind(self);
        g_assert_cmpuint(ask_update(self, BOB, ID2, UPDATE2, NULL), ==, 401);
        g_assert_cmpuint(
                ask_update(self, ALICE, ID2, UPDATE2, NULL), ==, 401); /* rights bind both */
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 200);
        assert_payload(self, PAYLOAD);
}

static void
test_update_repeated_changes_nothing(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        g_assert_cmpuint(ask_update(self, BOB, ID2, UPDATE2, "\"1\""), ==, 200);
        /* its condition no longer holds, and that does not matter */
        g_assert_cmpuint(ask_update(self, BOB, ID2, UPDATE2, "\"1\""), ==, 201);
        g_assert_cmpuint(self->call->answer.version, ==, 0);
        g_assert_false(self->call->has_changed);
        g_assert_cmpuint(ask_update(self, BOB, ID2, UPDATE3, NULL), ==, 201);
        /* another claim's id is only an id */
        g_assert_cmpuint(ask_update(self, EVE, ID2, UPDATE3, NULL), ==, 401);
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 200);
        assert_payload(self, PAYLOAD2);
        g_assert_cmpuint(self->call->answer.version, ==, 2);
        g_assert_cmpuint(ask_update(self, ALICE, ID2, UPDATE3, NULL), ==, 200);
}

static void
test_late_duplicate_of_an_older_update(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        g_assert_cmpuint(ask_update(self, BOB, ID2, UPDATE2, "\"1\""), ==, 200);
        g_assert_cmpuint(ask_update(self, BOB, ID3, UPDATE3, "\"2\""), ==, 200);
        ask_update(self, BOB, ID2, UPDATE2, "\"1\"");
        assert_problem(self, 412, "version");
        g_assert_cmpuint(ask(self, READ(ALICE), NULL), ==, 200);
        assert_payload(self, PAYLOAD3);
}

static void
test_id_of_another_method(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        ask_update(self, ALICE, ID1, UPDATE2, NULL); /* made the mailbox */
        assert_problem(self, 400, "malformed");
        ask_change(self, "DELETE", ALICE, ID1);
        assert_problem(self, 400, "malformed");
        g_assert_cmpuint(ask_update(self, BOB, ID1, UPDATE2, NULL), ==, 200);
        ask_change(self, "DELETE", BOB, ID1);
        assert_problem(self, 400, "malformed");
        ask_change(self, "PATCH", BOB, ID1);
        assert_problem(self, 400, "malformed");
        /* all zeros is an id like any other */
        g_assert_cmpuint(
                ask_update(self, ALICE, "00000000-0000-0000-0000-000000000000", UPDATE3, NULL),
                ==,
                200);
}

/* ---- delete ---- */

static void
test_delete_by_the_initiator(Asking *self, gconstpointer data)
{
        ask_create(self, "R"); /* its own it may always */
        ask_bind(self);
        g_assert_cmpuint(ask_change(self, "DELETE", BOB, ID2), ==, 401);
        g_assert_cmpuint(ask_change(self, "DELETE", EVE, ID2), ==, 401);
        g_assert_cmpuint(
                ask(self, "DELETE", self->path, NULL, TG_HEADER_CLAIM, ALICE, NULL), ==, 400);
        g_assert_cmpuint(ask_change(self, "DELETE", ALICE, ID2), ==, 200);
        g_assert_null(self->call->answer.body);

        ask_change(self, "DELETE", ALICE, ID2); /* done */
        assert_problem(self, 404, "cancelled");
        ask(self, READ(BOB), NULL);
        assert_problem(self, 404, "cancelled");
}

static void
test_delete_by_the_recipient(Asking *self, gconstpointer data)
{
        ask_create(self, "RD");
        ask_bind(self);
        g_assert_cmpuint(ask_change(self, "DELETE", BOB, ID2), ==, 200);
        ask(self, READ(ALICE), NULL);
        assert_problem(self, 404, "completed");
        ask_update(self, BOB, ID3, UPDATE2, NULL);
        assert_problem(self, 404, "completed");
}

/* ---- relinquish ---- */

static void
test_relinquish(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        g_assert_cmpuint(ask_change(self, "PATCH", BOB, ID2), ==, 401); /* not bound yet */
        ask_bind(self);
        g_assert_cmpuint(ask_change(self, "PATCH", ALICE, ID2), ==, 401);
        g_assert_cmpuint(ask_change(self, "PATCH", EVE, ID2), ==, 401);
        g_assert_cmpuint(ask(self, "PATCH", self->path, NULL, TG_HEADER_CLAIM, BOB, NULL), ==, 400);
        g_assert_cmpuint(ask_change(self, "PATCH", BOB, ID2), ==, 200);
        g_assert_cmpuint(ask_change(self, "PATCH", BOB, ID2), ==, 401); /* done */
        g_assert_cmpuint(ask_update(self, BOB, ID3, UPDATE2, NULL), ==, 401);

        g_assert_cmpuint(ask(self, READ(EVE), NULL), ==, 200);
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 401);
        /* an id of the one who let go is nothing to the next */
        g_assert_cmpuint(ask_update(self, EVE, ID2, UPDATE2, NULL), ==, 200);
}

static void
test_relinquish_leaves_no_offer_behind(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        g_assert_cmpuint(ask_update(self, BOB, ID2, UPDATE2, NULL), ==, 200);
        ask_change(self, "PATCH", BOB, ID3);
        assert_problem(self, 409, "conflict");
        g_assert_cmpuint(ask(self, READ(BOB), NULL), ==, 200); /* still bound */
        g_assert_cmpuint(ask_update(self, ALICE, ID2, UPDATE3, NULL), ==, 200);
        g_assert_cmpuint(ask_change(self, "PATCH", BOB, ID3), ==, 200);
}

static void
test_who_let_go_is_told_nothing(Asking *self, gconstpointer data)
{
        ask_create(self, "RWD");
        ask_bind(self);
        g_assert_cmpuint(ask_change(self, "PATCH", BOB, ID2), ==, 200);
        g_assert_cmpuint(ask_change(self, "DELETE", ALICE, ID3), ==, 200);
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
        g_assert_cmpuint(ask_update(self, ALICE, ID2, UPDATE2, NULL), ==, 404);
        g_assert_cmpuint(ask_change(self, "DELETE", ALICE, ID2), ==, 404);
        g_assert_cmpuint(ask_change(self, "PATCH", BOB, ID2), ==, 404);
        ask(self, "GET", self->path, NULL, NULL);
        g_assert_cmpstr(self->call->answer.body, ==, NOT_FOUND);
        ask(self, READ(EVE), NULL);
        g_assert_cmpstr(self->call->answer.body, ==, NOT_FOUND);
}

/* Redis does it by itself, and by its own clock. */
static void
sweep(Asking *self)
{
        g_autoptr(GError) error = NULL;
        gboolean is_done = self->store == NULL;

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
        if (!self->store)
                return;
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
        g_assert_cmpuint(ask_change(self, "DELETE", ALICE, ID2), ==, 200);
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
        g_assert_cmpuint(ask_change(self, "DELETE", ALICE, ID2), ==, 200);
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

#define ADD(name, function)                                                                        \
        g_test_add("/mailbox-api/" name, Asking, NULL, asking_set_up, function, asking_tear_down)

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
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

        return g_test_run();
}
