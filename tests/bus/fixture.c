/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bus/fixture.h"

#include <ftw.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/limits.h"
#include "protocol/secret.h"

#define DEADLINE_S 60

static char *root;
static pid_t owner;

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *place)
{
        return remove(path);
}

static void
make_environment(void)
{
        static const char *const directories[] = {
                "HOME",
                "XDG_CONFIG_HOME",
                "XDG_DATA_HOME",
                "XDG_STATE_HOME",
                "XDG_CACHE_HOME",
                "XDG_RUNTIME_DIR",
                "TMPDIR",
        };

        root = g_dir_make_tmp("tigress-test-XXXXXX", NULL);
        g_assert_nonnull(root);
        owner = getpid();

        for (gsize i = 0; i < G_N_ELEMENTS(directories); i++) {
                g_autofree char *path = g_build_filename(root, directories[i], NULL);

                g_assert_cmpint(mkdir(path, 0700), ==, 0);
                g_setenv(directories[i], path, TRUE);
        }

        g_unsetenv("DBUS_SESSION_BUS_ADDRESS");
        g_unsetenv("DBUS_STARTER_ADDRESS");
        g_setenv("LC_ALL", "C.UTF-8", TRUE);
        setlocale(LC_ALL, "");
}

void
test_init(int *argc, char ***argv)
{
        g_test_init(argc, argv, NULL);
        make_environment();
        g_assert_cmpint(tg_secret_init(TG_SECURE_HEAP_BYTES), !=, TG_SECRET_HEAP_FAILED);
}

int
test_run(void)
{
        int status = g_test_run();

        g_assert_cmpint(getpid(), ==, owner);
        nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        g_clear_pointer(&root, g_free);
        return status;
}

char *
test_directory(void)
{
        char *path = g_build_filename(root, "directory-XXXXXX", NULL);

        g_assert_nonnull(g_mkdtemp(path));
        return path;
}

/* ---- the bus ---- */

static const char configuration[] =
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
        " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
        "<busconfig>\n"
        "<type>session</type>\n"
        "<listen>unix:path=%s/bus</listen>\n"
        "<auth>EXTERNAL</auth>\n"
        "<policy context=\"default\">\n"
        "<allow send_destination=\"*\" eavesdrop=\"true\"/>\n"
        "<allow eavesdrop=\"true\"/>\n"
        "<allow own=\"*\"/>\n"
        "<allow user=\"*\"/>\n"
        "</policy>\n"
        "<limit name=\"max_replies_per_connection\">50000</limit>\n" /* the stock value */
        "</busconfig>\n";

void
test_die_with_parent(gpointer unused)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

TestBus *
test_bus_new(void)
{
        g_autofree char *directory = test_directory();
        g_autofree char *text = g_strdup_printf(configuration, directory);

        return test_bus_new_configured(directory, text);
}

TestBus *
test_bus_new_configured(const char *directory, const char *text)
{
        TestBus *self = g_new0(TestBus, 1);
        g_autofree char *path = g_build_filename(directory, "bus.conf", NULL);
        g_autofree char *option = g_strdup_printf("--config-file=%s", path);
        const char *argv[] = {
                "dbus-daemon", option, "--nofork", "--nopidfile", "--print-address=1", NULL};
        g_autoptr(GError) error = NULL;
        char address[512] = "";
        int out;

        g_file_set_contents(path, text, -1, &error);
        g_assert_no_error(error);
        /* A test that plays another user must reach it. */
        g_assert_cmpint(chmod(directory, 0755), ==, 0);
        g_assert_cmpint(chmod(root, 0755), ==, 0);

        g_spawn_async_with_pipes(NULL,
                                 (char **)argv,
                                 NULL,
                                 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                         G_SPAWN_STDERR_TO_DEV_NULL,
                                 test_die_with_parent,
                                 NULL,
                                 &self->pid,
                                 NULL,
                                 &out,
                                 NULL,
                                 &error);
        g_assert_no_error(error);

        /* It prints its address when it listens. */
        g_assert_cmpint(read(out, address, sizeof address - 1), >, 0);
        close(out);
        self->address = g_strstrip(g_strdup(address));
        return self;
}

void
test_bus_kill(TestBus *self)
{
        if (self->pid == 0)
                return;

        kill(self->pid, SIGKILL);
        waitpid(self->pid, NULL, 0);
        self->pid = 0;
}

