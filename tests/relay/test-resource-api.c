/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Resources of the plain-HTTP transport without a socket: what each request means. */

#include <string.h>

#include "protocol/limits.h"
#include "tests/relay/asking.h"

#define PLACE "/v1/t/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define OTHER "/v1/t/IAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

#define LOCKED TG_HEADER_READER_LOCK, TG_READER_LOCK_REQUIRED

static guint
put(Asking *self, const char *body)
{
        return ask(self, "PUT", PLACE, body, TG_HEADER_REQUEST_ID, ID1, LOCKED, NULL);
}

static guint
get(Asking *self, const char *claim)
{
        return ask(self, "GET", PLACE, NULL, claim ? TG_HEADER_CLAIM : NULL, claim, NULL);
}

static guint
remove_it(Asking *self, const char *claim)
{
        return ask(self, "DELETE", PLACE, NULL, claim ? TG_HEADER_CLAIM : NULL, claim, NULL);
}

static void
assert_octets(Asking *self, const char *text)
{
        g_assert_cmpuint(self->call->answer.status, ==, 200);
        g_assert_cmpstr(self->call->answer.content_type, ==, "application/octet-stream");
        g_assert_cmpmem(self->call->answer.body, self->call->answer.n_body, text, strlen(text));
}

/* The one answer to everybody who gets nothing. */
static void
assert_nothing(Asking *self)
{
        g_assert_cmpuint(self->call->answer.status, ==, 404);
        g_assert_cmpstr(self->call->answer.body, ==, NOT_FOUND);
        g_assert_cmpuint(self->call->answer.version, ==, 0);
}

static void
test_put_creates_once(Asking *self, gconstpointer data)
{
        g_assert_cmpuint(put(self, "one"), ==, 201);
        g_assert_cmpuint(self->call->answer.n_body, ==, 0);
        g_assert_true(self->call->has_changed);
        g_assert_cmpuint(
                ask(self, "PUT", PLACE, "two", TG_HEADER_REQUEST_ID, ID2, LOCKED, NULL), ==, 412);
        assert_problem(self, 412, "version");
        g_assert_false(self->call->has_changed);
        g_assert_cmpuint(ask(self, "PUT", PLACE, "two", NULL), ==, 412); /* no id is nobody's */
        get(self, BOB);
        assert_octets(self, "one");
}

static void
test_the_same_request_again_changes_nothing(Asking *self, gconstpointer data)
{
        g_assert_cmpuint(put(self, "one"), ==, 201);
        g_assert_cmpuint(put(self, "two"), ==, 201);
        g_assert_false(self->call->has_changed);
        g_assert_cmpstr(self->call->answer.request_id, ==, ID1);
        get(self, BOB);
        assert_octets(self, "one");
        g_assert_cmpuint(put(self, "two"), ==, 201); /* nor who may read */
        get(self, EVE);
        assert_nothing(self);
        get(self, BOB);
        assert_octets(self, "one");

        /* two requests without an id are never the same */
        g_assert_cmpuint(ask(self, "PUT", OTHER, "one", NULL), ==, 201);
        g_assert_cmpuint(ask(self, "PUT", OTHER, "one", NULL), ==, 412);
}

static void
test_the_first_reader_locks_it(Asking *self, gconstpointer data)
{
        /* one that was put without asking for it, too */
        g_assert_cmpuint(ask(self, "PUT", PLACE, "one", NULL), ==, 201);
        get(self, NULL);
        assert_octets(self, "one");
        get(self, BOB);
        assert_octets(self, "one");
        get(self, EVE);
        assert_nothing(self);
        get(self, NULL);
        assert_nothing(self);
        remove_it(self, EVE);
        assert_nothing(self);
        remove_it(self, NULL);
        assert_nothing(self);
        get(self, BOB); /* again, as after a crash */
        assert_octets(self, "one");
        g_assert_cmpuint(remove_it(self, BOB), ==, 204);
        g_assert_cmpuint(self->call->answer.n_body, ==, 0);
        get(self, BOB);
        assert_nothing(self);
}

static void
test_without_a_claim_there_is_nothing_where_a_lock_is_required(Asking *self, gconstpointer data)
{
        put(self, "one");
        get(self, NULL);
        assert_nothing(self);
        remove_it(self, NULL);
        assert_nothing(self);
        get(self, BOB);
        assert_octets(self, "one");
}

static void
test_a_claim_is_for_one_location(Asking *self, gconstpointer data)
{
        put(self, "one");
        g_assert_cmpuint(ask(self, "PUT", OTHER, "two", LOCKED, NULL), ==, 201);
        get(self, BOB);
        g_assert_cmpuint(ask(self, "GET", OTHER, NULL, TG_HEADER_CLAIM, EVE, NULL), ==, 200);
        g_assert_cmpuint(ask(self, "GET", OTHER, NULL, TG_HEADER_CLAIM, BOB, NULL), ==, 404);
        get(self, EVE);
        assert_nothing(self);
}

