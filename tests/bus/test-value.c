/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Secrets handed over in a call, of every kind that is read from a loop. */

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/error.h"
#include "tests/bus/value-fixture.h"

static void
fill(guint8 *bytes, gsize n_bytes)
{
        for (gsize i = 0; i < n_bytes; i++)
                bytes[i] = (guint8)(i * 31 + (i >> 8));
}

/* ---- in the message ---- */

static void
test_text_and_octets_arrive(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_auto(ValueOutcome) outcome = {};
        sd_bus_message *message = value_service_call(service);
        guint8 bytes[MAX_BYTES];

        sd_bus_message_append(message, "v", "s", "text \xc3\xbc");
        start_reading(&outcome, hand_over(service, message), LONG_MS);
        assert_arrived(&outcome, "text \xc3\xbc", 7);

        fill(bytes, sizeof bytes);
        start_reading(&outcome, hand_over_bytes(service, bytes, sizeof bytes), LONG_MS);
        assert_arrived(&outcome, bytes, sizeof bytes);
        start_reading(&outcome, hand_over_bytes(service, "", 0), LONG_MS);
        assert_arrived(&outcome, "", 0);
}

static void
test_other_types_are_refused(void)
{
        g_autoptr(ValueService) service = value_service_new();
        sd_bus_message *message = value_service_call(service);

        sd_bus_message_append(message, "v", "i", 7);
        assert_not_taken(
                service, hand_over(service, message), TG_ERROR_INVALID, "must be a variant");
        message = value_service_call(service);
        sd_bus_message_append(message, "v", "as", 1, "text");
        assert_not_taken(
                service, hand_over(service, message), TG_ERROR_INVALID, "must be a variant");
        message = value_service_call(service);
        sd_bus_message_append(message, "v", "v", "s", "text");
        assert_not_taken(
                service, hand_over(service, message), TG_ERROR_INVALID, "must be a variant");
        message = value_service_call(service);
        sd_bus_message_append(message, "s", "text");
        assert_not_taken(
                service, hand_over(service, message), TG_ERROR_INVALID, "must be a variant");
        assert_not_taken(service,
                         hand_over(service, value_service_call(service)),
                         TG_ERROR_INVALID,
                         "must be a variant");
}

static void
test_a_message_that_is_too_large_is_refused(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_autofree char *text = g_strnfill(MAX_BYTES + 1, 'x');
        sd_bus_message *message = value_service_call(service);

        sd_bus_message_append(message, "v", "s", text);
        assert_not_taken(
                service, hand_over(service, message), TG_ERROR_LIMIT_REACHED, "larger than 10000");
        assert_not_taken(service,
                         hand_over_bytes(service, text, MAX_BYTES + 1),
                         TG_ERROR_LIMIT_REACHED,
                         "larger than 10000");
}

/* ---- memory ---- */

static void
test_a_memfd_counts_as_it_was_when_it_came(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_auto(ValueOutcome) outcome = {};
        int fd = make_memfd("what was consented to", 21);

        start_reading(&outcome, hand_over_fd(service, fd), LONG_MS);
        g_assert_cmpint(pwrite(fd, "something else after!", 21, 0), ==, 21);
        g_assert_cmpint(ftruncate(fd, 5), ==, 0);
        assert_arrived(&outcome, "what was consented to", 21);
        close(fd);
}

static void
test_a_memfd_is_read_whole_wherever_its_offset_is(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_auto(ValueOutcome) outcome = {};
        int fd = make_memfd("0123456789", 10);

        g_assert_cmpint(lseek(fd, 4, SEEK_SET), ==, 4);
        start_reading(&outcome, hand_over_fd(service, fd), LONG_MS);
        assert_arrived(&outcome, "0123456789", 10);
        g_assert_cmpint(lseek(fd, 0, SEEK_CUR), ==, 4); /* it is the sender's too */
        close(fd);
}

