/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/store-sqlite-spent.h"

#include "protocol/error.h"

typedef enum { QUERY_ADD, QUERY_ERASE } Query;
#define N_QUERIES (QUERY_ERASE + 1)

static const char *const query_texts[N_QUERIES] = {
        [QUERY_ADD] = "INSERT INTO spent (id, expires) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
        [QUERY_ERASE] = "DELETE FROM spent WHERE id IN "
                        "(SELECT id FROM spent WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
};

struct TgSqliteSpent {
        sqlite3 *db;
        TgSqliteFile *file;
        sqlite3_stmt *queries[N_QUERIES];
};

static gboolean
run(TgSqliteSpent *self, sqlite3_stmt *stmt, int *ret_n_rows, GError **error)
{
        gboolean is_done = sqlite3_step(stmt) == SQLITE_DONE;

        if (is_done)
                *ret_n_rows = sqlite3_changes(self->db);
        else
                tg_set_error(error,
                             TG_ERROR_UNREACHABLE,
                             "cannot keep what was spent: %s",
                             sqlite3_errmsg(self->db));
        sqlite3_reset(stmt);

        return is_done;
}

gboolean
tg_sqlite_spent_add(TgSqliteSpent *self,
                    const TgSpent *spent,
                    gboolean *ret_is_first,
                    GError **error)
{
        int n_rows = 0;

        sqlite3_bind_blob64(
                self->queries[QUERY_ADD], 1, spent->id, sizeof spent->id, SQLITE_STATIC);
        sqlite3_bind_int64(self->queries[QUERY_ADD], 2, spent->expires_s);
        if (!run(self, self->queries[QUERY_ADD], &n_rows, error))
                return FALSE;
        *ret_is_first = n_rows > 0;

        return TRUE;
}

gboolean
tg_sqlite_spent_erase(
        TgSqliteSpent *self, gint64 now_s, int n_rows, int *ret_n_erased, GError **error)
{
        sqlite3_bind_int64(self->queries[QUERY_ERASE], 1, now_s);
        sqlite3_bind_int(self->queries[QUERY_ERASE], 2, n_rows);
        if (!run(self, self->queries[QUERY_ERASE], ret_n_erased, error))
                return FALSE;
        if (*ret_n_erased > 0)
                tg_sqlite_file_note_removal(self->file);

        return TRUE;
}

TgSqliteSpent *
tg_sqlite_spent_new(sqlite3 *db, TgSqliteFile *file, GError **error)
{
        TgSqliteSpent *self = g_new0(TgSqliteSpent, 1);

        self->db = db;
        self->file = file;
        if (!file || tg_sqlite_prepare(db, query_texts, N_QUERIES, self->queries))
                return self;
        tg_set_error(error, TG_ERROR_UNREACHABLE, "cannot open the store: %s", sqlite3_errmsg(db));
        tg_sqlite_spent_free(self);

        return NULL;
}

void
tg_sqlite_spent_free(TgSqliteSpent *self)
{
        if (!self)
                return;
        for (guint i = 0; i < N_QUERIES; i++)
                sqlite3_finalize(self->queries[i]);
        g_free(self);
}
