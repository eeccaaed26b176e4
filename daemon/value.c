/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/value.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/file-reader.h"
#include "protocol/error.h"
#include "protocol/limits.h"

/*
 * How each kind of descriptor is read without ever blocking, and without touching what
 * we share with the sender (offset, O_NONBLOCK):
 *
 *      memfd           at once, by pread(): it is memory
 *      pipe            opened anew through /proc/self/fd, with O_NONBLOCK
 *      stream socket   recv() with MSG_DONTWAIT
 *      regular file    on a thread: a network file system may take any time
 */

typedef enum {
        KIND_SECRET, /* was in the message */
        KIND_MEMORY,
        KIND_PIPE,
        KIND_SOCKET,
        KIND_FILE,
} Kind;

struct TgValue {
        Kind kind;
        char *what;
        gsize max_bytes;
        TgSecret *secret;
        int fd;
};

struct TgValueRead {
        TgValue *value;
        TgSecret *room; /* what was read so far, and space for more */
        guint8 *bytes;
        gsize n_bytes;
        gsize n_room;
        guint fd_source;
        guint done_source;
        guint deadline_source;
        TgFileReader *file_reader;
        TgSecret *result;
        GError *failure;
        TgValueFunc func;
        gpointer user_data;
};

/* ---- what was handed over ---- */

static void
set_too_large(GError **error, const char *what, gsize max_bytes)
{
        tg_set_error(error,
                     TG_ERROR_LIMIT_REACHED,
                     "%s is larger than %" G_GSIZE_FORMAT " octets: give a smaller one",
                     what,
                     max_bytes);
}

/* /proc knows a pipe without a name as "pipe:[INODE]"; a path begins with a slash.
 * fstatfs() would tell too, but asks the file system, which may not answer. */
static gboolean
is_nameless_pipe(int fd)
{
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
        char target[16];
        gssize n = readlink(link, target, sizeof target);

        return n > (gssize)strlen("pipe:[") && memcmp(target, "pipe:[", strlen("pipe:[")) == 0;
}

static gboolean
is_stream_socket(int fd)
{
        int type = 0, is_listening = 0;
        socklen_t n_type = sizeof type, n_listening = sizeof is_listening;

        return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n_type) == 0 && type == SOCK_STREAM &&
               getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &n_listening) == 0 &&
               !is_listening;
}

static gboolean
find_kind(int fd, const char *what, Kind *ret_kind, GError **error)
{
        struct statx stx;
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the descriptor for %s is not open for reading",
                             what);
                return FALSE;
        }

        /* The type never changes: no need to ask a server that may not answer. */
        if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0)
                stx.stx_mode = 0;

        if (S_ISREG(stx.stx_mode) && fcntl(fd, F_GET_SEALS) >= 0) {
                *ret_kind = KIND_MEMORY;
        } else if (S_ISREG(stx.stx_mode)) {
                *ret_kind = KIND_FILE;
        } else if (S_ISFIFO(stx.stx_mode) && is_nameless_pipe(fd)) {
                *ret_kind = KIND_PIPE;
        } else if (S_ISSOCK(stx.stx_mode) && is_stream_socket(fd)) {
                *ret_kind = KIND_SOCKET;
        } else {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the descriptor for %s is neither a memfd, a pipe, a connected "
                             "stream socket nor a regular file: give one of these",
                             what);
                return FALSE;
        }

        return TRUE;
}

static gboolean
take_octets(TgValue *self, const void *bytes, gsize n_bytes, GError **error)
{
        if (n_bytes > self->max_bytes) {
                set_too_large(error, self->what, self->max_bytes);
                return FALSE;
        }

        self->kind = KIND_SECRET;
        self->secret = tg_secret_new(bytes, n_bytes, error);
        return self->secret != NULL;
}

/* A descriptor of the message belongs to it and goes with it: ours is a copy. */
static gboolean
take_descriptor(TgValue *self, int fd, GError **error)
{
        g_autofree char *path = NULL;

        if (!find_kind(fd, self->what, &self->kind, error))
                return FALSE;

        if (self->kind == KIND_PIPE) {
                path = g_strdup_printf("/proc/self/fd/%d", fd);
                self->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        } else {
                self->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        }

        if (self->fd < 0) {
                tg_set_error(error,
                             errno == EMFILE ? TG_ERROR_LIMIT_REACHED : TG_ERROR_INVALID,
                             "the descriptor for %s cannot be opened here (%s): give a memfd, "
                             "or a pipe made by the same user",
                             self->what,
                             g_strerror(errno));
                return FALSE;
        }

        return TRUE;
}

