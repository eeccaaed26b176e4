/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The wallet's log as this program was told of it, and the check of its chain: every hash is
 * computed anew here, from what is shown.
 */

#include <glib.h>

#include "cli/client.h"
#include "protocol/log-entry.h"

typedef struct {
        guint64 number;
        guint8 hash[TG_LOG_HASH_BYTES];
} TgLogPlace;

typedef struct {
        TgLogEntry entry;
        guint8 hash[TG_LOG_HASH_BYTES];
        gboolean is_changed; /* the wallet cannot open it: somebody has changed its row */
} TgLogRow;

typedef struct {
        GPtrArray *rows; /* of TgLogRow */
        TgLogPlace base; /* the last that was dropped; number 0: none */
        TgLogPlace last;
} TgLogBook;

/* All of it, page after page. */
TgLogBook *tg_log_book_read(TgClient *client, GError **error);
void tg_log_book_free(TgLogBook *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgLogBook, tg_log_book_free)

/* TG_ERROR_TAMPERED names the first entry that is not as it was written. */
gboolean tg_log_book_check(const TgLogBook *self, GError **error);

/* "NUMBER:HASH", as tg_log_place_text() writes it. TG_ERROR_INVALID. */
gboolean tg_log_place_parse(const char *text, TgLogPlace *ret_place, GError **error);
char *tg_log_place_text(const TgLogPlace *place);
/* Of a book that was checked: whether @place, which somebody has noted, is in it.
 * TG_ERROR_NOT_FOUND: it is so old that it was dropped; TG_ERROR_TAMPERED: it is not. */
gboolean tg_log_book_has(const TgLogBook *self, const TgLogPlace *place, GError **error);
