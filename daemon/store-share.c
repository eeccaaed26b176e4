/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/store-private.h"
#include "daemon/store-seal.h"
#include "protocol/error.h"

static const char saving_share[] = "save the share";

void
tg_share_row_clear(TgShareRow *row)
{
        g_clear_pointer(&row->id, g_free);
}

static gboolean
is_running(const TgShareRow *row)
{
        return !tg_state_is_end(row->state) || row->is_busy;
}

static gboolean
save_row(TgStore *self, const TgShareRow *row, TgSecret *detail, GError **error)
{
        g_autoptr(GBytes) sealed = NULL;

        if (detail) {
                sealed = tg_store_seal_share(self->key, row, detail, error);
                if (!sealed)
                        return FALSE;
        }

        tg_store_bind_text(self, TG_STORE_SAVE_SHARE, 1, row->id);
        tg_store_bind_number(self, TG_STORE_SAVE_SHARE, 2, row->role);
        tg_store_bind_text(self, TG_STORE_SAVE_SHARE, 3, tg_state_name(row->state));
        tg_store_bind_number(self, TG_STORE_SAVE_SHARE, 4, row->created_s);
        tg_store_bind_number(self, TG_STORE_SAVE_SHARE, 5, row->expires_s);
        tg_store_bind_number(self, TG_STORE_SAVE_SHARE, 6, row->ended_s);
        tg_store_bind_number(self, TG_STORE_SAVE_SHARE, 7, row->is_busy);
        tg_store_bind_number(self, TG_STORE_SAVE_SHARE, 8, (gint64)row->version);
        if (sealed)
                tg_store_bind_bytes(self, TG_STORE_SAVE_SHARE, 9, sealed);
        if (!tg_store_run(self, TG_STORE_SAVE_SHARE, saving_share, error))
                return FALSE;
        if (sqlite3_changes(self->db) == 1)
                return TRUE;

        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "cannot save the share: its sealed part would be lost; unlock the keyring");
        return FALSE;
}

/* *body_version: which one the head lists, before and after. */
static gboolean
save_body(
        TgStore *self, const TgShareRow *row, TgSecret *body, guint64 *body_version, GError **error)
{
        g_autoptr(GBytes) sealed = NULL;

        if (!body || tg_secret_size(body) == 0) {
                self->is_scrub_due |= *body_version != 0;
                *body_version = 0;
                return tg_store_run_on(self, TG_STORE_DROP_BODY, row->id, saving_share, error);
        }

        sealed = tg_store_seal(self->key, "body", row->id, row->version, body, error);
        if (!sealed)
                return FALSE;

        tg_store_bind_text(self, TG_STORE_SAVE_BODY, 1, row->id);
        tg_store_bind_number(self, TG_STORE_SAVE_BODY, 2, (gint64)row->version);
        tg_store_bind_bytes(self, TG_STORE_SAVE_BODY, 3, sealed);
        *body_version = row->version;
        return tg_store_run(self, TG_STORE_SAVE_BODY, saving_share, error);
}

static gboolean
save_share(TgStore *self, const TgShareRow *row, TgSecret *detail, TgSecret *body, GError **error)
{
        gboolean is_listed = is_running(row);
        guint64 body_version = 0;
        guint64 version;

        if (!save_row(self, row, detail, error))
                return FALSE;
        if (!detail)
                return TRUE;

        tg_store_head_get(self->head, row->id, &version, &body_version);
        if ((body || (!is_listed && body_version != 0)) &&
            !save_body(self, row, is_listed ? body : NULL, &body_version, error))
                return FALSE;

        if (is_listed)
                tg_store_head_put(self->head,
                                  row->id,
                                  row->version,
                                  body_version,
                                  row->has_pin ? (int)row->n_tries : -1);
        else
                tg_store_head_remove(self->head, row->id);
        self->is_head_changed = TRUE;
        self->is_scrub_due |= !is_listed;
        return TRUE;
}

gboolean
tg_store_save_share(
        TgStore *self, TgShareRow *row, TgSecret *detail, TgSecret *body, GError **error)
{
        TgShareRow next = *row;
        GError *failure = NULL;
        gboolean is_own;

        g_return_val_if_fail(!detail || self->head, FALSE);
        g_return_val_if_fail(!body || detail, FALSE);
        g_return_val_if_fail(tg_state_is_end(row->state) == (row->ended_s != 0), FALSE);

        if (!tg_store_change_begin(self, &is_own, error))
                return FALSE;
        next.version++;
        save_share(self, &next, detail, body, &failure);
        if (!tg_store_change_end(self, is_own, failure, saving_share, error))
                return FALSE;

        row->version = next.version;
        return TRUE;
}

