/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/wallet-bus.h"

#include <string.h>

#include "dbus/names.h"

char *
tg_share_path(const TgShare *share)
{
        return g_strconcat(TG_SHARE_PREFIX "/", tg_share_id(share), NULL);
}

char *
tg_credential_path(const char *id)
{
        return g_strconcat(TG_CREDENTIAL_PREFIX "/", id, NULL);
}

/* ---- changes: many in one turn of the loop, one signal ---- */

static void
emit_changes(TgWalletBus *self, const char *id, TgShareChange changes)
{
        TgShare *share = tg_manager_share(self->manager, id);

        if (share != NULL)
                tg_share_bus_emit_changes(self, share, changes);
}

static gboolean
on_changes_due(gpointer user_data)
{
        TgWalletBus *self = user_data;
        GHashTableIter iter;
        gpointer id;
        gpointer changes;

        self->changes_source = 0;
        g_hash_table_iter_init(&iter, self->changes);
        while (g_hash_table_iter_next(&iter, &id, &changes)) {
                emit_changes(self, id, (TgShareChange)GPOINTER_TO_UINT(changes));
                g_hash_table_iter_remove(&iter);
        }
        return G_SOURCE_REMOVE;
}

static void
flush_share(TgWalletBus *self, TgShare *share)
{
        gpointer id;
        gpointer changes;

        if (!g_hash_table_steal_extended(self->changes, tg_share_id(share), &id, &changes))
                return;
        emit_changes(self, id, (TgShareChange)GPOINTER_TO_UINT(changes));
        g_free(id);
}

/* ---- what the manager tells ---- */

static void
on_share_added(TgShare *share, gpointer user_data)
{
        TgWalletBus *self = user_data;
        g_autofree char *path = tg_share_path(share);

        sd_bus_emit_object_added(self->bus, path);
}

static void
on_share_changed(TgShare *share, TgShareChange changes, gpointer user_data)
{
        TgWalletBus *self = user_data;
        guint old = GPOINTER_TO_UINT(g_hash_table_lookup(self->changes, tg_share_id(share)));

        g_hash_table_replace(self->changes,
                             g_strdup(tg_share_id(share)),
                             GUINT_TO_POINTER(old | (guint)changes));
        if (self->changes_source == 0)
                self->changes_source =
                        g_idle_add_full(G_PRIORITY_DEFAULT, on_changes_due, self, NULL);
        if (tg_share_is_ended(share))
                tg_consent_settled(self, share);
}

static void
on_share_ended(TgShare *share, gpointer user_data)
{
        TgWalletBus *self = user_data;
        g_autofree char *path = tg_share_path(share);

        flush_share(self, share);
        sd_bus_emit_signal(
                self->bus, path, TG_SHARE_INTERFACE, "Finished", "s", tg_share_state_name(share));
}

static void
on_share_removed(TgShare *share, gpointer user_data)
{
        TgWalletBus *self = user_data;
        g_autofree char *path = tg_share_path(share);

        flush_share(self, share);
        sd_bus_emit_object_removed(self->bus, path);
}

static void
on_credential_added(TgCredential *credential, gpointer user_data)
{
        TgWalletBus *self = user_data;
        g_autofree char *path = tg_credential_path(credential->id);

        sd_bus_emit_object_added(self->bus, path);
}

static void
on_credential_changed(TgCredential *credential, gpointer user_data)
{
        TgWalletBus *self = user_data;
        g_autofree char *path = tg_credential_path(credential->id);

        sd_bus_emit_properties_changed(self->bus,
                                       path,
                                       TG_CREDENTIAL_INTERFACE,
                                       "Format",
                                       "Title",
                                       "Description",
                                       "Kind",
                                       "NotBefore",
                                       "NotAfter",
                                       "Share",
                                       "Issuer",
                                       "Revoked",
                                       "Expired",
                                       "Uses",
                                       "UsesLeft",
                                       "MayReshare",
                                       "Details",
                                       NULL);
}

