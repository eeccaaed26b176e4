/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How Reveal is to answer: its options, and the passphrase that comes by descriptor; all of it is
 * read before the user is asked. */

#include "daemon/reveal-bus.h"

#include "daemon/options-bus.h"
#include "daemon/value.h"
#include "daemon/vertical.h"

#define MAX_PASSPHRASE_BYTES 256

struct TgForm {
        TgWalletBus *bus;
        TgCall *call;
        TgValueRead *read;
        TgValue *value;
        TgFormFunc func;
        char *id;
        const TgVertical *vertical;
        char *as; /* NULL: fd */
        TgSecret *passphrase;
};

void
tg_form_free(TgForm *self)
{
        if (self == NULL)
                return;
        g_clear_pointer(&self->read, tg_value_read_cancel);
        g_clear_pointer(&self->value, tg_value_free);
        g_clear_pointer(&self->call, tg_call_unref);
        g_clear_pointer(&self->passphrase, tg_secret_unref);
        g_free(self->id);
        g_free(self->as);
        g_free(self);
}

static void
drop(gpointer form)
{
        tg_form_free(form);
}

static gboolean
is_export(const TgForm *self)
{
        return self->as != NULL && !g_str_equal(self->as, "fd") && !g_str_equal(self->as, "bytes");
}

gboolean
tg_form_is_bytes(const TgForm *self)
{
        return g_strcmp0(self->as, "bytes") == 0;
}

TgSecret *
tg_form_apply(const TgForm *self, TgSecret *content, GError **error)
{
        if (!is_export(self))
                return tg_secret_ref(content);
        return self->vertical->export(content, self->as, self->passphrase, error);
}

static gboolean
check(const TgForm *self, GError **error)
{
        const char *why = NULL;

        if (!is_export(self))
                why = self->value != NULL ? "a \"passphrase\" is for forms that are sealed with one"
                                          : NULL;
        else if (self->vertical == NULL || self->vertical->exports == NULL ||
                 !g_strv_contains(self->vertical->exports, self->as))
                why = "\"as\" is \"fd\" or \"bytes\", or for X.509 certificates \"pkcs12\"";
        else if (self->value == NULL)
                why = "the key \"passphrase\" is missing: what is to seal it";
        if (why == NULL)
                return TRUE;
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

static void
go_on(TgForm *self)
{
        g_autoptr(TgCall) call = g_steal_pointer(&self->call);
        g_autofree char *id = g_strdup(self->id);

        self->func(self->bus, call, id, self);
}

static void
on_passphrase(TgSecret *secret, const GError *error, gpointer user_data)
{
        TgForm *self = user_data;

        self->read = NULL;
        tg_pending_take(self->bus, self);
        if (error != NULL) {
                tg_call_fail(self->call, error);
                tg_form_free(self);
                return;
        }
        self->passphrase = tg_secret_ref(secret);
        go_on(self);
}

int
tg_form_read(TgWalletBus *bus,
             sd_bus_message *message,
             const TgCredential *credential,
             TgFormFunc func)
{
        g_autoptr(TgForm) self = g_new0(TgForm, 1);
        g_autoptr(GError) refused = NULL;
        const TgOption keys[] = {
                {"as",         TG_OPTION_WORD,  &self->as,    16                  },
                {"passphrase", TG_OPTION_VALUE, &self->value, MAX_PASSPHRASE_BYTES},
                {NULL,         0,               NULL,         0                   },
        };
        TgForm *form;

        self->bus = bus;
        self->func = func;
        self->id = g_strdup(credential->id);
        self->vertical = tg_vertical_find(credential->format);
        self->call = tg_call_new(bus->callers, message, &refused);
        if (self->call == NULL)
                return tg_reply_error(message, refused);
        if (!tg_options_read(message, keys, &refused) || !check(self, &refused) ||
            !tg_call_hold(self->call, tg_value_room(self->value), &refused)) {
                tg_call_fail(self->call, refused);
                return 1;
        }
        form = g_steal_pointer(&self);
        if (form->value == NULL) {
                go_on(form);
                return 1;
        }
        tg_pending_add(bus, form, drop);
        form->read = tg_value_read(g_steal_pointer(&form->value), on_passphrase, form);
        return 1;
}
