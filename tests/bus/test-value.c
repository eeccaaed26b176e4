/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Secrets handed over in a call, of every kind, over a real bus. */

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

#include "daemon/value.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "tests/bus/fixture.h"

#define TEST_PATH "/org/tigress/Test"
#define TEST_INTERFACE "org.tigress.Test"
#define MAX_BYTES 10000
/* Long enough for whatever arrives at all, short enough to wait for. */
#define LONG_MS 30000
#define SHORT_MS 50

typedef struct {
        TestBus *bus;
        TestPeer *peer;
        TestPeer *client;
        TgValue *value;
        GError *error;
        guint n_calls;
} Service;

static int
on_call(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        Service *self = user_data;

        g_clear_pointer(&self->value, tg_value_free);
        g_clear_error(&self->error);
        self->value = tg_value_take(message, "content", MAX_BYTES, &self->error);
        g_assert_true((self->value == NULL) == (self->error != NULL));
        self->n_calls++;
        return sd_bus_reply_method_return(message, NULL);
}

static Service *
service_new(void)
{
        Service *self = g_new0(Service, 1);

        self->bus = test_bus_new();
        self->peer = test_peer_new(self->bus);
        self->client = test_peer_new(self->bus);
        sd_bus_add_object(self->peer->bus, NULL, TEST_PATH, on_call, self);
        return self;
}

static void
service_free(Service *self)
{
        g_clear_pointer(&self->value, tg_value_free);
        g_clear_error(&self->error);
        test_peer_free(self->client);
        test_peer_free(self->peer);
        test_bus_free(self->bus);
        g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)

static sd_bus_message *
new_call(Service *self)
{
        sd_bus_message *message = NULL;

        g_assert_cmpint(sd_bus_message_new_method_call(self->client->bus,
                                                       &message,
                                                       self->peer->name,
                                                       TEST_PATH,
                                                       TEST_INTERFACE,
                                                       "Do"),
                        >=,
                        0);
        sd_bus_message_set_expect_reply(message, 0);
        return message;
}

/* The value as it was taken, or NULL with self->error. */
static TgValue *
hand_over(Service *self, sd_bus_message *message)
{
        guint n_before = self->n_calls;

        g_assert_cmpint(sd_bus_send(self->client->bus, message, NULL), >=, 0);
        sd_bus_message_unref(message);
        test_wait_count(&self->n_calls, n_before + 1);
        return g_steal_pointer(&self->value);
}

static TgValue *
hand_over_bytes(Service *self, const void *bytes, gsize n_bytes)
{
        sd_bus_message *message = new_call(self);

        sd_bus_message_open_container(message, 'v', "ay");
        sd_bus_message_append_array(message, 'y', bytes, n_bytes);
        sd_bus_message_close_container(message);
        return hand_over(self, message);
}

static TgValue *
hand_over_fd(Service *self, int fd)
{
        sd_bus_message *message = new_call(self);

        g_assert_cmpint(sd_bus_message_append(message, "v", "h", fd), >=, 0);
        return hand_over(self, message);
}

typedef struct {
        TgSecret *secret;
        GError *error;
        gboolean is_done;
} Outcome;

