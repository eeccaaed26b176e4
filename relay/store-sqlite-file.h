/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One SQLite file as the relay wants it: WAL, synchronous=FULL (one flush a
 * commit), secure_delete. Knows no table. One connection writes; a second one, on
 * a thread of its own, carries the WAL over into the file, for the writer would
 * stall a whole batch for tens of milliseconds over it.
 */

#include <glib.h>
#include <sqlite3.h>

#include "relay/store.h"

typedef struct TgSqliteFile TgSqliteFile;

/* Opens @path, or makes it with @schema, and keeps every other process out.
 * ":memory:" is a file that nobody else sees. */
TgSqliteFile *
tg_sqlite_file_open(const char *path, const char *schema, guint64 max_bytes, GError **error);
/* Statements first. */
void tg_sqlite_file_free(TgSqliteFile *self);

/* The writing connection. */
sqlite3 *tg_sqlite_file_db(TgSqliteFile *self);

/* Whether that connection has in memory what has been erased from the file: copies of pages and
 * rows that are gone. They go with the connection, so another is to take its place. */
gboolean tg_sqlite_file_is_stale(const TgSqliteFile *self);
/* That other one, NULL when there is none to be had now. */
sqlite3 *tg_sqlite_file_open_writer(TgSqliteFile *self);
/* @db is the writing connection from now on; who had the one before closes it. */
void tg_sqlite_file_set_db(TgSqliteFile *self, sqlite3 *db);

/* A further connection, to read: the caller's. NULL without @error set for ":memory:". */
sqlite3 *tg_sqlite_file_connect(TgSqliteFile *self, GError **error);

/* Something was removed or replaced: what it was is still in the WAL. */
void tg_sqlite_file_note_removal(TgSqliteFile *self);

/* At the beginning of a batch: looks how much of the disk may be taken by what is new. */
void tg_sqlite_file_measure_room(TgSqliteFile *self);
/* FALSE: there is not so much of it. */
gboolean tg_sqlite_file_take_room(TgSqliteFile *self, gsize n_bytes);
/* tg_store_probe() */
gboolean tg_sqlite_file_probe(TgSqliteFile *self, GError **error);

/* Between two batches. @is_sweep: erase what has been noted. */
void tg_sqlite_file_maintain(TgSqliteFile *self, gboolean is_sweep);

/* Prepares @n_queries of @texts, to be used again and again. */
gboolean tg_sqlite_prepare(sqlite3 *db,
                           const char *const *texts,
                           guint n_queries,
                           sqlite3_stmt **ret_queries);

/* Counts what @db has. */
gboolean tg_sqlite_measure(sqlite3 *db, TgStoreSize *ret_size, GError **error);

/* The memory outlives the step: nothing is copied. @text may be NULL. */
void tg_sqlite_bind_blob(sqlite3_stmt *stmt, int at, const guint8 *bytes, gsize n_bytes);
void tg_sqlite_bind_text(sqlite3_stmt *stmt, int at, const char *text);

/* Copies a column of exactly @n_bytes octets. FALSE when it has not so many. */
gboolean tg_sqlite_column(sqlite3_stmt *stmt, int at, guint8 *ret_bytes, gsize n_bytes);
