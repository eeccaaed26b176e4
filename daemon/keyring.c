/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The service and its state:
 *
 *      connected        watch the name, without starting anybody
 *      name appeared    listen to its signals, probe
 *      probe            which collection is the default one? is it locked?
 *
 * The probe has no time-out of its own: after the deadline the state is "silent",
 * and an answer that comes at last ends that. So nothing asks again and again.
 */

#include "daemon/keyring-private.h"
#include "protocol/limits.h"

const char *
tg_keyring_state_name(TgKeyringState state)
{
        static const char *const names[] = {
                [TG_KEYRING_UNLOCKED] = "unlocked",
                [TG_KEYRING_LOCKED] = "locked",
                [TG_KEYRING_ABSENT] = "absent",
                [TG_KEYRING_SILENT] = "silent",
        };

        return names[state];
}

TgKeyringState
tg_keyring_state(const TgKeyring *self)
{
        return self->state;
}

gboolean
tg_keyring_is_known(const TgKeyring *self)
{
        return self->is_known;
}

static void
set_state(TgKeyring *self, TgKeyringState state)
{
        gboolean is_news = self->state != state || !self->is_known;

        self->is_known = TRUE;
        if (!is_news)
                return;

        self->state = state;
        self->epoch++;
        self->on_changed(self, self->user_data);
}

/* A callback of one job may end others or begin new ones, which wait for no answer
 * that was there before them: so their number is fixed first. */
static void
each_job(TgKeyring *self, gboolean (*wants)(const TgKeyringJob *job), TgKeyringStep step)
{
        g_autoptr(GPtrArray) jobs = g_ptr_array_new();

        for (GList *link = self->jobs.head; link; link = link->next) {
                TgKeyringJob *job = link->data;

                if (!wants(job))
                        continue;
                g_atomic_int_inc(&job->n_refs);
                g_ptr_array_add(jobs, job);
        }
        for (guint i = 0; i < jobs->len; i++) {
                TgKeyringJob *job = g_ptr_array_index(jobs, i);

                if (job->keyring && wants(job))
                        step(job);
                tg_keyring_job_unref(job);
        }
}

static gboolean
is_waiting(const TgKeyringJob *job)
{
        return job->is_waiting;
}

static gboolean
is_opening(const TgKeyringJob *job)
{
        return job->is_opening;
}

static gboolean
is_prompting(const TgKeyringJob *job)
{
        return job->prompt != NULL;
}

static void
lose(TgKeyringJob *job)
{
        tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_GONE);
}

/* Outlives the keyring when it must: libsecret may come back with a session after it
 * was told to stop, and the connection belongs to the whole process. */
typedef struct TgKeyringOpening {
        TgKeyring *keyring; /* NULL: nobody wants it any more */
        GCancellable *cancellable;
} Opening;

static Opening *
opening_new(TgKeyring *keyring)
{
        Opening *opening = g_new0(Opening, 1);

        opening->keyring = keyring;
        opening->cancellable = g_cancellable_new();
        return opening;
}

static void
opening_free(Opening *opening)
{
        g_object_unref(opening->cancellable);
        g_free(opening);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Opening, opening_free)

/* It frees itself when it comes back. */
static void
drop_opening(Opening **opening)
{
        if (!*opening)
                return;

        (*opening)->keyring = NULL;
        g_cancellable_cancel((*opening)->cancellable);
        *opening = NULL;
}

/* ---- probe ---- */

static void
end_probe(TgKeyring *self)
{
        g_clear_handle_id(&self->probe_deadline, g_source_remove);
        if (self->probing)
                g_cancellable_cancel(self->probing);
        g_clear_object(&self->probing);
}

static void
probed(TgKeyring *self, TgKeyringState state)
{
        end_probe(self);
        set_state(self, state);
        each_job(self, is_waiting, tg_keyring_job_go_on);
}

static gboolean
on_probe_deadline(gpointer user_data)
{
        TgKeyring *self = user_data;

        /* The call stays: whoever answers it at last is heard. */
        self->probe_deadline = 0;
        set_state(self, TG_KEYRING_SILENT);
        each_job(self, is_waiting, tg_keyring_job_go_on);
        return G_SOURCE_REMOVE;
}

