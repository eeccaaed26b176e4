/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/secret-input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "protocol/error.h"

TgSecret *
tg_secret_input_read(int fd, const char *what, gsize max_bytes, GError **error)
{
        g_autoptr(TgSecret) room = NULL;
        guint8 *buffer;
        gsize n_bytes = 0;
        gssize n_read = -1;

        /* One octet more, to see that there is more. */
        room = tg_secret_new_blank(max_bytes + 1, &buffer, error);
        if (!room)
                return NULL;

        while (n_bytes <= max_bytes && n_read != 0) {
                if (!tg_interrupt_poll(fd, POLLIN, -1, NULL, error))
                        return NULL;
                n_read = read(fd, buffer + n_bytes, max_bytes + 1 - n_bytes);
                if (n_read < 0 && errno != EINTR && errno != EAGAIN) {
                        tg_set_error(error,
                                     TG_ERROR_INVALID,
                                     "cannot read the %s: %s",
                                     what,
                                     tg_output_reason(errno));
                        return NULL;
                }
                n_bytes += (gsize)MAX(n_read, 0);
        }

        if (n_bytes > max_bytes) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the %s is too long: at most %" G_GSIZE_FORMAT " octets",
                             what,
                             max_bytes);
                return NULL;
        }
        if (n_bytes == 0) {
                tg_set_error(error, TG_ERROR_INVALID, "the %s is empty", what);
                return NULL;
        }

        return tg_secret_slice(room, 0, n_bytes, error);
}

TgSecret *
tg_secret_input_read_file(const char *file, const char *what, gsize max_bytes, GError **error)
{
        TgSecret *secret;
        int fd;

        do
                fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        while (fd < 0 && errno == EINTR && tg_interrupt_signal() == 0);

        if (fd < 0) {
                int reason = errno;

                if (tg_interrupt_signal() != 0)
                        tg_set_error(error, TG_ERROR_CANCELLED, "interrupted");
                else
                        tg_set_error(error,
                                     TG_ERROR_INVALID,
                                     "cannot open the file with the %s: %s",
                                     what,
                                     tg_output_reason(reason));
                return NULL;
        }

        secret = tg_secret_input_read(fd, what, max_bytes, error);
        close(fd);

        return secret;
}

TgSecret *
tg_secret_input_read_number(const char *number, const char *what, gsize max_bytes, GError **error)
{
        guint64 fd;

        if (!g_ascii_string_to_unsigned(number, 10, 0, G_MAXINT, &fd, NULL) ||
            fcntl((int)fd, F_GETFD) < 0) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "there is no such descriptor for the %s\nopen it in the shell: 3<FILE",
                             what);
                return NULL;
        }
        if (isatty((int)fd)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the descriptor for the %s is a terminal, which would show it\nleave "
                             "the option out, and you are asked without echo",
                             what);
                return NULL;
        }

        /* Not for the programs that this one starts. */
        (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);

        return tg_secret_input_read((int)fd, what, max_bytes, error);
}

TgSecret *
tg_secret_input_trim(const TgSecret *secret, const char *what, GError **error)
{
        gsize end;
        gsize start = 0;
        const guint8 *bytes = tg_secret_get(secret, &end);

        while (start < end && g_ascii_isspace((char)bytes[start]))
                start++;
        while (end > start && g_ascii_isspace((char)bytes[end - 1]))
                end--;

        if (start == end) {
                tg_set_error(error, TG_ERROR_INVALID, "the %s is empty", what);
                return NULL;
        }

        return tg_secret_slice(secret, start, end - start, error);
}

gboolean
tg_secret_input_write(int fd, const TgSecret *secret, GError **error)
{
        gsize n_left;
        const guint8 *bytes = tg_secret_get(secret, &n_left);

        while (n_left > 0) {
                gssize n_written = write(fd, bytes, n_left);

                if (n_written >= 0) {
                        bytes += n_written;
                        n_left -= (gsize)n_written;
                        continue;
                }
                if (errno == EINTR && tg_interrupt_signal() != 0) {
                        tg_set_error(error, TG_ERROR_CANCELLED, "interrupted");
                        return FALSE;
                }
                if (errno == EAGAIN && !tg_interrupt_poll(fd, POLLOUT, -1, NULL, error))
                        return FALSE;
                if (errno != EINTR && errno != EAGAIN) {
                        tg_set_error(error,
                                     TG_ERROR_FAILED,
                                     "cannot write the result: %s",
                                     tg_output_reason(errno));
                        return FALSE;
                }
        }

        return TRUE;
}

int
tg_secret_input_to_memfd(const TgSecret *secret, GError **error)
{
        int fd = memfd_create("tigress", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        /* Read from its start by whoever gets it: descriptors share their offset. */
        if (fd >= 0 && tg_secret_input_write(fd, secret, NULL) && lseek(fd, 0, SEEK_SET) == 0 &&
            fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
                return fd;

        tg_set_error(
                error, TG_ERROR_FAILED, "cannot make a memory file: %s", tg_output_reason(errno));
        if (fd >= 0)
                close(fd);
        return -1;
}
