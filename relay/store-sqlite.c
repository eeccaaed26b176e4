/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "data/sql/relay.sql.h"
#include "protocol/error.h"
#include "relay/store-sqlite-file.h"
#include "relay/store-sqlite-resource.h"
#include "relay/store-sqlite-row.h"
#include "relay/store-sqlite-spent.h"
#include "relay/store-sqlite-token.h"
#include "relay/store.h"

/* Removed in one batch at most, for others wait behind it. */
#define ERASE_ROWS 256
#define TOLD_BYTES 16
#define RESOURCES(store) (((Sqlite *)(store))->resources)
#define TOKENS(store) (((Sqlite *)(store))->tokens)

typedef enum {
        QUERY_LOAD,
        QUERY_LOAD_CREATION,
        QUERY_LOAD_END,
        QUERY_BEGIN, /* from here on the writer's */
        QUERY_COMMIT,
        QUERY_ROLLBACK,
        QUERY_INSERT,
        QUERY_SAVE,
        QUERY_SAVE_PAYLOAD,
        QUERY_DELETE,
        QUERY_TELL,
        QUERY_EXPIRED,
        QUERY_FORGET,
} Query;
#define N_QUERIES (QUERY_FORGET + 1)
#define N_READER_QUERIES QUERY_BEGIN

static const char *const query_texts[] = {
        [QUERY_LOAD] = TG_SELECT_MAILBOX "WHERE id = ?1",
        [QUERY_LOAD_CREATION] = TG_SELECT_MAILBOX "WHERE creation = ?1",
        [QUERY_LOAD_END] = "SELECT word FROM ended WHERE claim = ?1 AND at > ?2",
        [QUERY_BEGIN] = "BEGIN IMMEDIATE",
        [QUERY_COMMIT] = "COMMIT",
        [QUERY_ROLLBACK] = "ROLLBACK",
        [QUERY_INSERT] = TG_INSERT_MAILBOX,
        [QUERY_SAVE] = TG_SET_STATE " WHERE row = ?1",
        [QUERY_SAVE_PAYLOAD] = TG_SET_STATE ", payload = ?9 WHERE row = ?1",
        [QUERY_DELETE] = "DELETE FROM mailbox WHERE row = ?1",
        [QUERY_TELL] = "INSERT INTO ended (claim, word, at) VALUES (?1, ?2, ?3)",
        [QUERY_EXPIRED] = TG_SELECT_MAILBOX "WHERE expires <= ?1 ORDER BY expires LIMIT 1",
        [QUERY_FORGET] = ("DELETE FROM ended WHERE (at <= ?1 OR at > ?3) AND row IN "
                          "(SELECT row FROM ended ORDER BY row LIMIT ?2)"),
};
G_STATIC_ASSERT(G_N_ELEMENTS(query_texts) == N_QUERIES);

typedef struct {
        TgStore base;
        TgSqliteFile *file; /* the writer's; a reader has its connection only */
        sqlite3 *db;
        sqlite3_stmt *queries[N_QUERIES];
        sqlite3_stmt *found; /* stands on the row that was loaded */
        int n_erase_rows;    /* at most in one batch */
        gboolean is_erasing;
        TgSqliteResources *resources;
        TgSqliteSpent *spent;
        TgSqliteTokens *tokens;
} Sqlite;

/* ---- helpers ---- */

static gboolean
fail(Sqlite *self, const char *what, GError **error)
{
        tg_set_error(error, TG_ERROR_UNREACHABLE, "cannot %s: %s", what, sqlite3_errmsg(self->db));
        return FALSE;
}

/* Runs a query that returns nothing, and makes it ready for the next time. */
static gboolean
run(Sqlite *self, Query query, const char *what, GError **error)
{
        sqlite3_stmt *stmt = self->queries[query];
        gboolean is_done = sqlite3_step(stmt) == SQLITE_DONE;

        if (!is_done)
                fail(self, what, error);
        sqlite3_reset(stmt);

        return is_done;
}

static void
store_release(TgStore *store)
{
        Sqlite *self = (Sqlite *)store;

        if (self->found)
                sqlite3_reset(self->found);
        self->found = NULL;
}

