/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/store-sqlite-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "protocol/error.h"

#define SCHEMA_VERSION 3
#define PAGE_BYTES 4096
/* The thread carries over after so many new pages of WAL (4 MB) … */
#define CHECKPOINT_PAGES 1000
/* … and beyond so many the writer waits until all is over and the WAL begins
 * anew; only between two batches can nothing be added meanwhile. */
#define RESTART_PAGES 16384
/* Nothing new is taken when less than this is free, or than this part of the disk: what is there
 * must always be removable, and removing writes. */
#define SPARE_BYTES (16 * 1024 * 1024)
#define SPARE_PART 16
/* Of a new row beside its own octets: in indexes, and what its last page has to spare. */
#define ROW_PAGES 8
/* Nobody holds a lock for longer than one statement. */
#define BUSY_TIMEOUT_MS 2000

struct TgSqliteFile {
        char *path;
        guint64 max_bytes;
        int lock_fd;
        sqlite3 *db;

        int n_wal_pages;
        int n_carried_pages; /* of them asked of the thread */
        gboolean has_removed;
        gboolean is_sweep_due;
        gboolean is_stale;
        gint64 spare_bytes;
        gint64 room_bytes; /* for what is new, on the disk … */
        gint64 free_bytes; /* … and in the file */
        gboolean is_short; /* there was not enough */

        GThread *thread;
        GMutex mutex;
        GCond cond;
        gboolean is_wanted;
        gboolean is_stopping;
};

static gboolean
is_in_memory(const TgSqliteFile *self)
{
        return strcmp(self->path, ":memory:") == 0;
}

static gboolean
fail(TgSqliteFile *self, const char *what, GError **error)
{
        tg_set_error(error,
                     TG_ERROR_UNREACHABLE,
                     "cannot %s the store %s: %s",
                     what,
                     self->path,
                     sqlite3_errmsg(self->db));
        return FALSE;
}

/* ---- room ---- */

static gboolean
ask_number(sqlite3 *db, const char *sql, gint64 *ret_number)
{
        sqlite3_stmt *stmt = NULL;
        gboolean is_answered = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
                               sqlite3_step(stmt) == SQLITE_ROW;

        if (is_answered)
                *ret_number = sqlite3_column_int64(stmt, 0);
        sqlite3_finalize(stmt);

        return is_answered;
}

/* What the WAL has and the file has not takes its place there when it is carried over, which
 * must always be possible: else the WAL could not begin anew, and the disk stayed full. */
void
tg_sqlite_file_measure_room(TgSqliteFile *self)
{
        struct statvfs disk;
        struct stat file;
        gint64 block, owed, n_pages, n_free;

        /* Who cannot be told finds out by writing. */
        self->room_bytes = G_MAXINT64;
        if (is_in_memory(self) || statvfs(self->path, &disk) < 0 || stat(self->path, &file) < 0 ||
            !ask_number(self->db, "PRAGMA page_count", &n_pages) ||
            !ask_number(self->db, "PRAGMA freelist_count", &n_free))
                return;
        block = (gint64)disk.f_frsize;
        owed = n_pages * PAGE_BYTES - file.st_size;
        self->spare_bytes = MIN(SPARE_BYTES, (gint64)disk.f_blocks * block / SPARE_PART);
        self->room_bytes = (gint64)disk.f_bavail * block - MAX(0, owed) - self->spare_bytes;
        self->free_bytes = n_free * PAGE_BYTES;
}

/* It is written twice: into the WAL, and into the file, where pages may be free. The file does not
 * grow into what the WAL needs, for then nobody could ever use those again. */
gboolean
tg_sqlite_file_take_room(TgSqliteFile *self, gsize n_bytes)
{
        gint64 n_wanted = (gint64)n_bytes + (gint64)ROW_PAGES * PAGE_BYTES;
        gint64 n_grown = MAX(0, n_wanted - self->free_bytes);

        if (self->room_bytes < n_wanted + n_grown + (n_grown > 0 ? self->spare_bytes : 0)) {
                self->is_short = TRUE;
                return FALSE;
        }
        self->room_bytes -= n_wanted + n_grown;
        self->free_bytes = MAX(0, self->free_bytes - n_wanted);

        return TRUE;
}

