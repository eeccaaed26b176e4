/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * GetManagedObjects, answered before sd-bus would: its own way looks up each object
 * and each property by name several times, which is most of the time with ten thousand
 * shares. InterfacesAdded and InterfacesRemoved stay sd-bus's.
 */

#include "daemon/wallet-bus.h"
#include "dbus/names.h"

static int
open_object(sd_bus_message *reply, const char *path, const char *interface)
{
        int r = sd_bus_message_open_container(reply, 'e', "oa{sa{sv}}");

        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 'o', path);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sa{sv}}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', interface);
        return r;
}

static int
close_object(sd_bus_message *reply)
{
        int r = 0;

        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int
append_shares(TgWalletBus *self, sd_bus_message *reply)
{
        GHashTableIter iter;
        gpointer share;
        int r = 0;

        g_hash_table_iter_init(&iter, tg_manager_shares(self->manager));
        while (r >= 0 && g_hash_table_iter_next(&iter, NULL, &share)) {
                g_autofree char *path = tg_share_path(share);

                r = open_object(reply, path, TG_SHARE_INTERFACE);
                if (r >= 0)
                        r = tg_share_bus_append(reply, share);
                if (r >= 0)
                        r = close_object(reply);
        }
        return r;
}

static int
append_credentials(TgWalletBus *self, sd_bus_message *reply)
{
        GHashTableIter iter;
        gpointer credential;
        int r = 0;

        g_hash_table_iter_init(&iter, tg_manager_credentials(self->manager));
        while (r >= 0 && g_hash_table_iter_next(&iter, NULL, &credential)) {
                g_autofree char *path = tg_credential_path(((TgCredential *)credential)->id);

                r = open_object(reply, path, TG_CREDENTIAL_INTERFACE);
                if (r >= 0)
                        r = tg_credential_bus_append(self, reply, credential);
                if (r >= 0)
                        r = close_object(reply);
        }
        return r;
}

static int
answer(TgWalletBus *self, sd_bus_message *message)
{
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}");
        if (r >= 0)
                r = append_shares(self, reply);
        if (r >= 0)
                r = append_credentials(self, reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(self->bus, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int
on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        if (!sd_bus_message_is_method_call(
                    message, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects") ||
            !sd_bus_message_has_signature(message, ""))
                return 0;
        return answer(userdata, message);
}

int
tg_objects_bus_add(TgWalletBus *self, sd_bus_slot **ret_slot)
{
        return sd_bus_add_object(self->bus, ret_slot, TG_ROOT_PATH, on_message, self);
}
