/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/client.h"

#include <systemd/sd-bus.h>
#include <time.h>

#include "cli/client-message.h"
#include "cli/hint.h"
#include "cli/interrupt.h"
#include "dbus/names.h"
#include "protocol/error.h"
#include "protocol/text.h"

#define SLOW_CALL_US (120 * G_USEC_PER_SEC)
#define MAX_SENTENCE_BYTES 1024

#define START_HINT                                                                                 \
        "is tigress installed? what became of its service says: systemctl --user status tigressd"

struct TgClient {
        sd_bus *bus;
        gboolean may_ask;
        gboolean is_system;
        gboolean has_spoken; /* the bus was there: its end is a loss */
        char *wallet_name;   /* unique name of who answered last as the wallet */
        sd_bus_slot *signal_slot;
        sd_bus_slot *owner_slot;
        TgClientSignalFunc func;
        gpointer user_data;
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_slot, sd_bus_slot_unref)

static void
set_bus_error(const TgClient *self, GError **error, int r)
{
        if (self->has_spoken)
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "the bus has ended: %s\nlog in again, or start one: dbus-run-session "
                             "-- bash",
                             g_strerror(-r));
        else if (self->is_system)
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "cannot reach the system bus: %s\nstart it: systemctl start dbus",
                             g_strerror(-r));
        else
                tg_set_error(
                        error,
                        TG_ERROR_FAILED,
                        "cannot reach the wallet: no session bus (%s)\nlog in to a session, or "
                        "start one: dbus-run-session -- bash",
                        g_strerror(-r));
}

static TgClient *
client_open(gboolean is_system, gboolean may_ask, GError **error)
{
        g_autoptr(TgClient) self = g_new0(TgClient, 1);
        int r;

        self->is_system = is_system;
        self->may_ask = may_ask;
        if (is_system)
                r = sd_bus_open_system_with_description(&self->bus, "tigressctl");
        else
                r = sd_bus_open_user_with_description(&self->bus, "tigressctl");
        if (r < 0) {
                set_bus_error(self, error, r);
                return NULL;
        }

        return g_steal_pointer(&self);
}

TgClient *
tg_client_new(gboolean may_ask, GError **error)
{
        return client_open(FALSE, may_ask, error);
}

TgClient *
tg_client_new_system(GError **error)
{
        return client_open(TRUE, FALSE, error);
}

void
tg_client_free(TgClient *self)
{
        if (!self)
                return;

        sd_bus_slot_unref(self->signal_slot);
        sd_bus_slot_unref(self->owner_slot);
        sd_bus_flush_close_unref(self->bus);
        g_free(self->wallet_name);
        g_free(self);
}

/* Errors that are not the wallet's own: of the bus, or of sd-bus in its name. */
static void
set_foreign_error(const TgClient *self, const sd_bus_error *reason, GError **error)
{
        static const char *const lost[] = {
                SD_BUS_ERROR_NO_REPLY,
                SD_BUS_ERROR_TIMEOUT,
                SD_BUS_ERROR_DISCONNECTED,
        };
        g_autofree char *message = tg_text_clean(reason->message, -1, MAX_SENTENCE_BYTES);

        for (gsize i = 0; i < G_N_ELEMENTS(lost); i++) {
                if (!sd_bus_error_has_name(reason, lost[i]))
                        continue;
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "%s did not answer\nsee why: journalctl --user -u tigressd",
                             self->is_system ? "the service" : "the wallet");
                return;
        }

        if (sd_bus_error_has_name(reason, SD_BUS_ERROR_UNKNOWN_OBJECT))
                tg_set_error(error, TG_ERROR_NOT_FOUND, "there is no such share or credential");
        else if (sd_bus_error_has_name(reason, SD_BUS_ERROR_UNKNOWN_METHOD) ||
                 sd_bus_error_has_name(reason, SD_BUS_ERROR_UNKNOWN_INTERFACE))
                tg_set_error(
                        error,
                        TG_ERROR_FAILED,
                        "the running wallet is of another version than tigressctl\nrestart it: "
                        "systemctl --user restart tigressd");
        else
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "cannot reach %s: %s\n%s",
                             self->is_system ? "the service" : "the wallet",
                             message,
                             START_HINT);
}

