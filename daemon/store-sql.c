/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "daemon/store-private.h"
#include "data/sql/wallet.sql.h"
#include "protocol/error.h"

#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x54675731 /* "TgW1" */

#define SHARE_COLUMNS "id, role, state, created, expires, ended, is_busy, version, detail"

static const char *const statement_texts[] = {
        [TG_STORE_BEGIN] = "BEGIN IMMEDIATE",
        [TG_STORE_COMMIT] = "COMMIT",
        [TG_STORE_ROLLBACK] = "ROLLBACK",
        [TG_STORE_SAVE_HEAD] = "INSERT INTO head (one, version, sealed) VALUES (1, ?1, ?2)"
                               " ON CONFLICT (one) DO UPDATE SET version = ?1, sealed = ?2",
        /* A sealed part is replaced by a newer one and never by nothing. */
        [TG_STORE_SAVE_SHARE] =
                "INSERT INTO share"
                " (id, role, state, created, expires, ended, is_busy, version, detail)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                " ON CONFLICT (id) DO UPDATE SET role = ?2, state = ?3, created = ?4,"
                " expires = ?5, ended = ?6, is_busy = ?7, version = ?8, detail = ?9"
                " WHERE ?9 IS NOT NULL OR detail IS NULL",
        [TG_STORE_END_SHARE] =
                "UPDATE share SET state = ?2, ended = ?3, is_busy = ?4 WHERE id = ?1",
        [TG_STORE_FORGET_SHARE] = "DELETE FROM share WHERE id = ?1",
        [TG_STORE_EACH_SHARE] = "SELECT " SHARE_COLUMNS " FROM share ORDER BY row",
        [TG_STORE_LOAD_SHARE] = "SELECT " SHARE_COLUMNS " FROM share WHERE id = ?1",
        [TG_STORE_SAVE_BODY] = "INSERT INTO body (share_id, version, sealed) VALUES (?1, ?2, ?3)"
                               " ON CONFLICT (share_id) DO UPDATE SET version = ?2, sealed = ?3",
        [TG_STORE_LOAD_BODY] = "SELECT sealed FROM body WHERE share_id = ?1",
        [TG_STORE_DROP_BODY] = "DELETE FROM body WHERE share_id = ?1",
        [TG_STORE_SAVE_CREDENTIAL] =
                "INSERT INTO credential (id, share_id, received, version, detail)"
                " VALUES (?1, ?2, ?3, 1, ?4) ON CONFLICT (id) DO UPDATE"
                " SET share_id = ?2, received = ?3, detail = ?4",
        [TG_STORE_EACH_CREDENTIAL] =
                "SELECT id, share_id, received, version, detail FROM credential"
                " ORDER BY row",
        [TG_STORE_REMOVE_CREDENTIAL] = "DELETE FROM credential WHERE id = ?1",
        [TG_STORE_ADD_LINK] = "INSERT INTO link (digest, until) VALUES (?1, ?2)"
                              " ON CONFLICT (digest) DO UPDATE SET until = max(until, ?2)",
        [TG_STORE_HAS_LINK] = "SELECT 1 FROM link WHERE digest = ?1 AND until > ?2",
        [TG_STORE_DROP_OLD_LINKS] = "DELETE FROM link WHERE until <= ?1",
        [TG_STORE_LINK_UNTIL] = "SELECT until FROM link WHERE digest = ?1 AND until > ?2",
        [TG_STORE_BURN_SHARE] = "UPDATE share SET state = 'burned', ended = ?2, is_busy = 0,"
                                " detail = NULL WHERE id = ?1 AND ended = 0",
        /* Of an ended share the seal is kept where it can still be opened. */
        [TG_STORE_DROP_SHARE_DETAILS] = "UPDATE share SET detail = NULL, is_busy = 0,"
                                        " state = iif(ended = 0, ?1, state),"
                                        " ended = iif(ended = 0, ?2, ended)"
                                        " WHERE ?3 OR ended = 0 OR is_busy",
        [TG_STORE_DROP_BODIES] = "DELETE FROM body",
        [TG_STORE_DROP_CREDENTIAL_DETAILS] = "UPDATE credential SET detail = NULL",
        [TG_STORE_DROP_LINKS] = "DELETE FROM link",
        /* One with this number can only be of a newer file, put into this older one. */
        [TG_STORE_ADD_LOG] = "INSERT OR REPLACE INTO log (number, sealed) VALUES (?1, ?2)",
        [TG_STORE_EACH_LOG] = "SELECT number, sealed FROM log"
                              " WHERE number > ?1 AND number <= ?2 ORDER BY number LIMIT ?3",
        [TG_STORE_DROP_OLD_LOG] = "DELETE FROM log WHERE number <= ?1",
        [TG_STORE_DROP_LOG] = "DELETE FROM log",
        [TG_STORE_ADD_LATE] = "INSERT INTO late (id, act, at) VALUES (?1, ?2, ?3)",
        [TG_STORE_EACH_LATE] = "SELECT id, act, at FROM late ORDER BY row",
        [TG_STORE_HAS_LATE] = "SELECT 1 FROM late WHERE id = ?1 AND act = ?2",
        [TG_STORE_DROP_LATE] = "DELETE FROM late",
};
G_STATIC_ASSERT(G_N_ELEMENTS(statement_texts) == TG_STORE_N_STATEMENTS);

