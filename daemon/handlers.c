/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/handlers.h"

#include <errno.h>
#include <string.h>

#include "daemon/file-watch.h"
#include "daemon/small-file.h"
#include "daemon/verticals/remote.h"
#include "protocol/limits.h"

#define FOLDER "tigress/verticals"
#define SUFFIX ".vertical"

struct TgHandlers {
        sd_bus *bus;
        GPtrArray *folders; /* char * */
        GPtrArray *watches; /* TgFileWatch * */
        /* All there ever were: a share may be in the middle of a step of one whose file is gone. A
         * file that comes back as it was is the same handler. */
        GPtrArray *remotes;
        guint timer;
        void (*on_changed)(gpointer user_data);
        gpointer user_data;
};

/* ---- one file ---- */

static TgRemote *
remote_of(TgHandlers *self, TgVerticalFile *file)
{
        for (guint i = 0; i < self->remotes->len; i++) {
                TgRemote *remote = self->remotes->pdata[i];

                if (tg_vertical_file_equal(tg_remote_file(remote), file))
                        return remote;
        }
        g_ptr_array_add(self->remotes, tg_remote_new(self->bus, file));
        return self->remotes->pdata[self->remotes->len - 1];
}

static gboolean
load_file(TgHandlers *self, const char *path, GError **error)
{
        g_autofree char *text = tg_small_file_read(path, TG_MAX_VERTICAL_FILE_BYTES);
        g_auto(TgVerticalFile) file = {};

        if (text == NULL) {
                tg_set_error(error, TG_ERROR_INVALID, "it cannot be read: %s", g_strerror(errno));
                return FALSE;
        }
        return tg_vertical_file_parse(text, strlen(text), &file, error) &&
               tg_vertical_register(tg_remote_vertical(remote_of(self, &file)), error);
}

/* ---- a folder ---- */

static int
compare(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In an order that does not change from one start to the next. */
static GPtrArray *
list_folder(const char *folder)
{
        g_autoptr(GDir) directory = g_dir_open(folder, 0, NULL);
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
        const char *name;

        while (directory != NULL && (name = g_dir_read_name(directory)) != NULL) {
                if (name[0] == '.' || !g_str_has_suffix(name, SUFFIX))
                        continue;
                if (names->len == TG_MAX_VERTICAL_FILES) {
                        g_warning("%s has too many files: not all are read", folder);
                        break;
                }
                g_ptr_array_add(names, g_strdup(name));
        }
        g_ptr_array_sort(names, compare);
        return names;
}

static void
load_folder(TgHandlers *self, const char *folder)
{
        g_autoptr(GPtrArray) names = list_folder(folder);

        for (guint i = 0; i < names->len; i++) {
                g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
                g_autoptr(GError) error = NULL;

                if (!load_file(self, path, &error))
                        g_warning("%s is not used: %s", path, error->message);
        }
}

static void
load(TgHandlers *self)
{
        tg_verticals_unregister();
        for (guint i = 0; i < self->folders->len; i++)
                load_folder(self, self->folders->pdata[i]);
}

/* ---- changes ---- */

static gboolean
on_settled(gpointer user_data)
{
        TgHandlers *self = user_data;

        self->timer = 0;
        load(self);
        self->on_changed(self->user_data);
        return G_SOURCE_REMOVE;
}

static void
on_folder_changed(gpointer user_data)
{
        TgHandlers *self = user_data;

        if (self->timer == 0)
                self->timer = g_timeout_add(TG_VERTICALS_SETTLE_MS, on_settled, self);
}

static void
add_folder(TgHandlers *self, const char *data_folder)
{
        g_autofree char *folder = g_build_filename(data_folder, FOLDER, NULL);
        TgFileWatch *watch;

        if (!g_path_is_absolute(folder) ||
            g_ptr_array_find_with_equal_func(self->folders, folder, g_str_equal, NULL))
                return;
        watch = tg_file_watch_new_folder(folder, on_folder_changed, self);
        if (watch != NULL)
                g_ptr_array_add(self->watches, watch);
        else
                g_warning("%s cannot be watched: what changes there is seen at the next start",
                          folder);
        g_ptr_array_add(self->folders, g_steal_pointer(&folder));
}

TgHandlers *
tg_handlers_new(sd_bus *bus,
                const char *const *folders,
                void (*on_changed)(gpointer user_data),
                gpointer user_data)
{
        TgHandlers *self = g_new0(TgHandlers, 1);

        self->bus = bus;
        self->folders = g_ptr_array_new_with_free_func(g_free);
        self->watches = g_ptr_array_new_with_free_func((GDestroyNotify)tg_file_watch_free);
        self->remotes = g_ptr_array_new_with_free_func((GDestroyNotify)tg_remote_free);
        self->on_changed = on_changed;
        self->user_data = user_data;
        for (gsize i = 0; folders[i] != NULL; i++)
                add_folder(self, folders[i]);
        load(self);

        return self;
}

const TgVerticalFile *
tg_handlers_find(const TgHandlers *self, const char *format)
{
        const TgVertical *vertical = tg_vertical_find(format);

        for (guint i = 0; vertical != NULL && i < self->remotes->len; i++) {
                if (tg_remote_vertical(self->remotes->pdata[i]) == vertical)
                        return tg_remote_file(self->remotes->pdata[i]);
        }
        return NULL;
}

void
tg_handlers_free(TgHandlers *self)
{
        if (self == NULL)
                return;
        tg_verticals_unregister();
        g_clear_handle_id(&self->timer, g_source_remove);
        g_ptr_array_unref(self->watches);
        g_ptr_array_unref(self->remotes);
        g_ptr_array_unref(self->folders);
        g_free(self);
}