/* A version that is set is written, also when it is the old one. */
gboolean
tg_sqlite_file_probe(TgSqliteFile *self, GError **error)
{
        if (!tg_sqlite_file_take_room(self, 0)) {
                tg_set_error(error, TG_ERROR_UNREACHABLE, TG_STORE_FULL);
                return FALSE;
        }

        return sqlite3_exec(self->db,
                            "PRAGMA user_version = " G_STRINGIFY(SCHEMA_VERSION),
                            NULL,
                            NULL,
                            NULL) == SQLITE_OK ||
               fail(self, "write to", error);
}

/* ---- carrying over and erasing ---- */

static int
on_committed(void *user_data, sqlite3 *db, const char *name, int n_pages)
{
        TgSqliteFile *self = user_data;

        self->n_wal_pages = n_pages;
        if (n_pages < self->n_carried_pages) /* the WAL has begun anew */
                self->n_carried_pages = 0;
        if (self->thread && n_pages - self->n_carried_pages >= CHECKPOINT_PAGES) {
                self->n_carried_pages = n_pages;
                g_mutex_lock(&self->mutex);
                self->is_wanted = TRUE;
                g_cond_signal(&self->cond);
                g_mutex_unlock(&self->mutex);
        }

        return SQLITE_OK;
}

static gboolean connect_to(TgSqliteFile *self, sqlite3 **ret_db, GError **error);

/* By a connection that lasts no longer: it would keep the last page that went through it.
 * Whatever goes wrong is met again, and reported, by the writer. */
static void
carry_over_now(TgSqliteFile *self)
{
        sqlite3 *db = NULL;

        if (connect_to(self, &db, NULL))
                sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        sqlite3_close(db);
}

static gpointer
carry_over(gpointer user_data)
{
        TgSqliteFile *self = user_data;

        g_mutex_lock(&self->mutex);
        while (!self->is_stopping) {
                if (!self->is_wanted) {
                        g_cond_wait(&self->cond, &self->mutex);
                        continue;
                }
                self->is_wanted = FALSE;
                g_mutex_unlock(&self->mutex);
                carry_over_now(self);
                g_mutex_lock(&self->mutex);
        }
        g_mutex_unlock(&self->mutex);

        return NULL;
}

void
tg_sqlite_file_note_removal(TgSqliteFile *self)
{
        self->has_removed = TRUE;
}

/* Truncating is what erases: removed rows are zeros in the file (secure_delete),
 * but stand in the WAL as they were. It fails while the thread is at work, and is
 * tried again after the next batch. */
void
tg_sqlite_file_maintain(TgSqliteFile *self, gboolean is_sweep)
{
        if (self->n_wal_pages > RESTART_PAGES &&
            sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) ==
                    SQLITE_OK)
                self->n_wal_pages = 0;

        self->is_sweep_due |= is_sweep && self->has_removed;
        /* The WAL is what can be given back at once. */
        self->is_sweep_due |= self->is_short && self->n_wal_pages > 0;
        self->is_short = FALSE;
        if (self->is_sweep_due &&
            sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
                    SQLITE_OK) {
                self->is_sweep_due = self->has_removed = FALSE;
                self->is_stale = !is_in_memory(self);
                self->n_wal_pages = 0;
        }
}

/* ---- opening and closing ---- */

