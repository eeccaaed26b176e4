/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The real polkitd, real dialogs. Run by authority.sh, which is told over descriptors 3
 * and 4 what is to happen to polkitd and to whoever answers. In this world alice may
 * share, may not accept, and is asked before something is revealed. */

#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/authority.h"
#include "dbus/names.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "tests/bus/fixture.h"

#define ANSWERS_FD 3
#define WISHES_FD 4

#define MAY TG_ACTION_SHARE
#define MAY_NOT TG_ACTION_ACCEPT
#define IS_ASKED TG_ACTION_REVEAL

/* ---- the stage ---- */

static gboolean
on_stage_answer(int fd, GIOCondition condition, gpointer user_data)
{
        GString *answer = user_data;
        char octets[16];
        gssize n = read(fd, octets, sizeof octets);

        g_assert_cmpint(n, >, 0);
        g_string_append_len(answer, octets, n);
        return G_SOURCE_CONTINUE;
}

/* The loop runs meanwhile. FALSE where this world cannot do that. */
static gboolean G_GNUC_PRINTF(1, 2) wish(const char *format, ...)
{
        g_autoptr(GString) answer = g_string_new(NULL);
        g_autofree char *line = NULL;
        va_list arguments;
        guint source;

        va_start(arguments, format);
        line = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_assert_cmpint(dprintf(WISHES_FD, "%s\n", line), >, 0);

        source = g_unix_fd_add(ANSWERS_FD, G_IO_IN, on_stage_answer, answer);
        while (!strchr(answer->str, '\n'))
                g_main_context_iteration(NULL, TRUE);
        g_source_remove(source);
        return strcmp(answer->str, "done\n") == 0;
}

/* ---- the service ---- */

typedef struct {
        TestBus *bus;
        TestPeer *peer;
        TestPeer *client;
        TgCallers *callers;
        TgCaller *caller; /* who called last */
        guint n_calls;
        TgAuthority *authority;
} Service;

static int
on_call(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        Service *self = user_data;
        g_autoptr(GError) refusal = NULL;

        g_clear_pointer(&self->caller, tg_caller_unref);
        self->caller = tg_callers_get(self->callers, message, &refusal);
        g_assert_no_error(refusal);
        self->n_calls++;
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
        self->authority = tg_authority_new();
        sd_bus_add_object(self->peer->bus, NULL, TEST_PATH, on_call, self);
        test_peer_send(self->peer, self->client->bus);
        test_wait_count(&self->n_calls, 1);
        return self;
}

static void
service_free(Service *self)
{
        g_assert_true(wish("agent-ends"));
        tg_authority_free(self->authority);
        g_clear_pointer(&self->caller, tg_caller_unref);
        tg_callers_free(self->callers);
        test_peer_free(self->client);
        test_peer_free(self->peer);
        test_bus_free(self->bus);
        g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)

typedef struct {
        guint n;
        GError *error;
} Outcome;

static void
outcome_clear(Outcome *outcome)
{
        g_clear_error(&outcome->error);
        outcome->n = 0;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static void
on_decided(const GError *error, gpointer user_data)
{
        Outcome *outcome = user_data;

        outcome->n++;
        g_clear_error(&outcome->error);
        outcome->error = error ? g_error_copy(error) : NULL;
}

static TgAuthorityCheck *
ask(Service *self, const char *action, gboolean is_interactive, Outcome *outcome)
{
        return tg_authority_check(
                self->authority, self->caller, action, is_interactive, on_decided, outcome);
}

static void
assert_allowed(Outcome *outcome)
{
        test_wait_count(&outcome->n, 1);
        g_assert_no_error(outcome->error);
        outcome_clear(outcome);
}

static void
assert_denied(Outcome *outcome, const char *sentence)
{
        test_wait_count(&outcome->n, 1);
        g_assert_error(outcome->error, TG_ERROR, TG_ERROR_DENIED);
        g_test_message("%s", outcome->error->message);
        g_assert_nonnull(strstr(outcome->error->message, sentence));
        outcome_clear(outcome);
}

/* ---- answers ---- */

static void
test_what_the_rules_allow_needs_nobody(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};

        ask(service, MAY, FALSE, &outcome);
        assert_allowed(&outcome);
        ask(service, MAY, TRUE, &outcome);
        assert_allowed(&outcome);
}