static void
on_credential_removed(TgCredential *credential, gpointer user_data)
{
        TgWalletBus *self = user_data;
        g_autofree char *path = tg_credential_path(credential->id);

        sd_bus_emit_object_removed(self->bus, path);
}

static const TgManagerObserver observer = {
        .share_added = on_share_added,
        .share_changed = on_share_changed,
        .share_ended = on_share_ended,
        .share_removed = on_share_removed,
        .credential_added = on_credential_added,
        .credential_changed = on_credential_changed,
        .credential_removed = on_credential_removed,
};

/* ---- calls under way ---- */

void
tg_pending_add(TgWalletBus *self, gpointer pending, GDestroyNotify drop)
{
        /* ISO C keeps functions and objects apart; POSIX does not. */
        g_hash_table_insert(self->pending, pending, (gpointer)drop);
}

void
tg_pending_take(TgWalletBus *self, gpointer pending)
{
        g_hash_table_remove(self->pending, pending);
}

static void
drop_pending(TgWalletBus *self)
{
        GHashTableIter iter;
        gpointer pending;
        gpointer drop;

        g_hash_table_iter_init(&iter, self->pending);
        while (g_hash_table_iter_next(&iter, &pending, &drop)) {
                g_hash_table_iter_remove(&iter);
                ((GDestroyNotify)drop)(pending);
        }
        g_clear_pointer(&self->pending, g_hash_table_unref);
}

/* ---- all objects below the root ---- */

/* sd-bus frees the array itself: GLib's allocator is malloc's. The prefix that it asks for
 * is that of the whole question (the root, for GetManagedObjects), hence one callback a
 * kind. */
static char **
paths_below(const char *prefix, GHashTable *table)
{
        char **paths = g_new0(char *, g_hash_table_size(table) + 1);
        GHashTableIter iter;
        gpointer id;
        guint n = 0;

        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, &id, NULL))
                paths[n++] = g_strconcat(prefix, "/", (const char *)id, NULL);

        return paths;
}

static int
enumerate_shares(
        sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error)
{
        TgWalletBus *self = userdata;

        *ret_nodes = paths_below(TG_SHARE_PREFIX, tg_manager_shares(self->manager));
        return 1;
}

static int
enumerate_credentials(
        sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error)
{
        TgWalletBus *self = userdata;

        *ret_nodes = paths_below(TG_CREDENTIAL_PREFIX, tg_manager_credentials(self->manager));
        return 1;
}

static void
drop_slot(gpointer slot)
{
        sd_bus_slot_unref(slot);
}

static int
add_object_manager(TgWalletBus *self, sd_bus_slot **ret_slot)
{
        return sd_bus_add_object_manager(self->bus, ret_slot, TG_ROOT_PATH);
}

static int
add_share_enumerator(TgWalletBus *self, sd_bus_slot **ret_slot)
{
        return sd_bus_add_node_enumerator(
                self->bus, ret_slot, TG_SHARE_PREFIX, enumerate_shares, self);
}

static int
add_credential_enumerator(TgWalletBus *self, sd_bus_slot **ret_slot)
{
        return sd_bus_add_node_enumerator(
                self->bus, ret_slot, TG_CREDENTIAL_PREFIX, enumerate_credentials, self);
}

static int
add_objects(TgWalletBus *self)
{
        static int (*const adds[])(TgWalletBus * self, sd_bus_slot * *ret_slot) = {
                add_object_manager,
                tg_objects_bus_add,
                tg_manager_bus_add,
                tg_application_bus_add,
                tg_share_bus_add,
                tg_credential_bus_add,
                add_share_enumerator,
                add_credential_enumerator,
        };

        for (gsize i = 0; i < G_N_ELEMENTS(adds); i++) {
                sd_bus_slot *slot;
                int r = adds[i](self, &slot);

                if (r < 0)
                        return r;
                g_ptr_array_add(self->slots, slot);
        }
        return 0;
}

