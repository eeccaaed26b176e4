/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/revocation-list.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/error.h"

#define MAX_LIST_BYTES (1024 * 1024)
#define LIST_MODE 0644

int
tg_revocation_list_lock(const char *path, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(path);
        gboolean is_there;
        int fd;

        g_mkdir_with_parents(folder, 0700);
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
                return fd;
        is_there = fd >= 0;
        tg_set_error(error,
                     TG_ERROR_FAILED,
                     is_there ? "the revocation list is being written: try again (%s)"
                              : "the revocation list's folder cannot be opened: %s",
                     g_strerror(errno));
        if (is_there)
                close(fd);
        return -1;
}

gboolean
tg_revocation_list_read(const char *path, GBytes **ret_octets, guint *ret_mode, GError **error)
{
        g_autofree char *text = NULL;
        g_autoptr(GError) unread = NULL;
        struct stat status;
        gsize n_bytes;

        *ret_octets = NULL;
        *ret_mode = LIST_MODE;
        if (lstat(path, &status) < 0 && errno == ENOENT)
                return TRUE;
        if (!S_ISREG(status.st_mode) || status.st_size > MAX_LIST_BYTES) {
                tg_set_error(error, TG_ERROR_FAILED, "the revocation list is no plain file");
                return FALSE;
        }
        if (!g_file_get_contents(path, &text, &n_bytes, &unread)) {
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "the revocation list cannot be read: %s",
                             unread->message);
                return FALSE;
        }
        *ret_mode = status.st_mode & 0777;
        *ret_octets = g_bytes_new_take(g_steal_pointer(&text), n_bytes);
        return TRUE;
}

gboolean
tg_revocation_list_replace(const char *path, GBytes *octets, guint mode, GError **error)
{
        g_autoptr(GError) unwritten = NULL;
        gsize n_bytes;
        const char *text = g_bytes_get_data(octets, &n_bytes);

        if (g_file_set_contents_full(path,
                                     text,
                                     (gssize)n_bytes,
                                     G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                     (int)mode,
                                     &unwritten))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "the revocation list cannot be written: %s",
                     unwritten->message);
        return FALSE;
}
