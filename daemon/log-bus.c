/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GetLog: a page of the log with its hashes, and where the chain begins and ends. Whoever calls can
 * check it; nothing is checked here. */

#include "daemon/wallet-bus.h"
#include "protocol/limits.h"

static void
append_entry(guint64 number,
             const TgLogEntry *entry,
             const guint8 hash[TG_LOG_HASH_BYTES],
             gpointer user_data)
{
        static const TgLogEntry unknown = {
                .act = (char *)"",
                .by = (char *)"",
                .share = (char *)"",
                .credential = (char *)"",
                .format = (char *)"",
                .title = (char *)"",
                .person = (char *)"",
                .text = (char *)"",
        };
        const TgLogEntry *shown = entry != NULL ? entry : &unknown;
        sd_bus_message *reply = user_data;

        sd_bus_message_open_container(reply, 'r', "ttssssssssay");
        sd_bus_message_append(reply,
                              "ttssssssss",
                              number,
                              (guint64)MAX(shown->time_s, 0),
                              shown->act,
                              shown->by,
                              shown->share,
                              shown->credential,
                              shown->format,
                              shown->title,
                              shown->person,
                              shown->text);
        sd_bus_message_append_array(reply, 'y', hash, entry != NULL ? TG_LOG_HASH_BYTES : 0);
        sd_bus_message_close_container(reply);
}

static void
append_mark(sd_bus_message *reply, const TgLogMark *mark)
{
        sd_bus_message_open_container(reply, 'r', "tay");
        sd_bus_message_append(reply, "t", mark->number);
        sd_bus_message_append_array(reply, 'y', mark->hash, sizeof mark->hash);
        sd_bus_message_close_container(reply);
}

static gboolean
fill(TgStore *store, sd_bus_message *reply, guint64 after, guint n_max, GError **error)
{
        TgLogMark base = {};
        TgLogMark last = {};

        sd_bus_message_open_container(reply, 'a', "(ttssssssssay)");
        if (tg_store_has_key(store)) {
                if (!tg_store_each_log(store, after, n_max, append_entry, reply, error))
                        return FALSE;
                tg_store_log_marks(store, &base, &last);
        }
        sd_bus_message_close_container(reply);
        append_mark(reply, &base);
        append_mark(reply, &last);
        return TRUE;
}

static gboolean
may_read(TgWalletBus *self, TgCall *call, GError **error)
{
        TgStore *store = tg_manager_wallet(self->manager)->store;

        if (tg_caller_is_sandboxed(tg_call_caller(call)))
                tg_set_error(error,
                             TG_ERROR_DENIED,
                             "the log tells all that was ever shared: no program in a sandbox may "
                             "read it");
        else if (!tg_store_has_key(store) && tg_store_has_sealed(store))
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the log is sealed under a key of the keyring: unlock it");
        else
                return TRUE;
        return FALSE;
}

int
tg_get_log(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TgWalletBus *self = userdata;
        g_autoptr(TgCall) call = NULL;
        g_autoptr(GError) refused = NULL;
        sd_bus_message *reply;
        guint64 after;
        guint32 n_max;

        if (sd_bus_message_read(message, "tu", &after, &n_max) < 0)
                return -EINVAL;
        call = tg_call_new(self->callers, message, &refused);
        if (call == NULL)
                return tg_reply_error(message, refused);
        if (!may_read(self, call, &refused)) {
                tg_call_fail(call, refused);
                return 1;
        }

        reply = tg_call_new_reply(call);
        if (fill(tg_manager_wallet(self->manager)->store,
                 reply,
                 after,
                 MIN(n_max, TG_MAX_LOG_PAGE),
                 &refused))
                tg_call_return_message(call, reply);
        else
                tg_call_fail(call, refused);
        sd_bus_message_unref(reply);
        return 1;
}