/* ---- batches ---- */

static gboolean
store_begin(TgStore *store, GError **error)
{
        ((Sqlite *)store)->is_erasing = FALSE;
        tg_sqlite_file_measure_room(((Sqlite *)store)->file);
        return run((Sqlite *)store, QUERY_BEGIN, "begin to write", error);
}

static gboolean
store_commit(TgStore *store, GError **error)
{
        store_release(store);
        return run((Sqlite *)store, QUERY_COMMIT, "make the changes durable", error);
}

static void
store_rollback(TgStore *store)
{
        Sqlite *self = (Sqlite *)store;

        store_release(store);
        if (self->is_erasing) /* half as many the next time */
                self->n_erase_rows = MAX(1, self->n_erase_rows / 4);
        /* After some errors SQLite has rolled back by itself. */
        if (!sqlite3_get_autocommit(self->db))
                run(self, QUERY_ROLLBACK, "roll back", NULL);
}

static gboolean
store_take_room(TgStore *store, gsize n_bytes)
{
        return tg_sqlite_file_take_room(((Sqlite *)store)->file, n_bytes);
}

static gboolean
store_probe(TgStore *store, GError **error)
{
        return tg_sqlite_file_probe(((Sqlite *)store)->file, error);
}

/* ---- mailboxes ---- */

/* Steps a query of TG_SELECT_MAILBOX that has its parameters. */
static gboolean
step_mailbox(Sqlite *self, Query query, gboolean *ret_found, TgMailbox *ret_mailbox, GError **error)
{
        sqlite3_stmt *stmt = self->queries[query];
        int r = sqlite3_step(stmt);

        self->found = stmt;
        if (r == SQLITE_ROW && tg_sqlite_row_read(stmt, ret_mailbox)) {
                *ret_found = TRUE;
                return TRUE;
        }
        if (r == SQLITE_ROW)
                tg_set_error(error, TG_ERROR_UNREACHABLE, "cannot read the store: it is damaged");
        else if (r != SQLITE_DONE)
                fail(self, "read the store", error);
        store_release(&self->base);
        *ret_found = FALSE;

        return r == SQLITE_DONE;
}

static gboolean
load_by(TgStore *store,
        Query query,
        const guint8 key[TG_ID_BYTES],
        gboolean *ret_found,
        TgMailbox *ret_mailbox,
        GError **error)
{
        Sqlite *self = (Sqlite *)store;

        store_release(store);
        tg_sqlite_bind_blob(self->queries[query], 1, key, TG_ID_BYTES);

        return step_mailbox(self, query, ret_found, ret_mailbox, error);
}

static gboolean
store_load(TgStore *store,
           const guint8 id[TG_ID_BYTES],
           gboolean *ret_found,
           TgMailbox *ret_mailbox,
           GError **error)
{
        return load_by(store, QUERY_LOAD, id, ret_found, ret_mailbox, error);
}

static gboolean
store_load_creation(TgStore *store,
                    const guint8 creation[TG_ID_BYTES],
                    gboolean is_to_be_made,
                    gboolean *ret_found,
                    TgMailbox *ret_mailbox,
                    GError **error)
{
        return load_by(store, QUERY_LOAD_CREATION, creation, ret_found, ret_mailbox, error);
}

static gboolean
store_load_content(TgStore *store, gboolean with_payload, TgContent *ret_content, GError **error)
{
        Sqlite *self = (Sqlite *)store;
        sqlite3_stmt *stmt = self->found;
        g_auto(TgContent) content = {0};

        g_return_val_if_fail(stmt != NULL, FALSE);

        content.display.title = tg_sqlite_column_text(stmt, 14);
        content.display.description = tg_sqlite_column_text(stmt, 15);
        content.display.image_url = tg_sqlite_column_text(stmt, 16);
        if (with_payload)
                content.payload = tg_sqlite_column_text(stmt, 17);
        /* A long payload is fetched only now, and that may fail. */
        if (!content.display.title || !content.display.description || !content.display.image_url ||
            (with_payload && !content.payload))
                return fail(self, "read the store", error);

        *ret_content = content;
        content = (TgContent){0};

        return TRUE;
}

