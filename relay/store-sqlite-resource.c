/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/store-sqlite-resource.h"

#include <string.h>

#include "protocol/error.h"

typedef enum {
        QUERY_LOAD,
        QUERY_INSERT, /* from here on the writer's */
        QUERY_LOCK,
        QUERY_DELETE,
        QUERY_ERASE,
} Query;
#define N_QUERIES (QUERY_ERASE + 1)
#define N_READER_QUERIES QUERY_INSERT

static const char *const query_texts[] = {
        [QUERY_LOAD] = "SELECT row, expires, is_lock_required, request, reader, octets "
                       "FROM resource WHERE id = ?1",
        [QUERY_INSERT] = "INSERT INTO resource (id, expires, is_lock_required, request, reader, "
                         "octets) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        [QUERY_LOCK] = "UPDATE resource SET reader = ?2 WHERE row = ?1",
        [QUERY_DELETE] = "DELETE FROM resource WHERE row = ?1",
        [QUERY_ERASE] = "DELETE FROM resource WHERE row IN "
                        "(SELECT row FROM resource WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
};
G_STATIC_ASSERT(G_N_ELEMENTS(query_texts) == N_QUERIES);

struct TgSqliteResources {
        sqlite3 *db;
        TgSqliteFile *file; /* NULL: a reader */
        sqlite3_stmt *queries[N_QUERIES];
};

static const guint8 nobody[TG_SHA256_BYTES];

/* A row without its octets, which the load query still stands on. */
typedef struct {
        gint64 row;
        gint64 expires_s;
        TgResourceLock lock;
        gboolean has_request;
        guint8 request[TG_UUID_BYTES];
} Row;

/* ---- helpers ---- */

static gboolean
fail(TgSqliteResources *self, const char *what, GError **error)
{
        tg_set_error(error, TG_ERROR_UNREACHABLE, "cannot %s: %s", what, sqlite3_errmsg(self->db));
        return FALSE;
}

static gboolean
run(TgSqliteResources *self, Query query, const char *what, GError **error)
{
        gboolean is_done = sqlite3_step(self->queries[query]) == SQLITE_DONE;

        if (!is_done)
                fail(self, what, error);
        sqlite3_reset(self->queries[query]);

        return is_done;
}

static gboolean
read_row(sqlite3_stmt *stmt, Row *row)
{
        *row = (Row){
                .row = sqlite3_column_int64(stmt, 0),
                .expires_s = sqlite3_column_int64(stmt, 1),
                .lock.is_required = sqlite3_column_int(stmt, 2) != 0,
                .has_request = sqlite3_column_type(stmt, 3) != SQLITE_NULL,
        };
        if ((row->has_request && !tg_sqlite_column(stmt, 3, row->request, sizeof row->request)) ||
            !tg_sqlite_column(stmt, 4, row->lock.reader, sizeof row->lock.reader))
                return FALSE;
        row->lock.is_locked = memcmp(row->lock.reader, nobody, sizeof nobody) != 0;

        return TRUE;
}

/* What was found stays open until let_go(), for its octets. */
static gboolean
load(TgSqliteResources *self,
     const guint8 id[TG_RESOURCE_ID_BYTES],
     gboolean *ret_found,
     Row *ret_row,
     GError **error)
{
        sqlite3_stmt *stmt = self->queries[QUERY_LOAD];
        int r;

        sqlite3_bind_blob64(stmt, 1, id, TG_RESOURCE_ID_BYTES, SQLITE_STATIC);
        r = sqlite3_step(stmt);
        *ret_found = r == SQLITE_ROW;
        if (r == SQLITE_DONE || (r == SQLITE_ROW && read_row(stmt, ret_row)))
                return TRUE;
        if (r == SQLITE_ROW)
                tg_set_error(error, TG_ERROR_UNREACHABLE, "cannot read the store: it is damaged");
        else
                fail(self, "read the store", error);
        sqlite3_reset(stmt);

        return FALSE;
}

static void
let_go(TgSqliteResources *self)
{
        sqlite3_reset(self->queries[QUERY_LOAD]);
}

static gboolean
delete_row(TgSqliteResources *self, gint64 row, GError **error)
{
        sqlite3_bind_int64(self->queries[QUERY_DELETE], 1, row);
        tg_sqlite_file_note_removal(self->file);

        return run(self, QUERY_DELETE, "remove a message", error);
}

/* ---- the transitions ---- */

static gboolean
insert(TgSqliteResources *self, const TgResource *resource, GError **error)
{
        sqlite3_stmt *stmt = self->queries[QUERY_INSERT];

        sqlite3_bind_blob64(stmt, 1, resource->id, sizeof resource->id, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 2, resource->expires_s);
        sqlite3_bind_int(stmt, 3, resource->is_lock_required);
        if (resource->has_request)
                sqlite3_bind_blob64(
                        stmt, 4, resource->request, sizeof resource->request, SQLITE_STATIC);
        else
                sqlite3_bind_null(stmt, 4);
        sqlite3_bind_blob64(stmt, 5, nobody, sizeof nobody, SQLITE_STATIC);
        sqlite3_bind_blob64(stmt,
                            6,
                            resource->n_octets > 0 ? resource->octets : (const guint8 *)"",
                            resource->n_octets,
                            SQLITE_STATIC);

        return run(self, QUERY_INSERT, "store a message", error);
}

