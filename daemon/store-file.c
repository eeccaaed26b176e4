/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/store-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/error.h"

#define DIRECTORY_MODE 0700
#define FILE_MODE 0600

struct TgStoreFile {
        char *path;
        char *new_path;
        int directory;
        int lock;
};

static gboolean
fail(GError **error, const char *what, const char *path)
{
        tg_set_error(error, TG_ERROR_FAILED, "cannot %s %s: %s", what, path, g_strerror(errno));
        return FALSE;
}

/* Another's folder, or one that others may write to, could be given another file
 * at any time; one that others may read tells them when the user shares what. */
static gboolean
is_private(const char *path, const struct stat *status, GError **error)
{
        if (status->st_uid != geteuid()) {
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "%s belongs to another user: move it away, or give it back with "
                             "chown",
                             path);
                return FALSE;
        }
        if (status->st_mode & 077) {
                tg_set_error(
                        error, TG_ERROR_FAILED, "others may use %s: run chmod go= %s", path, path);
                return FALSE;
        }

        return TRUE;
}

static gboolean
open_directory(TgStoreFile *self, GError **error)
{
        g_autofree char *path = g_path_get_dirname(self->path);
        struct stat status;

        if (g_mkdir_with_parents(path, DIRECTORY_MODE) < 0)
                return fail(error, "make the folder", path);

        self->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (self->directory < 0 || fstat(self->directory, &status) < 0)
                return fail(error, "open the folder", path);

        return is_private(path, &status, error);
}

/* SQLite makes its log with the mode and owner of the file, so the file alone is
 * looked at; what a stranger put beside it in a folder of ours cannot be. */
static gboolean
check_file(const TgStoreFile *self, GError **error)
{
        struct stat status;

        if (lstat(self->path, &status) < 0)
                return errno == ENOENT || fail(error, "look at", self->path);

        if (!S_ISREG(status.st_mode)) {
                tg_set_error(error, TG_ERROR_FAILED, "%s is not a file: move it away", self->path);
                return FALSE;
        }

        return is_private(self->path, &status, error);
}

/* SQLite's own lock would come too late: two daemons must not make the file. */
static gboolean
take_lock(TgStoreFile *self, GError **error)
{
        g_autofree char *path = g_strconcat(self->path, ".lock", NULL);

        self->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        if (self->lock < 0)
                return fail(error, "make", path);

        if (flock(self->lock, LOCK_EX | LOCK_NB) == 0)
                return TRUE;
        if (errno != EWOULDBLOCK)
                return fail(error, "lock", path);

        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "another tigressd of yours uses %s: end it first",
                     self->path);
        return FALSE;
}

TgStoreFile *
tg_store_file_lock(const char *path, GError **error)
{
        g_autoptr(TgStoreFile) self = g_new0(TgStoreFile, 1);

        self->path = g_strdup(path);
        self->new_path = g_strconcat(path, ".new", NULL);
        self->directory = -1;
        self->lock = -1;

        if (!open_directory(self, error) || !take_lock(self, error) || !check_file(self, error))
                return NULL;

        return g_steal_pointer(&self);
}

void
tg_store_file_unlock(TgStoreFile *self)
{
        if (!self)
                return;

        /* The lock's file stays: to remove it would let two in, one with the old file
         * and one with a new one. */
        if (self->lock >= 0)
                close(self->lock);
        if (self->directory >= 0)
                close(self->directory);
        g_free(self->path);
        g_free(self->new_path);
        g_free(self);
}

gboolean
tg_store_file_exists(const TgStoreFile *self)
{
        return access(self->path, F_OK) == 0;
}

const char *
tg_store_file_begin(TgStoreFile *self, GError **error)
{
        int fd;

        if (unlink(self->new_path) < 0 && errno != ENOENT) {
                fail(error, "remove", self->new_path);
                return NULL;
        }

        /* Made here and not by SQLite, which knows a mode only from a file that is there. */
        fd = open(self->new_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        if (fd < 0) {
                fail(error, "make", self->new_path);
                return NULL;
        }
        close(fd);

        return self->new_path;
}

static gboolean
flush(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        gboolean is_flushed = fd >= 0 && fsync(fd) == 0;

        if (fd >= 0)
                close(fd);
        return is_flushed;
}

/* A log without its file is of one that somebody removed. SQLite would write it
 * into the new file. */
static gboolean
remove_logs(const TgStoreFile *self, GError **error)
{
        static const char *const endings[] = {"-wal", "-shm", "-journal"};

        for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
                g_autofree char *path = g_strconcat(self->path, endings[i], NULL);

                if (unlink(path) < 0 && errno != ENOENT)
                        return fail(error, "remove", path);
        }

        return TRUE;
}

gboolean
tg_store_file_finish(TgStoreFile *self, GError **error)
{
        if (!remove_logs(self, error))
                return FALSE;
        if (!flush(self->new_path))
                return fail(error, "write", self->new_path);
        if (g_rename(self->new_path, self->path) < 0)
                return fail(error, "make", self->path);
        if (fsync(self->directory) < 0)
                return fail(error, "write the folder of", self->path);

        return TRUE;
}