void
test_bus_free(TestBus *self)
{
        if (!self)
                return;

        test_bus_kill(self);
        g_free(self->address);
        g_free(self);
}

sd_bus *
test_bus_connect(TestBus *self)
{
        sd_bus *bus = NULL;
        const char *name;

        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_address(bus, self->address), >=, 0);
        g_assert_cmpint(sd_bus_set_bus_client(bus, 1), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        g_assert_cmpint(sd_bus_get_unique_name(bus, &name), >=, 0); /* waits for Hello */
        return bus;
}

static void
on_closed(sd_bus *bus, int r, gpointer user_data)
{
        TestPeer *self = user_data;

        self->n_closed++;
        self->closed_r = r;
}

TestPeer *
test_peer_new(TestBus *bus)
{
        TestPeer *self = g_new0(TestPeer, 1);

        self->bus = test_bus_connect(bus);
        self->source = tg_bus_source_attach(self->bus, on_closed, self);
        sd_bus_get_unique_name(self->bus, &self->name);
        return self;
}

void
test_peer_free(TestPeer *self)
{
        if (!self)
                return;

        g_source_destroy(self->source);
        g_source_unref(self->source);
        sd_bus_flush_close_unref(self->bus);
        g_free(self);
}

void
test_peer_send(TestPeer *self, sd_bus *from)
{
        sd_bus_message *message = NULL;

        g_assert_cmpint(sd_bus_message_new_method_call(
                                from, &message, self->name, TEST_PATH, TEST_INTERFACE, "Do"),
                        >=,
                        0);
        sd_bus_message_set_expect_reply(message, 0);
        g_assert_cmpint(sd_bus_send(from, message, NULL), >=, 0);
        g_assert_cmpint(sd_bus_flush(from), >=, 0);
        sd_bus_message_unref(message);
}

/* ---- waiting ---- */

static gboolean
on_deadline(gpointer user_data)
{
        g_error("the test waited in vain");
        return G_SOURCE_REMOVE;
}

void
test_wait(const gboolean *flag)
{
        guint deadline = g_timeout_add_seconds(DEADLINE_S, on_deadline, NULL);

        while (!*flag)
                g_main_context_iteration(NULL, TRUE);
        g_source_remove(deadline);
}

void
test_wait_count(const guint *count, guint n)
{
        guint deadline = g_timeout_add_seconds(DEADLINE_S, on_deadline, NULL);

        while (*count < n)
                g_main_context_iteration(NULL, TRUE);
        g_source_remove(deadline);
}

void
test_settle(void)
{
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

static gboolean
set_flag(gpointer flag)
{
        *(gboolean *)flag = TRUE;
        return G_SOURCE_REMOVE;
}

void
test_wait_a_second(void)
{
        gboolean is_over = FALSE;

        g_timeout_add(1000, set_flag, &is_over);
        test_wait(&is_over);
}

static guint n_polls;

static int
count_polls(GPollFD *fds, guint n_fds, int timeout_ms)
{
        n_polls++;
        return poll((struct pollfd *)fds, n_fds, timeout_ms);
}

void
test_begin_polls(void)
{
        n_polls = 0;
        g_main_context_set_poll_func(NULL, count_polls);
}

guint
test_end_polls(void)
{
        g_main_context_set_poll_func(NULL, NULL);
        return n_polls;
}

/* ---- other processes ---- */

TestChild
test_fork(void (*func)(int fd, gpointer data), gpointer data)
{
        TestChild child;
        int ends[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
        child.pid = fork();
        g_assert_cmpint(child.pid, >=, 0);
        if (child.pid == 0) {
                test_die_with_parent(NULL);
                close(ends[0]);
                func(ends[1], data);
                _exit(0); /* nothing of the test program runs twice */
        }

        close(ends[1]);
        child.fd = ends[0];
        return child;
}

void
test_say(int fd, char octet)
{
        g_assert_cmpint(send(fd, &octet, 1, MSG_NOSIGNAL), ==, 1);
}

char
test_hear(int fd)
{
        char octet = 0;

        g_assert_cmpint(read(fd, &octet, 1), ==, 1);
        return octet;
}

void
test_child_join(TestChild *child)
{
        int status = -1;

        g_assert_cmpint(waitpid(child->pid, &status, 0), ==, child->pid);
        close(child->fd);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

void
test_child_kill(TestChild *child)
{
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
        close(child->fd);
}