static gboolean
connect_to(TgSqliteFile *self, sqlite3 **ret_db, GError **error)
{
        int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
        int r = sqlite3_open_v2(self->path, ret_db, flags, NULL);

        if (r == SQLITE_OK) {
                sqlite3_busy_timeout(*ret_db, BUSY_TIMEOUT_MS);
                r = sqlite3_exec(*ret_db,
                                 "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;"
                                 "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                                 "PRAGMA cache_size = -8192;",
                                 NULL,
                                 NULL,
                                 NULL);
        }
        if (r == SQLITE_OK)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_UNREACHABLE,
                     "cannot open the store %s: %s",
                     self->path,
                     *ret_db ? sqlite3_errmsg(*ret_db) : sqlite3_errstr(r));

        return FALSE;
}

/* One transaction: there is a whole store or none. */
static gboolean
make_schema(TgSqliteFile *self, const char *schema, GError **error)
{
        g_autofree char *sql =
                g_strconcat("BEGIN IMMEDIATE;",
                            schema,
                            "PRAGMA user_version = " G_STRINGIFY(SCHEMA_VERSION) "; COMMIT;",
                            NULL);

        return sqlite3_exec(self->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
               fail(self, "make", error);
}

/* What each writing connection has to be told. */
static gboolean
configure_writer(TgSqliteFile *self, sqlite3 *db)
{
        guint64 max_pages = self->max_bytes == 0 ? G_MAXUINT32 - 1 : self->max_bytes / PAGE_BYTES;
        g_autofree char *settings = NULL;

        settings = g_strdup_printf("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
                                   "PRAGMA max_page_count = %" G_GUINT64_FORMAT ";",
                                   CLAMP(max_pages, 1, G_MAXUINT32 - 1));

        return sqlite3_exec(db, settings, NULL, NULL, NULL) == SQLITE_OK;
}

static gboolean
prepare(TgSqliteFile *self, const char *schema, GError **error)
{
        gint64 version, n_tables;

        if (!ask_number(self->db, "PRAGMA user_version", &version) ||
            !ask_number(self->db, "SELECT count(*) FROM sqlite_schema", &n_tables))
                return fail(self, "open", error);
        if (version != SCHEMA_VERSION && (version != 0 || n_tables != 0)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the file %s is no store of this tigress-relay: name another",
                             self->path);
                return FALSE;
        }

        if (!configure_writer(self, self->db))
                return fail(self, "open", error);

        return version != 0 || make_schema(self, schema, error);
}

/* Two processes on one file would lose each other's wake-ups. A file of its own:
 * closing any descriptor of the store's would drop SQLite's locks. */
static gboolean
lock(TgSqliteFile *self, GError **error)
{
        g_autofree char *path = g_strconcat(self->path, ".lock", NULL);

        self->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (self->lock_fd < 0) {
                tg_set_error(error,
                             TG_ERROR_UNREACHABLE,
                             "cannot open the store %s: %s",
                             self->path,
                             g_strerror(errno));
                return FALSE;
        }
        if (flock(self->lock_fd, LOCK_EX | LOCK_NB) == 0)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_BAD_STATE,
                     "another tigress-relay uses the store %s: stop it first, or name another "
                     "state directory",
                     self->path);

        return FALSE;
}

static gboolean
open_file(TgSqliteFile *self, const char *schema, GError **error)
{
        if (is_in_memory(self))
                return connect_to(self, &self->db, error) && prepare(self, schema, error);
        if (!lock(self, error) || !connect_to(self, &self->db, error) ||
            !prepare(self, schema, error))
                return FALSE;

        self->has_removed = TRUE; /* by the process before, perhaps */
        sqlite3_wal_hook(self->db, on_committed, self);
        self->thread = g_thread_new("checkpoint", carry_over, self);

        return TRUE;
}

TgSqliteFile *
tg_sqlite_file_open(const char *path, const char *schema, guint64 max_bytes, GError **error)
{
        TgSqliteFile *self = g_new0(TgSqliteFile, 1);

        /* Statistics that nobody asks for cost a lock at each allocation; what each
         * connection would allocate beforehand is never freed, and so not overwritten
         * (Debian's SQLite does not anyway).
         * Refused, and no matter, once SQLite is in use. */
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
        self->path = g_strdup(path);
        self->max_bytes = max_bytes;
        self->lock_fd = -1;
        g_mutex_init(&self->mutex);
        g_cond_init(&self->cond);
        if (open_file(self, schema, error))
                return self;
        tg_sqlite_file_free(self);

        return NULL;
}

