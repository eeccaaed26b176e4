/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/store-fixture.h"

#include <sqlite3.h>
#include <string.h>

void
store_open(StoreFixture *f)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(f->store);
        f->store = tg_store_open(f->path, &error);
        g_assert_no_error(error);
}

void
store_close(StoreFixture *f)
{
        g_clear_pointer(&f->store, tg_store_free);
}

TgStoreKeyFit
store_reopen(StoreFixture *f)
{
        store_close(f);
        store_open(f);
        return tg_store_set_key(f->store, f->key);
}

void
store_set_up(StoreFixture *f, gconstpointer data)
{
        f->top = g_dir_make_tmp("tigress-store-XXXXXX", NULL);
        f->folder = g_build_filename(f->top, "state", "tigress", NULL);
        f->path = g_build_filename(f->folder, "state.db", NULL);
        f->key = helper_secret_filled('k', 32);
        store_open(f);
        g_assert_cmpint(tg_store_set_key(f->store, f->key), ==, TG_STORE_KEY_NEW);
}

void
store_tear_down(StoreFixture *f, gconstpointer data)
{
        char *command[] = {(char *)"rm", (char *)"-rf", f->top, NULL};

        store_close(f);
        g_spawn_sync(NULL,
                     (char **)command,
                     NULL,
                     G_SPAWN_SEARCH_PATH,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL);
        tg_secret_unref(f->key);
        g_free(f->path);
        g_free(f->folder);
        g_free(f->top);
}

/* ---- rows ---- */

TgShareRow
store_row_new(const char *id, TgState state)
{
        TgShareRow row = {
                .id = g_strdup(id),
                .role = TG_ROLE_RECIPIENT,
                .state = state,
                .created_s = 1000,
                .expires_s = 2000,
                .ended_s = tg_state_is_end(state) ? 1500 : 0,
        };

        return row;
}

void
store_save(StoreFixture *f, TgShareRow *row, const char *detail, const char *body)
{
        g_autoptr(TgSecret) sealed = helper_secret(detail);
        g_autoptr(TgSecret) octets = body ? helper_secret(body) : NULL;
        g_autoptr(GError) error = NULL;

        tg_store_save_share(f->store, row, sealed, octets, &error);
        g_assert_no_error(error);
}

void
store_save_new(StoreFixture *f, const char *id, TgState state, const char *detail, const char *body)
{
        g_auto(TgShareRow) row = store_row_new(id, state);

        store_save(f, &row, detail, body);
}

void
store_add_row(const TgShareRow *row, TgSecret *detail, const GError *error, gpointer user_data)
{
        GString *text = user_data;

        if (error)
                helper_assert_error(error, TG_ERROR_TAMPERED, CANARY);
        g_string_append_printf(text,
                               "%.2s %s %s %" G_GUINT64_FORMAT ";",
                               row->id,
                               tg_state_name(row->state),
                               error    ? "!"
                               : detail ? (const char *)tg_secret_get(detail, NULL)
                                        : "-",
                               row->version);
}

void
store_assert_rows(StoreFixture *f, const char *expected)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        tg_store_each_share(f->store, store_add_row, text, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(text->str, ==, expected);
}

void
store_assert_body(StoreFixture *f, const char *id, const char *expected)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) body = tg_store_load_body(f->store, id, &error);

        if (expected) {
                g_assert_no_error(error);
                g_assert_cmpstr((const char *)tg_secret_get(body, NULL), ==, expected);
        } else {
                helper_assert_error(error, TG_ERROR_NOT_FOUND, NULL);
        }
}

void
store_assert_body_refused(StoreFixture *f, const char *id)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(tg_store_load_body(f->store, id, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_TAMPERED);
}

void
store_tamper(StoreFixture *f, const char *sql)
{
        sqlite3 *db = NULL;

        store_close(f);
        g_assert_cmpint(sqlite3_open(f->path, &db), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
}

void
store_assert_open_refused(StoreFixture *f, const char *remedy)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(tg_store_open(f->path, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_FAILED);
        g_assert_nonnull(strstr(error->message, remedy));
}