static void
test_what_the_rules_forbid_is_denied(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};

        ask(service, MAY_NOT, FALSE, &outcome);
        assert_denied(&outcome, "do not allow org.tigress.wallet.accept");
        ask(service, MAY_NOT, TRUE, &outcome);
        assert_denied(&outcome, "do not allow org.tigress.wallet.accept");
}

static void
test_nobody_there_to_ask_is_a_no(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};

        ask(service, IS_ASKED, FALSE, &outcome);
        assert_denied(&outcome, "interactive authorization");
        ask(service, IS_ASKED, TRUE, &outcome);
        assert_denied(&outcome, "nobody could be asked");
}

static void
test_an_action_without_policy_is_denied(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};

        ask(service, "org.tigress.wallet.unheard-of", TRUE, &outcome);
        assert_denied(&outcome, "policy file of Tigress is installed");
}

static void
test_the_right_password_allows_once(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};

        g_assert_true(wish("agent %d pass:alice-login", (int)getpid()));
        ask(service, IS_ASKED, TRUE, &outcome);
        assert_allowed(&outcome);
        g_assert_true(wish("said 1 agreed"));

        /* Once more is asked once more: nothing is remembered. */
        ask(service, IS_ASKED, FALSE, &outcome);
        assert_denied(&outcome, "interactive authorization");
        ask(service, IS_ASKED, TRUE, &outcome);
        assert_allowed(&outcome);
        g_assert_true(wish("said 2 agreed"));
}

static void
test_two_checks_at_once_are_two_dialogs(void)
{
        g_autoptr(Service) service = service_new();
        g_autofree char *directory = test_directory();
        g_autofree char *password = g_build_filename(directory, "password", NULL);
        g_auto(Outcome) one = {};
        g_auto(Outcome) other = {};

        /* This agent refuses a second question while the first is open, as text agents do. */
        g_assert_true(wish("agent %d file:%s", (int)getpid(), password));
        ask(service, IS_ASKED, TRUE, &one);
        ask(service, IS_ASKED, TRUE, &other);
        g_assert_true(wish("said 1 asked"));
        g_assert_cmpuint(one.n + other.n, ==, 0);

        g_assert_true(g_file_set_contents(password, "alice-login", -1, NULL));
        assert_allowed(&one);
        assert_allowed(&other);
        g_assert_true(wish("said 2 asked"));
        g_assert_true(wish("said 2 agreed"));
}

static void
test_the_wrong_password_is_a_no(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};

        g_assert_true(wish("agent %d pass:wrong", (int)getpid()));
        ask(service, IS_ASKED, TRUE, &outcome);
        assert_denied(&outcome, "the password was wrong");
}

static void
test_a_dismissed_dialog_is_a_no(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};

        g_assert_true(wish("agent %d cancel", (int)getpid()));
        ask(service, IS_ASKED, TRUE, &outcome);
        assert_denied(&outcome, "was dismissed");
}

static void
test_a_dropped_check_closes_its_dialog(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        TgAuthorityCheck *check;

        g_assert_true(wish("agent %d hang", (int)getpid()));
        check = ask(service, IS_ASKED, TRUE, &outcome);
        g_assert_true(wish("said 1 asked"));
        tg_authority_check_cancel(check);
        g_assert_true(wish("said 1 no longer asked"));
        g_assert_cmpuint(outcome.n, ==, 0);

        ask(service, MAY, TRUE, &outcome);
        assert_allowed(&outcome);
}

/* ---- callers who go ---- */

typedef struct {
        Service *service;
        gboolean has_heir; /* leaves its connection to a child */
} Leaving;

static void
call_and_leave(int fd, gpointer data)
{
        const Leaving *leaving = data;
        sd_bus *client = test_bus_connect(leaving->service->bus);
        char octet;

        test_peer_send(leaving->service->peer, client);
        test_hear(fd);
        if (leaving->has_heir) {
                if (fork() == 0)
                        (void)!read(fd, &octet, 1);
                return;
        }
        sd_bus_flush_close_unref(client);
        test_hear(fd);
}

