/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Revoke: answered when what was lent has been taken back. */

#include "daemon/wallet-bus.h"
#include "protocol/limits.h"
#include "protocol/text.h"

static void
on_revoked(const GError *error, gpointer user_data)
{
        TgCall *call = user_data;

        if (error != NULL)
                tg_call_fail(call, error);
        else
                tg_call_return(call, NULL);
}

static void
drop_call(gpointer call)
{
        tg_call_unref(call);
}

static void
allowed(TgWalletBus *self, TgCall *call, const char *id, gpointer user_data)
{
        TgShare *share = tg_manager_share(self->manager, id);
        g_autoptr(GError) error = NULL;

        if (share != NULL) {
                tg_manager_revoke(self->manager, share, on_revoked, tg_call_ref(call), drop_call);
                return;
        }
        error = tg_error_new(TG_ERROR_NOT_FOUND, "the share is gone meanwhile");
        tg_call_fail(call, error);
}

int
tg_revoke(TgWalletBus *self, sd_bus_message *message, const TgShare *share, const char *action)
{
        g_autoptr(TgCall) call = NULL;
        g_autoptr(GError) error = NULL;
        const char *reason;

        if (sd_bus_message_read(message, "s", &reason) < 0)
                return -EINVAL;
        call = tg_call_new(self->callers, message, &error);
        if (call == NULL)
                return tg_reply_error(message, error);
        if (!tg_text_is_clean(reason, TG_MAX_REASON_BYTES)) {
                tg_set_error(&error,
                             TG_ERROR_INVALID,
                             "the reason must be one line of at most %d octets",
                             TG_MAX_REASON_BYTES);
                tg_call_fail(call, error);
                return 1;
        }
        tg_permit_ask(self, call, action, tg_share_id(share), allowed, NULL, NULL);
        return 1;
}
