/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A job with NetworkManager:
 *
 *      tg_nm_job_start   a connection to the system bus
 *      on_paths          which profiles there are
 *      on_settings       what one of them says, as often as there are; none that is another user's
 *      task->listed      what the job is for: one call more
 *      tg_nm_job_end     whatever came, and from anywhere in between
 */

#include <string.h>

#include "daemon/bus-source.h"
#include "daemon/network-manager-private.h"
#include "protocol/error.h"

#define NAME "org.freedesktop.NetworkManager"
#define CONNECTION_INTERFACE TG_NM_SETTINGS_INTERFACE ".Connection"
#define PATIENCE_S 20        /* for the list of profiles, all of it */
#define PERSON_PATIENCE_S 95 /* both are within the 120 of a step */
#define MAX_PROFILES 1024

static void read_next(TgNmJob *self);

static void
free_profile(gpointer data)
{
        TgNmProfile *self = data;

        g_free(self->path);
        g_free(self->uuid);
        g_free(self->name);
        g_free(self->type);
        g_free(self->mode);
        g_free(self->key_management);
        g_clear_pointer(&self->ssid, g_bytes_unref);
        g_clear_pointer(&self->public_keys, g_ptr_array_unref);
        g_clear_pointer(&self->addresses, g_ptr_array_unref);
        g_free(self);
}

/* ---- its end ---- */

static void
disconnect(TgNmJob *self)
{
        g_clear_handle_id(&self->patience, g_source_remove);
        self->slot = sd_bus_slot_unref(self->slot);
        if (self->cancelling != 0)
                g_signal_handler_disconnect(self->cancellable, self->cancelling);
        self->cancelling = 0;
        g_clear_object(&self->cancellable);
        if (self->bus_source != NULL) {
                g_source_destroy(self->bus_source);
                g_clear_pointer(&self->bus_source, g_source_unref);
        }
        self->bus = sd_bus_close_unref(self->bus);
}

void
tg_nm_job_end(TgNmJob *self, GError *error)
{
        g_autoptr(GError) taken = error;

        disconnect(self);
        self->task->ended(self, taken);
        g_ptr_array_unref(self->profiles);
        g_free(self->owner);
        g_free(self);
}

static void
end_silent(TgNmJob *self)
{
        tg_nm_job_end(self,
                      tg_error_new(TG_ERROR_FAILED,
                                   "NetworkManager does not answer: see what it does, and try "
                                   "again"));
}

static void
end_puzzled(TgNmJob *self)
{
        tg_nm_job_end(self,
                      tg_error_new(TG_ERROR_FAILED,
                                   "what NetworkManager says of its profiles cannot be "
                                   "understood"));
}

static gboolean
on_impatient(gpointer user_data)
{
        TgNmJob *self = user_data;

        self->patience = 0;
        if (self->unanswered != NULL)
                tg_nm_job_end(self, tg_error_new(TG_ERROR_DENIED, "%s", self->unanswered));
        else
                end_silent(self);
        return G_SOURCE_REMOVE;
}

static void
on_cancelled(GCancellable *cancellable, gpointer user_data)
{
        tg_nm_job_end(user_data,
                      tg_error_new(TG_ERROR_CANCELLED, "nobody waits for NetworkManager any more"));
}

static void
on_bus_closed(sd_bus *bus, int r, gpointer user_data)
{
        end_silent(user_data);
}

/* ---- calls ---- */

static void
end_without_bus(TgNmJob *self, int r)
{
        tg_nm_job_end(self,
                      tg_error_new(TG_ERROR_FAILED,
                                   "NetworkManager cannot be asked, because the system bus cannot "
                                   "be reached (%s)",
                                   g_strerror(-r)));
}

sd_bus_message *
tg_nm_call_new(TgNmJob *self, const char *path, const char *interface, const char *method)
{
        const char *destination = self->owner != NULL ? self->owner : NAME;
        sd_bus_message *message = NULL;
        int r = sd_bus_message_new_method_call(
                self->bus, &message, destination, path, interface, method);

        /* Who has none that runs does not want one. */
        if (r >= 0)
                r = sd_bus_message_set_auto_start(message, 0);
        if (r >= 0)
                return message;
        sd_bus_message_unref(message);
        end_without_bus(self, r);
        return NULL;
}

