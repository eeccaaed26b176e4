/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The words by which mailboxes ended, for those who may hear them, as store-sqlite.c keeps
 * them: a row a claim.
 */

#include "relay/store-sqlite-file.h"

typedef struct TgSqliteEnded TgSqliteEnded;

/* On the connection @db. @file NULL: a reader, for which tg_sqlite_ended_find() is all. */
TgSqliteEnded *tg_sqlite_ended_new(sqlite3 *db, TgSqliteFile *file, GError **error);
void tg_sqlite_ended_free(TgSqliteEnded *self);

/* Nothing for nobody, who is zeros. */
gboolean tg_sqlite_ended_add(TgSqliteEnded *self,
                             const guint8 claim[TG_DIGEST_BYTES],
                             TgEnd word,
                             gint64 at_s,
                             GError **error);
/* tg_store_load_end() */
gboolean tg_sqlite_ended_find(TgSqliteEnded *self,
                              const guint8 claim[TG_DIGEST_BYTES],
                              gint64 since_s,
                              TgEnd *ret_word,
                              GError **error);
/* At most @n_rows of those that were added before @since_s, or later than now. */
gboolean tg_sqlite_ended_erase(TgSqliteEnded *self,
                               gint64 since_s,
                               gint64 now_s,
                               int n_rows,
                               int *ret_n_erased,
                               GError **error);