/* ---- errors ---- */

static const char *
reason_of(int code)
{
        /* SQLite keeps errno of some calls and forgets it again; of a write it is still here. */
        int system_error = errno;

        switch (code & 0xff) {
        case SQLITE_FULL:
                return "the disk is full; free some space";
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
                return "the folder of its file cannot be written; give yourself the right to";
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return "another program holds its file; end it";
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return "its file is damaged; move it away to start anew (accepted credentials "
                       "are in the keyring)";
        case SQLITE_IOERR:
                if (code == SQLITE_IOERR_WRITE && (system_error == EDQUOT || system_error == EFBIG))
                        return "the disk is full; free some space";
                return "the disk does not work";
        default:
                return sqlite3_errstr(code);
        }
}

gboolean
tg_store_fail(TgStore *self, const char *what, GError **error)
{
        int code = sqlite3_extended_errcode(self->db);

        tg_set_error(error, TG_ERROR_FAILED, "cannot %s: %s", what, reason_of(code));
        return FALSE;
}

/* ---- statements ---- */

void
tg_store_bind_text(TgStore *self, TgStoreStatement statement, int at, const char *text)
{
        sqlite3_bind_text(self->statements[statement], at, text, -1, SQLITE_STATIC);
}

void
tg_store_bind_number(TgStore *self, TgStoreStatement statement, int at, gint64 number)
{
        sqlite3_bind_int64(self->statements[statement], at, number);
}

void
tg_store_bind_bytes(TgStore *self, TgStoreStatement statement, int at, GBytes *bytes)
{
        gsize n_bytes = 0;
        const void *data = bytes ? g_bytes_get_data(bytes, &n_bytes) : NULL;

        sqlite3_bind_blob64(self->statements[statement], at, data, n_bytes, SQLITE_STATIC);
}

void
tg_store_reset(TgStore *self, TgStoreStatement statement)
{
        sqlite3_reset(self->statements[statement]);
        sqlite3_clear_bindings(self->statements[statement]);
}

/* Runs a statement that gives no rows. */
gboolean
tg_store_run(TgStore *self, TgStoreStatement statement, const char *what, GError **error)
{
        gboolean is_done = sqlite3_step(self->statements[statement]) == SQLITE_DONE;

        if (!is_done)
                tg_store_fail(self, what, error);
        tg_store_reset(self, statement);
        return is_done;
}

gboolean
tg_store_run_on(
        TgStore *self, TgStoreStatement statement, const char *id, const char *what, GError **error)
{
        tg_store_bind_text(self, statement, 1, id);
        return tg_store_run(self, statement, what, error);
}

static GBytes *
column_bytes(sqlite3_stmt *statement, int column)
{
        const void *data = sqlite3_column_blob(statement, column);

        return g_bytes_new(data, (gsize)sqlite3_column_bytes(statement, column));
}

/* ---- opening ---- */

static gboolean
run_text(TgStore *self, const char *text, GError **error)
{
        return sqlite3_exec(self->db, text, NULL, NULL, NULL) == SQLITE_OK ||
               tg_store_fail(self, "open the store", error);
}

static gboolean
read_number(TgStore *self, const char *text, gint64 *ret_number, GError **error)
{
        sqlite3_stmt *statement = NULL;
        gboolean is_read;

        is_read = sqlite3_prepare_v2(self->db, text, -1, &statement, NULL) == SQLITE_OK &&
                  sqlite3_step(statement) == SQLITE_ROW;
        if (is_read)
                *ret_number = sqlite3_column_int64(statement, 0);
        else
                tg_store_fail(self, "open the store", error);
        sqlite3_finalize(statement);
        return is_read;
}

