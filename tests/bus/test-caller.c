/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is calling, on a real bus, with real processes on the other side. */

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/caller.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "tests/bus/fixture.h"

#define NOBODY 65534

/* A service that identifies whoever calls it, and keeps the last one. */
typedef struct {
        TestBus *bus;
        TestPeer *peer;
        TgCallers *callers;
        TgCaller *caller;
        GError *error;
        guint n_calls;
        guint n_left;
} Service;

static int
on_call(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        Service *self = user_data;

        g_clear_pointer(&self->caller, tg_caller_unref);
        g_clear_error(&self->error);
        self->caller = tg_callers_get(self->callers, message, &self->error);
        g_assert_true((self->caller == NULL) == (self->error != NULL));
        self->n_calls++;
        return sd_bus_reply_method_return(message, NULL);
}

static Service *
service_new(void)
{
        Service *self = g_new0(Service, 1);

        self->bus = test_bus_new();
        self->peer = test_peer_new(self->bus);
        self->callers = tg_callers_new(self->peer->bus);
        sd_bus_add_object(self->peer->bus, NULL, TEST_PATH, on_call, self);
        return self;
}

static void
service_free(Service *self)
{
        g_clear_pointer(&self->caller, tg_caller_unref);
        g_clear_error(&self->error);
        tg_callers_free(self->callers);
        test_peer_free(self->peer);
        test_bus_free(self->bus);
        g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)

static void
call(Service *self, sd_bus *from)
{
        guint n_before = self->n_calls;

        test_peer_send(self->peer, from);
        test_wait_count(&self->n_calls, n_before + 1);
}

static gboolean
has_owner(Service *self, const char *name)
{
        sd_bus *witness = test_bus_connect(self->bus);
        sd_bus_message *reply = NULL;
        int is_there = -1;

        g_assert_cmpint(sd_bus_call_method(witness,
                                           "org.freedesktop.DBus",
                                           "/org/freedesktop/DBus",
                                           "org.freedesktop.DBus",
                                           "NameHasOwner",
                                           NULL,
                                           &reply,
                                           "s",
                                           name),
                        >=,
                        0);
        g_assert_cmpint(sd_bus_message_read(reply, "b", &is_there), >, 0);
        sd_bus_message_unref(reply);
        sd_bus_flush_close_unref(witness);
        return is_there;
}

/* Returns when the bus has seen it go, without running the loop. */
static void
leave(Service *self, sd_bus *client)
{
        g_autofree char *name = NULL;
        const char *unique;

        sd_bus_get_unique_name(client, &unique);
        name = g_strdup(unique);
        sd_bus_flush_close_unref(client);
        while (has_owner(self, name))
                ;
}

static void
assert_denied(const Service *self, const char *sentence)
{
        g_assert_null(self->caller);
        g_assert_error(self->error, TG_ERROR, TG_ERROR_DENIED);
        g_assert_nonnull(strstr(self->error->message, sentence));
}

static void
count_left(TgCaller *caller, gpointer user_data)
{
        Service *self = user_data;

        self->n_left++;
}

static guint
count_pidfds(void)
{
        DIR *directory = opendir("/proc/self/fd");
        const struct dirent *entry;
        guint n = 0;

        g_assert_nonnull(directory);
        while ((entry = readdir(directory))) {
                char target[64] = "";

                if (readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1) > 0 &&
                    strstr(target, "pidfd"))
                        n++;
        }
        closedir(directory);
        return n;
}

static void
test_a_caller_is_known_by_its_process(void)
{
        g_autoptr(Service) service = service_new();
        sd_bus *client = test_bus_connect(service->bus);
        const char *name;

        sd_bus_get_unique_name(client, &name);
        call(service, client);
        g_assert_no_error(service->error);
        g_assert_cmpstr(tg_caller_bus_name(service->caller), ==, name);
        g_assert_cmpint(tg_caller_pid(service->caller), ==, getpid());
        g_assert_cmpuint(tg_caller_uid(service->caller), ==, geteuid());
        g_assert_cmpuint(tg_caller_start_time(service->caller), >, 0);
        g_assert_false(tg_caller_is_sandboxed(service->caller));
        g_assert_cmpstr(tg_caller_application(service->caller), ==, "test-caller (unverified)");
        g_assert_true(tg_caller_is_alive(service->caller));
        sd_bus_flush_close_unref(client);
}

