/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is read below /proc/PID: from directories that look like it, and from real
 * processes. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/process.h"
#include "tests/bus/fixture.h"

#define STAT_BEFORE_START " S 1 7 7 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 "
#define STAT_TAIL STAT_BEFORE_START "4711 1000 200 18446744073709551615\n"
#define NOBODY 65534

static void
put(const char *directory, const char *name, const char *text)
{
        g_autofree char *path = g_build_filename(directory, name, NULL);
        g_autofree char *above = g_path_get_dirname(path);
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(g_mkdir_with_parents(above, 0755), ==, 0);
        g_file_set_contents(path, text, -1, &error);
        g_assert_no_error(error);
}

/* A process outside of any sandbox, whose root can be looked into. */
static char *
plain_process(void)
{
        char *directory = test_directory();
        g_autofree char *root = g_build_filename(directory, "root", NULL);
        g_autofree char *exe = g_build_filename(directory, "exe", NULL);

        put(directory, "stat", "42 (prog)" STAT_TAIL);
        put(directory, "status", "Name:\tprog\nNoNewPrivs:\t0\n");
        put(directory, "comm", "prog\n");
        g_assert_cmpint(mkdir(root, 0755), ==, 0);
        g_assert_cmpint(symlink("/usr/bin/some-program", exe), ==, 0);
        return directory;
}

static gboolean
look(const char *directory, TgProcess *ret_process)
{
        int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        gboolean is_read;

        g_assert_cmpint(fd, >=, 0);
        is_read = tg_process_read(fd, ret_process);
        close(fd);
        return is_read;
}

static void
assert_looks(const char *directory, gboolean is_sandboxed, const char *application)
{
        TgProcess process;

        g_assert_true(look(directory, &process));
        g_assert_cmpuint(process.start_time, ==, 4711);
        g_assert_cmpint(process.is_sandboxed, ==, is_sandboxed);
        g_assert_cmpstr(process.application, ==, application);
        tg_process_clear(&process);
}

static void
test_a_plain_program_is_named_unverified(void)
{
        g_autofree char *directory = plain_process();

        assert_looks(directory, FALSE, "some-program (unverified)");
}

static void
test_a_program_name_cannot_forge_the_start_time(void)
{
        static const char *const names[] = {
                "a) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 999 (b", ") ", "((", "x\ny", ""};

        for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *directory = plain_process();
                g_autofree char *line = g_strdup_printf("42 (%s)" STAT_TAIL, names[i]);

                put(directory, "stat", line);
                assert_looks(directory, FALSE, "some-program (unverified)");
        }
}

static void
test_a_start_time_that_cannot_be_read_is_refused(void)
{
        static const char *const lines[] = {
                "",
                "42",
                "42 (prog)",
                "42 (prog) S 1 2 3",
                "42 (prog)" STAT_BEFORE_START "-5 1000",
                "42 (prog)" STAT_BEFORE_START "12x 1000",
                "42 (prog)" STAT_BEFORE_START "99999999999999999999999 1",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
                g_autofree char *directory = plain_process();
                TgProcess process;

                put(directory, "stat", lines[i]);
                g_assert_false(look(directory, &process));
        }
}

static void
test_a_flatpak_is_known_by_its_id(void)
{
        g_autofree char *directory = plain_process();

        put(directory, "root/.flatpak-info", "[Application]\nname=org.example.App\n");
        assert_looks(directory, TRUE, "org.example.App");
}

static void
test_a_flatpak_that_cannot_be_read_is_still_one(void)
{
        static const char *const infos[] = {
                "", "no key file", "[Application]\n", "[Other]\nname=x\n"};

        for (gsize i = 0; i < G_N_ELEMENTS(infos); i++) {
                g_autofree char *directory = plain_process();

                put(directory, "root/.flatpak-info", infos[i]);
                assert_looks(directory, TRUE, "some-program (unverified)");
        }
}

static void
test_what_is_no_file_counts_as_sandbox(void)
{
        g_autofree char *directory = plain_process();
        g_autofree char *link_directory = plain_process();
        g_autofree char *fifo_directory = plain_process();
        g_autofree char *info = g_build_filename(directory, "root/.flatpak-info", NULL);
        g_autofree char *link = g_build_filename(link_directory, "root/.flatpak-info", NULL);
        g_autofree char *fifo = g_build_filename(fifo_directory, "root/.flatpak-info", NULL);

        g_assert_cmpint(mkdir(info, 0755), ==, 0);
        assert_looks(directory, TRUE, "some-program (unverified)");
        g_assert_cmpint(symlink("nowhere", link), ==, 0);
        assert_looks(link_directory, TRUE, "some-program (unverified)");
        g_assert_cmpint(mkfifo(fifo, 0644), ==, 0); /* must not wait for a writer */
        assert_looks(fifo_directory, TRUE, "some-program (unverified)");
}

