/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/command.h"
#include "cli/escape.h"
#include "cli/interrupt.h"
#include "cli/object.h"
#include "cli/output.h"
#include "dbus/names.h"
#include "protocol/error.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

typedef struct {
        TgClient *client;
        GHashTable *objects; /* path → TgObject */
        gboolean must_reload;
} Monitor;

static void
print_json(const char *event, const TgObject *object)
{
        TgJsonLine *line = tg_json_line_begin();

        tg_json_line_string(line, "event", event);
        tg_object_to_json(object, line);
        tg_json_line_end(line);
}

static void
print_text(const char *event, const TgObject *object)
{
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        g_autofree char *time = g_date_time_format(now, "%H:%M:%S");
        const char *title = tg_object_text(object, "Title");
        guint64 n_tries = tg_object_number(object, "PinAttemptsLeft");
        const char *failure;
        const char *message;
        g_autoptr(GString) line = g_string_new(time);
        g_autofree char *escaped = NULL;

        tg_object_failure(object, &failure, &message);
        if (object->kind == TG_OBJECT_SHARE)
                g_string_append_printf(line,
                                       "  share %s  %s  %s  %s",
                                       object->id,
                                       event,
                                       tg_object_text(object, "Role"),
                                       tg_object_text(object, "State"));
        else
                g_string_append_printf(line, "  credential %s  %s", object->id, event);
        if (n_tries > 0)
                g_string_append_printf(line, "  PIN: %" G_GUINT64_FORMAT " left", n_tries);
        if (*title)
                g_string_append_printf(line, "  \"%s\"", title);
        if (*message)
                g_string_append_printf(line, "  (%s)", message);

        escaped = tg_escape(TG_ESCAPE_LINE, line->str);
        tg_output_line(escaped);
}

static void
print(const char *event, const TgObject *object)
{
        if (tg_output_is_json())
                print_json(event, object);
        else
                print_text(event, object);
}

static void
take(Monitor *self, TgObject *object)
{
        g_hash_table_replace(self->objects, object->path, object);
}

static void
on_changed(Monitor *self, const TgClientSignal *signal)
{
        TgObject *object = g_hash_table_lookup(self->objects, signal->path);
        g_autoptr(GVariant) changed = NULL;
        const char *interface;

        if (!object || !g_variant_is_of_type(signal->body, G_VARIANT_TYPE("(sa{sv}as)")))
                return;
        g_variant_get(signal->body, "(&s@a{sv}as)", &interface, &changed, NULL);
        if (strcmp(interface, tg_object_interface(object)) != 0)
                return;

        tg_object_merge(object, changed);
        print("changed", object);
}

static void
on_added(Monitor *self, const TgClientSignal *signal)
{
        g_autoptr(GVariant) interfaces = NULL;
        g_autoptr(TgObject) object = NULL;
        g_autoptr(GVariant) properties = NULL;
        const char *path;

        if (!g_variant_is_of_type(signal->body, G_VARIANT_TYPE("(oa{sa{sv}})")))
                return;
        g_variant_get(signal->body, "(&o@a{sa{sv}})", &path, &interfaces);
        object = tg_object_new(path, g_variant_new("a{sv}", NULL));
        if (!object)
                return;
        properties = g_variant_lookup_value(
                interfaces, tg_object_interface(object), G_VARIANT_TYPE_VARDICT);
        if (!properties)
                return;

        tg_object_merge(object, properties);
        print("added", object);
        take(self, g_steal_pointer(&object));
}

static void
on_removed(Monitor *self, const TgClientSignal *signal)
{
        const char *path;
        TgObject *object;

        if (!g_variant_is_of_type(signal->body, G_VARIANT_TYPE("(oas)")))
                return;
        g_variant_get(signal->body, "(&oas)", &path, NULL);
        object = g_hash_table_lookup(self->objects, path);
        if (!object)
                return;

        print("removed", object);
        g_hash_table_remove(self->objects, path);
}

static void
on_signal(const TgClientSignal *signal, gpointer user_data)
{
        Monitor *self = user_data;

        if (strcmp(signal->member, "NameOwnerChanged") == 0)
                self->must_reload = TRUE;
        else if (strcmp(signal->member, "PropertiesChanged") == 0)
                on_changed(self, signal);
        else if (strcmp(signal->interface, OBJECT_MANAGER) == 0 &&
                 strcmp(signal->member, "InterfacesAdded") == 0)
                on_added(self, signal);
        else if (strcmp(signal->interface, OBJECT_MANAGER) == 0 &&
                 strcmp(signal->member, "InterfacesRemoved") == 0)
                on_removed(self, signal);
}

/* What there is, without a word about it. A wallet that went away is started again. */
static gboolean
reload(Monitor *self, GError **error)
{
        g_autoptr(GPtrArray) objects = NULL;

        self->must_reload = FALSE;
        objects = tg_object_list(self->client, TG_OBJECT_ANY, error);
        if (!objects)
                return FALSE;

        while (objects->len > 0)
                take(self, g_ptr_array_steal_index(objects, objects->len - 1));
        return TRUE;
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client = tg_client_new(invocation->may_ask, error);
        g_autoptr(GHashTable) objects = g_hash_table_new_full(
                g_str_hash, g_str_equal, NULL, (GDestroyNotify)tg_object_free);
        Monitor monitor = {.client = client, .objects = objects, .must_reload = TRUE};
        gboolean is_there;

        if (!client || !tg_client_watch(client, TG_ROOT_PATH, on_signal, &monitor, error))
                return -1;
        is_there = reload(&monitor, error);
        if (is_there)
                tg_output_note("watching; Ctrl-C ends it");
        while (is_there)
                is_there = monitor.must_reload ? reload(&monitor, error)
                                               : tg_client_turn(client, -1, error);
        tg_client_unwatch(client);

        /* Being stopped is how this verb ends. */
        if (tg_interrupt_signal() == 0)
                return -1;
        g_clear_error(error);
        return 0;
}

const TgCommand tg_command_monitor = {
        .name = "monitor",
        .arguments = "",
        .min_arguments = 0,
        .max_arguments = 0,
        .summary = "print changes of shares and credentials as they happen",
        .description =
                "Prints changes of shares and credentials as they happen, until it is stopped.\n",
        .example = "tigressctl monitor --json",
        .run = run,
};
