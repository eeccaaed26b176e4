/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What polkit is asked, and what is made of its answers: a polkit that says what the
 * real one cannot be made to say. The real one is asked in test-authority.c. */

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/error.h"
#include "tests/bus/fake-polkit.h"

/* ---- the question ---- */

static void
assert_question(PolkitWorld *world,
                sd_bus_message *question,
                gboolean is_interactive,
                char **ret_id)
{
        const char *kind, *key_pid, *key_start, *key_uid, *action, *id;
        guint32 pid, flags;
        guint64 start_time;
        gint32 uid;

        g_assert_cmpint(sd_bus_message_rewind(question, TRUE), >=, 0);
        g_assert_cmpint(sd_bus_message_enter_container(question, 'r', "sa{sv}"), >, 0);
        g_assert_cmpint(sd_bus_message_read(question,
                                            "sa{sv}",
                                            &kind,
                                            3,
                                            &key_pid,
                                            "u",
                                            &pid,
                                            &key_start,
                                            "t",
                                            &start_time,
                                            &key_uid,
                                            "i",
                                            &uid),
                        >,
                        0);
        g_assert_cmpint(sd_bus_message_exit_container(question), >=, 0);
        g_assert_cmpint(sd_bus_message_read(question, "s", &action), >, 0);
        g_assert_cmpint(sd_bus_message_enter_container(question, 'a', "{ss}"), >=, 0);
        g_assert_cmpint(sd_bus_message_at_end(question, FALSE), >, 0); /* no details */
        g_assert_cmpint(sd_bus_message_exit_container(question), >=, 0);
        g_assert_cmpint(sd_bus_message_read(question, "us", &flags, &id), >, 0);

        g_assert_cmpstr(kind, ==, "unix-process");
        g_assert_cmpstr(key_pid, ==, "pid");
        g_assert_cmpstr(key_start, ==, "start-time");
        g_assert_cmpstr(key_uid, ==, "uid");
        g_assert_cmpuint(pid, ==, getpid());
        g_assert_cmpuint(start_time, ==, tg_caller_start_time(world->caller));
        g_assert_cmpuint(start_time, >, 0);
        g_assert_cmpint(uid, ==, geteuid());
        g_assert_cmpstr(action, ==, "org.tigress.wallet.share");
        g_assert_cmpuint(flags, ==, is_interactive ? 1 : 0);
        g_assert_cmpstr(id, !=, "");
        *ret_id = g_strdup(id);
}

static void
test_polkit_is_asked_about_the_process(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_auto(CheckOutcome) outcome = {};
        g_autofree char *first_id = NULL;
        g_autofree char *second_id = NULL;

        start_check(world, FALSE, &outcome);
        assert_question(world, last_question(world, 1), FALSE, &first_id);
        answer_question(world, last_question(world, 1), TRUE, FALSE);
        test_wait_count(&outcome.n, 1);
        g_assert_no_error(outcome.error);

        start_check(world, TRUE, &outcome);
        assert_question(world, last_question(world, 2), TRUE, &second_id);
        answer_question(world, last_question(world, 2), TRUE, FALSE);
        test_wait_count(&outcome.n, 2);
        g_assert_no_error(outcome.error);
        g_assert_cmpstr(first_id, !=, second_id);
}

static void
test_a_dropped_check_takes_its_question_back(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_auto(CheckOutcome) outcome = {};
        g_autofree char *id = NULL;
        TgAuthorityCheck *started = start_check(world, TRUE, &outcome);

        assert_question(world, last_question(world, 1), TRUE, &id);
        tg_authority_check_cancel(started);
        test_wait_count(&world->n_cancelled, 1);
        g_assert_cmpstr(world->cancelled_id, ==, id);

        /* An answer that comes all the same finds nobody. */
        answer_question(world, last_question(world, 1), TRUE, FALSE);
        test_settle();
        g_assert_cmpuint(outcome.n, ==, 0);

        /* One that was answered has nothing to take back. */
        start_check(world, TRUE, &outcome);
        answer_question(world, last_question(world, 2), TRUE, FALSE);
        test_wait_count(&outcome.n, 1);
        test_settle();
        g_assert_cmpuint(world->n_cancelled, ==, 1);
}

static void
test_a_check_may_be_dropped_before_it_was_sent(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_auto(CheckOutcome) outcome = {};

        tg_authority_check_cancel(start_check(world, TRUE, &outcome));
        start_check(world, TRUE, &outcome);
        test_wait_count(&world->n_questions, 1);
        test_wait_count(&world->n_cancelled, 1);
        answer_question(world, last_question(world, 2), TRUE, FALSE);
        test_wait_count(&outcome.n, 1);
        g_assert_no_error(outcome.error);
        g_assert_cmpuint(world->n_questions, ==, 2);
}

