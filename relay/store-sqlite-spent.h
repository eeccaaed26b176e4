/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What was used up for mailboxes in SQLite, in a table of its own that names none of them. For
 * store-sqlite.c; the writer's alone.
 */

#include <sqlite3.h>

#include "relay/store-sqlite-file.h"
#include "relay/store.h"

typedef struct TgSqliteSpent TgSqliteSpent;

/* Both outlive it. @file NULL: a reader's, which can do nothing. */
TgSqliteSpent *tg_sqlite_spent_new(sqlite3 *db, TgSqliteFile *file, GError **error);
void tg_sqlite_spent_free(TgSqliteSpent *self);

/* *ret_is_first FALSE: it was there before, and nothing is changed. */
gboolean tg_sqlite_spent_add(TgSqliteSpent *self,
                             const TgSpent *spent,
                             gboolean *ret_is_first,
                             GError **error);

/* Removes at most @n_rows that are worth nothing any more. */
gboolean tg_sqlite_spent_erase(
        TgSqliteSpent *self, gint64 now_s, int n_rows, int *ret_n_erased, GError **error);