static gboolean
send_call(TgNmJob *self, sd_bus_message *message, sd_bus_message_handler_t on_any)
{
        int r = sd_bus_call_async(self->bus, &self->slot, message, on_any, self, UINT64_MAX);

        sd_bus_message_unref(message);
        if (r < 0) {
                end_without_bus(self, r);
                return FALSE;
        }
        return TRUE;
}

static void
set_patience(TgNmJob *self, guint seconds)
{
        g_clear_handle_id(&self->patience, g_source_remove);
        self->patience = g_timeout_add_seconds(seconds, on_impatient, self);
}

/* Its sentences are not passed on: they may quote what was in the call. */
static GError *
error_of(const sd_bus_error *error)
{
        const char *name = error != NULL && error->name != NULL ? error->name : "";
        const char *word = strrchr(name, '.') != NULL ? strrchr(name, '.') + 1 : name;

        if (g_str_equal(word, "PermissionDenied") || g_str_equal(word, "AccessDenied"))
                return tg_error_new(TG_ERROR_DENIED,
                                    "NetworkManager does not allow that to this user: polkit's "
                                    "actions for it begin with " NAME ".settings.modify");
        if (g_str_equal(word, "NoSecrets") || g_str_equal(word, "UserCanceled"))
                return tg_error_new(TG_ERROR_NOT_FOUND,
                                    "NetworkManager does not keep the password of this network "
                                    "itself, and no agent of the desktop's gives it out: have it "
                                    "stored for all users, or share the WIFI: text");
        if (g_str_has_prefix(name, NAME "."))
                return tg_error_new(
                        TG_ERROR_INVALID, "NetworkManager does not take that (%s)", word);
        if (g_str_equal(word, "ServiceUnknown") || g_str_equal(word, "NameHasNoOwner"))
                return tg_error_new(TG_ERROR_FAILED, "NetworkManager does not run here");
        return tg_error_new(TG_ERROR_FAILED, "NetworkManager does not answer");
}

static int
on_answer(sd_bus_message *reply, void *user_data, sd_bus_error *ret_error)
{
        TgNmJob *self = user_data;

        self->slot = sd_bus_slot_unref(self->slot);
        if (sd_bus_message_is_method_error(reply, NULL))
                tg_nm_job_end(self, error_of(sd_bus_message_get_error(reply)));
        else
                self->on_reply(reply, self, NULL);
        return 0;
}

void
tg_nm_call_send(TgNmJob *self,
                sd_bus_message *message,
                const char *unanswered,
                sd_bus_message_handler_t on_reply)
{
        self->on_reply = on_reply;
        self->unanswered = unanswered;
        if (unanswered != NULL)
                (void)sd_bus_message_set_allow_interactive_authorization(message, 1);
        if (send_call(self, message, on_answer) && unanswered != NULL)
                set_patience(self, PERSON_PATIENCE_S);
}

/* ---- the profiles ---- */

static const TgNmField profile_fields[] = {
#define FIELD(setting, key, type, inner, member)                                                   \
        {                                                                                          \
                setting, key, type, inner, G_STRUCT_OFFSET(TgNmProfile, member)                    \
        }
        FIELD("connection", "uuid", 's', NULL, uuid),
        FIELD("connection", "id", 's', NULL, name),
        FIELD("connection", "type", 's', NULL, type),
        FIELD(TG_NM_WIFI, "ssid", 'y', NULL, ssid),
        FIELD(TG_NM_WIFI, "mode", 's', NULL, mode),
        FIELD(TG_NM_WIFI, "hidden", 'b', NULL, is_hidden),
        FIELD(TG_NM_WIFI_SECURITY, "key-mgmt", 's', NULL, key_management),
        FIELD(TG_NM_WIFI_SECURITY, "psk-flags", 'u', NULL, password_flags),
        FIELD(TG_NM_WIREGUARD, "peers", 'a', "public-key", public_keys),
        FIELD("ipv4", "address-data", 'a', "address", addresses),
        FIELD("ipv6", "address-data", 'a', "address", addresses),
#undef FIELD
};

