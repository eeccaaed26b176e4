/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The PIN of the token that holds an authority's key: in a file that is the user's alone. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/verticals/ssh.h"
#include "protocol/error.h"

#define MAX_PIN_BYTES 64

static const char *
what_is_wrong(int fd)
{
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return "names no file that can be read";
        if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
                return "names a file that is not yours alone: chmod 600";
        if (status.st_size < 1 || status.st_size > MAX_PIN_BYTES)
                return "names a file that holds no PIN";
        return NULL;
}

/* A line feed at its end is the editor's. */
static TgSecret *
read_line(int fd, GError **error)
{
        guint8 *buffer;
        g_autoptr(TgSecret) room = tg_secret_new_blank(MAX_PIN_BYTES, &buffer, error);
        gssize n_bytes = room != NULL ? read(fd, buffer, MAX_PIN_BYTES) : -1;

        if (room == NULL)
                return NULL;
        if (n_bytes > 0 && buffer[n_bytes - 1] == '\n')
                n_bytes--;
        if (n_bytes > 0 && memchr(buffer, '\n', (gsize)n_bytes) == NULL)
                return tg_secret_slice(room, 0, (gsize)n_bytes, error);
        tg_set_error(error, TG_ERROR_INVALID, "\"pkcs11-pin\" names a file that holds no PIN");
        return NULL;
}

TgSecret *
tg_ssh_read_pin(const char *path, GError **error)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        const char *why = what_is_wrong(fd);
        TgSecret *pin = NULL;

        if (why == NULL)
                pin = read_line(fd, error);
        else
                tg_set_error(error, TG_ERROR_INVALID, "\"pkcs11-pin\" %s", why);
        if (fd >= 0)
                close(fd);
        return pin;
}