static void
test_the_unread_may_be_taken_back(Asking *self, gconstpointer data)
{
        put(self, "one");
        g_assert_cmpuint(remove_it(self, ALICE), ==, 204);
        get(self, BOB);
        assert_nothing(self);
        g_assert_cmpuint(put(self, "another"), ==, 201); /* nothing was kept */
        get(self, EVE);
        assert_octets(self, "another");
}

static void
test_methods_and_paths_are_few(Asking *self, gconstpointer data)
{
        static const char *const methods[] = {"POST", "HEAD", "PATCH"};
        static const char *const paths[] = {
                "/v1/t",
                "/v1/t/",
                PLACE "/",
                PLACE "A",
                PLACE "?",
                "/v1/t/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh",
                "/v1/t/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", /* trailing bits */
                "/v1/t/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                "/v1/t/%41AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
                "/v1/T/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
                "/v1/t/../m",
        };

        put(self, "one");
        for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
                ask(self, methods[i], PLACE, NULL, TG_HEADER_CLAIM, BOB, NULL);
                assert_problem(self, 405, "method");
                g_assert_cmpstr(self->call->answer.allow, ==, "GET, PUT, DELETE");
        }
        for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
                ask(self, "GET", paths[i], NULL, TG_HEADER_CLAIM, BOB, NULL);
                assert_nothing(self);
                ask(self, "PUT", paths[i], "x", NULL);
                assert_nothing(self);
        }
        get(self, EVE); /* and nobody has locked it so far */
        assert_octets(self, "one");
}

static void
test_headers_are_read_strictly(Asking *self, gconstpointer data)
{
        static const struct {
                const char *name, *value;
        } wrong[] = {
                {TG_HEADER_CLAIM,       "bob"                    },
                {TG_HEADER_REQUEST_ID,  ID1 "0"                  },
                {TG_HEADER_READER_LOCK, "Required"               },
                {TG_HEADER_READER_LOCK, ""                       },
                {TG_HEADER_READER_LOCK, "none"                   },
                {TG_HEADER_EXPIRES_IN,  "0"                      },
                {TG_HEADER_EXPIRES_IN,  "-1"                     },
                {TG_HEADER_EXPIRES_IN,  "+1"                     },
                {TG_HEADER_EXPIRES_IN,  " 1"                     },
                {TG_HEADER_EXPIRES_IN,  "1.5"                    },
                {TG_HEADER_EXPIRES_IN,  "604801"                 },
                {TG_HEADER_EXPIRES_IN,  "99999999999999999999999"},
                {TG_HEADER_EXPIRES_IN,  ""                       },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                ask(self, "PUT", PLACE, "x", wrong[i].name, wrong[i].value, NULL);
                assert_problem(self, 400, "malformed");
        }
        ask(self, "PUT", PLACE, "x", LOCKED, LOCKED, NULL);
        assert_problem(self, 400, "malformed");
        ask(self, "PUT", PLACE, "x", "Expires-In", "5", "Expires-In", "5", NULL);
        assert_problem(self, 400, "malformed");
        put(self, "one");
        ask(self, "GET", PLACE, NULL, TG_HEADER_CLAIM, "eve", NULL);
        assert_problem(self, 400, "malformed");
        ask(self, "GET", PLACE, NULL, TG_HEADER_CLAIM, EVE, TG_HEADER_CLAIM, BOB, NULL);
        assert_problem(self, 400, "malformed");
        ask(self, "DELETE", PLACE, NULL, TG_HEADER_CLAIM, "eve", NULL);
        assert_problem(self, 400, "malformed");
        get(self, BOB);
        assert_octets(self, "one");
}

static void
test_any_octets_up_to_the_limit(Asking *self, gconstpointer data)
{
        g_autofree char *most = g_strnfill(TG_MAX_TDCH_BODY_BYTES, 'x');
        g_autofree char *more = g_strnfill(TG_MAX_TDCH_BODY_BYTES + 1, 'x');

        g_assert_cmpint(TG_MAX_TDCH_BODY_BYTES, ==, 65584);
        ask(self, "PUT", PLACE, more, "Content-Type", "text/plain", NULL);
        assert_problem(self, 413, "too-large");
        g_assert_cmpuint(
                ask(self, "PUT", PLACE, most, "Content-Type", "text/plain", NULL), ==, 201);
        get(self, BOB);
        assert_octets(self, most);
        g_assert_cmpuint(ask(self, "PUT", OTHER, NULL, NULL), ==, 201); /* none at all */
        g_assert_cmpuint(ask(self, "GET", OTHER, NULL, NULL), ==, 200);
        g_assert_cmpuint(self->call->answer.n_body, ==, 0);
}