static void
test_a_caller_that_leaves_takes_its_dialog_along(void)
{
        g_autoptr(Service) service = service_new();
        Leaving leaving = {.service = service};
        g_auto(Outcome) outcome = {};
        TestChild child = test_fork(call_and_leave, &leaving);

        test_wait_count(&service->n_calls, 2);
        g_assert_cmpint(tg_caller_pid(service->caller), ==, child.pid);
        g_assert_true(wish("agent %d hang", (int)child.pid));
        ask(service, IS_ASKED, TRUE, &outcome);
        g_assert_true(wish("said 1 asked"));

        test_say(child.fd, 'l');
        assert_denied(&outcome, "the caller left");
        g_assert_true(wish("said 1 no longer asked"));
        test_say(child.fd, 'q');
        test_child_join(&child);
}

/* Its connection is still there, and the answer is yes: too late. polkit has no
 * objection to a process that has ended and was not waited for. */
static void
test_a_yes_for_a_process_that_ended_is_a_no(void)
{
        g_autoptr(Service) service = service_new();
        Leaving leaving = {.service = service, .has_heir = TRUE};
        g_auto(Outcome) outcome = {};
        TestChild child = test_fork(call_and_leave, &leaving);
        siginfo_t info;

        test_wait_count(&service->n_calls, 2);
        if (!wish("polkit freeze")) {
                g_test_skip("this world's polkitd cannot be frozen");
                test_child_kill(&child);
                return;
        }
        ask(service, MAY, TRUE, &outcome);
        test_settle();

        test_say(child.fd, 'e');
        g_assert_cmpint(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), ==, 0);
        g_assert_true(wish("polkit thaw"));
        assert_denied(&outcome, "the caller left");
        test_say(child.fd, 'q');
        test_child_join(&child);

        /* One that had ended before is not even asked about. */
        ask(service, MAY, TRUE, &outcome);
        assert_denied(&outcome, "the caller left");
}

/* ---- many questions ---- */

static void
stay(int fd, gpointer data)
{
        Service *service = data;
        sd_bus *client = test_bus_connect(service->bus);

        test_peer_send(service->peer, client);
        test_hear(fd);
        sd_bus_flush_close_unref(client);
}

static void
test_a_flood_of_questions_ends_and_others_are_served(void)
{
        g_autoptr(Service) service = service_new();
        g_autoptr(TestPeer) second = test_peer_new(service->bus);
        g_auto(Outcome) flood = {};
        g_auto(Outcome) refused = {};
        g_auto(Outcome) other = {};
        TgAuthorityCheck *checks[TG_MAX_WAITING_DIALOGS + 1];
        TestChild child;

        g_assert_true(wish("agent %d hang", (int)getpid()));
        for (gsize i = 0; i < G_N_ELEMENTS(checks); i++)
                checks[i] = ask(service, IS_ASKED, TRUE, &flood);
        g_assert_true(wish("said 1 asked"));

        /* One more, also from another connection of the same process. */
        ask(service, IS_ASKED, TRUE, &refused);
        test_wait_count(&refused.n, 1);
        g_assert_error(refused.error, TG_ERROR, TG_ERROR_LIMIT_REACHED);
        outcome_clear(&refused);
        test_peer_send(service->peer, second->bus);
        test_wait_count(&service->n_calls, 2);
        ask(service, IS_ASKED, TRUE, &refused);
        test_wait_count(&refused.n, 1);
        g_assert_error(refused.error, TG_ERROR, TG_ERROR_LIMIT_REACHED);

        /* Another process is asked at once. */
        child = test_fork(stay, service);
        test_wait_count(&service->n_calls, 3);
        ask(service, MAY, TRUE, &other);
        assert_allowed(&other);
        g_assert_true(wish("agent-ends"));
        g_assert_true(wish("agent %d pass:alice-login", (int)child.pid));
        ask(service, IS_ASKED, TRUE, &other);
        assert_allowed(&other);
        test_say(child.fd, 'q');
        test_child_join(&child);

        for (gsize i = G_N_ELEMENTS(checks); i > flood.n; i--)
                tg_authority_check_cancel(checks[i - 1]);
}

/* ---- polkit and its bus ---- */

static gboolean
count_turn(gpointer user_data)
{
        (*(guint *)user_data)++;
        return G_SOURCE_CONTINUE;
}

static void
test_a_late_answer_is_waited_for_without_blocking(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        guint n_turns = 0, source;

        if (!wish("polkit freeze")) {
                g_test_skip("this world's polkitd cannot be frozen");
                return;
        }
        ask(service, MAY, TRUE, &outcome);
        source = g_timeout_add(20, count_turn, &n_turns);
        test_wait_count(&n_turns, 20);
        g_source_remove(source);
        g_assert_cmpuint(outcome.n, ==, 0);
        g_assert_true(wish("polkit thaw"));
        assert_allowed(&outcome);
}

