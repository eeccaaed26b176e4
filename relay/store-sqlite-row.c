/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/store-sqlite-row.h"

#include "relay/store-sqlite-file.h"

void
tg_sqlite_bind_blob(sqlite3_stmt *stmt, int at, const guint8 *bytes, gsize n_bytes)
{
        sqlite3_bind_blob64(stmt, at, bytes, n_bytes, SQLITE_STATIC);
}

void
tg_sqlite_bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
        sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

char *
tg_sqlite_column_text(sqlite3_stmt *stmt, int at)
{
        return g_strdup((const char *)sqlite3_column_text(stmt, at));
}

static gboolean
read_party(sqlite3_stmt *stmt, int at, TgParty *party)
{
        party->last_operation = (guint)sqlite3_column_int(stmt, at + 2);

        return tg_sqlite_column(stmt, at, party->claim, sizeof party->claim) &&
               tg_sqlite_column(stmt, at + 1, party->last_request, sizeof party->last_request);
}

gboolean
tg_sqlite_row_read(sqlite3_stmt *stmt, TgMailbox *mailbox)
{
        *mailbox = (TgMailbox){
                .row = sqlite3_column_int64(stmt, 0),
                .expires_s = sqlite3_column_int64(stmt, 2),
                .rights = (TgRights)sqlite3_column_int(stmt, 3),
                .version = (guint64)sqlite3_column_int64(stmt, 4),
                .writer = (TgSide)sqlite3_column_int(stmt, 5),
                .has_verifier = sqlite3_column_type(stmt, 7) != SQLITE_NULL,
        };

        return tg_sqlite_column(stmt, 1, mailbox->id, sizeof mailbox->id) &&
               tg_sqlite_column(stmt, 6, mailbox->creation, sizeof mailbox->creation) &&
               (!mailbox->has_verifier ||
                tg_sqlite_column(stmt, 7, mailbox->verifier, sizeof mailbox->verifier)) &&
               read_party(stmt, 8, &mailbox->parties[TG_SIDE_INITIATOR]) &&
               read_party(stmt, 11, &mailbox->parties[TG_SIDE_RECIPIENT]);
}

void
tg_sqlite_row_bind(sqlite3_stmt *stmt, const TgMailbox *mailbox)
{
        tg_sqlite_bind_blob(stmt, 1, mailbox->id, sizeof mailbox->id);
        sqlite3_bind_int64(stmt, 2, mailbox->expires_s);
        sqlite3_bind_int(stmt, 3, (int)mailbox->rights);
        sqlite3_bind_int64(stmt, 4, (gint64)mailbox->version);
        sqlite3_bind_int(stmt, 5, (int)mailbox->writer);
        tg_sqlite_bind_blob(stmt, 6, mailbox->creation, sizeof mailbox->creation);
        if (mailbox->has_verifier)
                tg_sqlite_bind_blob(stmt, 7, mailbox->verifier, sizeof mailbox->verifier);
        else
                sqlite3_bind_null(stmt, 7);
        for (int i = 0; i < TG_N_SIDES; i++) {
                const TgParty *party = &mailbox->parties[i];

                tg_sqlite_bind_blob(stmt, 8 + 3 * i, party->claim, sizeof party->claim);
                tg_sqlite_bind_blob(
                        stmt, 9 + 3 * i, party->last_request, sizeof party->last_request);
                sqlite3_bind_int(stmt, 10 + 3 * i, (int)party->last_operation);
        }
}

void
tg_sqlite_row_bind_state(sqlite3_stmt *stmt, const TgMailbox *mailbox)
{
        const TgParty *initiator = &mailbox->parties[TG_SIDE_INITIATOR];
        const TgParty *recipient = &mailbox->parties[TG_SIDE_RECIPIENT];

        sqlite3_bind_int64(stmt, 1, mailbox->row);
        sqlite3_bind_int64(stmt, 2, (gint64)mailbox->version);
        sqlite3_bind_int(stmt, 3, (int)mailbox->writer);
        tg_sqlite_bind_blob(stmt, 4, initiator->last_request, sizeof initiator->last_request);
        sqlite3_bind_int(stmt, 5, (int)initiator->last_operation);
        tg_sqlite_bind_blob(stmt, 6, recipient->claim, sizeof recipient->claim);
        tg_sqlite_bind_blob(stmt, 7, recipient->last_request, sizeof recipient->last_request);
        sqlite3_bind_int(stmt, 8, (int)recipient->last_operation);
}