static void
test_nobody_is_asked_about_who_has_left(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_autoptr(TestPeer) second = test_peer_new(world->bus);
        g_auto(CheckOutcome) outcome = {};

        sd_bus_close(world->client->bus);
        while (tg_caller_is_alive(world->caller))
                g_main_context_iteration(NULL, TRUE);
        start_check(world, TRUE, &outcome);
        assert_denied(&outcome, "the caller left");
        start_check(world, FALSE, &outcome);
        assert_denied(&outcome, "the caller left");

        /* What is asked now would arrive after what was asked before. */
        call_from(world, second);
        start_check(world, TRUE, &outcome);
        answer_question(world, last_question(world, 1), TRUE, FALSE);
        test_wait_count(&outcome.n, 1);
        g_assert_no_error(outcome.error);
        g_assert_cmpuint(world->n_questions, ==, 1);
        g_assert_cmpuint(world->n_cancelled, ==, 0);
}

/* ---- the answer ---- */

static void
test_only_a_plain_yes_is_a_yes(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_auto(CheckOutcome) outcome = {};
        const char *garbage = "cannot be understood";
        guint n = 0;

        start_check(world, TRUE, &outcome);
        answer_question(world, last_question(world, ++n), TRUE, TRUE);
        assert_denied(&outcome, garbage);

        start_check(world, TRUE, &outcome);
        sd_bus_reply_method_return(
                last_question(world, ++n), "(bba{ss})", 1, 0, 1, "polkit.dismissed", "true");
        assert_denied(&outcome, garbage);

        start_check(world, TRUE, &outcome);
        answer_question(world, last_question(world, ++n), FALSE, FALSE);
        assert_denied(&outcome, "permission was refused: the password was wrong");

        start_check(world, FALSE, &outcome);
        answer_question(world, last_question(world, ++n), FALSE, FALSE);
        assert_denied(&outcome, "do not allow org.tigress.wallet.share");

        start_check(world, TRUE, &outcome);
        answer_question(world, last_question(world, ++n), FALSE, TRUE);
        assert_denied(&outcome, "nobody could be asked");

        start_check(world, FALSE, &outcome);
        answer_question(world, last_question(world, ++n), FALSE, TRUE);
        assert_denied(&outcome, "interactive authorization");

        start_check(world, TRUE, &outcome);
        sd_bus_reply_method_return(
                last_question(world, ++n), "(bba{ss})", 0, 0, 1, "polkit.dismissed", "true");
        assert_denied(&outcome, "was dismissed");

        start_check(world, TRUE, &outcome);
        sd_bus_reply_method_return(
                last_question(world, ++n), "(bba{ss})", 1, 0, 1, "polkit.something", "else");
        test_wait_count(&outcome.n, 1);
        g_assert_no_error(outcome.error);
}

static void
test_an_answer_of_another_shape_is_a_no(void)
{
        static const char *const shapes[] = {
                "", "b", "bb", "(bb)", "bba{ss}", "(bbas)", "(bba{ss})b"};
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_auto(CheckOutcome) outcome = {};

        for (guint i = 0; i < G_N_ELEMENTS(shapes); i++) {
                sd_bus_message *reply = NULL;
                sd_bus_message *question;

                start_check(world, TRUE, &outcome);
                question = last_question(world, i + 1);
                g_assert_cmpint(sd_bus_message_new_method_return(question, &reply), >=, 0);
                /* Truth wherever a truth may stand, nothing in every list. */
                g_assert_cmpint(sd_bus_message_append(reply, shapes[i], 1, 0, 0, 1), >=, 0);
                g_assert_cmpint(sd_bus_send(NULL, reply, NULL), >=, 0);
                sd_bus_message_unref(reply);
                assert_denied(&outcome, "cannot be understood");
        }
}

static void
test_errors_are_told_by_name(void)
{
        static const struct {
                const char *name;
                const char *sentence;
        } cases[] = {
                {"org.freedesktop.PolicyKit1.Error.Failed",        "polkit says: the reason" },
                {"org.freedesktop.PolicyKit1.Error.NotAuthorized", "polkit says: the reason" },
                {"org.freedesktop.DBus.Error.ServiceUnknown",      "install or start polkitd"},
                {"org.freedesktop.DBus.Error.NameHasNoOwner",      "install or start polkitd"},
                {"org.freedesktop.DBus.Error.Spawn.ExecFailed",    "cannot be started"       },
                {"org.freedesktop.DBus.Error.NoReply",             "gave no answer"          },
                {"org.freedesktop.DBus.Error.Timeout",             "gave no answer"          },
                {"org.freedesktop.DBus.Error.AccessDenied",        "polkit says: the reason" },
        };
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_auto(CheckOutcome) outcome = {};

        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                start_check(world, TRUE, &outcome);
                sd_bus_reply_method_errorf(
                        last_question(world, i + 1), cases[i].name, "the \xe2\x80\xaereason");
                assert_denied(&outcome, cases[i].sentence);
        }
}