gboolean
tg_store_end_share(TgStore *self, TgShareRow *row, GError **error)
{
        GError *failure = NULL;
        gboolean is_own;

        g_return_val_if_fail(tg_store_ends_in_clear(row->state), FALSE);
        g_return_val_if_fail(row->ended_s != 0, FALSE);

        if (!tg_store_change_begin(self, &is_own, error))
                return FALSE;
        tg_store_bind_text(self, TG_STORE_END_SHARE, 2, tg_state_name(row->state));
        tg_store_bind_number(self, TG_STORE_END_SHARE, 3, row->ended_s);
        tg_store_bind_number(self, TG_STORE_END_SHARE, 4, row->is_busy);
        tg_store_run_on(self, TG_STORE_END_SHARE, row->id, saving_share, &failure);
        return tg_store_change_end(self, is_own, failure, saving_share, error);
}

/* FALSE for a row that we cannot have written, such as one whose state its role does not
 * know: nothing could ever end it. */
static gboolean
read_row(sqlite3_stmt *statement, TgShareRow *ret_row)
{
        gint64 role = sqlite3_column_int64(statement, 1);

        ret_row->id = g_strdup((const char *)sqlite3_column_text(statement, 0));
        ret_row->role = (TgRole)role;
        ret_row->created_s = sqlite3_column_int64(statement, 3);
        ret_row->expires_s = sqlite3_column_int64(statement, 4);
        ret_row->ended_s = sqlite3_column_int64(statement, 5);
        ret_row->is_busy = sqlite3_column_int(statement, 6) != 0;
        ret_row->version = (guint64)sqlite3_column_int64(statement, 7);

        return tg_store_is_id(ret_row->id) &&
               (role == TG_ROLE_INITIATOR || role == TG_ROLE_RECIPIENT) &&
               tg_state_from_name((const char *)sqlite3_column_text(statement, 2),
                                  &ret_row->state) &&
               (tg_state_is_end(ret_row->state) ||
                tg_session_allows(ret_row->role, ret_row->state, TG_EVENT_BROKEN));
}

/* The sealed part of the present row, judged by the head. NULL without an error where
 * there is none; TG_ERROR_TAMPERED is the row's, any other error is ours. */
static TgSecret *
read_detail(TgStore *self, sqlite3_stmt *statement, TgShareRow *row, GError **error)
{
        g_autoptr(TgSecret) detail = NULL;
        g_autoptr(GError) failure = NULL;
        gboolean is_sealed = sqlite3_column_type(statement, 8) != SQLITE_NULL;
        gboolean was_running = FALSE;
        guint64 version = row->version;
        guint64 body_version;
        gboolean is_listed;

        if (!self->head)
                return NULL;

        is_listed = tg_store_head_get(self->head, row->id, &version, &body_version);
        if (!is_sealed && !is_listed)
                return NULL;
        if (is_sealed && version == row->version)
                detail = tg_store_unseal_share(self->key,
                                               row,
                                               sqlite3_column_blob(statement, 8),
                                               (gsize)sqlite3_column_bytes(statement, 8),
                                               &was_running,
                                               &failure);
        if (detail && was_running == is_listed)
                return g_steal_pointer(&detail);
        if (failure && tg_error_code(failure) != TG_ERROR_TAMPERED) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return NULL;
        }

        /* What is saved next must be newer than either. */
        row->version = MAX(row->version, version);
        tg_set_error(error,
                     TG_ERROR_TAMPERED,
                     "the stored share is not the one that was saved last: somebody changed the "
                     "state file, or put an old one back");
        return NULL;
}

static gboolean
give_row(TgStore *self,
         sqlite3_stmt *statement,
         TgStoreHead *missing,
         TgShareRowFunc func,
         gpointer user_data,
         GError **error)
{
        g_auto(TgShareRow) row = {0};
        g_autoptr(GError) failure = NULL;
        g_autoptr(TgSecret) detail = NULL;

        if (!read_row(statement, &row))
                return TRUE;

        detail = read_detail(self, statement, &row, &failure);
        if (failure && tg_error_code(failure) != TG_ERROR_TAMPERED) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return FALSE;
        }
        if (missing)
                tg_store_head_remove(missing, row.id);
        func(&row, detail, failure, user_data);
        return TRUE;
}