static gboolean
open_file(TgStore *self, const char *path, GError **error)
{
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                    SQLITE_OPEN_NOFOLLOW;

        if (sqlite3_open_v2(path ? path : ":memory:", &self->db, flags, NULL) != SQLITE_OK)
                return tg_store_fail(self, "open the store", error);

        sqlite3_extended_result_codes(self->db, 1);
        sqlite3_db_config(self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(self->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        return TRUE;
}

static gboolean
close_file(TgStore *self)
{
        gboolean is_closed = sqlite3_close(self->db) == SQLITE_OK;

        self->db = NULL;
        return is_closed;
}

static gboolean
write_schema(TgStore *self, GError **error)
{
        g_autofree char *mark = g_strdup_printf("PRAGMA application_id = %d;"
                                                "PRAGMA user_version = %d;",
                                                APPLICATION_ID,
                                                SCHEMA_VERSION);

        return run_text(self, "BEGIN", error) && run_text(self, tg_wallet_sql, error) &&
               run_text(self, mark, error) && run_text(self, "COMMIT", error);
}

/* The file gets its name when it is whole: a crash leaves no half of one. */
gboolean
tg_store_make_file(TgStore *self, GError **error)
{
        const char *path = tg_store_file_begin(self->file, error);
        gboolean is_made;

        if (!path)
                return FALSE;

        is_made = open_file(self, path, error) &&
                  run_text(self, "PRAGMA journal_mode = MEMORY", error) &&
                  write_schema(self, error);
        return close_file(self) && is_made && tg_store_file_finish(self->file, error);
}

static gboolean
check_schema(TgStore *self, GError **error)
{
        gint64 mark;
        gint64 version;

        if (!read_number(self, "PRAGMA application_id", &mark, error) ||
            !read_number(self, "PRAGMA user_version", &version, error))
                return FALSE;

        if (mark != APPLICATION_ID || version < 1) {
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "cannot open the store: its file is not of tigressd; move it away");
                return FALSE;
        }
        if (version > SCHEMA_VERSION) {
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "cannot open the store: a newer tigressd has written it; update this "
                             "one, or move the file away");
                return FALSE;
        }

        return TRUE;
}

/* Exclusive: nobody else has business here, and the log's index stays in memory. The
 * cache is small because rows are read once, at the start. */
static gboolean
configure(TgStore *self, GError **error)
{
        return run_text(self,
                        "PRAGMA locking_mode = EXCLUSIVE;"
                        "PRAGMA journal_mode = WAL;"
                        "PRAGMA synchronous = FULL;"
                        "PRAGMA secure_delete = ON;"
                        "PRAGMA temp_store = MEMORY;"
                        "PRAGMA foreign_keys = ON;"
                        "PRAGMA cell_size_check = ON;"
                        "PRAGMA wal_autocheckpoint = 256;"
                        "PRAGMA journal_size_limit = 1048576;"
                        "PRAGMA cache_size = -512;",
                        error);
}

static gboolean
prepare(TgStore *self, GError **error)
{
        for (gsize i = 0; i < TG_STORE_N_STATEMENTS; i++) {
                if (sqlite3_prepare_v3(self->db,
                                       statement_texts[i],
                                       -1,
                                       SQLITE_PREPARE_PERSISTENT,
                                       &self->statements[i],
                                       NULL) != SQLITE_OK)
                        return tg_store_fail(self, "open the store", error);
        }

        return TRUE;
}

/* Read now, while there is somebody to tell of a broken disk: later an unreadable
 * head would look like another key. */
static gboolean
read_head(TgStore *self, GError **error)
{
        sqlite3_stmt *statement = NULL;
        gint64 has_sealed_rows = 0;
        int result;

        if (!read_number(self,
                         "SELECT EXISTS (SELECT 1 FROM share WHERE detail IS NOT NULL)"
                         " OR EXISTS (SELECT 1 FROM credential WHERE detail IS NOT NULL)"
                         " OR EXISTS (SELECT 1 FROM log)",
                         &has_sealed_rows,
                         error))
                return FALSE;

        self->has_sealed_rows = has_sealed_rows != 0;
        result = sqlite3_prepare_v2(
                self->db, "SELECT version, sealed FROM head", -1, &statement, NULL);
        if (result == SQLITE_OK)
                result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
                self->head_version = (guint64)sqlite3_column_int64(statement, 0);
                self->sealed_head = column_bytes(statement, 1);
        }
        if (result != SQLITE_ROW && result != SQLITE_DONE)
                tg_store_fail(self, "open the store", error);
        sqlite3_finalize(statement);
        return result == SQLITE_ROW || result == SQLITE_DONE;
}

gboolean
tg_store_open_database(TgStore *self, const char *path, GError **error)
{
        return open_file(self, path, error) && (path || write_schema(self, error)) &&
               check_schema(self, error) && configure(self, error) && prepare(self, error) &&
               read_head(self, error);
}

void
tg_store_close_database(TgStore *self)
{
        for (gsize i = 0; i < TG_STORE_N_STATEMENTS; i++)
                g_clear_pointer(&self->statements[i], sqlite3_finalize);
        close_file(self);
}

gboolean
tg_store_is_id(const char *text)
{
        return text && strlen(text) == TG_ID_CHARS &&
               strspn(text, "0123456789abcdef") == TG_ID_CHARS;
}
