/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The notification tokens of mailboxes in the store's file. For store-sqlite.c.
 */

#include "relay/store-sqlite-file.h"
#include "relay/store.h"

typedef struct TgSqliteTokens TgSqliteTokens;

/* @file is the writer's, and hears what was removed; a reader (NULL) can only look. */
TgSqliteTokens *tg_sqlite_tokens_new(sqlite3 *db, TgSqliteFile *file, GError **error);
void tg_sqlite_tokens_free(TgSqliteTokens *self);

/* As in store.h; the mailbox by its row. */
gboolean tg_sqlite_tokens_save(
        TgSqliteTokens *self, gint64 row, TgSide side, const TgToken *token, GError **error);
gboolean tg_sqlite_tokens_load(
        TgSqliteTokens *self, gint64 row, TgSide side, TgToken *ret_token, GError **error);
gboolean tg_sqlite_tokens_forget(TgSqliteTokens *self,
                                 const guint8 id[TG_ID_BYTES],
                                 TgSide side,
                                 const TgToken *token,
                                 GError **error);
