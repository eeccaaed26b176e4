/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/store-sqlite-token.h"

#include "protocol/error.h"

typedef enum { QUERY_LOAD, QUERY_SAVE, QUERY_FORGET } Query;
#define N_QUERIES (QUERY_FORGET + 1)
#define N_READER_QUERIES QUERY_SAVE

/* By side. */
static const char *const query_texts[N_QUERIES][TG_N_SIDES] = {
        [QUERY_LOAD] = {"SELECT initiator_token_type, initiator_token FROM mailbox WHERE row = ?1",
                        "SELECT recipient_token_type, recipient_token FROM mailbox WHERE row = ?1"                                                                                                                       },
        [QUERY_SAVE] = {"UPDATE mailbox SET initiator_token_type = ?2, initiator_token = ?3 "
                        "WHERE row = ?1",                                                         "UPDATE mailbox SET recipient_token_type = ?2, recipient_token = ?3 "
                        "WHERE row = ?1"                                                                                                                },
        [QUERY_FORGET] = {"UPDATE mailbox SET initiator_token_type = NULL, initiator_token = NULL "
                          "WHERE id = ?1 AND initiator_token_type = ?2 AND initiator_token = ?3", "UPDATE mailbox SET recipient_token_type = NULL, recipient_token = NULL "
                          "WHERE id = ?1 AND recipient_token_type = ?2 AND recipient_token = ?3"},
};

struct TgSqliteTokens {
        sqlite3 *db;
        TgSqliteFile *file; /* NULL: a reader */
        sqlite3_stmt *queries[N_QUERIES][TG_N_SIDES];
};

static gboolean
fail(TgSqliteTokens *self, const char *what, GError **error)
{
        tg_set_error(error, TG_ERROR_UNREACHABLE, "cannot %s: %s", what, sqlite3_errmsg(self->db));
        return FALSE;
}

static gboolean
run(TgSqliteTokens *self, sqlite3_stmt *stmt, const char *what, GError **error)
{
        gboolean is_done = sqlite3_step(stmt) == SQLITE_DONE;

        if (!is_done)
                fail(self, what, error);
        sqlite3_reset(stmt);
        sqlite3_clear_bindings(stmt);

        return is_done;
}

static void
bind_token(sqlite3_stmt *stmt, const TgToken *token)
{
        sqlite3_bind_text(stmt, 2, token ? token->type : NULL, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 3, token ? token->data : NULL, -1, SQLITE_STATIC);
}

gboolean
tg_sqlite_tokens_save(
        TgSqliteTokens *self, gint64 row, TgSide side, const TgToken *token, GError **error)
{
        sqlite3_stmt *stmt = self->queries[QUERY_SAVE][side];

        sqlite3_bind_int64(stmt, 1, row);
        bind_token(stmt, token);
        tg_sqlite_file_note_removal(self->file);

        return run(self, stmt, "store the notification token", error);
}

gboolean
tg_sqlite_tokens_load(
        TgSqliteTokens *self, gint64 row, TgSide side, TgToken *ret_token, GError **error)
{
        sqlite3_stmt *stmt = self->queries[QUERY_LOAD][side];
        int r;

        *ret_token = (TgToken){0};
        sqlite3_bind_int64(stmt, 1, row);
        r = sqlite3_step(stmt);
        if (r == SQLITE_ROW && sqlite3_column_type(stmt, 0) == SQLITE_TEXT &&
            sqlite3_column_type(stmt, 1) == SQLITE_TEXT) {
                ret_token->type = g_strdup((const char *)sqlite3_column_text(stmt, 0));
                ret_token->data = g_strdup((const char *)sqlite3_column_text(stmt, 1));
        }
        if (r != SQLITE_ROW && r != SQLITE_DONE)
                fail(self, "read the store", error);
        sqlite3_reset(stmt);

        return r == SQLITE_ROW || r == SQLITE_DONE;
}

gboolean
tg_sqlite_tokens_forget(TgSqliteTokens *self,
                        const guint8 id[TG_ID_BYTES],
                        TgSide side,
                        const TgToken *token,
                        GError **error)
{
        sqlite3_stmt *stmt = self->queries[QUERY_FORGET][side];

        sqlite3_bind_blob64(stmt, 1, id, TG_ID_BYTES, SQLITE_STATIC);
        bind_token(stmt, token);
        tg_sqlite_file_note_removal(self->file);

        return run(self, stmt, "forget the notification token", error);
}

TgSqliteTokens *
tg_sqlite_tokens_new(sqlite3 *db, TgSqliteFile *file, GError **error)
{
        TgSqliteTokens *self = g_new0(TgSqliteTokens, 1);
        guint n_queries = file ? N_QUERIES : N_READER_QUERIES;

        self->db = db;
        self->file = file;
        for (guint i = 0; i < n_queries * TG_N_SIDES; i++)
                if (sqlite3_prepare_v3(db,
                                       query_texts[i / TG_N_SIDES][i % TG_N_SIDES],
                                       -1,
                                       SQLITE_PREPARE_PERSISTENT,
                                       &self->queries[i / TG_N_SIDES][i % TG_N_SIDES],
                                       NULL) != SQLITE_OK) {
                        fail(self, "open the store", error);
                        tg_sqlite_tokens_free(self);
                        return NULL;
                }

        return self;
}

void
tg_sqlite_tokens_free(TgSqliteTokens *self)
{
        if (!self)
                return;
        for (guint i = 0; i < N_QUERIES * TG_N_SIDES; i++)
                sqlite3_finalize(self->queries[i / TG_N_SIDES][i % TG_N_SIDES]);
        g_free(self);
}
