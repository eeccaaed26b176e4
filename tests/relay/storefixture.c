/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/relay/storefixture.h"

#include "config.h"

#include <glib/gstdio.h>
#include <string.h>

#if HAVE_REDIS
#include "tests/relay/redisstore.h"
#endif

void
store_reopen(StoreFixture *self)
{
        g_autoptr(GError) error = NULL;

        g_clear_pointer(&self->store, tg_store_free);
#if HAVE_REDIS
        if (self->redis) {
                self->store = redis_store_open(self->redis, self->database, STORE_NOW);
                return;
        }
#endif
        self->store = tg_store_sqlite_open(self->path, 0, &error);
        g_assert_no_error(error);
}

void
store_set_up(StoreFixture *self, gconstpointer data)
{
        static guint n_databases;

        self->redis = g_getenv("TIGRESS_TEST_REDIS");
        self->database = n_databases++;
        self->directory = g_dir_make_tmp("relay-store-XXXXXX", NULL);
        self->path = g_build_filename(self->directory, "relay.db", NULL);
        store_reopen(self);
}

void
store_tear_down(StoreFixture *self, gconstpointer data)
{
        static const char *const endings[] = {"", "-wal", "-shm", ".lock"};

        g_clear_pointer(&self->store, tg_store_free);
        for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
                g_autofree char *path = g_strconcat(self->path, endings[i], NULL);

                g_unlink(path);
        }
        g_assert_cmpint(g_rmdir(self->directory), ==, 0);
        g_free(self->path);
        g_free(self->directory);
}

void
store_begin(StoreFixture *self)
{
        g_autoptr(GError) error = NULL;
        gboolean is_done = tg_store_begin(self->store, &error);

        g_assert_no_error(error);
        g_assert_true(is_done);
}

void
store_commit(StoreFixture *self)
{
        g_autoptr(GError) error = NULL;
        gboolean is_done = tg_store_commit(self->store, &error);

        g_assert_no_error(error);
        g_assert_true(is_done);
}

guint
store_count_files_with(StoreFixture *self, const void *bytes, gsize n_bytes)
{
        g_autoptr(GDir) directory = g_dir_open(self->directory, 0, NULL);
        const char *name;
        guint n_files = 0;

        while ((name = g_dir_read_name(directory))) {
                g_autofree char *path = g_build_filename(self->directory, name, NULL);
                g_autofree char *content = NULL;
                gsize n_content;

                g_assert_true(g_file_get_contents(path, &content, &n_content, NULL));
                n_files += memmem(content, n_content, bytes, n_bytes) != NULL;
        }

        return n_files;
}