static void
test_a_connection_is_one_caller(void)
{
        g_autoptr(Service) service = service_new();
        sd_bus *one = test_bus_connect(service->bus);
        sd_bus *other = test_bus_connect(service->bus);
        g_autoptr(TgCaller) first = NULL;

        call(service, one);
        first = tg_caller_ref(service->caller);
        call(service, one);
        g_assert_true(service->caller == first);
        call(service, other);
        g_assert_true(service->caller != first);
        sd_bus_flush_close_unref(one);
        sd_bus_flush_close_unref(other);
}

static void
test_its_leaving_is_told_once(void)
{
        g_autoptr(Service) service = service_new();
        sd_bus *client = test_bus_connect(service->bus);
        sd_bus *other = test_bus_connect(service->bus);

        call(service, client);
        tg_caller_watch(service->caller, count_left, service);
        tg_caller_unwatch(service->caller, tg_caller_watch(service->caller, count_left, service));
        leave(service, other); /* not this one */
        test_settle();
        g_assert_true(tg_caller_is_alive(service->caller));
        g_assert_cmpuint(service->n_left, ==, 0);

        leave(service, client);
        test_wait_count(&service->n_left, 1);
        test_settle();
        g_assert_cmpuint(service->n_left, ==, 1);
        g_assert_false(tg_caller_is_alive(service->caller));

        g_clear_pointer(&service->caller, tg_caller_unref);
        g_assert_cmpuint(count_pidfds(), ==, 0); /* who left is not kept for later */
}

static void
test_a_watch_that_comes_late_is_told_too(void)
{
        g_autoptr(Service) service = service_new();
        sd_bus *client = test_bus_connect(service->bus);

        call(service, client);
        tg_caller_watch(service->caller, count_left, service);
        leave(service, client);
        test_wait_count(&service->n_left, 1);

        tg_caller_watch(service->caller, count_left, service);
        g_assert_cmpuint(service->n_left, ==, 1); /* from the loop, not from inside */
        test_wait_count(&service->n_left, 2);

        tg_caller_unwatch(service->caller, tg_caller_watch(service->caller, count_left, service));
        test_settle();
        g_assert_cmpuint(service->n_left, ==, 2);
}

static void
test_who_left_before_being_served_is_refused(void)
{
        g_autoptr(Service) service = service_new();
        sd_bus *client = test_bus_connect(service->bus);

        test_peer_send(service->peer, client);
        leave(service, client);
        test_wait_count(&service->n_calls, 1);
        assert_denied(service, "has left the bus");
}

/* Ends, and leaves its connection to a child that only keeps it open. */
static void
bequeath(int fd, gpointer data)
{
        Service *service = data;
        sd_bus *client = test_bus_connect(service->bus);
        char octet;

        test_peer_send(service->peer, client);
        test_hear(fd);
        if (fork() == 0)
                (void)!read(fd, &octet, 1); /* returns when the test says so, or ends */
}

/* The connection stays on the bus, but whom the user trusted is gone. */
static void
test_a_connection_does_not_outlive_its_process(void)
{
        g_autoptr(Service) service = service_new();
        TestChild child = test_fork(bequeath, service);
        siginfo_t info;

        test_wait_count(&service->n_calls, 1);
        g_assert_no_error(service->error);
        g_assert_true(tg_caller_is_alive(service->caller));
        tg_caller_watch(service->caller, count_left, service);

        test_say(child.fd, 'g');
        /* Ended, and not yet reaped: a zombie is no caller either. */
        g_assert_cmpint(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), ==, 0);
        g_assert_true(has_owner(service, tg_caller_bus_name(service->caller)));
        g_assert_false(tg_caller_is_alive(service->caller));

        test_say(child.fd, 'q');
        test_child_join(&child);
        test_wait_count(&service->n_left, 1);
}

static void
call_as_nobody(int fd, gpointer data)
{
        Service *service = data;
        sd_bus *client;

        g_assert_cmpint(setresuid(NOBODY, NOBODY, NOBODY), ==, 0);
        client = test_bus_connect(service->bus);
        test_peer_send(service->peer, client);
        test_hear(fd);
        sd_bus_flush_close_unref(client);
}

