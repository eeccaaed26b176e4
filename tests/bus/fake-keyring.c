/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bus/fake-keyring.h"

#include <string.h>

#define PATH "/org/freedesktop/secrets"
#define COLLECTION PATH "/collection/fake"
#define ALIAS PATH "/aliases/default"
#define PROMPT PATH "/prompt/p1"
#define ITEMS COLLECTION "/item"
#define ITEM ITEMS "/"
#define NAME "org.freedesktop.secrets"

static FakeKeyring *
self_of(void *user_data)
{
        return user_data;
}

/* ---- service ---- */

static int
open_session(sd_bus_message *call, void *user_data, sd_bus_error *error)
{
        const char *algorithm;

        if (self_of(user_data)->is_mute)
                return 1;
        g_assert_cmpint(sd_bus_message_read(call, "s", &algorithm), >=, 0);
        /* The test reads what goes over the wire. */
        if (!g_str_equal(algorithm, "plain"))
                return sd_bus_error_set_const(
                        error, "org.freedesktop.DBus.Error.NotSupported", "no");
        return sd_bus_reply_method_return(call, "vo", "s", "", PATH "/session/s1");
}

static int
read_alias(sd_bus_message *call, void *user_data, sd_bus_error *error)
{
        FakeKeyring *self = user_data;

        if (self->is_mute)
                return 1;
        return sd_bus_reply_method_return(call, "o", self->has_collection ? COLLECTION : "/");
}