static void
set_remote_error(const TgClient *self, const sd_bus_error *reason, GError **error)
{
        g_autofree char *message = NULL;
        g_autofree char *full = NULL;
        TgError code;

        if (!tg_error_from_bus_name(reason->name, &code)) {
                set_foreign_error(self, reason, error);
                return;
        }

        message = tg_text_clean(reason->message, -1, MAX_SENTENCE_BYTES);
        full = tg_hint_complete(message, code, self->may_ask);
        tg_set_error(error, code, "%s", full);
}

static int
bus_timeout_ms(const TgClient *self, int timeout_ms)
{
        guint64 deadline_us = G_MAXUINT64;
        guint64 now_us = (guint64)g_get_monotonic_time();
        guint64 wait_ms;

        if (sd_bus_get_timeout(self->bus, &deadline_us) < 0 || deadline_us == G_MAXUINT64)
                return timeout_ms;

        wait_ms = deadline_us > now_us ? (deadline_us - now_us + 999) / 1000 : 0;
        wait_ms = MIN(wait_ms, G_MAXINT);

        return timeout_ms < 0 ? (int)wait_ms : MIN((int)wait_ms, timeout_ms);
}

gboolean
tg_client_turn(TgClient *self, int timeout_ms, GError **error)
{
        int r = sd_bus_process(self->bus, NULL);
        int events = r == 0 ? sd_bus_get_events(self->bus) : 0;

        if (r < 0 || events < 0) {
                set_bus_error(self, error, r < 0 ? r : events);
                return FALSE;
        }
        /* More may have arrived already; an interruption is not to wait for it. */
        if (r > 0) {
                self->has_spoken = TRUE;
                return tg_interrupt_poll(-1, 0, 0, NULL, error);
        }

        return tg_interrupt_poll(sd_bus_get_fd(self->bus),
                                 (short)events,
                                 bus_timeout_ms(self, timeout_ms),
                                 NULL,
                                 error);
}

static int
on_reply(sd_bus_message *message, void *user_data, sd_bus_error *unused)
{
        sd_bus_message **reply = user_data;

        *reply = sd_bus_message_ref(message);
        return 1;
}

static int
build_call(TgClient *self, const TgClientCall *call, sd_bus_message **ret_message)
{
        g_autoptr(sd_bus_message) message = NULL;
        g_autoptr(GVariant) arguments = NULL;
        int r;

        if (call->arguments)
                arguments = g_variant_ref_sink(call->arguments);
        r = sd_bus_message_new_method_call(self->bus,
                                           &message,
                                           call->destination ? call->destination : TG_BUS_NAME,
                                           call->path ? call->path : TG_ROOT_PATH,
                                           call->interface,
                                           call->method);
        if (r >= 0 && arguments)
                r = tg_client_message_append(message, arguments, call->fds, call->n_fds);
        if (r >= 0 && call->kind == TG_CALL_ASKS && self->may_ask)
                r = sd_bus_message_set_allow_interactive_authorization(message, TRUE);
        if (r >= 0)
                *ret_message = g_steal_pointer(&message);

        return r;
}

/* The answer, rewound, or an error. */
static sd_bus_message *
call_for_message(TgClient *self, const TgClientCall *call, GError **error)
{
        static const guint64 timeouts_us[] = {
                [TG_CALL_QUICK] = 0,
                [TG_CALL_SLOW] = SLOW_CALL_US,
                [TG_CALL_ASKS] = G_MAXUINT64,
        };
        g_autoptr(sd_bus_message) message = NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(sd_bus_slot) slot = NULL;
        int r = build_call(self, call, &message);

        if (r >= 0)
                r = sd_bus_call_async(
                        self->bus, &slot, message, on_reply, &reply, timeouts_us[call->kind]);
        if (r < 0) {
                set_bus_error(self, error, r);
                return NULL;
        }

        /* An answer counts even if an interruption came at the same time: it may say
         * what has been made and is now to be cancelled. */
        while (!reply) {
                if (tg_client_turn(self, -1, error))
                        continue;
                while (!reply && sd_bus_process(self->bus, NULL) > 0)
                        continue;
                if (!reply)
                        return NULL;
                g_clear_error(error);
        }
        if (!call->destination) {
                g_free(self->wallet_name);
                self->wallet_name = g_strdup(sd_bus_message_get_sender(reply));
        }
        if (sd_bus_message_is_method_error(reply, NULL)) {
                set_remote_error(self, sd_bus_message_get_error(reply), error);
                return NULL;
        }

        return g_steal_pointer(&reply);
}