static void
outcome_clear(Outcome *outcome)
{
        g_clear_pointer(&outcome->secret, tg_secret_unref);
        g_clear_error(&outcome->error);
        outcome->is_done = FALSE;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static void
on_read(TgSecret *secret, const GError *error, gpointer user_data)
{
        Outcome *outcome = user_data;

        g_assert_false(outcome->is_done);
        g_assert_true((secret == NULL) == (error != NULL));
        outcome->secret = secret ? tg_secret_ref(secret) : NULL;
        outcome->error = error ? g_error_copy(error) : NULL;
        outcome->is_done = TRUE;
}

static void
start(Outcome *outcome, TgValue *value, guint deadline_ms)
{
        g_assert_nonnull(value);
        tg_value_read_until(value, deadline_ms, on_read, outcome);
        g_assert_false(outcome->is_done); /* from the loop, never from inside */
}

static void
assert_arrived(Outcome *outcome, const void *bytes, gsize n_bytes)
{
        gsize n_arrived;
        const guint8 *arrived;

        test_wait(&outcome->is_done);
        g_assert_no_error(outcome->error);
        arrived = tg_secret_get(outcome->secret, &n_arrived);
        g_assert_cmpmem(arrived, n_arrived, bytes, n_bytes);
        outcome_clear(outcome);
}

static void
assert_failed(Outcome *outcome, TgError code, const char *sentence)
{
        test_wait(&outcome->is_done);
        g_assert_error(outcome->error, TG_ERROR, (int)code);
        g_assert_nonnull(strstr(outcome->error->message, sentence));
        g_assert_nonnull(strstr(outcome->error->message, "content")); /* what it is about */
        outcome_clear(outcome);
}

static void
assert_refused(Service *service, TgValue *value, TgError code, const char *sentence)
{
        g_assert_null(value);
        g_assert_error(service->error, TG_ERROR, (int)code);
        g_assert_nonnull(strstr(service->error->message, sentence));
}

static void
fill(guint8 *bytes, gsize n_bytes)
{
        for (gsize i = 0; i < n_bytes; i++)
                bytes[i] = (guint8)(i * 31 + (i >> 8));
}

static void
write_all(int fd, const void *bytes, gsize n_bytes)
{
        g_assert_cmpint(write(fd, bytes, n_bytes), ==, (gssize)n_bytes);
}

static int
make_memfd(const void *bytes, gsize n_bytes)
{
        int fd = memfd_create("test", MFD_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        write_all(fd, bytes, n_bytes);
        return fd;
}

/* ---- in the message ---- */

static void
test_text_and_octets_arrive(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        sd_bus_message *message = new_call(service);
        guint8 bytes[MAX_BYTES];

        sd_bus_message_append(message, "v", "s", "text \xc3\xbc");
        start(&outcome, hand_over(service, message), LONG_MS);
        assert_arrived(&outcome, "text \xc3\xbc", 7);

        fill(bytes, sizeof bytes);
        start(&outcome, hand_over_bytes(service, bytes, sizeof bytes), LONG_MS);
        assert_arrived(&outcome, bytes, sizeof bytes);
        start(&outcome, hand_over_bytes(service, "", 0), LONG_MS);
        assert_arrived(&outcome, "", 0);
}

static void
test_other_types_are_refused(void)
{
        g_autoptr(Service) service = service_new();
        sd_bus_message *message = new_call(service);

        sd_bus_message_append(message, "v", "i", 7);
        assert_refused(service, hand_over(service, message), TG_ERROR_INVALID, "must be a variant");
        message = new_call(service);
        sd_bus_message_append(message, "v", "as", 1, "text");
        assert_refused(service, hand_over(service, message), TG_ERROR_INVALID, "must be a variant");
        message = new_call(service);
        sd_bus_message_append(message, "v", "v", "s", "text");
        assert_refused(service, hand_over(service, message), TG_ERROR_INVALID, "must be a variant");
        message = new_call(service);
        sd_bus_message_append(message, "s", "text");
        assert_refused(service, hand_over(service, message), TG_ERROR_INVALID, "must be a variant");
        assert_refused(service,
                       hand_over(service, new_call(service)),
                       TG_ERROR_INVALID,
                       "must be a variant");
}

static void
test_a_message_that_is_too_large_is_refused(void)
{
        g_autoptr(Service) service = service_new();
        g_autofree char *text = g_strnfill(MAX_BYTES + 1, 'x');
        sd_bus_message *message = new_call(service);

        sd_bus_message_append(message, "v", "s", text);
        assert_refused(
                service, hand_over(service, message), TG_ERROR_LIMIT_REACHED, "larger than 10000");
        assert_refused(service,
                       hand_over_bytes(service, text, MAX_BYTES + 1),
                       TG_ERROR_LIMIT_REACHED,
                       "larger than 10000");
}

/* ---- memory ---- */

static void
test_a_memfd_counts_as_it_was_when_it_came(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        int fd = make_memfd("what was consented to", 21);

        start(&outcome, hand_over_fd(service, fd), LONG_MS);
        g_assert_cmpint(pwrite(fd, "something else after!", 21, 0), ==, 21);
        g_assert_cmpint(ftruncate(fd, 5), ==, 0);
        assert_arrived(&outcome, "what was consented to", 21);
        close(fd);
}

static void
test_a_memfd_is_read_whole_wherever_its_offset_is(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        int fd = make_memfd("0123456789", 10);

        g_assert_cmpint(lseek(fd, 4, SEEK_SET), ==, 4);
        start(&outcome, hand_over_fd(service, fd), LONG_MS);
        assert_arrived(&outcome, "0123456789", 10);
        g_assert_cmpint(lseek(fd, 0, SEEK_CUR), ==, 4); /* it is the sender's too */
        close(fd);
}

static void
test_the_limit_is_exact(void)
{
        g_autoptr(Service) service = service_new();
        g_autofree char *directory = test_directory();
        g_autofree char *path = g_build_filename(directory, "file", NULL);
        guint8 bytes[MAX_BYTES + 1];

        fill(bytes, sizeof bytes);
        for (gsize n = MAX_BYTES; n <= MAX_BYTES + 1; n++) {
                Outcome outcomes[4] = {};
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

                start(&outcomes[0], hand_over_fd(service, memory), LONG_MS);
                start(&outcomes[1], hand_over_fd(service, pipe_fds[0]), LONG_MS);
                start(&outcomes[2], hand_over_fd(service, socket_fds[0]), LONG_MS);
                start(&outcomes[3], hand_over_fd(service, file), LONG_MS);
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
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        int fds[2];

        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        start(&outcome, hand_over_fd(service, fds[0]), LONG_MS);
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
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        int pipe_fds[2], socket_fds[2], before;

        g_assert_cmpint(pipe2(pipe_fds, O_CLOEXEC), ==, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_fds), ==, 0);

        before = fcntl(pipe_fds[0], F_GETFL);
        start(&outcome, hand_over_fd(service, pipe_fds[0]), LONG_MS);
        test_settle();
        g_assert_cmpint(fcntl(pipe_fds[0], F_GETFL), ==, before);
        close(pipe_fds[1]);
        assert_arrived(&outcome, "", 0);

        before = fcntl(socket_fds[0], F_GETFL);
        start(&outcome, hand_over_fd(service, socket_fds[0]), LONG_MS);
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
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        TestChild child;
        int fds[2];

        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        child = test_fork(pour, fds);
        start(&outcome, hand_over_fd(service, fds[0]), LONG_MS);
        assert_failed(&outcome, TG_ERROR_LIMIT_REACHED, "larger than 10000 octets");
        test_child_kill(&child);
        close(fds[0]);
        close(fds[1]);
}

static void
test_silence_ends_at_the_deadline(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) silent = {};
        g_auto(Outcome) stuck = {};
        int pipe_fds[2], socket_fds[2];

        g_assert_cmpint(pipe2(pipe_fds, O_CLOEXEC), ==, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_fds), ==, 0);
        write_all(socket_fds[1], "begins", 6);
        start(&silent, hand_over_fd(service, pipe_fds[0]), SHORT_MS);
        start(&stuck, hand_over_fd(service, socket_fds[0]), SHORT_MS);
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
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        guint source;
        int fds[2];

        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        start(&outcome, hand_over_fd(service, fds[0]), SHORT_MS);
        source = g_timeout_add(SHORT_MS / 5, drip, &fds[1]);
        assert_failed(&outcome, TG_ERROR_INVALID, "did not arrive wholly in time");
        g_source_remove(source);
        close(fds[0]);
        close(fds[1]);
}