/* In the batch of what it is spent for: no more is to be known of that. */
static gboolean
store_spend(TgStore *store, const TgSpent *spent, const guint8 *id, gboolean *ret, GError **error)
{
        store_release(store);
        return tg_sqlite_spent_add(((Sqlite *)store)->spent, spent, ret, error);
}

static gboolean
store_insert(TgStore *store,
             TgMailbox *mailbox,
             const TgDisplay *display,
             const char *payload,
             GError **error)
{
        Sqlite *self = (Sqlite *)store;
        sqlite3_stmt *stmt = self->queries[QUERY_INSERT];

        store_release(store);
        tg_sqlite_row_bind(stmt, mailbox);
        tg_sqlite_bind_text(stmt, 14, display->title);
        tg_sqlite_bind_text(stmt, 15, display->description);
        tg_sqlite_bind_text(stmt, 16, display->image_url);
        tg_sqlite_bind_text(stmt, 17, payload);
        if (!run(self, QUERY_INSERT, "store the mailbox", error))
                return FALSE;
        mailbox->row = sqlite3_last_insert_rowid(self->db);

        return TRUE;
}

static gboolean
store_save(TgStore *store, const TgMailbox *mailbox, const char *payload, GError **error)
{
        Sqlite *self = (Sqlite *)store;
        Query query = payload ? QUERY_SAVE_PAYLOAD : QUERY_SAVE;
        sqlite3_stmt *stmt = self->queries[query];

        store_release(store);
        tg_sqlite_row_bind_state(stmt, mailbox);
        if (payload)
                tg_sqlite_bind_text(stmt, 9, payload);
        tg_sqlite_file_note_removal(self->file);

        return run(self, query, "store the change", error);
}

static gboolean
store_save_token(
        TgStore *store, const TgMailbox *mailbox, TgSide side, const TgToken *token, GError **error)
{
        store_release(store);
        return tg_sqlite_tokens_save(TOKENS(store), mailbox->row, side, token, error);
}

static gboolean
store_load_token(
        TgStore *store, const TgMailbox *mailbox, TgSide side, TgToken *ret_token, GError **error)
{
        return tg_sqlite_tokens_load(TOKENS(store), mailbox->row, side, ret_token, error);
}

static gboolean
store_forget_token(TgStore *store,
                   const guint8 id[TG_ID_BYTES],
                   TgSide side,
                   const TgToken *token,
                   GError **error)
{
        store_release(store);
        return tg_sqlite_tokens_forget(TOKENS(store), id, side, token, error);
}

static gboolean
tell(Sqlite *self, const TgParty *party, TgEnd word, gint64 at_s, GError **error)
{
        static const guint8 nobody[TG_DIGEST_BYTES];
        sqlite3_stmt *stmt = self->queries[QUERY_TELL];

        if (memcmp(party->claim, nobody, sizeof nobody) == 0)
                return TRUE;
        tg_sqlite_bind_blob(stmt, 1, party->claim, TOLD_BYTES);
        sqlite3_bind_int(stmt, 2, (int)word);
        sqlite3_bind_int64(stmt, 3, at_s);

        return run(self, QUERY_TELL, "store how a mailbox ended", error);
}

static gboolean
store_end(TgStore *store,
          const TgMailbox *mailbox,
          TgEnd word,
          gint64 at_s,
          gboolean is_told,
          GError **error)
{
        Sqlite *self = (Sqlite *)store;

        store_release(store);
        sqlite3_bind_int64(self->queries[QUERY_DELETE], 1, mailbox->row);
        tg_sqlite_file_note_removal(self->file);
        if (!run(self, QUERY_DELETE, "remove the mailbox", error))
                return FALSE;

        return !is_told || (tell(self, &mailbox->parties[TG_SIDE_INITIATOR], word, at_s, error) &&
                            tell(self, &mailbox->parties[TG_SIDE_RECIPIENT], word, at_s, error));
}

