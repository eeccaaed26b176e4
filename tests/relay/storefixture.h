/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A store of a test's own: a file in a directory of its own, or beside with-redis the one in
 * Redis.
 */

#include "relay/store.h"

#define STORE_NOW 1800000000 /* the time of the one in Redis */

typedef struct {
        char *directory;
        char *path;
        const char *redis; /* NULL: a file, at @path */
        guint database;    /* of Redis, and nobody else's */
        TgStore *store;
} StoreFixture;

void store_set_up(StoreFixture *self, gconstpointer data);
void store_tear_down(StoreFixture *self, gconstpointer data);
void store_reopen(StoreFixture *self);

/* A batch. */
void store_begin(StoreFixture *self);
void store_commit(StoreFixture *self);

/* How many files of the store have @bytes in them. */
guint store_count_files_with(StoreFixture *self, const void *bytes, gsize n_bytes);
