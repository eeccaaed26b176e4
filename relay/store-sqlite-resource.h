/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The resources of the plain-HTTP transport in SQLite: their own statements on a connection that
 * is somebody else's. Batches are the connection's.
 */

#include "relay/resource.h"
#include "relay/store-sqlite-file.h"

typedef struct TgSqliteResources TgSqliteResources;

/* @file is the writer's, and hears what was removed; a reader (NULL) can only look. */
TgSqliteResources *tg_sqlite_resources_new(sqlite3 *db, TgSqliteFile *file, GError **error);
void tg_sqlite_resources_free(TgSqliteResources *self);

/* As in store.h. */
gboolean tg_sqlite_resources_put(TgSqliteResources *self,
                                 const TgResource *resource,
                                 gint64 now_s,
                                 TgPut *ret_put,
                                 GError **error);
gboolean tg_sqlite_resources_get(TgSqliteResources *self,
                                 const guint8 id[TG_RESOURCE_ID_BYTES],
                                 const guint8 *claim,
                                 gboolean may_lock,
                                 gint64 now_s,
                                 TgGet *ret_get,
                                 GBytes **ret_octets,
                                 GError **error);
gboolean tg_sqlite_resources_remove(TgSqliteResources *self,
                                    const guint8 id[TG_RESOURCE_ID_BYTES],
                                    const guint8 *claim,
                                    gint64 now_s,
                                    gboolean *ret_is_removed,
                                    GError **error);
/* At most @n_rows of those whose time is up. */
gboolean tg_sqlite_resources_erase(
        TgSqliteResources *self, gint64 now_s, int n_rows, int *ret_n_erased, GError **error);