TgWalletBus *
tg_wallet_bus_new(sd_bus *bus, TgManager *manager, GError **error)
{
        TgWalletBus *self = g_new0(TgWalletBus, 1);
        int r;

        self->bus = sd_bus_ref(bus);
        self->manager = manager;
        self->slots = g_ptr_array_new_with_free_func(drop_slot);
        self->changes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        self->pending = g_hash_table_new(NULL, NULL);
        self->callers = tg_callers_new(bus);
        self->authority = tg_authority_new();

        r = add_objects(self);
        if (r < 0) {
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "cannot put the objects on the bus: %s",
                             g_strerror(-r));
                tg_wallet_bus_free(self);
                return NULL;
        }
        tg_manager_set_observer(manager, &observer, self);
        return self;
}

void
tg_wallet_bus_free(TgWalletBus *self)
{
        if (self == NULL)
                return;
        tg_manager_set_observer(self->manager, NULL, NULL);
        g_clear_handle_id(&self->changes_source, g_source_remove);
        g_clear_pointer(&self->slots, g_ptr_array_unref);
        g_clear_pointer(&self->consents, g_hash_table_unref);
        drop_pending(self);
        g_clear_pointer(&self->changes, g_hash_table_unref);
        g_clear_pointer(&self->authority, tg_authority_free);
        g_clear_pointer(&self->callers, tg_callers_free);
        sd_bus_unref(self->bus);
        g_free(self);
}

void
tg_wallet_bus_settings_changed(TgWalletBus *self)
{
        sd_bus_emit_properties_changed(
                self->bus, TG_ROOT_PATH, TG_MANAGER_INTERFACE, "PinRules", "Relays", NULL);
}

void
tg_wallet_bus_formats_changed(TgWalletBus *self)
{
        sd_bus_emit_properties_changed(
                self->bus, TG_ROOT_PATH, TG_MANAGER_INTERFACE, "Formats", "PinRules", NULL);
}

void
tg_wallet_bus_keyring_changed(TgWalletBus *self)
{
        sd_bus_emit_properties_changed(
                self->bus, TG_ROOT_PATH, TG_MANAGER_INTERFACE, "KeyringState", NULL);
}

static int
append_moment(sd_bus_message *reply, const char *name, gint64 time_s)
{
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(time_s);
        g_autofree char *text = g_date_time_format(time, "%F %T UTC");

        return time_s != 0 ? sd_bus_message_append(reply, "(ss)", name, text) : 0;
}

/* That it is honest about what nobody can enforce: whoever has seen a content has it. */
static int
append_bounds(sd_bus_message *reply, const TgBounds *bounds)
{
        g_autofree char *uses = g_strdup_printf("%u", bounds->n_uses);
        int r = append_moment(reply, "Not to be used before", bounds->not_before_s);

        if (r >= 0)
                r = append_moment(reply, "Not to be used after", bounds->not_after_s);
        if (r >= 0 && bounds->n_uses != 0)
                r = sd_bus_message_append(reply, "(ss)", "Uses", uses);
        if (r >= 0 && bounds->is_final)
                r = sd_bus_message_append(reply, "(ss)", "Sharing on", "no");
        if (r >= 0 && tg_bounds_are_set(bounds))
                r = sd_bus_message_append(reply,
                                          "(ss)",
                                          "These limits",
                                          "kept by the recipient's wallet, if it knows them; what "
                                          "it has handed out once can be copied");
        return r;
}

int
tg_details_append(sd_bus_message *reply, GVariant *details, const TgBounds *bounds)
{
        int r = sd_bus_message_open_container(reply, 'a', "(ss)");
        GVariantIter iter;
        const char *name;
        const char *value;

        if (details != NULL) {
                g_variant_iter_init(&iter, details);
                while (r >= 0 && g_variant_iter_next(&iter, "(&s&s)", &name, &value))
                        r = sd_bus_message_append(reply, "(ss)", name, value);
        }
        if (r >= 0)
                r = append_bounds(reply, bounds);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