static gboolean
take_contents(TgValue *self, sd_bus_message *message, const char *contents, GError **error)
{
        const char *text = NULL;
        const void *bytes = NULL;
        gsize n_bytes = 0;
        int fd = -1;
        gboolean is_taken = FALSE;
        int r = sd_bus_message_enter_container(message, SD_BUS_TYPE_VARIANT, contents);

        if (r >= 0 && strcmp(contents, "s") == 0) {
                r = sd_bus_message_read_basic(message, 's', &text);
                is_taken = r >= 0 && take_octets(self, text, strlen(text), error);
        } else if (r >= 0 && strcmp(contents, "ay") == 0) {
                r = sd_bus_message_read_array(message, 'y', &bytes, &n_bytes);
                is_taken = r >= 0 && take_octets(self, bytes, n_bytes, error);
        } else if (r >= 0) {
                r = sd_bus_message_read_basic(message, 'h', &fd);
                is_taken = r >= 0 && take_descriptor(self, fd, error);
        }

        if (r >= 0 && !is_taken)
                return FALSE;
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "%s cannot be read from the call", self->what);
                return FALSE;
        }

        return TRUE;
}

TgValue *
tg_value_take(sd_bus_message *message, const char *what, gsize max_bytes, GError **error)
{
        g_autoptr(TgValue) self = NULL;
        const char *contents = NULL;
        char type = 0;
        int r = sd_bus_message_peek_type(message, &type, &contents);

        if (r <= 0 || type != SD_BUS_TYPE_VARIANT ||
            (strcmp(contents, "s") != 0 && strcmp(contents, "ay") != 0 &&
             strcmp(contents, "h") != 0)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "%s must be a variant of a string, of octets (ay) or of a descriptor",
                             what);
                return NULL;
        }

        /* Wiped when the message is freed, whatever the vtable says. */
        (void)sd_bus_message_sensitive(message);

        self = g_new0(TgValue, 1);
        self->what = g_strdup(what);
        self->max_bytes = max_bytes;
        self->fd = -1;

        return take_contents(self, message, contents, error) ? g_steal_pointer(&self) : NULL;
}

void
tg_value_free(TgValue *self)
{
        if (!self)
                return;

        if (self->fd >= 0)
                close(self->fd);
        tg_secret_unref(self->secret);
        g_free(self->what);
        g_free(self);
}

gsize
tg_value_room(const TgValue *self)
{
        if (self == NULL)
                return 0;
        if (self->kind == KIND_SECRET)
                return tg_secret_size(self->secret);
        /* What was read until now and its copy, in blocks of a power of two. */
        return 4 * (self->max_bytes + 1);
}

/* ---- reading ---- */

static void
read_free(TgValueRead *self)
{
        g_clear_handle_id(&self->fd_source, g_source_remove);
        g_clear_handle_id(&self->done_source, g_source_remove);
        g_clear_handle_id(&self->deadline_source, g_source_remove);
        g_clear_pointer(&self->file_reader, tg_file_reader_cancel);
        tg_secret_unref(self->room);
        tg_secret_unref(self->result);
        g_clear_error(&self->failure);
        tg_value_free(self->value);
        g_free(self);
}

/* Everything is let go of before the callback, which may do anything. */
static void
read_finish(TgValueRead *self)
{
        g_autoptr(TgSecret) secret = g_steal_pointer(&self->result);
        g_autoptr(GError) error = g_steal_pointer(&self->failure);
        TgValueFunc func = self->func;
        gpointer user_data = self->user_data;

        read_free(self);
        func(secret, error, user_data);
}

static gboolean
on_done(gpointer user_data)
{
        TgValueRead *self = user_data;

        self->done_source = 0;
        read_finish(self);
        return G_SOURCE_REMOVE;
}

static gboolean
on_deadline(gpointer user_data)
{
        TgValueRead *self = user_data;

        self->deadline_source = 0;
        tg_set_error(&self->failure,
                     TG_ERROR_INVALID,
                     "%s did not arrive wholly in time: write all of it and close the descriptor",
                     self->value->what);
        read_finish(self);
        return G_SOURCE_REMOVE;
}

/* Room for more octets: doubled, so that many callers who send little hold little of
 * the locked memory; one octet above the limit, to see that it was passed. */
static gboolean
make_room(TgValueRead *self)
{
        gsize n_room = MIN(MAX(self->n_room * 2, 2048), self->value->max_bytes + 1);
        g_autoptr(TgSecret) room = NULL;
        guint8 *bytes;

        if (self->n_bytes < self->n_room)
                return TRUE;

        room = tg_secret_new_blank(n_room, &bytes, &self->failure);
        if (!room)
                return FALSE;

        if (self->n_bytes > 0)
                memcpy(bytes, self->bytes, self->n_bytes);
        tg_secret_unref(self->room);
        self->room = g_steal_pointer(&room);
        self->bytes = bytes;
        self->n_room = n_room;
        return TRUE;
}