static void
test_without_polkitd_nothing_is_allowed(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};

        if (!wish("polkit stop")) {
                g_test_skip("this world's polkitd cannot be stopped");
                return;
        }
        ask(service, MAY, TRUE, &outcome);
        assert_denied(&outcome, "polkit is not running");
        g_assert_true(wish("polkit start"));
        ask(service, MAY, TRUE, &outcome);
        assert_allowed(&outcome);
}

static void
test_polkitd_may_die_while_it_asks(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        TgAuthorityCheck *check;

        g_assert_true(wish("agent %d hang", (int)getpid()));
        check = ask(service, IS_ASKED, TRUE, &outcome);
        g_assert_true(wish("said 1 asked"));
        if (!wish("polkit kill")) {
                g_test_skip("this world's polkitd cannot be stopped");
                tg_authority_check_cancel(check);
                return;
        }
        assert_denied(&outcome, "polkit gave no answer");
        g_assert_true(wish("polkit start"));
        ask(service, MAY, TRUE, &outcome);
        assert_allowed(&outcome);
}

static void
test_a_lost_system_bus_is_found_again(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        TgAuthorityCheck *check;

        g_assert_true(wish("agent %d hang", (int)getpid()));
        check = ask(service, IS_ASKED, TRUE, &outcome);
        g_assert_true(wish("said 1 asked"));
        if (!wish("bus stop")) {
                g_test_skip("this world's system bus is not ours to stop");
                tg_authority_check_cancel(check);
                return;
        }
        assert_denied(&outcome, "polkit gave no answer");
        ask(service, MAY, TRUE, &outcome);
        assert_denied(&outcome, "the system bus cannot be reached");

        g_assert_true(wish("bus start"));
        ask(service, MAY, TRUE, &outcome);
        assert_allowed(&outcome);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        if (fcntl(ANSWERS_FD, F_GETFD) < 0 || fcntl(WISHES_FD, F_GETFD) < 0) {
                g_printerr("run it by authority.sh\n");
                return 2;
        }
        g_test_add_func("/authority/what-the-rules-allow-needs-nobody",
                        test_what_the_rules_allow_needs_nobody);
        g_test_add_func("/authority/what-the-rules-forbid-is-denied",
                        test_what_the_rules_forbid_is_denied);
        g_test_add_func("/authority/nobody-there-to-ask-is-a-no", test_nobody_there_to_ask_is_a_no);
        g_test_add_func("/authority/an-action-without-policy-is-denied",
                        test_an_action_without_policy_is_denied);
        g_test_add_func("/authority/the-right-password-allows-once",
                        test_the_right_password_allows_once);
        g_test_add_func("/authority/two-checks-at-once-are-two-dialogs",
                        test_two_checks_at_once_are_two_dialogs);
        g_test_add_func("/authority/the-wrong-password-is-a-no", test_the_wrong_password_is_a_no);
        g_test_add_func("/authority/a-dismissed-dialog-is-a-no", test_a_dismissed_dialog_is_a_no);
        g_test_add_func("/authority/a-dropped-check-closes-its-dialog",
                        test_a_dropped_check_closes_its_dialog);
        g_test_add_func("/authority/a-caller-that-leaves-takes-its-dialog-along",
                        test_a_caller_that_leaves_takes_its_dialog_along);
        g_test_add_func("/authority/a-yes-for-a-process-that-ended-is-a-no",
                        test_a_yes_for_a_process_that_ended_is_a_no);
        g_test_add_func("/authority/a-flood-of-questions-ends-and-others-are-served",
                        test_a_flood_of_questions_ends_and_others_are_served);
        g_test_add_func("/authority/a-late-answer-is-waited-for-without-blocking",
                        test_a_late_answer_is_waited_for_without_blocking);
        g_test_add_func("/authority/without-polkitd-nothing-is-allowed",
                        test_without_polkitd_nothing_is_allowed);
        g_test_add_func("/authority/polkitd-may-die-while-it-asks",
                        test_polkitd_may_die_while_it_asks);
        g_test_add_func("/authority/a-lost-system-bus-is-found-again",
                        test_a_lost_system_bus_is_found_again);
        return test_run();
}
