/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Credential interface. */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/vertical.h"
#include "daemon/wallet-bus.h"
#include "dbus/names.h"

static TgCredential *
credential_at(TgWalletBus *self, const char *path)
{
        if (!g_str_has_prefix(path, TG_CREDENTIAL_PREFIX "/"))
                return NULL;
        return tg_manager_credential(self->manager, path + strlen(TG_CREDENTIAL_PREFIX "/"));
}

/* ---- properties ---- */

static int
append_share(TgWalletBus *self, sd_bus_message *reply, const TgCredential *credential)
{
        TgShare *share = credential->share_id != NULL
                                 ? tg_manager_share(self->manager, credential->share_id)
                                 : NULL;
        g_autofree char *path = share != NULL ? tg_share_path(share) : g_strdup("/");

        return sd_bus_message_append_basic(reply, 'o', path);
}

static int
append_time(sd_bus_message *reply, gint64 time_s)
{
        guint64 value = (guint64)MAX(time_s, 0);

        return sd_bus_message_append_basic(reply, 't', &value);
}

static int
append_targets(sd_bus_message *reply, const TgCredential *credential)
{
        const TgVertical *vertical = tg_vertical_find(credential->format);
        const TgTarget *target = vertical != NULL ? vertical->targets : NULL;

        sd_bus_message_open_container(reply, 'a', "(ss)");
        for (; target != NULL && target->name != NULL; target++)
                sd_bus_message_append(reply, "(ss)", target->name, target->changes);
        return sd_bus_message_close_container(reply);
}

static int
get_property(sd_bus *bus,
             const char *path,
             const char *interface,
             const char *property,
             sd_bus_message *reply,
             void *userdata,
             sd_bus_error *error)
{
        TgCredential *credential = credential_at(userdata, path);
        int is_revoked, is_expired, may_reshare;

        if (credential == NULL)
                return -ENOENT;
        is_revoked = credential->is_revoked;
        is_expired = tg_credential_is_expired(credential, tg_clock_now_s());
        may_reshare = tg_credential_may_reshare(credential);

        if (g_str_equal(property, "Format"))
                return sd_bus_message_append_basic(reply, 's', credential->format);
        if (g_str_equal(property, "Title"))
                return sd_bus_message_append_basic(reply, 's', credential->title);
        if (g_str_equal(property, "Description"))
                return sd_bus_message_append_basic(reply, 's', credential->description);
        if (g_str_equal(property, "Kind"))
                return sd_bus_message_append_basic(reply, 's', credential->kind);
        if (g_str_equal(property, "Received"))
                return append_time(reply, credential->received_s);
        if (g_str_equal(property, "Share"))
                return append_share(userdata, reply, credential);
        if (g_str_equal(property, "NotBefore"))
                return append_time(reply, tg_credential_not_before_s(credential));
        if (g_str_equal(property, "NotAfter"))
                return append_time(reply, tg_credential_not_after_s(credential));
        if (g_str_equal(property, "Issuer"))
                return sd_bus_message_append_basic(reply, 's', credential->issuer);
        if (g_str_equal(property, "Revoked"))
                return sd_bus_message_append_basic(reply, 'b', &is_revoked);
        if (g_str_equal(property, "Expired"))
                return sd_bus_message_append_basic(reply, 'b', &is_expired);
        if (g_str_equal(property, "Uses"))
                return sd_bus_message_append_basic(reply, 'u', &credential->bounds.n_uses);
        if (g_str_equal(property, "UsesLeft"))
                return sd_bus_message_append_basic(reply, 'u', &credential->n_uses_left);
        if (g_str_equal(property, "MayReshare"))
                return sd_bus_message_append_basic(reply, 'b', &may_reshare);
        if (g_str_equal(property, "Details"))
                return tg_details_append(reply, credential->details, &credential->bounds);
        if (g_str_equal(property, "Targets"))
                return append_targets(reply, credential);
        return -ENOENT;
}

int
tg_credential_bus_append(TgWalletBus *self, sd_bus_message *reply, const TgCredential *credential)
{
        static const struct {
                const char *name;
                const char *type;
        } properties[] = {
                {"Format",      "s"    },
                {"Title",       "s"    },
                {"Description", "s"    },
                {"Kind",        "s"    },
                {"Received",    "t"    },
                {"NotBefore",   "t"    },
                {"NotAfter",    "t"    },
                {"Share",       "o"    },
                {"Issuer",      "s"    },
                {"Revoked",     "b"    },
                {"Expired",     "b"    },
                {"Uses",        "u"    },
                {"UsesLeft",    "u"    },
                {"MayReshare",  "b"    },
                {"Details",     "a(ss)"},
                {"Targets",     "a(ss)"},
        };
        g_autofree char *path = tg_credential_path(credential->id);
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        for (gsize i = 0; r >= 0 && i < G_N_ELEMENTS(properties); i++) {
                sd_bus_message_open_container(reply, 'e', "sv");
                sd_bus_message_append_basic(reply, 's', properties[i].name);
                sd_bus_message_open_container(reply, 'v', properties[i].type);
                r = get_property(self->bus, path, NULL, properties[i].name, reply, self, NULL);
                sd_bus_message_close_container(reply);
                sd_bus_message_close_container(reply);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* ---- methods ---- */

typedef int (*Method)(TgWalletBus *, sd_bus_message *, const TgCredential *);

static int
call_on(sd_bus_message *message, TgWalletBus *self, Method method)
{
        const TgCredential *credential = credential_at(self, sd_bus_message_get_path(message));

        return credential != NULL ? method(self, message, credential) : -ENOENT;
}

static int
on_reveal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return call_on(message, userdata, tg_reveal);
}

static int
on_use(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return call_on(message, userdata, tg_use);
}

static int
on_remove(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return call_on(message, userdata, tg_remove);
}

static int
on_share(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TgCredential *credential = credential_at(userdata, sd_bus_message_get_path(message));

        if (credential == NULL)
                return -ENOENT;
        return tg_create_from_credential(userdata, message, credential->id);
}

#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define ANYBODY SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Reveal",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("v", content),
                                on_reveal,
                                ANYBODY | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("Use",
                                SD_BUS_ARGS("s", target, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", result),
                                on_use,
                                ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Remove", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_remove, ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Share",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("o", share),
                                on_share,
                                ANYBODY),
        SD_BUS_PROPERTY("Format", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Title", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Description", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Kind", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Received", "t", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("NotBefore", "t", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("NotAfter", "t", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Share", "o", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Issuer", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Revoked", "b", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Expired", "b", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Uses", "u", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("UsesLeft", "u", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("MayReshare", "b", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Details", "a(ss)", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Targets", "a(ss)", get_property, 0, CHANGES),
        SD_BUS_VTABLE_END,
};

static int
find_credential(sd_bus *bus,
                const char *path,
                const char *interface,
                void *userdata,
                void **ret_found,
                sd_bus_error *error)
{
        if (credential_at(userdata, path) == NULL)
                return 0;
        *ret_found = userdata;
        return 1;
}

int
tg_credential_bus_add(TgWalletBus *self, sd_bus_slot **ret_slot)
{
        return sd_bus_add_fallback_vtable(self->bus,
                                          ret_slot,
                                          TG_CREDENTIAL_PREFIX,
                                          TG_CREDENTIAL_INTERFACE,
                                          vtable,
                                          find_credential,
                                          self);
}
