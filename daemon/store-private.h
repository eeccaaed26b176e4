/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The inside of the store, for the files that make it up: store.c (opening, key,
 * transactions), store-share.c, store-credential.c (and links), store-log.c, store-sql.c (the
 * database: statements, schema, errors).
 */

#include <sqlite3.h>

#include "daemon/store-file.h"
#include "daemon/store-head.h"
#include "daemon/store.h"

typedef enum {
        TG_STORE_BEGIN,
        TG_STORE_COMMIT,
        TG_STORE_ROLLBACK,
        TG_STORE_SAVE_HEAD,
        TG_STORE_SAVE_SHARE,
        TG_STORE_END_SHARE,
        TG_STORE_FORGET_SHARE,
        TG_STORE_EACH_SHARE,
        TG_STORE_LOAD_SHARE,
        TG_STORE_SAVE_BODY,
        TG_STORE_LOAD_BODY,
        TG_STORE_DROP_BODY,
        TG_STORE_SAVE_CREDENTIAL,
        TG_STORE_EACH_CREDENTIAL,
        TG_STORE_REMOVE_CREDENTIAL,
        TG_STORE_ADD_LINK,
        TG_STORE_HAS_LINK,
        TG_STORE_DROP_OLD_LINKS,
        TG_STORE_LINK_UNTIL,
        TG_STORE_BURN_SHARE,
        TG_STORE_DROP_SHARE_DETAILS,
        TG_STORE_DROP_BODIES,
        TG_STORE_DROP_CREDENTIAL_DETAILS,
        TG_STORE_DROP_LINKS,
        TG_STORE_ADD_LOG,
        TG_STORE_EACH_LOG,
        TG_STORE_DROP_OLD_LOG,
        TG_STORE_DROP_LOG,
        TG_STORE_ADD_LATE,
        TG_STORE_EACH_LATE,
        TG_STORE_HAS_LATE,
        TG_STORE_DROP_LATE,
        TG_STORE_N_STATEMENTS,
} TgStoreStatement;

struct TgStore {
        TgStoreFile *file; /* NULL: in memory */
        sqlite3 *db;
        sqlite3_stmt *statements[TG_STORE_N_STATEMENTS];

        GBytes *sealed_head; /* as it is on disk; NULL: there is none */
        guint64 head_version;
        gboolean has_sealed_rows; /* when it was opened */

        TgSecret *key; /* the last that was given … */
        TgSecret *link_key;
        TgSecret *burn_key;
        TgStoreHead *head; /* … and, where it fits, what it opened */

        gboolean in_transaction;
        gboolean is_reading;
        gboolean is_head_changed;
        GError *doom;             /* a call inside failed: the transaction will not be kept */
        TgStoreHead *head_before; /* of the transaction */
        gboolean is_scrub_due;
        guint scrub_source;
};

/* ---- store-sql.c ---- */

/* Makes the file of self->file; it gets its name when it is whole. */
gboolean tg_store_make_file(TgStore *self, GError **error);
/* Opens the database (@path NULL: a new one in memory), checks whose it is, prepares the
 * statements and reads what is known without the key. */
gboolean tg_store_open_database(TgStore *self, const char *path, GError **error);
void tg_store_close_database(TgStore *self);

/* Bound memory must live until the statement has run. */
void tg_store_bind_text(TgStore *self, TgStoreStatement statement, int at, const char *text);
void tg_store_bind_number(TgStore *self, TgStoreStatement statement, int at, gint64 number);
/* NULL stands for NULL. */
void tg_store_bind_bytes(TgStore *self, TgStoreStatement statement, int at, GBytes *bytes);
void tg_store_reset(TgStore *self, TgStoreStatement statement);

/* Runs a statement that gives no rows; @what is what an error says we cannot do. */
gboolean tg_store_run(TgStore *self, TgStoreStatement statement, const char *what, GError **error);
/* The same with @id as its first parameter. */
gboolean tg_store_run_on(TgStore *self,
                         TgStoreStatement statement,
                         const char *id,
                         const char *what,
                         GError **error);
/* Puts SQLite's last error into words. FALSE. */
gboolean tg_store_fail(TgStore *self, const char *what, GError **error);

gboolean tg_store_is_id(const char *text);

/* ---- store.c ---- */

/* A change is one transaction, or part of one that was begun by hand. */
gboolean tg_store_change_begin(TgStore *self, gboolean *ret_is_own, GError **error);
/* Takes over @failure, NULL when the change was made. */
gboolean tg_store_change_end(
        TgStore *self, gboolean is_own, GError *failure, const char *what, GError **error);

/* ---- store-log.c ---- */

/* What cannot be read any more goes; the next entry is the first. */
gboolean tg_store_begin_log_anew(TgStore *self, GError **error);