static void
test_without_polkit_nothing_is_allowed(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_auto(CheckOutcome) outcome = {};

        g_assert_cmpint(sd_bus_release_name(world->polkit->bus, POLKIT_NAME), >=, 0);
        start_check(world, TRUE, &outcome);
        assert_denied(&outcome, "polkit is not running");
}

static void
test_polkit_may_die_while_it_is_asked(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_auto(CheckOutcome) outcome = {};

        start_check(world, TRUE, &outcome);
        last_question(world, 1);
        g_ptr_array_set_size(world->questions, 0);
        sd_bus_close(world->polkit->bus);
        assert_denied(&outcome, "polkit gave no answer");
}

/* The bus that polkit is on goes; the callers' own stays. */
static void
test_the_system_bus_may_go_and_come(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_autoptr(TestBus) system = test_bus_new();
        g_autoptr(TestPeer) polkit = test_peer_new(system);
        g_auto(CheckOutcome) outcome = {};

        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", system->address, TRUE);
        sd_bus_add_object(polkit->bus, NULL, POLKIT_PATH, on_polkit_call, world);
        g_assert_cmpint(sd_bus_request_name(polkit->bus, POLKIT_NAME, 0), >=, 0);

        start_check(world, TRUE, &outcome);
        start_check(world, TRUE, &outcome); /* waits for the first */
        last_question(world, 1);
        g_ptr_array_set_size(world->questions, 0);
        test_bus_kill(system);
        test_wait_count(&outcome.n, 2);
        g_assert_error(outcome.error, TG_ERROR, TG_ERROR_DENIED);
        check_outcome_clear(&outcome);

        start_check(world, TRUE, &outcome);
        assert_denied(&outcome, "the system bus cannot be reached");

        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", world->bus->address, TRUE);
        start_check(world, TRUE, &outcome);
        answer_question(world, last_question(world, 2), TRUE, FALSE);
        test_wait_count(&outcome.n, 1);
        g_assert_no_error(outcome.error);
}

static gboolean
on_connection(int listener, GIOCondition condition, gpointer user_data)
{
        static const char refusal[] = "REJECTED KERBEROS_V4\r\nERROR\r\nERROR\r\n";
        int *connection = user_data;

        *connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        g_assert_cmpint(write(*connection, refusal, strlen(refusal)), ==, strlen(refusal));
        return G_SOURCE_CONTINUE;
}

/* sd-bus drops what it was to send then, without a word to who waits for an answer. */
static void
test_a_system_bus_that_refuses_us_allows_nothing(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_autofree char *directory = test_directory();
        g_autofree char *address = g_strdup_printf("unix:path=%s/bus", directory);
        g_auto(CheckOutcome) outcome = {};
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int connection = -1;
        guint source;

        g_snprintf(name.sun_path, sizeof name.sun_path, "%s/bus", directory);
        g_assert_cmpint(bind(listener, (struct sockaddr *)&name, sizeof name), ==, 0);
        g_assert_cmpint(listen(listener, 5), ==, 0);
        source = g_unix_fd_add(listener, G_IO_IN, on_connection, &connection);
        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", address, TRUE);

        start_check(world, TRUE, &outcome);
        assert_denied(&outcome, "polkit gave no answer");
        start_check(world, FALSE, &outcome);
        assert_denied(&outcome, "polkit gave no answer");

        g_source_remove(source);
        close(connection);
        close(listener);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        g_test_add_func("/verdict/polkit-is-asked-about-the-process",
                        test_polkit_is_asked_about_the_process);
        g_test_add_func("/verdict/a-dropped-check-takes-its-question-back",
                        test_a_dropped_check_takes_its_question_back);
        g_test_add_func("/verdict/a-check-may-be-dropped-before-it-was-sent",
                        test_a_check_may_be_dropped_before_it_was_sent);
        g_test_add_func("/verdict/nobody-is-asked-about-who-has-left",
                        test_nobody_is_asked_about_who_has_left);
        g_test_add_func("/verdict/only-a-plain-yes-is-a-yes", test_only_a_plain_yes_is_a_yes);
        g_test_add_func("/verdict/an-answer-of-another-shape-is-a-no",
                        test_an_answer_of_another_shape_is_a_no);
        g_test_add_func("/verdict/errors-are-told-by-name", test_errors_are_told_by_name);
        g_test_add_func("/verdict/without-polkit-nothing-is-allowed",
                        test_without_polkit_nothing_is_allowed);
        g_test_add_func("/verdict/polkit-may-die-while-it-is-asked",
                        test_polkit_may_die_while_it_is_asked);
        g_test_add_func("/verdict/the-system-bus-may-go-and-come",
                        test_the_system_bus_may_go_and_come);
        g_test_add_func("/verdict/a-system-bus-that-refuses-us-allows-nothing",
                        test_a_system_bus_that_refuses_us_allows_nothing);
        return test_run();
}
