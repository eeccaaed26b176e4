/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is entered in the log of credentials, and of what happened while there was no state key.
 */

#include "daemon/manager-private.h"
#include "protocol/limits.h"

/* Nobody's word is needed for what is seen here, or learnt of something that was lent. */
static const char *
word_behind(TgLogAct act)
{
        return act == TG_ACT_LAPSED || act == TG_ACT_ERASED || act == TG_ACT_REVOKED ? "" : "self";
}

gboolean
tg_manager_log(TgManager *self,
               const TgCredential *credential,
               TgLogAct act,
               const char *text,
               GError **error)
{
        TgStore *store = self->wallet->store;
        TgShare *share =
                credential->share_id != NULL ? tg_manager_share(self, credential->share_id) : NULL;
        /* Borrowed for the call. */
        TgLogEntry entry = {
                .time_s = tg_clock_now_s(),
                .act = (char *)tg_log_act_name(act),
                .by = (char *)word_behind(act),
                .share = credential->share_id,
                .credential = credential->id,
                .format = (char *)credential->format,
                .title = credential->title,
                .person = share != NULL ? (char *)tg_share_person(share) : NULL,
                .text = (char *)text,
        };

        if (!tg_store_has_key(store))
                return tg_store_log_late(store, credential->id, act, entry.time_s, error);
        return tg_store_log(store, &entry, error);
}

gboolean
tg_manager_save_logged(TgManager *self,
                       const TgCredential *credential,
                       TgLogAct act,
                       const char *text,
                       GError **error)
{
        TgStore *store = self->wallet->store;

        if (!tg_store_begin(store, error))
                return FALSE;
        if (tg_manager_log(self, credential, act, text, error) &&
            tg_credential_save(credential, store, error))
                return tg_store_commit(store, error);
        tg_store_rollback(store);
        return FALSE;
}

gboolean
tg_manager_log_lost(TgManager *self, const char *share_id, GError **error)
{
        TgLogEntry entry = {
                .time_s = tg_clock_now_s(),
                .act = (char *)tg_log_act_name(TG_ACT_FAILED),
                .by = (char *)"self",
                .share = (char *)share_id,
                .text = (char *)"the share was taken out of the state file from outside",
        };

        return tg_store_log(self->wallet->store, &entry, error);
}

/* ---- late ---- */

typedef struct {
        char *id;
        char *act;
        gint64 time_s;
} Late;

static void
free_late(gpointer data)
{
        Late *late = data;

        g_free(late->id);
        g_free(late->act);
        g_free(late);
}

static void
take_late(const char *id, const char *act, gint64 time_s, gpointer user_data)
{
        GPtrArray *list = user_data;
        Late *late;

        /* More cannot have happened; and nobody is to push out the log by writing rows. */
        if (list->len >= TG_MAX_RUNNING_SHARES)
                return;
        late = g_new0(Late, 1);
        late->id = g_strdup(id);
        late->act = g_strdup(act);
        late->time_s = time_s;
        g_ptr_array_add(list, late);
}

/* It stood in the clear, so somebody may have written it there: the entry says so. */
static gboolean
enter_late(TgManager *self, const Late *late, GError **error)
{
        TgShare *share = tg_manager_share(self, late->id);
        TgCredential *credential = tg_manager_credential(self, late->id);
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(late->time_s);
        g_autofree char *at = time != NULL ? g_date_time_format(time, "%F %T UTC") : NULL;
        g_autofree char *text =
                g_strdup_printf("noted in the clear at %s, when the keyring was locked",
                                at != NULL ? at : "an unknown time");
        TgLogEntry entry = {
                .time_s = tg_clock_now_s(),
                .act = late->act,
                .by = (char *)"self",
                .share = credential == NULL ? late->id : NULL,
                .credential = credential != NULL ? late->id : NULL,
                .text = text,
        };

        if (share != NULL) {
                entry.by = (char *)(tg_share_is_ended(share) ? tg_share_ended_by(share) : "self");
                entry.format = (char *)tg_share_format(share);
                entry.title = (char *)tg_share_title(share);
                entry.person = (char *)tg_share_person(share);
        } else if (credential != NULL) {
                entry.format = (char *)credential->format;
                entry.title = credential->title;
        }
        return tg_store_log(self->wallet->store, &entry, error);
}

static gboolean
enter_all_late(TgManager *self, GPtrArray *list, GError **error)
{
        TgStore *store = self->wallet->store;

        if (!tg_store_begin(store, error))
                return FALSE;
        for (guint i = 0; i < list->len; i++)
                if (!enter_late(self, list->pdata[i], error)) {
                        tg_store_rollback(store);
                        return FALSE;
                }
        if (tg_store_drop_late(store, error))
                return tg_store_commit(store, error);
        tg_store_rollback(store);
        return FALSE;
}

void
tg_manager_log_late(TgManager *self)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_late);
        g_autoptr(GError) error = NULL;

        if (tg_store_each_late(self->wallet->store, take_late, list, &error) &&
            (list->len == 0 || enter_all_late(self, list, &error)))
                return;
        /* They stay there until the key comes next. */
        g_warning("what happened while the keyring was locked is not in the log yet: %s",
                  error->message);
}