static void
test_the_id_of_a_sandbox_is_only_text(void)
{
        g_autofree char *directory = plain_process();

        put(directory,
            "root/.flatpak-info",
            "[Application]\nname=org.\xe2\x80\xae\x1b[31mexample\n");
        assert_looks(directory, TRUE, "org.[31mexample");
}

/* "root" is missing as it is closed: it cannot be looked into. */
static void
test_a_closed_root_is_judged_by_what_a_sandbox_cannot_shed(void)
{
        static const struct {
                const char *status;
                gboolean is_sandboxed;
        } cases[] = {
                {"Name:\tx\nNoNewPrivs:\t0\nSeccomp:\t0\n", FALSE},
                {"Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t2\n", TRUE },
                {"Name:\tx\nSeccomp:\t0\n",                 TRUE },
                {"Name:\tx NoNewPrivs:\t0\n",               TRUE },
                {"",                                        TRUE },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *directory = plain_process();
                g_autofree char *root = g_build_filename(directory, "root", NULL);

                g_assert_cmpint(rmdir(root), ==, 0);
                put(directory, "status", cases[i].status);
                assert_looks(directory, cases[i].is_sandboxed, "some-program (unverified)");
        }
}

static void
test_a_snap_is_known_by_its_label(void)
{
        static const struct {
                const char *file;
                const char *label;
                gboolean is_sandboxed;
                const char *application;
        } cases[] = {
                {"attr/current",          "snap.mail.mail (enforce)\n",  TRUE,  "snap.mail.mail"           },
                {"attr/apparmor/current", "snap.mail.mail (complain)\n", TRUE,  "snap.mail.mail"           },
                {"attr/current",          "unconfined\n",                FALSE, "some-program (unverified)"},
                {"attr/current",          "/usr/bin/snap.x (enforce)\n", FALSE, "some-program (unverified)"},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *directory = plain_process();

                put(directory, cases[i].file, cases[i].label);
                assert_looks(directory, cases[i].is_sandboxed, cases[i].application);
        }
}

static void
test_a_program_without_file_goes_by_its_short_name(void)
{
        g_autofree char *directory = plain_process();
        g_autofree char *exe = g_build_filename(directory, "exe", NULL);

        g_assert_cmpint(unlink(exe), ==, 0);
        assert_looks(directory, FALSE, "prog (unverified)");

        g_assert_cmpint(symlink("/opt/new-version (deleted)", exe), ==, 0);
        assert_looks(directory, FALSE, "new-version (unverified)");
}

/* ---- real processes ---- */

static void
look_at(pid_t pid, TgProcess *ret_process)
{
        g_autofree char *path = g_strdup_printf("/proc/%d", (int)pid);

        g_assert_true(look(path, ret_process));
}

static void
test_this_process_is_read_right(void)
{
        g_autofree char *text = NULL;
        TgProcess process;
        guint64 start_time = 0;

        look_at(getpid(), &process);
        g_assert_true(g_file_get_contents("/proc/self/stat", &text, NULL, NULL));
        g_assert_cmpint(sscanf(strrchr(text, ')'),
                               ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
                               "%*d %*d %*d %*d %" G_GUINT64_FORMAT,
                               &start_time),
                        ==,
                        1);
        g_assert_cmpuint(process.start_time, ==, start_time);
        g_assert_cmpuint(process.start_time, >, 0);
        g_assert_false(process.is_sandboxed);
        g_assert_cmpstr(process.application, ==, "test-process (unverified)");
        tg_process_clear(&process);
}

