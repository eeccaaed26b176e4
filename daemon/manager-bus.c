/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Manager interface. */

#include "config.h"

#include "daemon/wallet-bus.h"
#include "dbus/names.h"

static int
get_version(sd_bus *bus,
            const char *path,
            const char *interface,
            const char *property,
            sd_bus_message *reply,
            void *userdata,
            sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", PACKAGE_VERSION);
}

static int
get_formats(sd_bus *bus,
            const char *path,
            const char *interface,
            const char *property,
            sd_bus_message *reply,
            void *userdata,
            sd_bus_error *error)
{
        const TgVertical *const *verticals = tg_verticals();
        int r = sd_bus_message_open_container(reply, 'a', "(sss)");

        for (gsize i = 0; r >= 0 && verticals[i] != NULL; i++) {
                const char *const *kinds = verticals[i]->kinds;

                for (gsize k = 0; r >= 0 && kinds[k] != NULL; k++)
                        r = sd_bus_message_append(
                                reply, "(sss)", verticals[i]->format, verticals[i]->name, kinds[k]);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int
get_pin_rules(sd_bus *bus,
              const char *path,
              const char *interface,
              const char *property,
              sd_bus_message *reply,
              void *userdata,
              sd_bus_error *error)
{
        static const char *const names[] = {
                [TG_PIN_OPTIONAL] = "optional",
                [TG_PIN_DEFAULT] = "default",
                [TG_PIN_REQUIRED] = "required",
        };
        TgWalletBus *self = userdata;
        const TgSettings *settings = tg_manager_wallet(self->manager)->settings;
        const TgVertical *const *verticals = tg_verticals();
        int r = sd_bus_message_open_container(reply, 'a', "(sss)");

        for (gsize i = 0; r >= 0 && verticals[i] != NULL; i++) {
                const char *const *kinds = verticals[i]->kinds;

                for (gsize k = 0; r >= 0 && kinds[k] != NULL; k++)
                        r = sd_bus_message_append(
                                reply,
                                "(sss)",
                                verticals[i]->format,
                                kinds[k],
                                names[tg_settings_pin_rule(settings, verticals[i], kinds[k])]);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int
get_relays(sd_bus *bus,
           const char *path,
           const char *interface,
           const char *property,
           sd_bus_message *reply,
           void *userdata,
           sd_bus_error *error)
{
        TgWalletBus *self = userdata;
        TgSettings *settings = tg_manager_wallet(self->manager)->settings;
        const char *const *relays = tg_settings_trusted_relays(settings);
        const char *first = tg_settings_relay(settings);
        int r = sd_bus_message_open_container(reply, 'a', "s");

        if (r >= 0 && first != NULL)
                r = sd_bus_message_append(reply, "s", first);
        for (gsize i = 0; r >= 0 && relays[i] != NULL; i++) {
                if (g_strcmp0(relays[i], first) != 0)
                        r = sd_bus_message_append(reply, "s", relays[i]);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int
get_keyring_state(sd_bus *bus,
                  const char *path,
                  const char *interface,
                  const char *property,
                  sd_bus_message *reply,
                  void *userdata,
                  sd_bus_error *error)
{
        TgWalletBus *self = userdata;
        TgKeyring *keyring = tg_manager_wallet(self->manager)->keyring;

        return sd_bus_message_append(reply, "s", tg_keyring_state_name(tg_keyring_state(keyring)));
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("CreateShare",
                                SD_BUS_ARGS("s", format, "a{sv}", credential, "a{sv}", options),
                                SD_BUS_RESULT("o", share),
                                tg_create_share,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("InspectInvitation",
                                SD_BUS_ARGS("v", invitation, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", information),
                                tg_inspect_invitation,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("AcceptInvitation",
                                SD_BUS_ARGS("v", invitation, "a{sv}", options),
                                SD_BUS_RESULT("o", share),
                                tg_accept_invitation,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("Import",
                                SD_BUS_ARGS("v", item, "a{sv}", options),
                                SD_BUS_RESULT("o", credential),
                                tg_import,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("CheckRelay",
                                SD_BUS_ARGS("s", relay),
                                SD_BUS_RESULT("a{sv}", information),
                                tg_check_relay,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "GetLog",
                SD_BUS_ARGS("t", after, "u", count),
                SD_BUS_RESULT("a(ttssssssssay)", entries, "(tay)", base, "(tay)", last),
                tg_get_log,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Formats", "a(sss)", get_formats, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "PinRules", "a(sss)", get_pin_rules, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Relays", "as", get_relays, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "KeyringState", "s", get_keyring_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

int
tg_manager_bus_add(TgWalletBus *self, sd_bus_slot **ret_slot)
{
        return sd_bus_add_object_vtable(
                self->bus, ret_slot, TG_ROOT_PATH, TG_MANAGER_INTERFACE, vtable, self);
}