static void
on_locked_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
                g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
        g_autoptr(GVariant) value = NULL;

        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return;

        if (reply)
                g_variant_get(reply, "(v)", &value);
        /* What cannot be read holds nothing for us either. */
        if (value && g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN) &&
            !g_variant_get_boolean(value))
                probed(user_data, TG_KEYRING_UNLOCKED);
        else
                probed(user_data, TG_KEYRING_LOCKED);
}

static void
on_alias_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
                g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
        TgKeyring *self = user_data;
        const char *path = TG_SECRETS_NO_OBJECT;

        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return;

        if (reply)
                g_variant_get(reply, "(&o)", &path);
        g_clear_pointer(&self->collection, g_free);
        if (g_str_equal(path, TG_SECRETS_NO_OBJECT)) {
                probed(self, TG_KEYRING_LOCKED);
                return;
        }

        self->collection = g_strdup(path);
        g_dbus_connection_call(self->connection,
                               self->owner,
                               path,
                               TG_DBUS_PROPERTIES,
                               "Get",
                               g_variant_new("(ss)", TG_SECRETS_COLLECTION, "Locked"),
                               G_VARIANT_TYPE("(v)"),
                               G_DBUS_CALL_FLAGS_NO_AUTO_START,
                               G_MAXINT,
                               self->probing,
                               on_locked_read,
                               self);
}

void
tg_keyring_probe(TgKeyring *self)
{
        end_probe(self);
        if (!self->owner)
                return;

        self->probing = g_cancellable_new();
        self->probe_deadline =
                g_timeout_add_seconds(TG_KEYRING_DEADLINE_S, on_probe_deadline, self);
        g_dbus_connection_call(self->connection,
                               self->owner,
                               TG_SECRETS_PATH,
                               TG_SECRETS_SERVICE,
                               "ReadAlias",
                               g_variant_new("(s)", "default"),
                               G_VARIANT_TYPE("(o)"),
                               G_DBUS_CALL_FLAGS_NO_AUTO_START,
                               G_MAXINT,
                               self->probing,
                               on_alias_read,
                               self);
}

void
tg_keyring_fell_silent(TgKeyring *self)
{
        if (!self->owner)
                return;

        set_state(self, TG_KEYRING_SILENT);
        if (!self->probing)
                tg_keyring_probe(self);
}

/* ---- session ---- */

static gboolean
is_of_owner(GObject *service, const char *owner)
{
        g_autofree char *name = g_dbus_proxy_get_name_owner(G_DBUS_PROXY(service));

        return g_strcmp0(name, owner) == 0;
}

static void
on_session_opened(GObject *source, GAsyncResult *result, gpointer user_data)
{
        g_autoptr(Opening) opening = user_data;
        g_autoptr(GObject) service =
                g_async_initable_new_finish(G_ASYNC_INITABLE(source), result, NULL);
        TgKeyring *self = opening->keyring;

        if (!self)
                return;

        self->opening = NULL;
        /* libsecret goes by the well-known name, which may have a new owner. */
        if (service && is_of_owner(service, self->owner))
                self->service = SECRET_SERVICE(g_steal_pointer(&service));
        each_job(self, is_opening, tg_keyring_job_opened);
}

void
tg_keyring_open_session(TgKeyring *self)
{
        if (self->opening)
                return;

        self->opening = opening_new(self);
        /* Not secret_service_get(): its object is for ever, and of a dead owner too. */
        g_async_initable_new_async(SECRET_TYPE_SERVICE,
                                   G_PRIORITY_DEFAULT,
                                   self->opening->cancellable,
                                   on_session_opened,
                                   self->opening,
                                   "flags",
                                   SECRET_SERVICE_OPEN_SESSION,
                                   NULL);
}

void
tg_keyring_drop_session(TgKeyring *self)
{
        drop_opening(&self->opening);
        g_clear_object(&self->service);
}

/* ---- the name ---- */

static void
forget_owner(TgKeyring *self)
{
        end_probe(self);
        tg_keyring_drop_session(self);
        for (gsize i = 0; i < G_N_ELEMENTS(self->signals); i++) {
                if (self->signals[i])
                        g_dbus_connection_signal_unsubscribe(self->connection, self->signals[i]);
                self->signals[i] = 0;
        }
        g_clear_pointer(&self->owner, g_free);
        g_clear_pointer(&self->collection, g_free);
        self->epoch++;
}

