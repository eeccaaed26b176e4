/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Credential interface. */

#include <string.h>
#include <unistd.h>

#include "daemon/reveal-bus.h"
#include "daemon/value.h"
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
get_property(sd_bus *bus,
             const char *path,
             const char *interface,
             const char *property,
             sd_bus_message *reply,
             void *userdata,
             sd_bus_error *error)
{
        TgCredential *credential = credential_at(userdata, path);
        int is_revoked;

        if (credential == NULL)
                return -ENOENT;
        is_revoked = credential->is_revoked;

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
                return append_time(reply, credential->not_before_s);
        if (g_str_equal(property, "NotAfter"))
                return append_time(reply, credential->not_after_s);
        if (g_str_equal(property, "Issuer"))
                return sd_bus_message_append_basic(reply, 's', credential->issuer);
        if (g_str_equal(property, "Revoked"))
                return sd_bus_message_append_basic(reply, 'b', &is_revoked);
        if (g_str_equal(property, "Details"))
                return tg_details_append(reply, credential->details);
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
                {"Details",     "a(ss)"},
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

/* ---- Reveal, Remove: ask the user, then the keyring ---- */

typedef struct Access Access;

struct Access {
        TgWalletBus *bus;
        TgCall *call;
        TgKeyringJob *job;
        void (*begin)(Access *self); /* when the keyring is as far unlocked as may be */
        char *id;
        TgForm *form; /* of Reveal */
};

static void
free_access(gpointer data)
{
        Access *self = data;

        g_clear_pointer(&self->job, tg_keyring_job_cancel);
        g_clear_pointer(&self->call, tg_call_unref);
        g_clear_pointer(&self->form, tg_form_free);
        g_free(self->id);
        g_free(self);
}

static Access *
new_access(TgWalletBus *bus, TgCall *call, const char *id)
{
        Access *self = g_new0(Access, 1);

        self->bus = bus;
        self->call = tg_call_ref(call);
        self->id = g_strdup(id);
        tg_pending_add(bus, self, free_access);

        return self;
}

static void
finish(Access *self, const GError *error)
{
        if (error != NULL)
                tg_call_fail(self->call, error);
        tg_pending_take(self->bus, self);
        free_access(self);
}

/* Judged when all is there, for much can happen while somebody is asked. */
static gboolean
may_use(const Access *self, GError **error)
{
        TgCredential *credential = tg_manager_credential(self->bus->manager, self->id);

        if (credential != NULL)
                return tg_credential_judge(credential, error);
        tg_set_error(error, TG_ERROR_NOT_FOUND, "the credential is gone meanwhile");
        return FALSE;
}

static void
answer_content(Access *self, TgSecret *content)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) secret =
                may_use(self, &error) ? tg_form_apply(self->form, content, &error) : NULL;
        gboolean is_bytes = tg_form_is_bytes(self->form);
        sd_bus_message *reply;
        gsize n_bytes;
        const guint8 *bytes;
        int fd = -1;

        if (secret != NULL && !is_bytes)
                fd = tg_value_to_memfd(secret, &error);
        if (error != NULL) {
                finish(self, error);
                return;
        }
        bytes = tg_secret_get(secret, &n_bytes);

        reply = tg_call_new_reply(self->call);
        sd_bus_message_sensitive(reply);
        sd_bus_message_open_container(reply, 'v', is_bytes ? "ay" : "h");
        if (is_bytes)
                sd_bus_message_append_array(reply, 'y', bytes, n_bytes);
        else
                sd_bus_message_append(reply, "h", fd);
        sd_bus_message_close_container(reply);
        tg_call_return_message(self->call, reply);
        sd_bus_message_unref(reply);
        if (fd >= 0)
                close(fd);
        finish(self, NULL);
}

static void
on_content(TgSecret *secret,
           const char *label,
           const char *content_type,
           const GError *error,
           gpointer user_data)
{
        Access *self = user_data;

        self->job = NULL;
        if (error != NULL)
                finish(self, error);
        else
                answer_content(self, secret);
}

static void
load_content(Access *self)
{
        self->job = tg_keyring_load_credential(
                tg_manager_wallet(self->bus->manager)->keyring, self->id, on_content, self);
}

static void
on_unlocked(TgSecret *secret,
            const char *label,
            const char *content_type,
            const GError *error,
            gpointer user_data)
{
        Access *self = user_data;

        self->job = NULL;
        if (error != NULL)
                finish(self, error);
        else
                self->begin(self);
}

/* An act of the user's may ask him to unlock the keyring. */
static void
begin_unlocked(Access *self, void (*begin)(Access *self))
{
        TgKeyring *keyring = tg_manager_wallet(self->bus->manager)->keyring;

        self->begin = begin;
        if (tg_keyring_state(keyring) != TG_KEYRING_UNLOCKED && tg_call_is_interactive(self->call))
                self->job = tg_keyring_unlock(keyring, on_unlocked, self);
        else
                begin(self);
}

static void
reveal_allowed(TgWalletBus *self, TgCall *call, const char *id, gpointer user_data)
{
        TgForm **form = user_data;
        Access *access = new_access(self, call, id);

        access->form = g_steal_pointer(form);
        begin_unlocked(access, load_content);
}

static void
free_form(gpointer user_data)
{
        TgForm **form = user_data;

        tg_form_free(*form);
        g_free(form);
}

static void
reveal(TgWalletBus *self, TgCall *call, const char *id, TgForm *form)
{
        TgForm **kept = g_new(TgForm *, 1);

        *kept = form;
        tg_permit_ask(self, call, TG_ACTION_REVEAL, id, reveal_allowed, kept, free_form);
}

static int
on_reveal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TgCredential *credential = credential_at(userdata, sd_bus_message_get_path(message));

        return credential != NULL ? tg_form_read(userdata, message, credential, reveal) : -ENOENT;
}

static void
on_removed(TgSecret *secret,
           const char *label,
           const char *content_type,
           const GError *error,
           gpointer user_data)
{
        Access *self = user_data;
        TgCredential *credential = tg_manager_credential(self->bus->manager, self->id);
        g_autoptr(GError) failure = NULL;

        self->job = NULL;
        /* The row goes last: a crash in between leaves a credential without content,
         * which can be removed again; never content that nothing points to. */
        if (error == NULL && credential != NULL)
                tg_manager_drop_credential(self->bus->manager, credential, &failure);
        if (error == NULL && failure == NULL)
                tg_call_return(self->call, NULL);
        finish(self, error != NULL ? error : failure);
}

static void
remove_content(Access *self)
{
        self->job = tg_keyring_remove_credential(
                tg_manager_wallet(self->bus->manager)->keyring, self->id, on_removed, self);
}

static void
remove_allowed(TgWalletBus *self, TgCall *call, const char *id, gpointer user_data)
{
        begin_unlocked(new_access(self, call, id), remove_content);
}

static int
on_remove(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TgWalletBus *self = userdata;
        TgCredential *credential = credential_at(self, sd_bus_message_get_path(message));
        g_autoptr(TgCall) call = NULL;
        g_autoptr(GError) refused = NULL;

        if (credential == NULL)
                return -ENOENT;
        call = tg_call_new(self->callers, message, &refused);
        if (call == NULL)
                return tg_reply_error(message, refused);
        tg_permit_ask(self, call, TG_ACTION_REMOVE, credential->id, remove_allowed, NULL, NULL);
        return 1;
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
        SD_BUS_PROPERTY("Details", "a(ss)", get_property, 0, CHANGES),
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
