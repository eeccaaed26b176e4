/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/wallet-bus.h"

typedef struct {
        TgWalletBus *bus;
        TgCall *call;
        TgAuthorityCheck *check;
        char *id;
        TgPermitFunc func;
        gpointer user_data;
        GDestroyNotify destroy; /* NULL: nobody, or @func has it */
} TgPermit;

static void
free_permit(gpointer data)
{
        TgPermit *self = data;

        g_clear_pointer(&self->check, tg_authority_check_cancel);
        if (self->destroy != NULL)
                self->destroy(self->user_data);
        tg_call_unref(self->call);
        g_free(self->id);
        g_free(self);
}

static void
on_decided(const GError *error, gpointer user_data)
{
        TgPermit *self = user_data;

        self->check = NULL;
        tg_pending_take(self->bus, self);
        if (error != NULL) {
                tg_call_fail(self->call, error);
        } else {
                self->destroy = NULL;
                self->func(self->bus, self->call, self->id, self->user_data);
        }
        free_permit(self);
}

void
tg_permit_ask(TgWalletBus *self,
              TgCall *call,
              const char *action,
              const char *id,
              TgPermitFunc func,
              gpointer user_data,
              GDestroyNotify destroy)
{
        TgPermit *permit;

        if (action == NULL) {
                func(self, call, id, user_data);
                return;
        }

        permit = g_new0(TgPermit, 1);
        permit->bus = self;
        permit->call = tg_call_ref(call);
        permit->id = g_strdup(id);
        permit->func = func;
        permit->user_data = user_data;
        permit->destroy = destroy;
        tg_pending_add(self, permit, free_permit);
        permit->check = tg_authority_check(self->authority,
                                           tg_call_caller(call),
                                           action,
                                           tg_call_is_interactive(call),
                                           on_decided,
                                           permit);
}
