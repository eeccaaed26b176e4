/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/file-watch.h"

#include <errno.h>
#include <glib-unix.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directory that holds the file: its names come, go and are written. */
#define DIRECTORY_EVENTS (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
/* A directory in which the next one on the way is missing. */
#define WAY_EVENTS (IN_CREATE | IN_MOVED_TO)
#define GONE_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct TgFileWatch {
        char *path;
        int inotify_fd;
        guint source;
        int watch;
        char *awaited; /* the name below the watched directory that matters */
        gboolean is_at_file;
        gboolean is_any_file; /* in that directory */
        void (*func)(gpointer user_data);
        gpointer user_data;
};

/* Watches the deepest directory on the way to the file that lets itself be watched. */
static gboolean
watch_deepest(TgFileWatch *self)
{
        g_autofree char *child = g_strdup(self->path);
        g_autofree char *directory = g_path_get_dirname(child);

        for (;;) {
                gboolean is_at_file = strcmp(child, self->path) == 0;
                guint32 events = (is_at_file ? DIRECTORY_EVENTS : WAY_EVENTS) | GONE_EVENTS;

                self->watch = inotify_add_watch(self->inotify_fd, directory, events);
                if (self->watch >= 0) {
                        g_free(self->awaited);
                        self->awaited = g_path_get_basename(child);
                        self->is_at_file = is_at_file;
                        return TRUE;
                }
                if (strcmp(directory, "/") == 0)
                        return FALSE;

                g_free(child);
                child = g_steal_pointer(&directory);
                directory = g_path_get_dirname(child);
        }
}

/* A directory that was made after we looked for it and before we watched the one above
 * was missed: look until two looks agree. */
static gboolean
watch_way(TgFileWatch *self)
{
        int before;

        do {
                before = self->watch;
                if (!watch_deepest(self))
                        return FALSE;
                if (before >= 0 && before != self->watch)
                        inotify_rm_watch(self->inotify_fd, before);
        } while (!self->is_at_file && before != self->watch);

        return TRUE;
}

/* A file that was just created is still empty and will be heard of when it is closed;
 * a link comes complete. */
static gboolean
is_being_written(const TgFileWatch *self)
{
        struct stat st;

        return lstat(self->path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

/* What one event means: TRUE when the file may have changed. */
static gboolean
take_event(TgFileWatch *self, const struct inotify_event *event)
{
        gboolean is_ours = event->len > 0 && strcmp(event->name, self->awaited) == 0;

        /* Word of a watch that was moved on meanwhile. */
        if (event->wd != self->watch && !(event->mask & IN_Q_OVERFLOW))
                return FALSE;

        if (event->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) {
                watch_way(self);
                return TRUE;
        }

        if (self->is_any_file && self->is_at_file)
                return event->len > 0;
        if (is_ours && !self->is_at_file) {
                /* Directories may appear faster than we follow: the file may be there. */
                watch_way(self);
                return self->is_at_file;
        }

        return is_ours && (!(event->mask & IN_CREATE) || !is_being_written(self));
}

static gboolean
on_events(int fd, GIOCondition condition, gpointer user_data)
{
        TgFileWatch *self = user_data;
        char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        gboolean is_changed = FALSE;
        gssize n;

        while ((n = read(fd, buffer, sizeof buffer)) > 0) {
                const char *at = buffer;

                while (at < buffer + n) {
                        const struct inotify_event *event = (const struct inotify_event *)at;

                        if (take_event(self, event))
                                is_changed = TRUE;
                        at += sizeof *event + event->len;
                }
        }

        if (is_changed)
                self->func(self->user_data);
        return G_SOURCE_CONTINUE;
}

static TgFileWatch *
new_watch(char *path, gboolean is_any_file, void (*func)(gpointer user_data), gpointer user_data)
{
        TgFileWatch *self = g_new0(TgFileWatch, 1);

        self->path = path;
        self->is_any_file = is_any_file;
        self->watch = -1;
        self->func = func;
        self->user_data = user_data;
        self->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        if (self->inotify_fd < 0 || !watch_way(self)) {
                tg_file_watch_free(self);
                return NULL;
        }

        self->source = g_unix_fd_add(self->inotify_fd, G_IO_IN, on_events, self);
        return self;
}

TgFileWatch *
tg_file_watch_new(const char *path, void (*func)(gpointer user_data), gpointer user_data)
{
        return new_watch(g_strdup(path), FALSE, func, user_data);
}

TgFileWatch *
tg_file_watch_new_folder(const char *folder, void (*func)(gpointer user_data), gpointer user_data)
{
        return new_watch(g_build_filename(folder, "*", NULL), TRUE, func, user_data);
}

void
tg_file_watch_free(TgFileWatch *self)
{
        if (!self)
                return;

        g_clear_handle_id(&self->source, g_source_remove);
        if (self->inotify_fd >= 0)
                close(self->inotify_fd);
        g_free(self->awaited);
        g_free(self->path);
        g_free(self);
}
