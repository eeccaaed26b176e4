/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The log of acts: each entry sealed under its number with its hash before it; where the chain
 * begins and ends is in the head. A row that was changed or moved does not open, one that was
 * put back from another time does not fit its neighbours, and one that is missing leaves a gap.
 */

#include <string.h>

#include "daemon/store-private.h"
#include "daemon/store-seal.h"
#include "protocol/error.h"
#include "protocol/limits.h"

static const char saving[] = "write the log";
static const char reading[] = "read the log";

static GBytes *
seal_entry(const TgStore *self,
           const TgLogEntry *entry,
           const guint8 hash[TG_LOG_HASH_BYTES],
           GError **error)
{
        g_autoptr(GBytes) octets = tg_log_entry_write(entry);
        g_autoptr(TgSecret) plaintext = NULL;
        gsize n_octets;
        const void *data = g_bytes_get_data(octets, &n_octets);
        guint8 *at;

        plaintext = tg_secret_new_blank(TG_LOG_HASH_BYTES + n_octets, &at, error);
        if (!plaintext)
                return NULL;
        memcpy(at, hash, TG_LOG_HASH_BYTES);
        memcpy(at + TG_LOG_HASH_BYTES, data, n_octets);
        return tg_store_seal(self->key, "log", "", entry->number, plaintext, error);
}

/* FALSE for what was not sealed under this number, or not by us. */
static gboolean
open_entry(const TgStore *self,
           guint64 number,
           const void *sealed,
           gsize n_sealed,
           TgLogEntry *ret_entry,
           guint8 ret_hash[TG_LOG_HASH_BYTES])
{
        g_autoptr(TgSecret) plaintext = NULL;
        const guint8 *octets;
        gsize n_octets;

        plaintext = tg_store_unseal(self->key, "log", "", number, sealed, n_sealed, NULL);
        if (!plaintext)
                return FALSE;
        octets = tg_secret_get(plaintext, &n_octets);
        if (n_octets < TG_LOG_HASH_BYTES ||
            !tg_log_entry_read(octets + TG_LOG_HASH_BYTES, n_octets - TG_LOG_HASH_BYTES, ret_entry))
                return FALSE;
        memcpy(ret_hash, octets, TG_LOG_HASH_BYTES);
        return TRUE;
}

/* ---- reading ---- */

void
tg_store_log_marks(const TgStore *self, TgLogMark *ret_base, TgLogMark *ret_last)
{
        g_return_if_fail(self->head);

        *ret_base = *tg_store_head_log_base(self->head);
        *ret_last = *tg_store_head_log_last(self->head);
}

static void
give_entry(TgStore *self, sqlite3_stmt *statement, TgLogFunc func, gpointer user_data)
{
        static const guint8 unknown[TG_LOG_HASH_BYTES];
        g_auto(TgLogEntry) entry = {0};
        guint64 number = (guint64)sqlite3_column_int64(statement, 0);
        guint8 hash[TG_LOG_HASH_BYTES];

        if (open_entry(self,
                       number,
                       sqlite3_column_blob(statement, 1),
                       (gsize)sqlite3_column_bytes(statement, 1),
                       &entry,
                       hash))
                func(number, &entry, hash, user_data);
        else
                func(number, NULL, unknown, user_data);
}

gboolean
tg_store_each_log(TgStore *self,
                  guint64 after,
                  guint n_max,
                  TgLogFunc func,
                  gpointer user_data,
                  GError **error)
{
        sqlite3_stmt *statement = self->statements[TG_STORE_EACH_LOG];
        TgLogMark base;
        TgLogMark last;
        gboolean is_fine;
        int result;

        g_return_val_if_fail(self->head, FALSE);

        tg_store_log_marks(self, &base, &last);
        tg_store_bind_number(
                self, TG_STORE_EACH_LOG, 1, (gint64)MIN(MAX(after, base.number), G_MAXINT64));
        tg_store_bind_number(self, TG_STORE_EACH_LOG, 2, (gint64)last.number);
        tg_store_bind_number(self, TG_STORE_EACH_LOG, 3, n_max);
        self->is_reading = TRUE;
        while ((result = sqlite3_step(statement)) == SQLITE_ROW)
                give_entry(self, statement, func, user_data);
        self->is_reading = FALSE;
        is_fine = result == SQLITE_DONE || tg_store_fail(self, reading, error);
        tg_store_reset(self, TG_STORE_EACH_LOG);
        return is_fine;
}

/* ---- writing ---- */

typedef struct {
        TgLogMark mark;
        gboolean is_there;
} Found;

static void
find_mark(guint64 number,
          const TgLogEntry *entry,
          const guint8 hash[TG_LOG_HASH_BYTES],
          gpointer user_data)
{
        Found *found = user_data;

        found->is_there = entry && number == found->mark.number;
        memcpy(found->mark.hash, hash, TG_LOG_HASH_BYTES);
}