gboolean
tg_sqlite_resources_put(TgSqliteResources *self,
                        const TgResource *resource,
                        gint64 now_s,
                        TgPut *ret_put,
                        GError **error)
{
        gboolean is_found;
        Row row;

        if (!load(self, resource->id, &is_found, &row, error))
                return FALSE;
        let_go(self);
        if (is_found && row.expires_s > now_s) {
                gboolean is_same = row.has_request && resource->has_request &&
                                   tg_bytes_equal(row.request, resource->request, TG_UUID_BYTES);

                *ret_put = is_same ? TG_PUT_REPEATED : TG_PUT_TAKEN;
                return TRUE;
        }
        if (!tg_sqlite_file_take_room(self->file, resource->n_octets)) {
                *ret_put = TG_PUT_NO_ROOM;
                return TRUE;
        }
        if (is_found && !delete_row(self, row.row, error))
                return FALSE;
        *ret_put = TG_PUT_MADE;

        return insert(self, resource, error);
}

/* The octets of the row on which the load query stands; a long one is fetched only now. */
static gboolean
take_octets(TgSqliteResources *self, GBytes **ret_octets, GError **error)
{
        sqlite3_stmt *stmt = self->queries[QUERY_LOAD];
        const void *octets = sqlite3_column_blob(stmt, 5);
        int n_octets = sqlite3_column_bytes(stmt, 5);

        if (!octets && (n_octets > 0 || sqlite3_errcode(self->db) == SQLITE_NOMEM))
                return fail(self, "read the store", error);
        *ret_octets = g_bytes_new(octets, (gsize)n_octets);

        return TRUE;
}

static gboolean
lock_row(TgSqliteResources *self, gint64 row, const guint8 *claim, GError **error)
{
        sqlite3_stmt *stmt = self->queries[QUERY_LOCK];

        sqlite3_bind_int64(stmt, 1, row);
        sqlite3_bind_blob64(stmt, 2, claim, TG_SHA256_BYTES, SQLITE_STATIC);

        return run(self, QUERY_LOCK, "lock a message to its reader", error);
}

gboolean
tg_sqlite_resources_get(TgSqliteResources *self,
                        const guint8 id[TG_RESOURCE_ID_BYTES],
                        const guint8 *claim,
                        gboolean may_lock,
                        gint64 now_s,
                        TgGet *ret_get,
                        GBytes **ret_octets,
                        GError **error)
{
        g_autoptr(GBytes) octets = NULL;
        TgLockAnswer answer = TG_LOCK_REFUSES;
        gboolean is_found, is_read = TRUE;
        Row row;

        *ret_get = TG_GET_NOTHING;
        if (!load(self, id, &is_found, &row, error))
                return FALSE;
        if (is_found && row.expires_s > now_s)
                answer = tg_resource_lock_ask(&row.lock, claim);
        if (answer == TG_LOCK_TAKES && !may_lock)
                *ret_get = TG_GET_WRITE;
        else if (answer != TG_LOCK_REFUSES)
                is_read = take_octets(self, &octets, error);
        let_go(self);
        if (!octets)
                return is_read;
        if (answer == TG_LOCK_TAKES && !lock_row(self, row.row, claim, error))
                return FALSE;
        *ret_get = TG_GET_FOUND;
        *ret_octets = g_steal_pointer(&octets);

        return TRUE;
}

gboolean
tg_sqlite_resources_remove(TgSqliteResources *self,
                           const guint8 id[TG_RESOURCE_ID_BYTES],
                           const guint8 *claim,
                           gint64 now_s,
                           gboolean *ret_is_removed,
                           GError **error)
{
        gboolean is_found;
        Row row;

        *ret_is_removed = FALSE;
        if (!load(self, id, &is_found, &row, error))
                return FALSE;
        let_go(self);
        if (!is_found || row.expires_s <= now_s ||
            tg_resource_lock_ask(&row.lock, claim) == TG_LOCK_REFUSES)
                return TRUE;
        *ret_is_removed = delete_row(self, row.row, error);

        return *ret_is_removed;
}

gboolean
tg_sqlite_resources_erase(
        TgSqliteResources *self, gint64 now_s, int n_rows, int *ret_n_erased, GError **error)
{
        sqlite3_stmt *stmt = self->queries[QUERY_ERASE];

        sqlite3_bind_int64(stmt, 1, now_s);
        sqlite3_bind_int(stmt, 2, n_rows);
        if (!run(self, QUERY_ERASE, "erase messages whose time is up", error))
                return FALSE;
        *ret_n_erased = sqlite3_changes(self->db);
        if (*ret_n_erased > 0)
                tg_sqlite_file_note_removal(self->file);

        return TRUE;
}

/* ---- */

TgSqliteResources *
tg_sqlite_resources_new(sqlite3 *db, TgSqliteFile *file, GError **error)
{
        TgSqliteResources *self = g_new0(TgSqliteResources, 1);
        guint n_queries = file ? N_QUERIES : N_READER_QUERIES;

        self->db = db;
        self->file = file;
        if (tg_sqlite_prepare(db, query_texts, n_queries, self->queries))
                return self;
        fail(self, "open the store", error);
        tg_sqlite_resources_free(self);

        return NULL;
}

void
tg_sqlite_resources_free(TgSqliteResources *self)
{
        if (!self)
                return;
        for (guint i = 0; i < N_QUERIES; i++)
                sqlite3_finalize(self->queries[i]);
        g_free(self);
}