static void
test_its_time_ends_it(Asking *self, gconstpointer data)
{
        static const struct {
                const char *asked; /* NULL: not */
                gint64 life_s;
        } cases[] = {
                {NULL,     TG_DEFAULT_LIFE_S},
                {"1",      1                },
                {"604800", TG_MAX_LIFE_S    },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                self->now_s = NOW + (gint64)i * 10000000;
                ask(self,
                    "PUT",
                    PLACE,
                    "one",
                    LOCKED,
                    cases[i].asked ? TG_HEADER_EXPIRES_IN : NULL,
                    cases[i].asked,
                    NULL);
                g_assert_cmpuint(self->call->answer.status, ==, 201);
                self->now_s += cases[i].life_s - 1;
                get(self, BOB);
                assert_octets(self, "one");
                self->now_s++;
                get(self, BOB);
                assert_nothing(self);
                remove_it(self, BOB);
                assert_nothing(self);
                /* and its place is free, with nothing of the old one's */
                g_assert_cmpuint(put(self, "two"), ==, 201);
                get(self, EVE);
                assert_octets(self, "two");
                g_assert_cmpuint(remove_it(self, EVE), ==, 204);
        }
}

/* ---- waiting ---- */

static guint
wait_for(Asking *self, const char *claim)
{
        return ask(self,
                   "GET",
                   PLACE,
                   NULL,
                   "Prefer",
                   "wait=30",
                   claim ? TG_HEADER_CLAIM : NULL,
                   claim,
                   NULL);
}

static void
test_a_wait_is_for_what_may_be_read(Asking *self, gconstpointer data)
{
        g_assert_cmpuint(wait_for(self, BOB), ==, 0);
        g_assert_cmpuint(self->call->wait_s, ==, 30);
        g_assert_cmpuint(ask_again(self, FALSE), ==, 0); /* woken for nothing */
        g_assert_cmpuint(ask_again(self, TRUE), ==, 404);
        assert_nothing(self);
        g_assert_cmpuint(self->call->answer.waited_s, ==, 30);

        put(self, "one");
        g_assert_cmpuint(wait_for(self, NULL), ==, 0); /* as if there were nothing */
        g_assert_cmpuint(ask_again(self, TRUE), ==, 404);
        wait_for(self, BOB);
        assert_octets(self, "one");
        g_assert_cmpuint(wait_for(self, EVE), ==, 0);
        g_assert_cmpuint(ask_again(self, TRUE), ==, 404);
        assert_nothing(self);
}

static void
test_who_waits_reads_when_it_comes(Asking *self, gconstpointer data)
{
        TgApiCall *waiting;

        wait_for(self, BOB);
        waiting = g_steal_pointer(&self->call);
        put(self, "one");
        tg_api_call_free(self->call);
        self->call = waiting;
        g_assert_cmpuint(ask_again(self, FALSE), ==, 200);
        assert_octets(self, "one");
        get(self, EVE);
        assert_nothing(self);
}

/* ---- */

static guint
admit_no_creation(gpointer source, gboolean is_creation)
{
        return is_creation ? 7 : 0;
}

static void
test_each_put_costs_as_a_creation(Asking *self, gconstpointer data)
{
        TgHttpRequest http = {
                .method = "PUT",
                .path = PLACE,
                .body = "",
                .admit = admit_no_creation,
        };

        self->call = tg_api_call_new(&self->api, &http, NOW);
        assert_problem(self, 429, "limited");
        g_assert_cmpuint(self->call->answer.retry_after_s, ==, 7);
}

#define ADD(name, function)                                                                        \
        g_test_add("/resource-api/" name, Asking, NULL, asking_set_up, function, asking_tear_down)

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("put-creates-once", test_put_creates_once);
        ADD("the-same-request-again-changes-nothing", test_the_same_request_again_changes_nothing);
        ADD("the-first-reader-locks-it", test_the_first_reader_locks_it);
        ADD("without-a-claim-there-is-nothing-where-a-lock-is-required",
            test_without_a_claim_there_is_nothing_where_a_lock_is_required);
        ADD("a-claim-is-for-one-location", test_a_claim_is_for_one_location);
        ADD("the-unread-may-be-taken-back", test_the_unread_may_be_taken_back);
        ADD("methods-and-paths-are-few", test_methods_and_paths_are_few);
        ADD("headers-are-read-strictly", test_headers_are_read_strictly);
        ADD("any-octets-up-to-the-limit", test_any_octets_up_to_the_limit);
        ADD("its-time-ends-it", test_its_time_ends_it);
        ADD("a-wait-is-for-what-may-be-read", test_a_wait_is_for_what_may_be_read);
        ADD("who-waits-reads-when-it-comes", test_who_waits_reads_when_it_comes);
        ADD("each-put-costs-as-a-creation", test_each_put_costs_as_a_creation);

        return g_test_run();
}
