/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/finding.h"

#include "daemon/clock.h"
#include "protocol/error.h"

static gboolean
enter(TgStore *store, TgLogAct act, const char *share_id, const char *text, GError **error)
{
        /* Borrowed for the call. */
        TgLogEntry entry = {
                .time_s = tg_clock_now_s(),
                .act = (char *)tg_log_act_name(act),
                .by = share_id != NULL ? (char *)"self" : NULL,
                .share = (char *)share_id,
                .text = (char *)text,
        };

        return tg_store_log(store, &entry, error);
}

static void
note_running(const TgShareRow *row, TgSecret *detail, const GError *error, gpointer user_data)
{
        if (!tg_state_is_end(row->state) && row->state != TG_STATE_AUTHORIZING)
                g_hash_table_add(user_data, g_strdup(row->id));
}

typedef struct {
        GHashTable *running; /* ids */
        GPtrArray *burned;
        GPtrArray *failed;
} Ended;

static void
note_ended(const TgShareRow *row, TgSecret *detail, const GError *error, gpointer user_data)
{
        Ended *ended = user_data;

        if (g_hash_table_contains(ended->running, row->id))
                g_ptr_array_add(row->state == TG_STATE_BURNED ? ended->burned : ended->failed,
                                g_strdup(row->id));
}

static gboolean
enter_ends(TgStore *store, GHashTable *running, GError **error)
{
        static const char text[] = "it ran when the state file was found to be another than this "
                                   "wallet's last";
        g_autoptr(GPtrArray) burned = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) failed = g_ptr_array_new_with_free_func(g_free);
        Ended ended = {running, burned, failed};
        gboolean is_fine = tg_store_each_share(store, note_ended, &ended, error);

        for (guint i = 0; is_fine && i < burned->len; i++)
                is_fine = enter(store, TG_ACT_BURNED, burned->pdata[i], text, error);
        for (guint i = 0; is_fine && i < failed->len; i++)
                is_fine = enter(store, TG_ACT_FAILED, failed->pdata[i], text, error);
        return is_fine;
}

static gboolean
write_parts(TgStore *store, TgVaultFinding finding, guint64 count, GError **error)
{
        g_autoptr(GHashTable) running =
                g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        gboolean is_old = finding == TG_VAULT_OLD_COPY;

        return tg_store_each_share(store, note_running, running, error) &&
               tg_store_start_over(store, TG_STATE_FAILED, error) &&
               tg_store_set_count(store, count, error) &&
               enter(store,
                     is_old ? TG_ACT_RESTORED : TG_ACT_BEGUN,
                     NULL,
                     is_old ? "the state file was put back from an older copy: what was entered "
                              "after that is lost"
                            : "the state key is gone from the keyring: what was entered before "
                              "cannot be read any more",
                     error) &&
               enter_ends(store, running, error);
}

gboolean
tg_finding_write(TgStore *store, TgVaultFinding finding, guint64 count, GError **error)
{
        if (!tg_store_begin(store, error))
                return FALSE;
        if (write_parts(store, finding, count, error))
                return tg_store_commit(store, error);
        tg_store_rollback(store);
        return FALSE;
}
