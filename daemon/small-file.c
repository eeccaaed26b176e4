/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/small-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *
tg_small_file_read(const char *path, gsize n_max)
{
        g_autofree char *text = g_malloc(n_max + 1);
        struct stat st;
        gsize n_bytes = 0;
        gssize n = -1;
        int saved;
        /* O_NONBLOCK: somebody may have put a FIFO there. */
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR ? g_strdup("") : NULL;

        errno = EINVAL;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
                while ((n = read(fd, text + n_bytes, n_max + 1 - n_bytes)) > 0)
                        n_bytes += (gsize)n;
        saved = errno;
        close(fd);

        if (n >= 0 && n_bytes > n_max) {
                saved = EFBIG;
                n = -1;
        } else if (n >= 0 && memchr(text, '\0', n_bytes)) {
                saved = EILSEQ;
                n = -1;
        }
        if (n < 0) {
                errno = saved;
                return NULL;
        }

        text[n_bytes] = '\0';
        return g_steal_pointer(&text);
}