static gboolean
store_load_end(TgStore *store,
               const guint8 claim[TG_DIGEST_BYTES],
               gint64 since_s,
               TgEnd *ret_word,
               GError **error)
{
        Sqlite *self = (Sqlite *)store;
        sqlite3_stmt *stmt = self->queries[QUERY_LOAD_END];
        int r;

        store_release(store);
        tg_sqlite_bind_blob(stmt, 1, claim, TOLD_BYTES);
        sqlite3_bind_int64(stmt, 2, since_s);
        r = sqlite3_step(stmt);
        *ret_word = r == SQLITE_ROW ? (TgEnd)sqlite3_column_int(stmt, 0) : TG_END_NONE;
        if (r != SQLITE_ROW && r != SQLITE_DONE)
                fail(self, "read the store", error);
        sqlite3_reset(stmt);

        return r == SQLITE_ROW || r == SQLITE_DONE;
}

/* ---- resources ---- */

static gboolean
store_put_resource(
        TgStore *store, const TgResource *resource, gint64 now_s, TgPut *ret_put, GError **error)
{
        return tg_sqlite_resources_put(RESOURCES(store), resource, now_s, ret_put, error);
}

static gboolean
store_get_resource(TgStore *store,
                   const guint8 id[TG_RESOURCE_ID_BYTES],
                   const guint8 *claim,
                   gint64 now_s,
                   TgGet *ret_get,
                   GBytes **ret_octets,
                   GError **error)
{
        return tg_sqlite_resources_get(
                RESOURCES(store), id, claim, store->is_writer, now_s, ret_get, ret_octets, error);
}

static gboolean
store_remove_resource(TgStore *store,
                      const guint8 id[TG_RESOURCE_ID_BYTES],
                      const guint8 *claim,
                      gint64 now_s,
                      gboolean *ret_is_removed,
                      GError **error)
{
        return tg_sqlite_resources_remove(
                RESOURCES(store), id, claim, now_s, ret_is_removed, error);
}

/* ---- forgetting ---- */

static gboolean
store_erase(TgStore *store, gint64 now_s, gint64 told_s, gboolean *ret_is_done, GError **error)
{
        Sqlite *self = (Sqlite *)store;
        gboolean is_found = TRUE;
        int n_rows = 0, n_resources, n_spent, n_most;

        n_most = self->n_erase_rows = MIN(ERASE_ROWS, 2 * self->n_erase_rows);
        self->is_erasing = TRUE;
        for (; is_found && n_rows < n_most; n_rows++) {
                TgMailbox mailbox;

                store_release(store);
                sqlite3_bind_int64(self->queries[QUERY_EXPIRED], 1, now_s);
                if (!step_mailbox(self, QUERY_EXPIRED, &is_found, &mailbox, error))
                        return FALSE;
                if (is_found && !tg_store_end(store,
                                              &mailbox,
                                              TG_END_EXPIRED,
                                              mailbox.expires_s,
                                              mailbox.expires_s + told_s > now_s,
                                              error))
                        return FALSE;
        }

        if (!tg_sqlite_resources_erase(self->resources, now_s, n_most, &n_resources, error) ||
            !tg_sqlite_spent_erase(self->spent, now_s, n_most, &n_spent, error))
                return FALSE;
        store->n_erased += (guint64)(n_rows - !is_found + n_resources);
        sqlite3_bind_int64(self->queries[QUERY_FORGET], 1, now_s - told_s);
        sqlite3_bind_int(self->queries[QUERY_FORGET], 2, n_most);
        sqlite3_bind_int64(self->queries[QUERY_FORGET], 3, now_s);
        if (!run(self, QUERY_FORGET, "forget how mailboxes ended", error))
                return FALSE;
        if (sqlite3_changes(self->db) > 0)
                tg_sqlite_file_note_removal(self->file);
        *ret_is_done = !is_found && n_resources < n_most && n_spent < n_most &&
                       sqlite3_changes(self->db) < n_most;

        return TRUE;
}

static void
store_rest(TgStore *store)
{
        sqlite3_db_release_memory(((Sqlite *)store)->db);
}

/* ---- opening and closing ---- */

