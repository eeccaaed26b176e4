/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/file-reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "protocol/error.h"
#include "protocol/limits.h"

/* Until the thread posts on_finished, @fd, @secret and @error are the thread's,
 * afterwards the loop's; @func and @user_data are always the loop's. Freed by
 * on_finished, which comes in any case. */
struct TgFileReader {
        int fd;
        char *what;
        gsize max_bytes;
        TgSecret *secret;
        GError *error;
        gint is_cancelled; /* atomic */
        TgFileReaderFunc func;
        gpointer user_data;
};

static gint n_threads; /* atomic: also counts those that nobody waits for any more */

static void
reader_free(TgFileReader *self)
{
        tg_secret_unref(self->secret);
        g_clear_error(&self->error);
        g_free(self->what);
        g_free(self);
}

static gboolean
on_finished(gpointer user_data)
{
        TgFileReader *self = user_data;

        if (!g_atomic_int_get(&self->is_cancelled)) {
                g_autoptr(TgSecret) secret = g_steal_pointer(&self->secret);
                g_autoptr(GError) error = g_steal_pointer(&self->error);

                self->func(secret, error, self->user_data);
        }

        reader_free(self);
        return G_SOURCE_REMOVE;
}

static void
read_whole(TgFileReader *self)
{
        g_autoptr(TgSecret) room = NULL;
        gsize n_bytes = 0;
        guint8 *bytes;

        /* One octet above the limit, to see that it was passed. */
        room = tg_secret_new_blank(self->max_bytes + 1, &bytes, &self->error);
        if (!room)
                return;

        while (!g_atomic_int_get(&self->is_cancelled)) {
                gssize n = pread(
                        self->fd, bytes + n_bytes, self->max_bytes + 1 - n_bytes, (off_t)n_bytes);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        tg_set_error(&self->error,
                                     TG_ERROR_INVALID,
                                     "the file for %s cannot be read: %s",
                                     self->what,
                                     g_strerror(errno));
                        return;
                }
                if (n == 0) {
                        self->secret = tg_secret_slice(room, 0, n_bytes, &self->error);
                        return;
                }

                n_bytes += (gsize)n;
                if (n_bytes > self->max_bytes) {
                        tg_set_error(&self->error,
                                     TG_ERROR_LIMIT_REACHED,
                                     "%s is larger than %" G_GSIZE_FORMAT
                                     " octets: give a smaller one",
                                     self->what,
                                     self->max_bytes);
                        return;
                }
        }
}

static gpointer
reader_thread(gpointer user_data)
{
        TgFileReader *self = user_data;

        read_whole(self);
        close(self->fd);
        g_atomic_int_add(&n_threads, -1);
        g_idle_add_full(G_PRIORITY_DEFAULT, on_finished, self, NULL);

        return NULL;
}

TgFileReader *
tg_file_reader_start(
        int fd, const char *what, gsize max_bytes, TgFileReaderFunc func, gpointer user_data)
{
        TgFileReader *self = g_new0(TgFileReader, 1);
        GThread *thread = NULL;

        self->fd = fd;
        self->what = g_strdup(what);
        self->max_bytes = max_bytes;
        self->func = func;
        self->user_data = user_data;

        if (g_atomic_int_add(&n_threads, 1) < TG_MAX_FILE_READERS)
                thread = g_thread_try_new("file-reader", reader_thread, self, NULL);
        if (thread) {
                g_thread_unref(thread);
                return self;
        }

        g_atomic_int_add(&n_threads, -1);
        close(fd);
        tg_set_error(&self->error,
                     TG_ERROR_LIMIT_REACHED,
                     "too many files are being read: give %s in a memfd, or try again later",
                     what);
        g_idle_add_full(G_PRIORITY_DEFAULT, on_finished, self, NULL);
        return self;
}

void
tg_file_reader_cancel(TgFileReader *self)
{
        g_atomic_int_set(&self->is_cancelled, TRUE);
}
