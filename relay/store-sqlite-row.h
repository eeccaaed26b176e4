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

void tg_sqlite_bind_blob(sqlite3_stmt *stmt, int at, const guint8 *bytes, gsize n_bytes);
void tg_sqlite_bind_text(sqlite3_stmt *stmt, int at, const char *text);
/* NULL when there is none, or no memory for it. */
char *tg_sqlite_column_text(sqlite3_stmt *stmt, int at);

/* The row on which a query of TG_SELECT_MAILBOX stands. FALSE: it is damaged. */
gboolean tg_sqlite_row_read(sqlite3_stmt *stmt, TgMailbox *ret_mailbox);

/* The first thirteen parameters of the INSERT; 14 to 17 are display and payload. */
void tg_sqlite_row_bind(sqlite3_stmt *stmt, const TgMailbox *mailbox);