void
tg_sqlite_file_free(TgSqliteFile *self)
{
        if (!self)
                return;
        if (self->thread) {
                g_mutex_lock(&self->mutex);
                self->is_stopping = TRUE;
                g_cond_signal(&self->cond);
                g_mutex_unlock(&self->mutex);
                g_thread_join(self->thread);
        }
        sqlite3_close(self->db);
        g_mutex_clear(&self->mutex);
        g_cond_clear(&self->cond);
        if (self->lock_fd >= 0)
                close(self->lock_fd);
        g_free(self->path);
        g_free(self);
}

sqlite3 *
tg_sqlite_file_db(TgSqliteFile *self)
{
        return self->db;
}

gboolean
tg_sqlite_file_is_stale(const TgSqliteFile *self)
{
        return self->is_stale;
}

sqlite3 *
tg_sqlite_file_open_writer(TgSqliteFile *self)
{
        sqlite3 *db = NULL;

        /* Where SQLite cannot open file or WAL for writing it opens it for reading, for good. */
        if (connect_to(self, &db, NULL) && configure_writer(self, db) &&
            sqlite3_exec(db, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL, NULL) == SQLITE_OK)
                return db;
        sqlite3_close(db);

        return NULL;
}

void
tg_sqlite_file_set_db(TgSqliteFile *self, sqlite3 *db)
{
        sqlite3_wal_hook(db, on_committed, self);
        self->db = db;
        self->is_stale = FALSE;
}

sqlite3 *
tg_sqlite_file_connect(TgSqliteFile *self, GError **error)
{
        sqlite3 *db = NULL;

        if (is_in_memory(self))
                return NULL;
        if (connect_to(self, &db, error) &&
            sqlite3_exec(db, "PRAGMA query_only = ON", NULL, NULL, NULL) == SQLITE_OK)
                return db;
        if (error && !*error)
                fail(self, "open", error);
        sqlite3_close(db);

        return NULL;
}

gboolean
tg_sqlite_prepare(sqlite3 *db,
                  const char *const *texts,
                  guint n_queries,
                  sqlite3_stmt **ret_queries)
{
        for (guint i = 0; i < n_queries; i++)
                if (sqlite3_prepare_v3(
                            db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &ret_queries[i], NULL) !=
                    SQLITE_OK)
                        return FALSE;

        return TRUE;
}

gboolean
tg_sqlite_measure(sqlite3 *db, TgStoreSize *ret_size, GError **error)
{
        gint64 n_mailboxes, n_resources, n_pages;

        if (!ask_number(db, "SELECT count(*) FROM mailbox", &n_mailboxes) ||
            !ask_number(db, "SELECT count(*) FROM resource", &n_resources) ||
            !ask_number(db, "PRAGMA page_count", &n_pages)) {
                tg_set_error(error,
                             TG_ERROR_UNREACHABLE,
                             "cannot count what the store has: %s",
                             sqlite3_errmsg(db));
                return FALSE;
        }
        *ret_size = (TgStoreSize){
                .n_mailboxes = (guint64)n_mailboxes,
                .n_resources = (guint64)n_resources,
                .n_bytes = (guint64)n_pages * PAGE_BYTES,
        };

        return TRUE;
}

gboolean
tg_sqlite_column(sqlite3_stmt *stmt, int at, guint8 *ret_bytes, gsize n_bytes)
{
        const void *bytes = sqlite3_column_blob(stmt, at);

        if (!bytes || (gsize)sqlite3_column_bytes(stmt, at) != n_bytes)
                return FALSE;
        memcpy(ret_bytes, bytes, n_bytes);

        return TRUE;
}