static void
test_the_limit_is_exact(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_autofree char *directory = test_directory();
        g_autofree char *path = g_build_filename(directory, "file", NULL);
        guint8 bytes[MAX_BYTES + 1];

        fill(bytes, sizeof bytes);
        for (gsize n = MAX_BYTES; n <= MAX_BYTES + 1; n++) {
                ValueOutcome outcomes[4] = {};
                int pipe_fds[2], socket_fds[2];
                int memory = make_memfd(bytes, n);
                int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

                g_assert_cmpint(pipe2(pipe_fds, O_CLOEXEC), ==, 0);
                g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_fds), ==, 0);
                write_all(pipe_fds[1], bytes, n);
                write_all(socket_fds[1], bytes, n);
                write_all(file, bytes, n);
                close(pipe_fds[1]);
                close(socket_fds[1]);

                start_reading(&outcomes[0], hand_over_fd(service, memory), LONG_MS);
                start_reading(&outcomes[1], hand_over_fd(service, pipe_fds[0]), LONG_MS);
                start_reading(&outcomes[2], hand_over_fd(service, socket_fds[0]), LONG_MS);
                start_reading(&outcomes[3], hand_over_fd(service, file), LONG_MS);
                for (gsize i = 0; i < G_N_ELEMENTS(outcomes); i++)
                        if (n == MAX_BYTES)
                                assert_arrived(&outcomes[i], bytes, n);
                        else
                                assert_failed(&outcomes[i],
                                              TG_ERROR_LIMIT_REACHED,
                                              "larger than 10000 octets");

                close(memory);
                close(pipe_fds[0]);
                close(socket_fds[0]);
                close(file);
        }
}

/* ---- pipes and sockets ---- */

static void
test_a_pipe_is_read_to_its_end(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_auto(ValueOutcome) outcome = {};
        int fds[2];

        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        start_reading(&outcome, hand_over_fd(service, fds[0]), LONG_MS);
        close(fds[0]);
        for (gsize i = 0; i < 3; i++) {
                write_all(fds[1], "piece ", 6);
                test_settle();
                g_assert_false(outcome.is_done);
        }
        close(fds[1]);
        assert_arrived(&outcome, "piece piece piece ", 18);
}

/* O_NONBLOCK belongs to what is shared with the sender: it would break its own reads. */
static void
test_the_sender_keeps_its_descriptor_as_it_was(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_auto(ValueOutcome) outcome = {};
        int pipe_fds[2], socket_fds[2], before;

        g_assert_cmpint(pipe2(pipe_fds, O_CLOEXEC), ==, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_fds), ==, 0);

        before = fcntl(pipe_fds[0], F_GETFL);
        start_reading(&outcome, hand_over_fd(service, pipe_fds[0]), LONG_MS);
        test_settle();
        g_assert_cmpint(fcntl(pipe_fds[0], F_GETFL), ==, before);
        close(pipe_fds[1]);
        assert_arrived(&outcome, "", 0);

        before = fcntl(socket_fds[0], F_GETFL);
        start_reading(&outcome, hand_over_fd(service, socket_fds[0]), LONG_MS);
        test_settle();
        g_assert_cmpint(fcntl(socket_fds[0], F_GETFL), ==, before);
        write_all(socket_fds[1], "by socket", 9);
        test_settle();
        g_assert_false(outcome.is_done);
        g_assert_cmpint(shutdown(socket_fds[1], SHUT_WR), ==, 0);
        assert_arrived(&outcome, "by socket", 9);

        close(pipe_fds[0]);
        close(socket_fds[0]);
        close(socket_fds[1]);
}

static void
pour(int fd, gpointer data)
{
        const int *pipe_fds = data;
        char zeros[4096] = "";

        close(pipe_fds[0]);
        while (write(pipe_fds[1], zeros, sizeof zeros) > 0)
                ; /* ends by SIGPIPE, when nobody reads any more */
}

static void
test_an_endless_pipe_is_refused(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_auto(ValueOutcome) outcome = {};
        TestChild child;
        int fds[2];

        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        child = test_fork(pour, fds);
        start_reading(&outcome, hand_over_fd(service, fds[0]), LONG_MS);
        assert_failed(&outcome, TG_ERROR_LIMIT_REACHED, "larger than 10000 octets");
        test_child_kill(&child);
        close(fds[0]);
        close(fds[1]);
}

