/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Secrets handed over in files, what is no way to hand one over, and how one is given out. */

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "tests/bus/value-fixture.h"

/* ---- regular files ---- */

static void
test_a_regular_file_is_read_whole(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_auto(ValueOutcome) outcome = {};
        /* In the build folder: /tmp may be memory, which is read another way. */
        int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        gboolean is_memory;

        if (fd < 0) {
                g_test_skip("no file without a name may be made here");
                return;
        }
        is_memory = fcntl(fd, F_GET_SEALS) >= 0;
        write_all(fd, "0123456789", 10);
        start_reading(&outcome, hand_over_fd(service, fd), LONG_MS);
        assert_arrived(&outcome, "0123456789", 10);
        g_assert_cmpint(lseek(fd, 0, SEEK_CUR), ==, 10);
        close(fd);
        if (is_memory)
                g_test_skip("the build folder is memory: no regular file was tried");
}

/* Every reader of the file at @path waits until the result is closed. -1: not here. */
static int
hold_readers(const char *path)
{
        int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY);

        if (fd >= 0 && fanotify_mark(fd, FAN_MARK_ADD, FAN_ACCESS_PERM, AT_FDCWD, path) < 0) {
                close(fd);
                return -1;
        }
        return fd;
}

/* Returns when @n readers are held. */
static void
wait_for_readers(int holder, guint n)
{
        while (n > 0) {
                struct pollfd poll_fd = {.fd = holder, .events = POLLIN};
                struct fanotify_event_metadata event;

                g_assert_cmpint(poll(&poll_fd, 1, 60000), ==, 1);
                if (read(holder, &event, sizeof event) != sizeof event)
                        continue;
                close(event.fd);
                n--;
        }
}

/* As with a network file system whose server is away. */
static void
test_a_dead_file_hangs_nobody(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_autofree char *directory = g_get_current_dir();
        g_autofree char *path = g_build_filename(directory, "dead-file-XXXXXX", NULL);
        g_auto(ValueOutcome) outcome = {};
        TgValueRead *reads[TG_MAX_FILE_READERS - 1];
        int fd = g_mkstemp(path);
        int holder;

        write_all(fd, "late", 4);
        close(fd);
        holder = hold_readers(path);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        unlink(path);
        if (holder < 0 || fcntl(fd, F_GET_SEALS) >= 0) {
                g_test_skip("no file can be made to hang here");
                close(fd);
                return;
        }

        start_reading(&outcome, hand_over_fd(service, fd), SHORT_MS);
        assert_failed(&outcome, TG_ERROR_INVALID, "did not arrive wholly in time");
        for (gsize i = 0; i < G_N_ELEMENTS(reads); i++)
                reads[i] = tg_value_read(hand_over_fd(service, fd), value_outcome_take, &outcome);
        wait_for_readers(holder, TG_MAX_FILE_READERS);
        for (gsize i = 0; i < G_N_ELEMENTS(reads); i++)
                tg_value_read_cancel(reads[i]);

        /* Those whom nobody waits for any more count until they come back. */
        start_reading(&outcome, hand_over_fd(service, fd), LONG_MS);
        assert_failed(&outcome, TG_ERROR_LIMIT_REACHED, "too many files");

        /* The server is there again: so is the service. */
        close(holder);
        do {
                value_outcome_clear(&outcome);
                start_reading(&outcome, hand_over_fd(service, fd), LONG_MS);
                test_wait(&outcome.is_done);
        } while (outcome.error && tg_error_code(outcome.error) == TG_ERROR_LIMIT_REACHED);
        assert_arrived(&outcome, "late", 4);
        close(fd);
}

/* ---- what is not taken ---- */

static void
refuse(ValueService *service, int fd, const char *sentence)
{
        g_assert_cmpint(fd, >=, 0);
        assert_not_taken(service, hand_over_fd(service, fd), TG_ERROR_INVALID, sentence);
        close(fd);
}

static void
test_other_descriptors_are_refused(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_autofree char *directory = test_directory();
        g_autofree char *fifo = g_build_filename(directory, "fifo", NULL);
        const char *kind = "neither a memfd, a pipe";
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fds[2], listener;

        refuse(service, open("/dev/zero", O_RDONLY | O_CLOEXEC), kind);
        refuse(service, open("/dev/null", O_RDWR | O_CLOEXEC), kind);
        refuse(service, open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), kind);
        refuse(service, eventfd(1, EFD_CLOEXEC), kind);

        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        refuse(service, open(fifo, O_RDWR | O_CLOEXEC), kind);

        refuse(service, socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), kind);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)), ==, 0);
        g_assert_cmpint(listen(listener, 1), ==, 0);
        refuse(service, listener, kind);

        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        refuse(service, fds[1], "not open for reading");
        close(fds[0]);
        refuse(service, open("/proc/self/stat", O_PATH | O_CLOEXEC), "not open for reading");
}

static void
test_a_socket_that_was_never_connected_fails(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_auto(ValueOutcome) outcome = {};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        start_reading(&outcome, hand_over_fd(service, fd), LONG_MS);
        assert_failed(&outcome, TG_ERROR_INVALID, "cannot be read");
        close(fd);
}

/* ---- answers ---- */

static void
test_an_answer_is_a_sealed_memfd(void)
{
        g_autoptr(TgSecret) secret = tg_secret_new("the secret", 10, NULL);
        g_autoptr(GError) error = NULL;
        char text[32];
        int fd = tg_value_to_memfd(secret, &error);

        g_assert_no_error(error);
        g_assert_cmpint(read(fd, text, sizeof text), ==, 10); /* from its beginning */
        g_assert_cmpmem(text, 10, "the secret", 10);
        g_assert_cmpint(pwrite(fd, "x", 1, 0), ==, -1);
        g_assert_cmpint(ftruncate(fd, 0), ==, -1);
        g_assert_cmpint(ftruncate(fd, 20), ==, -1);
        g_assert_cmpint(fcntl(fd, F_GET_SEALS),
                        ==,
                        F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
        g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
        close(fd);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        g_test_add_func("/value/a-regular-file-is-read-whole", test_a_regular_file_is_read_whole);
        g_test_add_func("/value/a-dead-file-hangs-nobody", test_a_dead_file_hangs_nobody);
        g_test_add_func("/value/other-descriptors-are-refused", test_other_descriptors_are_refused);
        g_test_add_func("/value/a-socket-that-was-never-connected-fails",
                        test_a_socket_that_was_never_connected_fails);
        g_test_add_func("/value/an-answer-is-a-sealed-memfd", test_an_answer_is_a_sealed_memfd);
        return test_run();
}
