/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ProvidePin:
 *
 *      tg_provide_pin   read the argument
 *      pin_read         it is here, wholly; from inside a sandbox the user is asked
 *      on_permitted     the share takes it, or says what is wrong
 */

#include "daemon/value.h"
#include "daemon/wallet-bus.h"

#define MAX_TYPED_BYTES 64 /* with the hyphens and blanks that people put in */

typedef struct {
        TgWalletBus *bus;
        TgCall *call;
        TgValueRead *read;
        TgSecret *pin;
        char *id;
} TgProvide;

static void
free_provide(gpointer data)
{
        TgProvide *self = data;

        g_clear_pointer(&self->read, tg_value_read_cancel);
        g_clear_pointer(&self->call, tg_call_unref);
        g_clear_pointer(&self->pin, tg_secret_unref);
        g_free(self->id);
        g_free(self);
}

static void
on_permitted(TgWalletBus *bus, TgCall *call, const char *id, gpointer user_data)
{
        TgShare *share = tg_manager_share(bus->manager, id);
        g_autoptr(TgSecret) pin = user_data;
        g_autoptr(GError) error = NULL;

        if (share == NULL)
                error = tg_error_new(TG_ERROR_NOT_FOUND, "the share is gone meanwhile");
        else
                tg_share_provide_pin(share, pin, &error);

        if (error != NULL)
                tg_call_fail(call, error);
        else
                tg_call_return(call, NULL);
}

static void
pin_read(TgSecret *secret, const GError *error, gpointer user_data)
{
        TgProvide *self = user_data;
        TgWalletBus *bus = self->bus;
        TgShare *share = tg_manager_share(bus->manager, self->id);
        g_autoptr(GError) gone = NULL;

        self->read = NULL;
        tg_pending_take(bus, self);
        if (error == NULL && share == NULL)
                gone = tg_error_new(TG_ERROR_NOT_FOUND, "the share is gone meanwhile");
        if (error != NULL || gone != NULL)
                tg_call_fail(self->call, error != NULL ? error : gone);
        else
                tg_permit_ask(bus,
                              self->call,
                              tg_share_free_action(tg_call_caller(self->call), share),
                              self->id,
                              on_permitted,
                              tg_secret_ref(secret),
                              (GDestroyNotify)tg_secret_unref);
        free_provide(self);
}

int
tg_provide_pin(TgWalletBus *bus, sd_bus_message *message, TgShare *share)
{
        g_autoptr(TgValue) value = NULL;
        g_autoptr(TgCall) call = NULL;
        g_autoptr(GError) refused = NULL;
        TgProvide *self;

        call = tg_call_new(bus->callers, message, &refused);
        if (call == NULL)
                return tg_reply_error(message, refused);
        value = tg_value_take(message, "pin", MAX_TYPED_BYTES, &refused);
        if (value == NULL || !tg_call_hold(call, tg_value_room(value), &refused)) {
                tg_call_fail(call, refused);
                return 1;
        }

        self = g_new0(TgProvide, 1);
        self->bus = bus;
        self->call = g_steal_pointer(&call);
        self->id = g_strdup(tg_share_id(share));
        tg_pending_add(bus, self, free_provide);
        self->read = tg_value_read(g_steal_pointer(&value), pin_read, self);
        return 1;
}
