/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls that owe an answer, on a real bus. */

#include <string.h>

#include "daemon/call.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "tests/bus/fixture.h"

typedef struct {
        TestBus *bus;
        TestPeer *peer;
        TestPeer *client;
        TgCallers *callers;
        GPtrArray *calls; /* those that were taken */
        guint n_refused;
} Service;

static int
on_call(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        Service *self = user_data;
        g_autoptr(GError) refusal = NULL;
        TgCall *call = tg_call_new(self->callers, message, &refusal);

        if (!call) {
                self->n_refused++;
                return tg_reply_error(message, refusal);
        }

        g_ptr_array_add(self->calls, call);
        return 1;
}

static Service *
service_new(void)
{
        Service *self = g_new0(Service, 1);

        self->bus = test_bus_new();
        self->peer = test_peer_new(self->bus);
        self->client = test_peer_new(self->bus);
        self->callers = tg_callers_new(self->peer->bus);
        self->calls = g_ptr_array_new_with_free_func((GDestroyNotify)tg_call_unref);
        sd_bus_add_object(self->peer->bus, NULL, TEST_PATH, on_call, self);
        return self;
}

static void
service_free(Service *self)
{
        g_ptr_array_unref(self->calls);
        tg_callers_free(self->callers);
        test_peer_free(self->client);
        test_peer_free(self->peer);
        test_bus_free(self->bus);
        g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)

typedef struct {
        guint n; /* answers */
        char *error_name;
        char *error_message;
        char *text;
} Answer;

static void
answer_clear(Answer *answer)
{
        g_clear_pointer(&answer->error_name, g_free);
        g_clear_pointer(&answer->error_message, g_free);
        g_clear_pointer(&answer->text, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static int
on_answer(sd_bus_message *reply, void *user_data, sd_bus_error *error)
{
        Answer *answer = user_data;
        const sd_bus_error *failure = sd_bus_message_get_error(reply);
        const char *text;

        answer_clear(answer);
        answer->n++;
        if (failure) {
                answer->error_name = g_strdup(failure->name);
                answer->error_message = g_strdup(failure->message);
        } else if (sd_bus_message_read(reply, "s", &text) > 0) {
                answer->text = g_strdup(text);
        }
        return 0;
}

static void
call_from(Service *self, TestPeer *client, Answer *answer, gboolean is_interactive)
{
        sd_bus_message *message = NULL;

        g_assert_cmpint(
                sd_bus_message_new_method_call(
                        client->bus, &message, self->peer->name, TEST_PATH, TEST_INTERFACE, "Do"),
                >=,
                0);
        sd_bus_message_set_allow_interactive_authorization(message, is_interactive);
        g_assert_cmpint(
                sd_bus_call_async(client->bus, NULL, message, on_answer, answer, UINT64_MAX),
                >=,
                0);
        sd_bus_message_unref(message);
}

/* Calls, and returns when the service has taken it. */
static TgCall *
take_call(Service *self, Answer *answer)
{
        guint n_before = self->calls->len;

        call_from(self, self->client, answer, FALSE);
        test_wait_count(&self->calls->len, n_before + 1);
        return g_ptr_array_index(self->calls, n_before);
}

static void
test_an_answer_arrives(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Answer) answer = {};
        TgCall *call = take_call(service, &answer);

        g_assert_false(tg_call_is_answered(call));
        g_assert_false(tg_call_is_interactive(call));
        tg_call_return(call, "s", "hello");
        g_assert_true(tg_call_is_answered(call));
        test_wait_count(&answer.n, 1);
        g_assert_cmpstr(answer.text, ==, "hello");
        g_ptr_array_set_size(service->calls, 0);

        call = take_call(service, &answer);
        tg_call_return(call, NULL);
        test_wait_count(&answer.n, 2);
        g_assert_null(answer.error_name);
        g_assert_null(answer.text);
}

static void
test_a_message_made_by_hand_is_an_answer_too(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Answer) answer = {};
        TgCall *call = take_call(service, &answer);
        sd_bus_message *reply = tg_call_new_reply(call);

        sd_bus_message_append(reply, "s", "by hand");
        tg_call_return_message(call, reply);
        sd_bus_message_unref(reply);
        test_wait_count(&answer.n, 1);
        g_assert_cmpstr(answer.text, ==, "by hand");
}

static void
test_an_error_has_its_name_and_sentence(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Answer) answer = {};
        g_autoptr(GError) error = tg_error_new(TG_ERROR_NOT_FOUND, "no 100%% such %s", "share");

        tg_call_fail(take_call(service, &answer), error);
        test_wait_count(&answer.n, 1);
        g_assert_cmpstr(answer.error_name, ==, "org.tigress.Wallet1.Error.NotFound");
        g_assert_cmpstr(answer.error_message, ==, "no 100% such share");
}

static void
test_a_dropped_call_is_answered(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Answer) answer = {};
        TgCall *call = tg_call_ref(take_call(service, &answer));

        g_ptr_array_set_size(service->calls, 0);
        test_settle();
        g_assert_cmpuint(answer.n, ==, 0); /* there is one reference left */
        tg_call_unref(call);
        test_wait_count(&answer.n, 1);
        g_assert_cmpstr(answer.error_name, ==, "org.tigress.Wallet1.Error.Failed");
        g_assert_cmpstr(answer.error_message, ==, "request was dropped");
}

