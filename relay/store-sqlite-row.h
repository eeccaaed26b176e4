/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A mailbox as a row of the table of that name: what is read of it in which order, and what is
 * bound when it is made. Bound memory outlives the step: nothing is copied.
 */

#include <sqlite3.h>

#include "relay/store.h"

#define TG_SELECT_MAILBOX                                                                          \
        "SELECT row, id, expires, rights, version, writer, creation, verifier, "                   \
        "initiator, initiator_request, initiator_operation, "                                      \
        "recipient, recipient_request, recipient_operation, "                                      \
        "title, description, image_url, payload FROM mailbox "

/* Its display and payload are the parameters 14 to 17. */
#define TG_INSERT_MAILBOX                                                                          \
        "INSERT INTO mailbox (id, expires, rights, version, writer, creation, verifier, "          \
        "initiator, initiator_request, initiator_operation, "                                      \
        "recipient, recipient_request, recipient_operation, "                                      \
        "title, description, image_url, payload) "                                                 \
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"

/* The row is the parameter 1. */
#define TG_SET_STATE                                                                               \
        "UPDATE mailbox SET version = ?2, writer = ?3, "                                           \
        "initiator_request = ?4, initiator_operation = ?5, "                                       \
        "recipient = ?6, recipient_request = ?7, recipient_operation = ?8"

void tg_sqlite_bind_blob(sqlite3_stmt *stmt, int at, const guint8 *bytes, gsize n_bytes);
void tg_sqlite_bind_text(sqlite3_stmt *stmt, int at, const char *text);
/* NULL when there is none, or no memory for it. */
char *tg_sqlite_column_text(sqlite3_stmt *stmt, int at);

/* The row on which a query of TG_SELECT_MAILBOX stands. FALSE: it is damaged. */
gboolean tg_sqlite_row_read(sqlite3_stmt *stmt, TgMailbox *ret_mailbox);

/* The first thirteen parameters of TG_INSERT_MAILBOX. */
void tg_sqlite_row_bind(sqlite3_stmt *stmt, const TgMailbox *mailbox);
/* All of TG_SET_STATE. */
void tg_sqlite_row_bind_state(sqlite3_stmt *stmt, const TgMailbox *mailbox);
