/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "people.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void
check(int r, const char *what)
{
        if (r < 0)
                g_error("%s: %s", what, g_strerror(-r));
}

void
check_call(int r, const sd_bus_error *error, const char *what)
{
        if (r < 0)
                g_error("%s: %s", what, error->message != NULL ? error->message : g_strerror(-r));
}

static int
compare_doubles(const void *a, const void *b)
{
        double x = *(const double *)a;
        double y = *(const double *)b;

        return (x > y) - (x < y);
}

double
median(double *values, guint n)
{
        qsort(values, n, sizeof values[0], compare_doubles);
        return values[n / 2];
}

/* ---- people ---- */

void
become(const char *name)
{
        const struct passwd *user = getpwnam(name);
        g_autofree char *runtime = NULL;
        g_autofree char *address = NULL;

        if (user == NULL)
                g_error("there is no user %s: run tests/bench/wallet", name);
        if (setgid(user->pw_gid) < 0 || initgroups(name, user->pw_gid) < 0 ||
            setuid(user->pw_uid) < 0)
                g_error("cannot become %s", name);
        runtime = g_strdup_printf("/run/user/%u", user->pw_uid);
        address = g_strdup_printf("unix:path=%s/bus", runtime);
        g_setenv("XDG_RUNTIME_DIR", runtime, TRUE);
        g_setenv("DBUS_SESSION_BUS_ADDRESS", address, TRUE);
        g_setenv("HOME", user->pw_dir, TRUE);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

sd_bus *
open_bus(void)
{
        sd_bus *bus = NULL;

        check(sd_bus_open_user(&bus), "session bus");
        check(sd_bus_set_method_call_timeout(bus, LONG_US), "time-out");
        return bus;
}

/* A child process as @user; they talk in datagrams. */
Child
spawn(const char *user, void (*run)(int fd))
{
        Child child;
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0)
                g_error("socketpair");
        child.pid = fork();
        if (child.pid == 0) {
                close(fds[0]);
                become(user);
                run(fds[1]);
                _exit(0);
        }
        close(fds[1]);
        child.fd = fds[0];
        return child;
}

void
say(int fd, const char *text)
{
        if (send(fd, text, strlen(text), 0) < 0)
                g_error("a child is gone");
}

char *
hear(int fd)
{
        char buffer[8192];
        ssize_t n = recv(fd, buffer, sizeof buffer - 1, 0);

        if (n <= 0)
                _exit(0);
        buffer[n] = '\0';
        return g_strdup(buffer);
}

void
dismiss(Child child)
{
        close(child.fd);
        kill(child.pid, SIGKILL);
        waitpid(child.pid, NULL, 0);
}

/* ---- calls to the wallet ---- */

static int
as_memfd(const void *bytes, gsize n_bytes)
{
        int fd = memfd_create("bench", MFD_CLOEXEC);

        if (fd < 0 || write(fd, bytes, n_bytes) != (ssize_t)n_bytes || lseek(fd, 0, SEEK_SET) != 0)
                g_error("memfd");
        return fd;
}

char *
create_share(sd_bus *bus, const char *mode, gboolean is_expected)
{
        g_autofree char *content = g_strnfill(CONTENT_BYTES, 'x');
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *message = NULL;
        sd_bus_message *reply = NULL;
        const char *path = NULL;
        char *result = NULL;
        int fd = as_memfd(content, CONTENT_BYTES);
        int r;

        check(sd_bus_message_new_method_call(
                      bus, &message, WALLET, MANAGER, WALLET ".Manager", "CreateShare"),
              "message");
        check(sd_bus_message_append(message,
                                    "sa{sv}a{sv}",
                                    "digitalwallet.generic.authorizationToken",
                                    1,
                                    "content",
                                    "h",
                                    fd,
                                    2,
                                    "title",
                                    "s",
                                    "Bench",
                                    g_str_equal(mode, "t1") ? "compat" : "pin",
                                    "b",
                                    !g_str_equal(mode, "t2")),
              "arguments");
        r = sd_bus_call(bus, message, LONG_US, &error, &reply);
        close(fd);
        if (is_expected) {
                check_call(r, &error, "CreateShare");
                check(sd_bus_message_read(reply, "o", &path), "answer");
                result = g_strdup(path);
        }
        sd_bus_error_free(&error);
        sd_bus_message_unref(message);
        sd_bus_message_unref(reply);
        return result;
}

char *
accept_link(sd_bus *bus, const char *link)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *path;
        char *result;
        int fd = as_memfd(link, strlen(link));
        int r = sd_bus_call_method(bus,
                                   WALLET,
                                   MANAGER,
                                   WALLET ".Manager",
                                   "AcceptInvitation",
                                   &error,
                                   &reply,
                                   "va{sv}",
                                   "h",
                                   fd,
                                   0);

        close(fd);
        check_call(r, &error, "AcceptInvitation");
        check(sd_bus_message_read(reply, "o", &path), "answer");
        result = g_strdup(path);
        sd_bus_message_unref(reply);
        return result;
}

void
provide_pin(sd_bus *bus, const char *path, const char *pin)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;

        check_call(sd_bus_call_method(bus,
                                      WALLET,
                                      path,
                                      WALLET ".Share",
                                      "ProvidePin",
                                      &error,
                                      NULL,
                                      "v",
                                      "s",
                                      pin),
                   &error,
                   "ProvidePin");
}

char *
ask_share(sd_bus *bus, const char *path, const char *method)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *text;
        char *answer;

        check_call(sd_bus_call_method(
                           bus, WALLET, path, WALLET ".Share", method, &error, &reply, NULL),
                   &error,
                   method);
        check(sd_bus_message_read(reply, "s", &text), "answer");
        answer = g_strdup(text);
        sd_bus_message_unref(reply);
        return answer;
}

static char *
get_text(sd_bus *bus, const char *path, const char *property)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char *value = NULL;

        check_call(sd_bus_get_property_string(
                           bus, WALLET, path, WALLET ".Share", property, &error, &value),
                   &error,
                   property);
        return value;
}

void
wait_for_state(sd_bus *bus, const char *path, const char *wanted)
{
        for (;;) {
                char *state = get_text(bus, path, "State");
                gboolean is_there = g_str_equal(state, wanted);
                int r;

                free(state);
                if (is_there)
                        return;
                /* Whatever arrives next is a change of something. */
                while ((r = sd_bus_process(bus, NULL)) > 0)
                        ;
                check(r, "process");
                check(sd_bus_wait(bus, 10 * G_USEC_PER_SEC), "wait");
        }
}

static int
on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return 0;
}

sd_bus *
open_watching(void)
{
        sd_bus *bus = open_bus();

        check(sd_bus_add_match(bus,
                               NULL,
                               "type='signal',sender='" WALLET
                               "',interface='org.freedesktop.DBus.Properties'",
                               on_signal,
                               NULL),
              "match");
        return bus;
}