/* What the head lists and no row was found for. */
static void
give_missing(const TgStoreHead *missing, TgShareRowFunc func, gpointer user_data)
{
        g_autoptr(GError) error = tg_error_new(TG_ERROR_TAMPERED,
                                               "the stored share is missing: somebody changed the "
                                               "state file");

        for (guint i = 0; i < tg_store_head_size(missing); i++) {
                g_auto(TgShareRow) row = {.state = TG_STATE_FAILED};

                tg_store_head_nth(missing, i, &row.id, &row.version);
                func(&row, NULL, error, user_data);
        }
}

gboolean
tg_store_each_share(TgStore *self, TgShareRowFunc func, gpointer user_data, GError **error)
{
        g_autoptr(TgStoreHead) missing = self->head ? tg_store_head_copy(self->head) : NULL;
        sqlite3_stmt *statement = self->statements[TG_STORE_EACH_SHARE];
        gboolean is_fine = TRUE;
        int result;

        self->is_reading = TRUE;
        for (result = sqlite3_step(statement); result == SQLITE_ROW && is_fine;
             result = sqlite3_step(statement))
                is_fine = give_row(self, statement, missing, func, user_data, error);
        if (is_fine && result != SQLITE_DONE)
                is_fine = tg_store_fail(self, "read the shares", error);
        tg_store_reset(self, TG_STORE_EACH_SHARE);
        if (is_fine && missing)
                give_missing(missing, func, user_data);
        self->is_reading = FALSE;
        sqlite3_db_release_memory(self->db);
        return is_fine;
}

static gboolean
load_row(TgStore *self, TgShareRow *ret_row, TgSecret **ret_detail, GError **error)
{
        sqlite3_stmt *statement = self->statements[TG_STORE_LOAD_SHARE];
        g_autoptr(GError) failure = NULL;
        int result = sqlite3_step(statement);

        if (result == SQLITE_ROW && read_row(statement, ret_row)) {
                *ret_detail = read_detail(self, statement, ret_row, &failure);
                if (!failure)
                        return TRUE;
                g_propagate_error(error, g_steal_pointer(&failure));
        } else if (result == SQLITE_ROW || result == SQLITE_DONE) {
                tg_set_error(error, TG_ERROR_NOT_FOUND, "there is no such share: see the list");
        } else {
                tg_store_fail(self, "read the share", error);
        }

        return FALSE;
}

gboolean
tg_store_load_share(
        TgStore *self, const char *id, TgShareRow *ret_row, TgSecret **ret_detail, GError **error)
{
        g_auto(TgShareRow) row = {0};
        gboolean is_loaded;

        tg_store_bind_text(self, TG_STORE_LOAD_SHARE, 1, id);
        is_loaded = load_row(self, &row, ret_detail, error);
        tg_store_reset(self, TG_STORE_LOAD_SHARE);
        if (is_loaded) {
                *ret_row = row;
                row = (TgShareRow){0};
        }
        return is_loaded;
}

TgSecret *
tg_store_load_body(TgStore *self, const char *id, GError **error)
{
        sqlite3_stmt *statement = self->statements[TG_STORE_LOAD_BODY];
        TgSecret *body = NULL;
        guint64 version;
        guint64 body_version = 0;
        int result;

        g_return_val_if_fail(self->head && tg_store_is_id(id), NULL);

        if (!tg_store_head_get(self->head, id, &version, &body_version) || body_version == 0) {
                tg_set_error(error, TG_ERROR_NOT_FOUND, "the share has no body");
                return NULL;
        }

        tg_store_bind_text(self, TG_STORE_LOAD_BODY, 1, id);
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW)
                body = tg_store_unseal(self->key,
                                       "body",
                                       id,
                                       body_version,
                                       sqlite3_column_blob(statement, 0),
                                       (gsize)sqlite3_column_bytes(statement, 0),
                                       error);
        else if (result == SQLITE_DONE)
                tg_set_error(error,
                             TG_ERROR_TAMPERED,
                             "the stored body is missing: somebody changed the state file");
        else
                tg_store_fail(self, "read the share", error);
        tg_store_reset(self, TG_STORE_LOAD_BODY);
        return body;
}

gboolean
tg_store_forget_share(TgStore *self, const char *id, GError **error)
{
        GError *failure = NULL;
        gboolean is_own;

        g_return_val_if_fail(tg_store_is_id(id), FALSE);

        if (!tg_store_change_begin(self, &is_own, error))
                return FALSE;
        if (tg_store_run_on(self, TG_STORE_FORGET_SHARE, id, "forget the share", &failure) &&
            self->head) {
                guint64 version;
                guint64 body_version;

                self->is_head_changed |= tg_store_head_get(self->head, id, &version, &body_version);
                tg_store_head_remove(self->head, id);
        }
        self->is_scrub_due = TRUE;
        return tg_store_change_end(self, is_own, failure, "forget the share", error);
}
