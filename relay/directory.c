/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "protocol/error.h"

/* FALSE with errno. */
static gboolean
flush(const char *path)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        gboolean is_flushed = fd >= 0 && fsync(fd) == 0;
        int error = errno;

        if (fd >= 0)
                close(fd);
        errno = error;

        return is_flushed;
}

/* FALSE with errno. The name of a directory stands in its parent. One that is there already may
 * have been made by a process that died before it could flush that; whose it is otherwise
 * we need not be able to. */
static gboolean
make(const char *path)
{
        g_autofree char *parent = g_path_get_dirname(path);
        gboolean is_made = g_mkdir(path, 0700) == 0;

        if (!is_made && errno == ENOENT && g_strcmp0(parent, path) != 0) {
                if (!make(parent))
                        return FALSE;
                is_made = g_mkdir(path, 0700) == 0;
        }
        if (is_made)
                return flush(parent);
        if (!g_file_test(path, G_FILE_TEST_IS_DIR)) {
                errno = errno == EEXIST ? ENOTDIR : errno;
                return FALSE;
        }
        flush(parent);

        return TRUE;
}

gboolean
tg_directory_make(const char *path, GError **error)
{
        if (make(path))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "cannot make the directory %s: %s; name another with --state-directory or "
                     "--store",
                     path,
                     g_strerror(errno));

        return FALSE;
}