/* What was tampered with is kept, and the log grows on: nobody is to get rid of the traces by
 * waiting. */
static gboolean
drop_oldest(TgStore *self, GError **error)
{
        TgLogMark *base = tg_store_head_log_base(self->head);
        TgLogMark *last = tg_store_head_log_last(self->head);
        Found found = {.mark = {.number = base->number + TG_LOG_LOT}};

        if (last->number - base->number <= TG_MAX_LOG_ENTRIES)
                return TRUE;
        if (!tg_store_each_log(self, found.mark.number - 1, 1, find_mark, &found, error))
                return FALSE;
        if (!found.is_there)
                return TRUE;

        tg_store_bind_number(self, TG_STORE_DROP_OLD_LOG, 1, (gint64)found.mark.number);
        if (!tg_store_run(self, TG_STORE_DROP_OLD_LOG, saving, error))
                return FALSE;
        *base = found.mark;
        self->is_scrub_due = TRUE;
        return TRUE;
}

static gboolean
append(TgStore *self, const TgLogEntry *entry, GError **error)
{
        TgLogMark *last = tg_store_head_log_last(self->head);
        TgLogEntry numbered = *entry;
        g_autoptr(GBytes) sealed = NULL;
        TgLogMark next = {.number = last->number + 1};

        numbered.number = next.number;
        tg_log_entry_hash(&numbered, last->hash, next.hash);
        sealed = seal_entry(self, &numbered, next.hash, error);
        if (!sealed)
                return FALSE;

        tg_store_bind_number(self, TG_STORE_ADD_LOG, 1, (gint64)next.number);
        tg_store_bind_bytes(self, TG_STORE_ADD_LOG, 2, sealed);
        if (!tg_store_run(self, TG_STORE_ADD_LOG, saving, error))
                return FALSE;
        *last = next;
        self->is_head_changed = TRUE;
        return drop_oldest(self, error);
}

gboolean
tg_store_log(TgStore *self, const TgLogEntry *entry, GError **error)
{
        GError *failure = NULL;
        gboolean is_own;

        g_return_val_if_fail(self->head, FALSE);

        if (!tg_store_change_begin(self, &is_own, error))
                return FALSE;
        append(self, entry, &failure);
        return tg_store_change_end(self, is_own, failure, saving, error);
}

gboolean
tg_store_begin_log_anew(TgStore *self, GError **error)
{
        return tg_store_run(self, TG_STORE_DROP_LOG, saving, error);
}

/* ---- without the key ---- */

gboolean
tg_store_log_late(TgStore *self, const char *id, TgLogAct act, gint64 time_s, GError **error)
{
        GError *failure = NULL;
        gboolean is_own;

        g_return_val_if_fail(tg_store_is_id(id), FALSE);

        if (!tg_store_change_begin(self, &is_own, error))
                return FALSE;
        tg_store_bind_text(self, TG_STORE_ADD_LATE, 2, tg_log_act_name(act));
        tg_store_bind_number(self, TG_STORE_ADD_LATE, 3, time_s);
        tg_store_run_on(self, TG_STORE_ADD_LATE, id, saving, &failure);
        return tg_store_change_end(self, is_own, failure, saving, error);
}

gboolean
tg_store_each_late(TgStore *self, TgLateFunc func, gpointer user_data, GError **error)
{
        sqlite3_stmt *statement = self->statements[TG_STORE_EACH_LATE];
        gboolean is_fine;
        int result;

        self->is_reading = TRUE;
        while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
                const char *id = (const char *)sqlite3_column_text(statement, 0);
                const char *act = (const char *)sqlite3_column_text(statement, 1);

                /* In the clear: it may be anybody's. */
                if (tg_store_is_id(id) && tg_log_act_is_name(act))
                        func(id, act, sqlite3_column_int64(statement, 2), user_data);
        }
        self->is_reading = FALSE;
        is_fine = result == SQLITE_DONE || tg_store_fail(self, reading, error);
        tg_store_reset(self, TG_STORE_EACH_LATE);
        return is_fine;
}

gboolean
tg_store_has_late(TgStore *self, const char *id, TgLogAct act)
{
        sqlite3_stmt *statement = self->statements[TG_STORE_HAS_LATE];
        gboolean is_there;

        tg_store_bind_text(self, TG_STORE_HAS_LATE, 1, id);
        tg_store_bind_text(self, TG_STORE_HAS_LATE, 2, tg_log_act_name(act));
        is_there = sqlite3_step(statement) == SQLITE_ROW;
        tg_store_reset(self, TG_STORE_HAS_LATE);
        return is_there;
}

gboolean
tg_store_drop_late(TgStore *self, GError **error)
{
        GError *failure = NULL;
        gboolean is_own;

        if (!tg_store_change_begin(self, &is_own, error))
                return FALSE;
        tg_store_run(self, TG_STORE_DROP_LATE, saving, &failure);
        return tg_store_change_end(self, is_own, failure, saving, error);
}