/* One of another user's, and one that was deleted meanwhile, are not there. */
static gboolean
is_hidden(const sd_bus_error *error)
{
        return error != NULL && error->name != NULL &&
               (g_str_has_prefix(error->name, NAME ".") ||
                g_str_equal(error->name, SD_BUS_ERROR_ACCESS_DENIED) ||
                g_str_equal(error->name, SD_BUS_ERROR_UNKNOWN_OBJECT) ||
                g_str_equal(error->name, SD_BUS_ERROR_UNKNOWN_METHOD));
}

static int
on_settings(sd_bus_message *reply, void *user_data, sd_bus_error *ret_error)
{
        TgNmJob *self = user_data;
        TgNmProfile *profile = self->profiles->pdata[self->n_read];

        self->slot = sd_bus_slot_unref(self->slot);
        if (!sd_bus_message_is_method_error(reply, NULL)) {
                if (tg_nm_settings_read(
                            reply, profile_fields, G_N_ELEMENTS(profile_fields), profile) < 0) {
                        end_puzzled(self);
                        return 0;
                }
                self->n_read++;
        } else if (is_hidden(sd_bus_message_get_error(reply))) {
                g_ptr_array_remove_index(self->profiles, self->n_read);
        } else {
                tg_nm_job_end(self, error_of(sd_bus_message_get_error(reply)));
                return 0;
        }
        read_next(self);
        return 0;
}

static void
read_next(TgNmJob *self)
{
        const TgNmProfile *profile;
        sd_bus_message *message;

        if (self->n_read == self->profiles->len) {
                self->task->listed(self);
                return;
        }
        profile = self->profiles->pdata[self->n_read];
        message = tg_nm_call_new(self, profile->path, CONNECTION_INTERFACE, "GetSettings");
        if (message != NULL)
                send_call(self, message, on_settings);
}

static int
on_paths(sd_bus_message *reply, void *user_data, sd_bus_error *ret_error)
{
        TgNmJob *self = user_data;
        const char *path;
        int r = sd_bus_message_enter_container(reply, 'a', "o");

        self->owner = g_strdup(sd_bus_message_get_sender(reply));
        while (r >= 0 && (r = sd_bus_message_read(reply, "o", &path)) > 0) {
                TgNmProfile *profile = g_new0(TgNmProfile, 1);

                profile->path = g_strdup(path);
                g_ptr_array_add(self->profiles, profile);
        }
        if (r < 0) {
                end_puzzled(self);
                return 0;
        }
        if (self->profiles->len > MAX_PROFILES) {
                tg_nm_job_end(self,
                              tg_error_new(TG_ERROR_LIMIT_REACHED,
                                           "NetworkManager has more profiles than the %d that are "
                                           "looked through here",
                                           MAX_PROFILES));
                return 0;
        }
        read_next(self);
        return 0;
}

/* ---- its beginning ---- */

void
tg_nm_job_start(const TgNmTask *task, gpointer data, GCancellable *cancellable)
{
        TgNmJob *self = g_new0(TgNmJob, 1);
        sd_bus_message *message;
        int r;

        self->task = task;
        self->data = data;
        self->profiles = g_ptr_array_new_with_free_func(free_profile);
        if (g_cancellable_is_cancelled(cancellable)) {
                on_cancelled(cancellable, self);
                return;
        }
        if (cancellable != NULL) {
                self->cancellable = g_object_ref(cancellable);
                self->cancelling =
                        g_signal_connect(cancellable, "cancelled", G_CALLBACK(on_cancelled), self);
        }
        r = sd_bus_open_system_with_description(&self->bus, "network-manager");
        if (r < 0) {
                end_without_bus(self, r);
                return;
        }
        self->bus_source = tg_bus_source_attach(self->bus, on_bus_closed, self);
        set_patience(self, PATIENCE_S);
        message = tg_nm_call_new(
                self, TG_NM_SETTINGS_PATH, TG_NM_SETTINGS_INTERFACE, "ListConnections");
        if (message != NULL)
                tg_nm_call_send(self, message, NULL, on_paths);
}
