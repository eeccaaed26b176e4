/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/store-sqlite-ended.h"

#include <string.h>

#include "protocol/error.h"

#define TOLD_BYTES 16

typedef enum {
        QUERY_FIND,
        QUERY_ADD, /* from here on the writer's */
        QUERY_ERASE,
} Query;
#define N_QUERIES (QUERY_ERASE + 1)
#define N_READER_QUERIES QUERY_ADD

/* In the order of their ends, so that erasing reads from the front. What stands there is due
 * soon: a time that has not come was another clock's, and would hold up all behind it. */
static const char *const query_texts[] = {
        [QUERY_FIND] = "SELECT word FROM ended WHERE claim = ?1 AND at > ?2",
        [QUERY_ADD] = "INSERT INTO ended (claim, word, at) VALUES (?1, ?2, ?3)",
        [QUERY_ERASE] = "DELETE FROM ended WHERE (at <= ?1 OR at > ?2) AND row IN "
                        "(SELECT row FROM ended ORDER BY row LIMIT ?3)",
};
G_STATIC_ASSERT(G_N_ELEMENTS(query_texts) == N_QUERIES);

struct TgSqliteEnded {
        sqlite3 *db;
        TgSqliteFile *file; /* NULL: a reader */
        sqlite3_stmt *queries[N_QUERIES];
};

static gboolean
fail(TgSqliteEnded *self, const char *what, GError **error)
{
        tg_set_error(error, TG_ERROR_UNREACHABLE, "cannot %s: %s", what, sqlite3_errmsg(self->db));
        return FALSE;
}

static gboolean
run(TgSqliteEnded *self, Query query, const char *what, GError **error)
{
        gboolean is_done = sqlite3_step(self->queries[query]) == SQLITE_DONE;

        if (!is_done)
                fail(self, what, error);
        sqlite3_reset(self->queries[query]);

        return is_done;
}

gboolean
tg_sqlite_ended_add(TgSqliteEnded *self,
                    const guint8 claim[TG_DIGEST_BYTES],
                    TgEnd word,
                    gint64 at_s,
                    GError **error)
{
        static const guint8 nobody[TG_DIGEST_BYTES];
        sqlite3_stmt *stmt = self->queries[QUERY_ADD];

        if (memcmp(claim, nobody, sizeof nobody) == 0)
                return TRUE;
        tg_sqlite_bind_blob(stmt, 1, claim, TOLD_BYTES);
        sqlite3_bind_int(stmt, 2, (int)word);
        sqlite3_bind_int64(stmt, 3, at_s);

        return run(self, QUERY_ADD, "store how a mailbox ended", error);
}

gboolean
tg_sqlite_ended_find(TgSqliteEnded *self,
                     const guint8 claim[TG_DIGEST_BYTES],
                     gint64 since_s,
                     TgEnd *ret_word,
                     GError **error)
{
        sqlite3_stmt *stmt = self->queries[QUERY_FIND];
        int r;

        tg_sqlite_bind_blob(stmt, 1, claim, TOLD_BYTES);
        sqlite3_bind_int64(stmt, 2, since_s);
        r = sqlite3_step(stmt);
        *ret_word = r == SQLITE_ROW ? (TgEnd)sqlite3_column_int(stmt, 0) : TG_END_NONE;
        if (r != SQLITE_ROW && r != SQLITE_DONE)
                fail(self, "read the store", error);
        sqlite3_reset(stmt);

        return r == SQLITE_ROW || r == SQLITE_DONE;
}

gboolean
tg_sqlite_ended_erase(TgSqliteEnded *self,
                      gint64 since_s,
                      gint64 now_s,
                      int n_rows,
                      int *ret_n_erased,
                      GError **error)
{
        sqlite3_stmt *stmt = self->queries[QUERY_ERASE];

        sqlite3_bind_int64(stmt, 1, since_s);
        sqlite3_bind_int64(stmt, 2, now_s);
        sqlite3_bind_int(stmt, 3, n_rows);
        if (!run(self, QUERY_ERASE, "forget how mailboxes ended", error))
                return FALSE;
        *ret_n_erased = sqlite3_changes(self->db);
        if (*ret_n_erased > 0)
                tg_sqlite_file_note_removal(self->file);

        return TRUE;
}

TgSqliteEnded *
tg_sqlite_ended_new(sqlite3 *db, TgSqliteFile *file, GError **error)
{
        TgSqliteEnded *self = g_new0(TgSqliteEnded, 1);
        guint n_queries = file ? N_QUERIES : N_READER_QUERIES;

        self->db = db;
        self->file = file;
        for (guint i = 0; i < n_queries; i++)
                if (!tg_sqlite_prepare(db, query_texts[i], &self->queries[i])) {
                        fail(self, "open the store", error);
                        tg_sqlite_ended_free(self);
                        return NULL;
                }

        return self;
}

void
tg_sqlite_ended_free(TgSqliteEnded *self)
{
        if (!self)
                return;
        for (guint i = 0; i < N_QUERIES; i++)
                sqlite3_finalize(self->queries[i]);
        g_free(self);
}