GVariant *
tg_client_call(TgClient *self, const TgClientCall *call, GError **error)
{
        g_autoptr(sd_bus_message) reply = call_for_message(self, call, error);
        GVariant *values;

        if (!reply)
                return NULL;
        values = tg_client_message_read(reply);
        if (!values)
                tg_set_error(error, TG_ERROR_FAILED, "the answer to %s is broken", call->method);

        return values;
}

GVariant *
tg_client_call_for_dict(TgClient *self, const TgClientCall *call, GError **error)
{
        g_autoptr(GVariant) reply = tg_client_call(self, call, error);

        if (!reply)
                return NULL;
        if (!g_variant_is_of_type(reply, G_VARIANT_TYPE("(a{sv})"))) {
                tg_set_error(error, TG_ERROR_FAILED, "the wallet's answer cannot be read");
                return NULL;
        }

        return g_variant_get_child_value(reply, 0);
}

TgSecret *
tg_client_call_secret(TgClient *self, const TgClientCall *call, GError **error)
{
        g_autoptr(sd_bus_message) reply = call_for_message(self, call, error);

        if (!reply)
                return NULL;
        sd_bus_message_sensitive(reply);

        return tg_client_message_read_secret(reply, error);
}

GVariant *
tg_client_get_all(TgClient *self, const char *path, const char *interface, GError **error)
{
        const TgClientCall call = {
                .path = path,
                .interface = "org.freedesktop.DBus.Properties",
                .method = "GetAll",
                .arguments = g_variant_new("(s)", interface),
        };

        return tg_client_call_for_dict(self, &call, error);
}

/* Anybody may send us a signal, and sd-bus takes any unique name for the one that a match
 * names. What a wallet has said before it answered us is in its answer. */
static gboolean
is_genuine(const TgClient *self, sd_bus_message *message)
{
        const char *sender = sd_bus_message_get_sender(message);

        if (sd_bus_message_is_signal(message, "org.freedesktop.DBus", NULL))
                return g_strcmp0(sender, "org.freedesktop.DBus") == 0;
        return sender && g_strcmp0(sender, self->wallet_name) == 0;
}

static int
on_signal(sd_bus_message *message, void *user_data, sd_bus_error *unused)
{
        TgClient *self = user_data;
        g_autoptr(GVariant) body = tg_client_message_read(message);
        const TgClientSignal signal = {
                .path = sd_bus_message_get_path(message),
                .interface = sd_bus_message_get_interface(message),
                .member = sd_bus_message_get_member(message),
                .body = body,
        };

        if (body && signal.path && signal.interface && signal.member && is_genuine(self, message))
                self->func(&signal, self->user_data);

        return 0;
}

gboolean
tg_client_watch(TgClient *self,
                const char *path,
                TgClientSignalFunc func,
                gpointer user_data,
                GError **error)
{
        g_autofree char *match =
                g_strdup_printf("type='signal',sender='" TG_BUS_NAME "',path_namespace='%s'", path);
        int r;

        g_return_val_if_fail(!self->func, FALSE);

        self->func = func;
        self->user_data = user_data;
        r = sd_bus_add_match(self->bus, &self->signal_slot, match, on_signal, self);
        if (r >= 0)
                r = sd_bus_add_match(self->bus,
                                     &self->owner_slot,
                                     "type='signal',sender='org.freedesktop.DBus',"
                                     "member='NameOwnerChanged',arg0='" TG_BUS_NAME "'",
                                     on_signal,
                                     self);
        if (r < 0)
                set_bus_error(self, error, r);

        return r >= 0;
}

void
tg_client_unwatch(TgClient *self)
{
        self->signal_slot = sd_bus_slot_unref(self->signal_slot);
        self->owner_slot = sd_bus_slot_unref(self->owner_slot);
        self->func = NULL;
}

gboolean
tg_client_has_owner(TgClient *self, const char *name, gboolean *ret_has, GError **error)
{
        const TgClientCall call = {
                .destination = "org.freedesktop.DBus",
                .path = "/org/freedesktop/DBus",
                .interface = "org.freedesktop.DBus",
                .method = "NameHasOwner",
                .arguments = g_variant_new("(s)", name),
        };
        g_autoptr(GVariant) reply = tg_client_call(self, &call, error);

        if (!reply)
                return FALSE;
        g_variant_get(reply, "(b)", ret_has);

        return TRUE;
}