static gboolean
become_nobody(void)
{
        return geteuid() != 0 ||
               (setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

static void
hide(int fd, gpointer data)
{
        gboolean has_shed_privileges = GPOINTER_TO_INT(data);

        g_assert_true(become_nobody());
        if (has_shed_privileges)
                g_assert_cmpint(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ==, 0);
        g_assert_cmpint(prctl(PR_SET_DUMPABLE, 0), ==, 0);
        test_say(fd, 'r');
        test_hear(fd);
}

static void
look_as_nobody(int fd, gpointer data)
{
        gboolean has_shed_privileges = GPOINTER_TO_INT(data);
        g_autofree char *root = NULL;
        TestChild hidden;
        TgProcess process;

        g_assert_true(become_nobody());
        hidden = test_fork(hide, data);
        test_hear(hidden.fd);

        root = g_strdup_printf("/proc/%d/root", (int)hidden.pid);
        g_assert_cmpint(open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), ==, -1);
        g_assert_cmpint(errno, ==, EACCES);
        look_at(hidden.pid, &process);
        g_assert_cmpint(process.is_sandboxed, ==, has_shed_privileges);
        g_assert_cmpstr(process.application, ==, "test-process (unverified)");
        tg_process_clear(&process);

        test_say(hidden.fd, 'q');
        test_child_join(&hidden);
}

/* A program that guards its memory closes its root as well; that makes no sandbox, as
 * long as it can still gain privileges. */
static void
test_a_guarded_program_is_not_taken_for_a_sandbox(void)
{
        TestChild child;

        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0) {
                g_test_skip("nobody can gain privileges here");
                return;
        }

        child = test_fork(look_as_nobody, GINT_TO_POINTER(FALSE));
        test_child_join(&child);
        child = test_fork(look_as_nobody, GINT_TO_POINTER(TRUE));
        test_child_join(&child);
}

static void
enter_root(int fd, gpointer data)
{
        const char *directory = data;

        /* Who is not root may do it in a user namespace of his own. */
        if (chroot(directory) < 0 && (unshare(CLONE_NEWUSER) < 0 || chroot(directory) < 0)) {
                test_say(fd, 's');
                return;
        }
        test_say(fd, 'r');
        test_hear(fd);
}

static void
test_the_root_that_counts_is_the_programs_own(void)
{
        g_autofree char *directory = test_directory();
        TestChild child;
        TgProcess process;

        put(directory, ".flatpak-info", "[Application]\nname=org.example.Real\n");
        child = test_fork(enter_root, directory);
        if (test_hear(child.fd) == 's') {
                g_test_skip("no root directory of one's own may be had here");
                test_child_join(&child);
                return;
        }

        look_at(child.pid, &process);
        g_assert_true(process.is_sandboxed);
        g_assert_cmpstr(process.application, ==, "org.example.Real");
        tg_process_clear(&process);
        test_say(child.fd, 'q');
        test_child_join(&child);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        g_test_add_func("/process/a-plain-program-is-named-unverified",
                        test_a_plain_program_is_named_unverified);
        g_test_add_func("/process/a-program-name-cannot-forge-the-start-time",
                        test_a_program_name_cannot_forge_the_start_time);
        g_test_add_func("/process/a-start-time-that-cannot-be-read-is-refused",
                        test_a_start_time_that_cannot_be_read_is_refused);
        g_test_add_func("/process/a-flatpak-is-known-by-its-id", test_a_flatpak_is_known_by_its_id);
        g_test_add_func("/process/a-flatpak-that-cannot-be-read-is-still-one",
                        test_a_flatpak_that_cannot_be_read_is_still_one);
        g_test_add_func("/process/what-is-no-file-counts-as-sandbox",
                        test_what_is_no_file_counts_as_sandbox);
        g_test_add_func("/process/the-id-of-a-sandbox-is-only-text",
                        test_the_id_of_a_sandbox_is_only_text);
        g_test_add_func("/process/a-closed-root-is-judged-by-what-a-sandbox-cannot-shed",
                        test_a_closed_root_is_judged_by_what_a_sandbox_cannot_shed);
        g_test_add_func("/process/a-snap-is-known-by-its-label", test_a_snap_is_known_by_its_label);
        g_test_add_func("/process/a-program-without-file-goes-by-its-short-name",
                        test_a_program_without_file_goes_by_its_short_name);
        g_test_add_func("/process/this-process-is-read-right", test_this_process_is_read_right);
        g_test_add_func("/process/a-guarded-program-is-not-taken-for-a-sandbox",
                        test_a_guarded_program_is_not_taken_for_a_sandbox);
        g_test_add_func("/process/the-root-that-counts-is-the-programs-own",
                        test_the_root_that_counts_is_the_programs_own);
        return test_run();
}
