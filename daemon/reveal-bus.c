/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How Reveal is to answer: its options, and the passphrase that comes by descriptor; all of it is
 * read before the user is asked. */

#include <unistd.h>

#include "daemon/options-bus.h"
#include "daemon/value.h"
#include "daemon/vertical.h"
#include "daemon/wallet-bus.h"
#include "dbus/names.h"
#include "protocol/bytes.h"
#include "protocol/limits.h"

#define MAX_PASSPHRASE_BYTES 256

typedef struct {
        TgWalletBus *bus;
        TgCall *call;
        TgValueRead *read;
        TgValue *value;
        char *id;
        const TgVertical *vertical;
        char *as; /* NULL: fd */
        char *title;
        gint64 received_s;
        TgSecret *passphrase;
} Form;

static void
free_form(gpointer data)
{
        Form *self = data;

        g_clear_pointer(&self->read, tg_value_read_cancel);
        g_clear_pointer(&self->value, tg_value_free);
        g_clear_pointer(&self->call, tg_call_unref);
        g_clear_pointer(&self->passphrase, tg_secret_unref);
        g_free(self->id);
        g_free(self->as);
        g_free(self->title);
        g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Form, free_form)

static gboolean
is_export(const Form *self)
{
        return self->as != NULL && !g_str_equal(self->as, "fd") && !g_str_equal(self->as, "bytes");
}

static gboolean
is_cxf(const Form *self)
{
        return g_strcmp0(self->as, "cxf") == 0;
}

static TgSecret *
to_cxf(const Form *self, TgSecret *content, GError **error)
{
        g_autoptr(GBytes) id = tg_hex_decode(self->id);
        TgCxfLabel label = {
                .id = g_bytes_get_data(id, NULL),
                .title = self->title,
                .created_s = self->received_s,
        };
        g_autoptr(TgSecret) item = self->vertical->to_cxf(content, &label, error);

        if (item == NULL || tg_secret_size(item) <= TG_MAX_CONTENT_BYTES)
                return g_steal_pointer(&item);
        tg_set_error(error,
                     TG_ERROR_LIMIT_REACHED,
                     "as an item of a credential exchange it is larger than %d octets",
                     TG_MAX_CONTENT_BYTES);
        return NULL;
}

static TgSecret *
apply(const Form *self, TgSecret *content, GError **error)
{
        if (!is_export(self))
                return tg_secret_ref(content);
        if (is_cxf(self))
                return to_cxf(self, content, error);
        return self->vertical->export(content, self->as, self->passphrase, error);
}

static void
answer_content(
        TgWalletBus *bus, TgCall *call, const char *id, TgSecret *content, gpointer user_data)
{
        const Form *self = user_data;
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) secret = apply(self, content, &error);
        gboolean is_bytes = g_strcmp0(self->as, "bytes") == 0;
        sd_bus_message *reply;
        gsize n_bytes;
        const guint8 *bytes;
        int fd = -1;

        if (secret != NULL && !is_bytes)
                fd = tg_value_to_memfd(secret, &error);
        if (error != NULL) {
                tg_call_fail(call, error);
                return;
        }
        bytes = tg_secret_get(secret, &n_bytes);

        reply = tg_call_new_reply(call);
        sd_bus_message_sensitive(reply);
        sd_bus_message_open_container(reply, 'v', is_bytes ? "ay" : "h");
        if (is_bytes)
                sd_bus_message_append_array(reply, 'y', bytes, n_bytes);
        else
                sd_bus_message_append(reply, "h", fd);
        sd_bus_message_close_container(reply);
        tg_call_return_message(call, reply);
        sd_bus_message_unref(reply);
        if (fd >= 0)
                close(fd);
}

static gboolean
check(const Form *self, const TgCredential *credential, GError **error)
{
        const char *why = NULL;

        if (is_export(self) && credential->format[0] == '\0') {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the keyring is locked: unlock it first");
                return FALSE;
        }
        if (is_cxf(self) && (self->vertical == NULL || self->vertical->to_cxf == NULL))
                why = "this kind of credential has no place in a credential exchange";
        else if (!is_export(self) || is_cxf(self))
                why = self->value != NULL ? "a \"passphrase\" is for forms that are sealed with one"
                                          : NULL;
        else if (self->vertical == NULL || self->vertical->exports == NULL ||
                 !g_strv_contains(self->vertical->exports, self->as))
                why = "\"as\" is \"fd\", \"bytes\" or \"cxf\", or for X.509 certificates "
                      "\"pkcs12\"";
        else if (self->value == NULL)
                why = "the key \"passphrase\" is missing: what is to seal it";
        if (why == NULL)
                return TRUE;
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

static void
go_on(Form *self)
{
        g_autoptr(TgCall) call = g_steal_pointer(&self->call);

        tg_content_ask(self->bus,
                       call,
                       TG_ACTION_REVEAL,
                       self->id,
                       is_export(self) ? self->as : NULL,
                       answer_content,
                       self,
                       free_form);
}

static void
on_passphrase(TgSecret *secret, const GError *error, gpointer user_data)
{
        Form *self = user_data;

        self->read = NULL;
        tg_pending_take(self->bus, self);
        if (error != NULL) {
                tg_call_fail(self->call, error);
                free_form(self);
                return;
        }
        self->passphrase = tg_secret_ref(secret);
        go_on(self);
}

int
tg_reveal(TgWalletBus *bus, sd_bus_message *message, const TgCredential *credential)
{
        g_autoptr(Form) self = g_new0(Form, 1);
        g_autoptr(GError) refused = NULL;
        const TgOption keys[] = {
                {"as",         TG_OPTION_WORD,  &self->as,    16                  },
                {"passphrase", TG_OPTION_VALUE, &self->value, MAX_PASSPHRASE_BYTES},
                {NULL,         0,               NULL,         0                   },
        };
        Form *form;

        self->bus = bus;
        self->id = g_strdup(credential->id);
        self->vertical = tg_vertical_find(credential->format);
        self->title = g_strdup(credential->title);
        self->received_s = credential->received_s;
        self->call = tg_call_new(bus->callers, message, &refused);
        if (self->call == NULL)
                return tg_reply_error(message, refused);
        if (!tg_options_read(message, keys, &refused) || !check(self, credential, &refused) ||
            !tg_call_hold(self->call, tg_value_room(self->value), &refused)) {
                tg_call_fail(self->call, refused);
                return 1;
        }
        form = g_steal_pointer(&self);
        if (form->value == NULL) {
                go_on(form);
                return 1;
        }
        tg_pending_add(bus, form, free_form);
        form->read = tg_value_read(g_steal_pointer(&form->value), on_passphrase, form);
        return 1;
}