static void
test_silence_ends_at_the_deadline(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_auto(ValueOutcome) silent = {};
        g_auto(ValueOutcome) stuck = {};
        int pipe_fds[2], socket_fds[2];

        g_assert_cmpint(pipe2(pipe_fds, O_CLOEXEC), ==, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_fds), ==, 0);
        write_all(socket_fds[1], "begins", 6);
        start_reading(&silent, hand_over_fd(service, pipe_fds[0]), SHORT_MS);
        start_reading(&stuck, hand_over_fd(service, socket_fds[0]), SHORT_MS);
        assert_failed(&silent, TG_ERROR_INVALID, "did not arrive wholly in time");
        assert_failed(&stuck, TG_ERROR_INVALID, "did not arrive wholly in time");
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        close(socket_fds[0]);
        close(socket_fds[1]);
}

/* Each octet that arrives must not give a new deadline. */
static gboolean
drip(gpointer user_data)
{
        const int *fd = user_data;

        write_all(*fd, "x", 1);
        return G_SOURCE_CONTINUE;
}

static void
test_dripping_does_not_move_the_deadline(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_auto(ValueOutcome) outcome = {};
        guint source;
        int fds[2];

        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        start_reading(&outcome, hand_over_fd(service, fds[0]), SHORT_MS);
        source = g_timeout_add(SHORT_MS / 5, drip, &fds[1]);
        assert_failed(&outcome, TG_ERROR_INVALID, "did not arrive wholly in time");
        g_source_remove(source);
        close(fds[0]);
        close(fds[1]);
}

static void
test_a_cancelled_read_lets_go(void)
{
        g_autoptr(ValueService) service = value_service_new();
        g_auto(ValueOutcome) outcome = {};
        struct pollfd other_end = {};
        TgValueRead *read;
        int fds[2];

        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        read = tg_value_read(hand_over_fd(service, fds[0]), value_outcome_take, &outcome);
        close(fds[0]);
        write_all(fds[1], "x", 1);
        test_settle();
        tg_value_read_cancel(read);
        test_settle();
        g_assert_false(outcome.is_done);
        /* Nobody holds the other end, once the bus has let go of it. */
        other_end.fd = fds[1];
        g_assert_cmpint(poll(&other_end, 1, 60000), ==, 1);
        g_assert_cmpint(other_end.revents, ==, POLLERR);
        close(fds[1]);

        /* Before anything happened, and for each other kind. */
        tg_value_read_cancel(
                tg_value_read(hand_over_bytes(service, "x", 1), value_outcome_take, &outcome));
        fds[0] = make_memfd("x", 1);
        tg_value_read_cancel(
                tg_value_read(hand_over_fd(service, fds[0]), value_outcome_take, &outcome));
        close(fds[0]);
        fds[0] = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
        tg_value_read_cancel(
                tg_value_read(hand_over_fd(service, fds[0]), value_outcome_take, &outcome));
        close(fds[0]);
        tg_value_free(hand_over_bytes(service, "x", 1));
        test_settle();
        g_assert_false(outcome.is_done);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        g_test_add_func("/value/text-and-octets-arrive", test_text_and_octets_arrive);
        g_test_add_func("/value/other-types-are-refused", test_other_types_are_refused);
        g_test_add_func("/value/a-message-that-is-too-large-is-refused",
                        test_a_message_that_is_too_large_is_refused);
        g_test_add_func("/value/a-memfd-counts-as-it-was-when-it-came",
                        test_a_memfd_counts_as_it_was_when_it_came);
        g_test_add_func("/value/a-memfd-is-read-whole-wherever-its-offset-is",
                        test_a_memfd_is_read_whole_wherever_its_offset_is);
        g_test_add_func("/value/the-limit-is-exact", test_the_limit_is_exact);
        g_test_add_func("/value/a-pipe-is-read-to-its-end", test_a_pipe_is_read_to_its_end);
        g_test_add_func("/value/the-sender-keeps-its-descriptor-as-it-was",
                        test_the_sender_keeps_its_descriptor_as_it_was);
        g_test_add_func("/value/an-endless-pipe-is-refused", test_an_endless_pipe_is_refused);
        g_test_add_func("/value/silence-ends-at-the-deadline", test_silence_ends_at_the_deadline);
        g_test_add_func("/value/dripping-does-not-move-the-deadline",
                        test_dripping_does_not_move_the_deadline);
        g_test_add_func("/value/a-cancelled-read-lets-go", test_a_cancelled_read_lets_go);
        return test_run();
}