static gboolean
prepare_queries(Sqlite *self, guint n_queries, GError **error)
{
        if (!tg_sqlite_prepare(self->db, query_texts, n_queries, self->queries))
                return fail(self, "open the store", error);
        self->resources = tg_sqlite_resources_new(self->db, self->file, error);
        self->tokens = self->resources ? tg_sqlite_tokens_new(self->db, self->file, error) : NULL;

        self->spent = self->tokens ? tg_sqlite_spent_new(self->db, self->file, error) : NULL;

        return self->spent != NULL;
}

static void
finalize_queries(Sqlite *self)
{
        for (guint i = 0; i < N_QUERIES; i++)
                sqlite3_finalize(self->queries[i]);
        tg_sqlite_resources_free(self->resources);
        tg_sqlite_spent_free(self->spent);
        tg_sqlite_tokens_free(self->tokens);
}

static void
store_free(TgStore *store)
{
        Sqlite *self = (Sqlite *)store;

        finalize_queries(self);
        if (self->file)
                tg_sqlite_file_free(self->file);
        else
                sqlite3_close(self->db);
        g_free(self);
}

/* What the old connection knew goes with it. Where there is no other now, the next sweep finds one.
 */
static void
renew(Sqlite *self)
{
        Sqlite other = {
                .base = self->base,
                .file = self->file,
                .n_erase_rows = self->n_erase_rows,
                .db = tg_sqlite_file_open_writer(self->file),
        };

        if (other.db && prepare_queries(&other, N_QUERIES, NULL)) {
                Sqlite old = *self;

                *self = other;
                other = old;
                tg_sqlite_file_set_db(self->file, self->db);
        }
        finalize_queries(&other);
        sqlite3_close(other.db);
}

static void
store_maintain(TgStore *store, gboolean is_sweep)
{
        Sqlite *self = (Sqlite *)store;

        store_release(store);
        tg_sqlite_file_maintain(self->file, is_sweep);
        if (is_sweep && tg_sqlite_file_is_stale(self->file))
                renew(self);
}

static Sqlite *store_new(gboolean is_writer);

static TgStore *
store_reader(TgStore *store, GError **error)
{
        Sqlite *self = (Sqlite *)store;
        sqlite3 *db = tg_sqlite_file_connect(self->file, error);
        Sqlite *reader;

        if (!db)
                return NULL;
        reader = store_new(FALSE);
        reader->db = db;
        if (prepare_queries(reader, N_READER_QUERIES, error))
                return &reader->base;
        tg_store_free(&reader->base);

        return NULL;
}

static gboolean
store_measure(TgStore *store, TgStoreSize *ret_size, GError **error)
{
        return tg_sqlite_measure(((Sqlite *)store)->db, ret_size, error);
}

static const TgStoreClass store_class = {
        .begin = store_begin,
        .commit = store_commit,
        .rollback = store_rollback,
        .load = store_load,
        .load_creation = store_load_creation,
        .load_content = store_load_content,
        .release = store_release,
        .take_room = store_take_room,
        .probe = store_probe,
        .spend = store_spend,
        .insert = store_insert,
        .save = store_save,
        .save_token = store_save_token,
        .load_token = store_load_token,
        .forget_token = store_forget_token,
        .end = store_end,
        .load_end = store_load_end,
        .put_resource = store_put_resource,
        .get_resource = store_get_resource,
        .remove_resource = store_remove_resource,
        .erase = store_erase,
        .maintain = store_maintain,
        .rest = store_rest,
        .reader = store_reader,
        .measure = store_measure,
        .free = store_free,
};

static Sqlite *
store_new(gboolean is_writer)
{
        Sqlite *self = g_new0(Sqlite, 1);

        self->base = (TgStore){.class = &store_class, .is_writer = is_writer};
        self->n_erase_rows = ERASE_ROWS;

        return self;
}

TgStore *
tg_store_sqlite_open(const char *path, guint64 max_bytes, GError **error)
{
        TgSqliteFile *file = tg_sqlite_file_open(path, tg_relay_sql, max_bytes, error);
        Sqlite *self;

        if (!file)
                return NULL;
        self = store_new(TRUE);
        self->file = file;
        self->db = tg_sqlite_file_db(file);
        if (prepare_queries(self, N_QUERIES, error))
                return &self->base;
        tg_store_free(&self->base);

        return NULL;
}
