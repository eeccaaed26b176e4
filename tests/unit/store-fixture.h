/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A store in a new folder, with its key; and somebody who changes the file behind
 * its back, which is done with SQLite.
 */

#include "daemon/store.h"
#include "tests/unit/helper.h"

#define ID_A "000102030405060708090a0b0c0d0e0f"
#define ID_B "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define CANARY "CANARY-title-link-relay"

typedef struct {
        char *top;
        char *folder;
        char *path;
        TgSecret *key;
        TgStore *store;
} StoreFixture;

void store_set_up(StoreFixture *f, gconstpointer data);
void store_tear_down(StoreFixture *f, gconstpointer data);
#define STORE_ADD(name, func)                                                                      \
        g_test_add("/store/" name, StoreFixture, NULL, store_set_up, func, store_tear_down)

void store_open(StoreFixture *f);
void store_close(StoreFixture *f);
/* Again, with the key. */
TgStoreKeyFit store_reopen(StoreFixture *f);
/* @remedy: what the sentence must hold. */
void store_assert_open_refused(StoreFixture *f, const char *remedy);
/* Somebody with a database program, while the daemon is not there. */
void store_tamper(StoreFixture *f, const char *sql);

TgShareRow store_row_new(const char *id, TgState state);
void store_save(StoreFixture *f, TgShareRow *row, const char *detail, const char *body);
void store_save_new(
        StoreFixture *f, const char *id, TgState state, const char *detail, const char *body);

/* "ID STATE DETAIL VERSION;" of each row, with two characters of the id; "!" in the place
 * of the detail of a row that is refused, "-" where there is none. */
void store_add_row(const TgShareRow *row, TgSecret *detail, const GError *error, gpointer text);
void store_assert_rows(StoreFixture *f, const char *expected);
void store_assert_body(StoreFixture *f, const char *id, const char *expected); /* NULL: none */
void store_assert_body_refused(StoreFixture *f, const char *id);