static void
test_another_user_is_refused(void)
{
        g_autoptr(Service) service = service_new();
        TestChild child;

        if (geteuid() != 0) {
                g_test_skip("only root can play another user");
                return;
        }

        child = test_fork(call_as_nobody, service);
        test_wait_count(&service->n_calls, 1);
        assert_denied(service, "belongs to user 0: the caller runs as 65534");
        test_say(child.fd, 'q');
        test_child_join(&child);
}

/* Each keeps a descriptor of ours for as long as we keep it. */
static void
test_many_idle_connections_cost_few_descriptors(void)
{
        g_autoptr(Service) service = service_new();
        sd_bus *clients[TG_MAX_KNOWN_CALLERS + 20];
        g_autoptr(TgCaller) first = NULL;

        for (gsize i = 0; i < G_N_ELEMENTS(clients); i++) {
                clients[i] = test_bus_connect(service->bus);
                call(service, clients[i]);
                g_assert_no_error(service->error);
                if (i == 0)
                        first = tg_caller_ref(service->caller);
        }
        g_clear_pointer(&service->caller, tg_caller_unref);
        g_assert_cmpuint(count_pidfds(), ==, TG_MAX_KNOWN_CALLERS + 1);

        /* One that is in use is never forgotten, one that was forgotten comes again. */
        call(service, clients[0]);
        g_assert_true(service->caller == first);
        call(service, clients[1]);
        g_assert_no_error(service->error);

        for (gsize i = 0; i < G_N_ELEMENTS(clients); i++)
                sd_bus_flush_close_unref(clients[i]);
}

static void
test_callers_outlive_the_registry_as_gone(void)
{
        Service *service = service_new();
        sd_bus *client = test_bus_connect(service->bus);
        g_autoptr(TgCaller) caller = NULL;

        call(service, client);
        caller = tg_caller_ref(service->caller);
        tg_caller_watch(caller, count_left, service);
        service_free(service);
        g_assert_false(tg_caller_is_alive(caller));
        test_settle();
        sd_bus_flush_close_unref(client);
}

typedef struct {
        Service *service;
        TgCaller *caller;
        guint other_watch;
} Unwatcher;

static void
unwatch_other(TgCaller *caller, gpointer user_data)
{
        Unwatcher *self = user_data;

        self->service->n_left++;
        tg_caller_unwatch(caller, self->other_watch);
        g_clear_pointer(&self->caller, tg_caller_unref);
}

static void
test_a_watcher_may_drop_another_and_the_caller(void)
{
        g_autoptr(Service) service = service_new();
        sd_bus *client = test_bus_connect(service->bus);
        Unwatcher unwatcher = {.service = service};

        call(service, client);
        unwatcher.caller = g_steal_pointer(&service->caller);
        tg_caller_watch(unwatcher.caller, unwatch_other, &unwatcher);
        unwatcher.other_watch = tg_caller_watch(unwatcher.caller, count_left, service);
        leave(service, client);
        test_wait_count(&service->n_left, 1);
        test_settle();
        g_assert_cmpuint(service->n_left, ==, 1);
        g_assert_null(unwatcher.caller);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        g_test_add_func("/caller/is-known-by-its-process", test_a_caller_is_known_by_its_process);
        g_test_add_func("/caller/a-connection-is-one-caller", test_a_connection_is_one_caller);
        g_test_add_func("/caller/its-leaving-is-told-once", test_its_leaving_is_told_once);
        g_test_add_func("/caller/a-watch-that-comes-late-is-told-too",
                        test_a_watch_that_comes_late_is_told_too);
        g_test_add_func("/caller/who-left-before-being-served-is-refused",
                        test_who_left_before_being_served_is_refused);
        g_test_add_func("/caller/a-connection-does-not-outlive-its-process",
                        test_a_connection_does_not_outlive_its_process);
        g_test_add_func("/caller/another-user-is-refused", test_another_user_is_refused);
        g_test_add_func("/caller/many-idle-connections-cost-few-descriptors",
                        test_many_idle_connections_cost_few_descriptors);
        g_test_add_func("/caller/outlives-the-registry-as-gone",
                        test_callers_outlive_the_registry_as_gone);
        g_test_add_func("/caller/a-watcher-may-drop-another-and-the-caller",
                        test_a_watcher_may_drop_another_and_the_caller);
        return test_run();
}