static void
on_properties_changed(GDBusConnection *connection,
                      const char *sender,
                      const char *path,
                      const char *interface,
                      const char *signal,
                      GVariant *parameters,
                      gpointer user_data)
{
        TgKeyring *self = user_data;
        g_autoptr(GVariant) changed = NULL;
        gboolean is_locked;

        if (g_strcmp0(path, self->collection) != 0 ||
            !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
                return;

        /* Each item that is stored changes properties too: only one of them is ours. */
        changed = g_variant_get_child_value(parameters, 1);
        if (g_variant_lookup(changed, "Locked", "b", &is_locked)) {
                self->epoch++;
                tg_keyring_probe(self);
        }
}

static void
on_service_signal(GDBusConnection *connection,
                  const char *sender,
                  const char *path,
                  const char *interface,
                  const char *signal,
                  GVariant *parameters,
                  gpointer user_data)
{
        TgKeyring *self = user_data;

        self->epoch++;
        tg_keyring_probe(self);
}

static void
on_name_appeared(GDBusConnection *connection,
                 const char *name,
                 const char *owner,
                 gpointer user_data)
{
        TgKeyring *self = user_data;

        forget_owner(self);
        self->owner = g_strdup(owner);
        self->signals[0] = g_dbus_connection_signal_subscribe(connection,
                                                              owner,
                                                              TG_DBUS_PROPERTIES,
                                                              "PropertiesChanged",
                                                              NULL,
                                                              TG_SECRETS_COLLECTION,
                                                              G_DBUS_SIGNAL_FLAGS_NONE,
                                                              on_properties_changed,
                                                              self,
                                                              NULL);
        self->signals[1] = g_dbus_connection_signal_subscribe(connection,
                                                              owner,
                                                              TG_SECRETS_SERVICE,
                                                              NULL,
                                                              TG_SECRETS_PATH,
                                                              NULL,
                                                              G_DBUS_SIGNAL_FLAGS_NONE,
                                                              on_service_signal,
                                                              self,
                                                              NULL);
        self->is_known = FALSE;
        tg_keyring_probe(self);
}

/* Also when the bus itself is gone. */
static void
on_name_vanished(GDBusConnection *connection, const char *name, gpointer user_data)
{
        TgKeyring *self = user_data;

        forget_owner(self);
        set_state(self, TG_KEYRING_ABSENT);
        each_job(self, is_opening, lose);
        each_job(self, is_prompting, lose);
        each_job(self, is_waiting, tg_keyring_job_go_on);
}

static void
on_connected(GObject *source, GAsyncResult *result, gpointer user_data)
{
        g_autoptr(Opening) opening = user_data;
        g_autoptr(GDBusConnection) connection = g_bus_get_finish(result, NULL);
        TgKeyring *self = opening->keyring;

        if (!self)
                return;

        self->connecting = NULL;
        if (!connection) {
                on_name_vanished(NULL, NULL, self);
                return;
        }

        /* Or GLib would end the process with the bus, and not in order. */
        g_dbus_connection_set_exit_on_close(connection, FALSE);
        self->connection = g_steal_pointer(&connection);
        self->name_watch = g_bus_watch_name_on_connection(self->connection,
                                                          TG_SECRETS_NAME,
                                                          G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                          on_name_appeared,
                                                          on_name_vanished,
                                                          self,
                                                          NULL);
}

/* ---- object ---- */

TgKeyring *
tg_keyring_new(void (*on_changed)(TgKeyring *self, gpointer user_data), gpointer user_data)
{
        TgKeyring *self = g_new0(TgKeyring, 1);

        self->on_changed = on_changed;
        self->user_data = user_data;
        self->state = TG_KEYRING_ABSENT;
        g_queue_init(&self->jobs);
        /* Without a cancellable: it would end the connection for all who asked for it. */
        self->connecting = opening_new(self);
        g_bus_get(G_BUS_TYPE_SESSION, NULL, on_connected, self->connecting);
        return self;
}

void
tg_keyring_free(TgKeyring *self)
{
        GList *link;

        if (!self)
                return;

        while ((link = self->jobs.head))
                tg_keyring_job_cancel(link->data);
        drop_opening(&self->connecting);
        g_clear_handle_id(&self->name_watch, g_bus_unwatch_name);
        forget_owner(self);
        g_clear_object(&self->connection);
        g_free(self);
}