static void
test_a_cancelled_read_lets_go(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        struct pollfd other_end = {};
        TgValueRead *read;
        int fds[2];

        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        read = tg_value_read(hand_over_fd(service, fds[0]), on_read, &outcome);
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
        tg_value_read_cancel(tg_value_read(hand_over_bytes(service, "x", 1), on_read, &outcome));
        fds[0] = make_memfd("x", 1);
        tg_value_read_cancel(tg_value_read(hand_over_fd(service, fds[0]), on_read, &outcome));
        close(fds[0]);
        fds[0] = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
        tg_value_read_cancel(tg_value_read(hand_over_fd(service, fds[0]), on_read, &outcome));
        close(fds[0]);
        tg_value_free(hand_over_bytes(service, "x", 1));
        test_settle();
        g_assert_false(outcome.is_done);
}

/* ---- regular files ---- */

static void
test_a_regular_file_is_read_whole(void)
{
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        /* In the build folder: /tmp may be memory, which is read another way. */
        int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        gboolean is_memory;

        if (fd < 0) {
                g_test_skip("no file without a name may be made here");
                return;
        }
        is_memory = fcntl(fd, F_GET_SEALS) >= 0;
        write_all(fd, "0123456789", 10);
        start(&outcome, hand_over_fd(service, fd), LONG_MS);
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
        g_autoptr(Service) service = service_new();
        g_autofree char *directory = g_get_current_dir();
        g_autofree char *path = g_build_filename(directory, "dead-file-XXXXXX", NULL);
        g_auto(Outcome) outcome = {};
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

        start(&outcome, hand_over_fd(service, fd), SHORT_MS);
        assert_failed(&outcome, TG_ERROR_INVALID, "did not arrive wholly in time");
        for (gsize i = 0; i < G_N_ELEMENTS(reads); i++)
                reads[i] = tg_value_read(hand_over_fd(service, fd), on_read, &outcome);
        wait_for_readers(holder, TG_MAX_FILE_READERS);
        for (gsize i = 0; i < G_N_ELEMENTS(reads); i++)
                tg_value_read_cancel(reads[i]);

        /* Those whom nobody waits for any more count until they come back. */
        start(&outcome, hand_over_fd(service, fd), LONG_MS);
        assert_failed(&outcome, TG_ERROR_LIMIT_REACHED, "too many files");

        /* The server is there again: so is the service. */
        close(holder);
        do {
                outcome_clear(&outcome);
                start(&outcome, hand_over_fd(service, fd), LONG_MS);
                test_wait(&outcome.is_done);
        } while (outcome.error && tg_error_code(outcome.error) == TG_ERROR_LIMIT_REACHED);
        assert_arrived(&outcome, "late", 4);
        close(fd);
}

/* ---- what is not taken ---- */

static void
refuse(Service *service, int fd, const char *sentence)
{
        g_assert_cmpint(fd, >=, 0);
        assert_refused(service, hand_over_fd(service, fd), TG_ERROR_INVALID, sentence);
        close(fd);
}

static void
test_other_descriptors_are_refused(void)
{
        g_autoptr(Service) service = service_new();
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
        g_autoptr(Service) service = service_new();
        g_auto(Outcome) outcome = {};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        start(&outcome, hand_over_fd(service, fd), LONG_MS);
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
        g_test_add_func("/value/a-regular-file-is-read-whole", test_a_regular_file_is_read_whole);
        g_test_add_func("/value/a-dead-file-hangs-nobody", test_a_dead_file_hangs_nobody);
        g_test_add_func("/value/other-descriptors-are-refused", test_other_descriptors_are_refused);
        g_test_add_func("/value/a-socket-that-was-never-connected-fails",
                        test_a_socket_that_was_never_connected_fails);
        g_test_add_func("/value/an-answer-is-a-sealed-memfd", test_an_answer_is_a_sealed_memfd);
        return test_run();
}