static void
test_whether_a_dialog_may_appear_is_the_callers_word(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Answer) answer = {};

        call_from(service, service->client, &answer, TRUE);
        test_wait_count(&service->calls->len, 1);
        g_assert_true(tg_call_is_interactive(g_ptr_array_index(service->calls, 0)));
}

/* The flood of one connection ends at its quota, and others are served meanwhile. */
static void
test_a_flood_is_refused_and_others_are_served(void)
{
        g_autoptr(Service) service = service_new();
        g_autoptr(TestPeer) other = test_peer_new(service->bus);
        g_auto(Answer) flood = {};
        g_auto(Answer) answer = {};

        for (guint i = 0; i < TG_MAX_UNANSWERED_CALLS + 100; i++)
                call_from(service, service->client, &flood, FALSE);
        test_wait_count(&service->n_refused, 100);
        g_assert_cmpuint(service->calls->len, ==, TG_MAX_UNANSWERED_CALLS);
        test_wait_count(&flood.n, 100);
        g_assert_cmpstr(flood.error_name, ==, "org.tigress.Wallet1.Error.LimitReached");

        call_from(service, other, &answer, FALSE);
        test_wait_count(&service->calls->len, TG_MAX_UNANSWERED_CALLS + 1);
        tg_call_return(g_ptr_array_index(service->calls, TG_MAX_UNANSWERED_CALLS), "s", "served");
        test_wait_count(&answer.n, 1);
        g_assert_cmpstr(answer.text, ==, "served");

        /* An answer makes room, whether or not the call has been let go of. */
        tg_call_return(g_ptr_array_index(service->calls, 0), NULL);
        take_call(service, &answer);
}

/* What it starts costs as much as what others start. */
static void
test_who_wants_no_answer_has_the_same_quota(void)
{
        g_autoptr(Service) service = service_new();
        g_autoptr(GError) error = tg_error_new(TG_ERROR_FAILED, "nobody hears it");

        for (guint i = 0; i < TG_MAX_UNANSWERED_CALLS + 1; i++) {
                sd_bus_message *message = NULL;

                sd_bus_message_new_method_call(service->client->bus,
                                               &message,
                                               service->peer->name,
                                               TEST_PATH,
                                               TEST_INTERFACE,
                                               "Do");
                sd_bus_message_set_expect_reply(message, 0);
                g_assert_cmpint(sd_bus_send(service->client->bus, message, NULL), >=, 0);
                sd_bus_message_unref(message);
        }
        test_wait_count(&service->n_refused, 1);
        g_assert_cmpuint(service->calls->len, ==, TG_MAX_UNANSWERED_CALLS);

        tg_call_return(g_ptr_array_index(service->calls, 0), "s", "unheard");
        tg_call_fail(g_ptr_array_index(service->calls, 1), error);
        g_ptr_array_set_size(service->calls, 0);
        test_settle();
}

static void
test_two_answers_are_a_mistake_of_ours(void)
{
        if (g_test_subprocess()) {
                g_autoptr(Service) service = service_new();
                g_auto(Answer) answer = {};
                TgCall *call = take_call(service, &answer);

                tg_call_return(call, NULL);
                tg_call_return(call, NULL);
                return;
        }

        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_failed();
        g_test_trap_assert_stderr("*is_answered*");
}

static void
test_an_error_of_a_library_is_a_mistake_of_ours(void)
{
        if (g_test_subprocess()) {
                g_autoptr(Service) service = service_new();
                g_auto(Answer) answer = {};
                g_autoptr(GError) error =
                        g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_NOENT, "no file");

                tg_call_fail(take_call(service, &answer), error);
                return;
        }

        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_failed();
        g_test_trap_assert_stderr("*another domain*g-file-error*");
}

/* Its answers go nowhere, and that is nobody's mistake. */
static void
test_the_bus_may_die_before_the_answer(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Answer) answer = {};

        take_call(service, &answer);
        take_call(service, &answer);
        test_bus_kill(service->bus);
        test_wait_count(&service->peer->n_closed, 1);
        tg_call_return(g_ptr_array_index(service->calls, 0), "s", "unheard");
        g_ptr_array_set_size(service->calls, 0);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        g_test_add_func("/call/an-answer-arrives", test_an_answer_arrives);
        g_test_add_func("/call/a-message-made-by-hand-is-an-answer-too",
                        test_a_message_made_by_hand_is_an_answer_too);
        g_test_add_func("/call/an-error-has-its-name-and-sentence",
                        test_an_error_has_its_name_and_sentence);
        g_test_add_func("/call/a-dropped-call-is-answered", test_a_dropped_call_is_answered);
        g_test_add_func("/call/whether-a-dialog-may-appear-is-the-callers-word",
                        test_whether_a_dialog_may_appear_is_the_callers_word);
        g_test_add_func("/call/a-flood-is-refused-and-others-are-served",
                        test_a_flood_is_refused_and_others_are_served);
        g_test_add_func("/call/who-wants-no-answer-has-the-same-quota",
                        test_who_wants_no_answer_has_the_same_quota);
        g_test_add_func("/call/two-answers-are-a-mistake-of-ours",
                        test_two_answers_are_a_mistake_of_ours);
        g_test_add_func("/call/an-error-of-a-library-is-a-mistake-of-ours",
                        test_an_error_of_a_library_is_a_mistake_of_ours);
        g_test_add_func("/call/the-bus-may-die-before-the-answer",
                        test_the_bus_may_die_before_the_answer);
        return test_run();
}