static int
search_items(sd_bus_message *call, void *user_data, sd_bus_error *error)
{
        FakeKeyring *self = user_data;
        sd_bus_message *reply = NULL;
        int r;

        if (self->is_mute)
                return 1;
        g_assert_cmpint(sd_bus_message_new_method_return(call, &reply), >=, 0);
        sd_bus_message_open_container(reply, 'a', "o");
        for (guint i = 0; i < self->n_items; i++) {
                g_autofree char *path = g_strdup_printf(ITEM "%u", i);

                sd_bus_message_append(reply, "o", path);
        }
        sd_bus_message_close_container(reply);
        sd_bus_message_append(reply, "ao", 0);
        r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int
unlock(sd_bus_message *call, void *user_data, sd_bus_error *error)
{
        FakeKeyring *self = user_data;

        return sd_bus_reply_method_return(call, "aoo", 0, self->wants_prompt ? PROMPT : "/");
}

static int
create_collection(sd_bus_message *call, void *user_data, sd_bus_error *error)
{
        self_of(user_data)->n_collections++;
        return sd_bus_reply_method_return(call, "oo", "/", PROMPT);
}

static const sd_bus_vtable service_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("OpenSession", "sv", "vo", open_session, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ReadAlias", "s", "o", read_alias, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SearchItems", "a{ss}", "aoao", search_items, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Unlock", "ao", "aoo", unlock, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD(
                "CreateCollection", "a{sv}s", "oo", create_collection, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- collection ---- */

static int
get_locked(sd_bus *bus,
           const char *path,
           const char *interface,
           const char *property,
           sd_bus_message *reply,
           void *user_data,
           sd_bus_error *error)
{
        return sd_bus_message_append(reply, "b", self_of(user_data)->is_locked);
}

static int
create_item(sd_bus_message *call, void *user_data, sd_bus_error *error)
{
        FakeKeyring *self = user_data;

        if (self->is_mute)
                return 1;
        self->n_created++;
        return sd_bus_reply_method_return(
                call, "oo", self->wants_prompt ? "/" : ITEM "0", self->wants_prompt ? PROMPT : "/");
}

static const sd_bus_vtable collection_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Locked", "b", get_locked, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD(
                "CreateItem", "a{sv}(oayays)b", "oo", create_item, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- items ---- */

static const FakeItem *
item_of(FakeKeyring *self, const char *path)
{
        guint64 i = g_ascii_strtoull(path + strlen(ITEM), NULL, 10);

        g_assert_cmpuint(i, <, self->n_items);
        return &self->items[i];
}

static int
get_created(sd_bus *bus,
            const char *path,
            const char *interface,
            const char *property,
            sd_bus_message *reply,
            void *user_data,
            sd_bus_error *error)
{
        return sd_bus_message_append(reply, "t", item_of(user_data, path)->created);
}

static int
get_secret(sd_bus_message *call, void *user_data, sd_bus_error *error)
{
        const FakeItem *item = item_of(user_data, sd_bus_message_get_path(call));
        sd_bus_message *reply = NULL;
        int r;

        g_assert_cmpint(sd_bus_message_new_method_return(call, &reply), >=, 0);
        sd_bus_message_open_container(reply, 'r', "oayays");
        sd_bus_message_append(reply, "o", PATH "/session/s1");
        sd_bus_message_append_array(reply, 'y', "", 0);
        sd_bus_message_append_array(reply, 'y', item->secret, strlen(item->secret));
        sd_bus_message_append(reply, "s", "text/plain");
        sd_bus_message_close_container(reply);
        r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int
delete_item(sd_bus_message *call, void *user_data, sd_bus_error *error)
{
        return sd_bus_reply_method_return(
                call, "o", self_of(user_data)->wants_prompt ? PROMPT : "/");
}

static const sd_bus_vtable item_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Created", "t", get_created, 0, 0),
        SD_BUS_METHOD("GetSecret", "o", "(oayays)", get_secret, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Delete", "", "o", delete_item, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int
find_item(sd_bus *bus,
          const char *path,
          const char *interface,
          void *user_data,
          void **ret_found,
          sd_bus_error *error)
{
        *ret_found = user_data;
        return g_str_has_prefix(path, ITEM);
}

/* ---- prompt ---- */

void
fake_keyring_complete_prompt(FakeKeyring *self, gboolean is_dismissed)
{
        if (!is_dismissed) {
                self->is_locked = FALSE;
                self->has_collection = TRUE;
        }
        g_assert_cmpint(sd_bus_emit_signal(self->peer->bus,
                                           PROMPT,
                                           "org.freedesktop.Secret.Prompt",
                                           "Completed",
                                           "bv",
                                           is_dismissed,
                                           "s",
                                           ""),
                        >=,
                        0);
}

static int
show_prompt(sd_bus_message *call, void *user_data, sd_bus_error *error)
{
        FakeKeyring *self = user_data;

        self->n_prompts++;
        if (self->prompt != FAKE_PROMPT_STAYS_OPEN)
                fake_keyring_complete_prompt(self, self->prompt == FAKE_PROMPT_IS_DISMISSED);
        return sd_bus_reply_method_return(call, "");
}

static int
dismiss_prompt(sd_bus_message *call, void *user_data, sd_bus_error *error)
{
        self_of(user_data)->n_dismissed++;
        return sd_bus_reply_method_return(call, "");
}

static const sd_bus_vtable prompt_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Prompt", "s", "", show_prompt, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Dismiss", "", "", dismiss_prompt, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("Completed", "bv", 0),
        SD_BUS_VTABLE_END,
};

/* ---- object ---- */

static void
add_object(FakeKeyring *self, const char *path, const char *interface, const sd_bus_vtable *vtable)
{
        int r = sd_bus_add_object_vtable(self->peer->bus, NULL, path, interface, vtable, self);

        g_assert_cmpint(r, >=, 0);
}

FakeKeyring *
fake_keyring_new(TestBus *bus)
{
        FakeKeyring *self = g_new0(FakeKeyring, 1);
        sd_bus *connection;
        int r;

        self->has_collection = TRUE;
        self->peer = test_peer_new(bus);
        connection = self->peer->bus;
        add_object(self, PATH, "org.freedesktop.Secret.Service", service_vtable);
        add_object(self, COLLECTION, "org.freedesktop.Secret.Collection", collection_vtable);
        add_object(self, ALIAS, "org.freedesktop.Secret.Collection", collection_vtable);
        add_object(self, PROMPT, "org.freedesktop.Secret.Prompt", prompt_vtable);
        r = sd_bus_add_fallback_vtable(connection,
                                       NULL,
                                       ITEMS,
                                       "org.freedesktop.Secret.Item",
                                       item_vtable,
                                       find_item,
                                       self);
        g_assert_cmpint(r, >=, 0);
        g_assert_cmpint(sd_bus_request_name(connection, NAME, 0), >=, 0);
        return self;
}

void
fake_keyring_free(FakeKeyring *self)
{
        if (!self)
                return;

        test_peer_free(self->peer);
        g_free(self);
}