static gssize
read_some(TgValueRead *self)
{
        guint8 *at = self->bytes + self->n_bytes;
        gsize n = self->n_room - self->n_bytes;

        switch (self->value->kind) {
        case KIND_MEMORY:
                return pread(self->value->fd, at, n, (off_t)self->n_bytes);
        case KIND_PIPE:
                return read(self->value->fd, at, n);
        case KIND_SOCKET:
                return recv(self->value->fd, at, n, MSG_DONTWAIT);
        case KIND_SECRET:
        case KIND_FILE:
        default:
                g_assert_not_reached();
        }
}

/* Reads what is there. TRUE when that was the end, or a failure. */
static gboolean
read_available(TgValueRead *self)
{
        while (make_room(self)) {
                gssize n = read_some(self);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return FALSE;
                if (n < 0) {
                        tg_set_error(&self->failure,
                                     TG_ERROR_INVALID,
                                     "the descriptor for %s cannot be read: %s",
                                     self->value->what,
                                     g_strerror(errno));
                        return TRUE;
                }
                if (n == 0) {
                        self->result =
                                tg_secret_slice(self->room, 0, self->n_bytes, &self->failure);
                        return TRUE;
                }

                self->n_bytes += (gsize)n;
                if (self->n_bytes > self->value->max_bytes) {
                        set_too_large(&self->failure, self->value->what, self->value->max_bytes);
                        return TRUE;
                }
        }

        return TRUE;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
        TgValueRead *self = user_data;

        if (!read_available(self))
                return G_SOURCE_CONTINUE;

        self->fd_source = 0;
        read_finish(self);
        return G_SOURCE_REMOVE;
}

static void
on_file_read(TgSecret *secret, const GError *error, gpointer user_data)
{
        TgValueRead *self = user_data;

        self->file_reader = NULL;
        self->result = secret ? tg_secret_ref(secret) : NULL;
        self->failure = error ? g_error_copy(error) : NULL;
        read_finish(self);
}

TgValueRead *
tg_value_read_until(TgValue *value, guint deadline_ms, TgValueFunc func, gpointer user_data)
{
        TgValueRead *self = g_new0(TgValueRead, 1);

        self->value = value;
        self->func = func;
        self->user_data = user_data;

        switch (value->kind) {
        case KIND_SECRET:
                self->result = g_steal_pointer(&value->secret);
                self->done_source = g_idle_add(on_done, self);
                return self;
        case KIND_MEMORY:
                /* Now and not in the next turn: what it holds at this moment counts. */
                if (!read_available(self))
                        tg_set_error(&self->failure,
                                     TG_ERROR_INVALID,
                                     "the memfd for %s cannot be read",
                                     value->what);
                self->done_source = g_idle_add(on_done, self);
                return self;
        case KIND_FILE:
                self->file_reader = tg_file_reader_start(
                        g_steal_fd(&value->fd), value->what, value->max_bytes, on_file_read, self);
                break;
        case KIND_PIPE:
        case KIND_SOCKET:
        default:
                self->fd_source = g_unix_fd_add(value->fd, G_IO_IN, on_readable, self);
                break;
        }

        self->deadline_source = g_timeout_add(deadline_ms, on_deadline, self);
        return self;
}

TgValueRead *
tg_value_read(TgValue *value, TgValueFunc func, gpointer user_data)
{
        return tg_value_read_until(value, TG_DESCRIPTOR_DEADLINE_S * 1000, func, user_data);
}

void
tg_value_read_cancel(TgValueRead *read)
{
        if (read)
                read_free(read);
}

/* ---- handing out ---- */

int
tg_value_to_memfd(const TgSecret *secret, GError **error)
{
        const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
        gsize n_bytes, n_written = 0;
        const guint8 *bytes = tg_secret_get(secret, &n_bytes);
        int fd = memfd_create("tigress", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        /* pwrite() leaves the offset, which the reader gets too, at the start. */
        while (fd >= 0 && n_written < n_bytes) {
                gssize n = pwrite(fd, bytes + n_written, n_bytes - n_written, (off_t)n_written);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                n_written += (gsize)n;
        }

        if (fd < 0 || n_written < n_bytes || fcntl(fd, F_ADD_SEALS, seals) < 0) {
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "cannot make a memory file for the answer: %s",
                             g_strerror(errno));
                if (fd >= 0)
                        close(fd);
                return -1;
        }

        return fd;
}
