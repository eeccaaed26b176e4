/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Use: a credential is put to use by a target of its format. What arrives changes nothing by
 * itself; this is the further act of the user's that does, and it says beforehand what.
 */

#include "daemon/terms-bus.h"
#include "daemon/vertical.h"
#include "daemon/wallet-bus.h"
#include "dbus/names.h"

typedef struct {
        TgWalletBus *bus;
        TgCall *call;
        TgStep *step; /* while it runs: the bus owns this then */
        const TgVertical *vertical;
        const TgTarget *target;
        GVariant *options; /* a{sv} */
} Use;

static void
free_use(gpointer data)
{
        Use *self = data;

        g_clear_pointer(&self->step, tg_step_cancel);
        g_clear_pointer(&self->call, tg_call_unref);
        g_clear_pointer(&self->options, g_variant_unref);
        g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Use, free_use)

/* ---- the answer ---- */

static int
append_result(sd_bus_message *reply, const char *name, GVariant *value)
{
        const char *type = g_variant_get_type_string(value);

        switch (type[0]) {
        case 's':
                return sd_bus_message_append(
                        reply, "{sv}", name, type, g_variant_get_string(value, NULL));
        case 'b':
                return sd_bus_message_append(
                        reply, "{sv}", name, type, g_variant_get_boolean(value));
        case 'u':
                return sd_bus_message_append(
                        reply, "{sv}", name, type, g_variant_get_uint32(value));
        case 't':
                return sd_bus_message_append(
                        reply, "{sv}", name, type, g_variant_get_uint64(value));
        default:
                g_return_val_if_reached(-EINVAL); /* a target says nothing else: vertical.h */
        }
}

static void
answer_result(TgCall *call, GVariant *result)
{
        sd_bus_message *reply = tg_call_new_reply(call);
        GVariantIter iter;
        const char *name;
        GVariant *value;

        sd_bus_message_open_container(reply, 'a', "{sv}");
        g_variant_iter_init(&iter, result);
        while (g_variant_iter_loop(&iter, "{&sv}", &name, &value))
                append_result(reply, name, value);
        sd_bus_message_close_container(reply);
        tg_call_return_message(call, reply);
        sd_bus_message_unref(reply);
}

static void
on_used(TgStepAnswer *answer, gpointer user_data)
{
        g_autoptr(Use) self = user_data;

        self->step = NULL;
        tg_pending_take(self->bus, self);
        if (answer->kind == TG_ANSWER_USED)
                answer_result(self->call, answer->result);
        else
                tg_call_fail(self->call, answer->error);
}

/* ---- the act ---- */

static void
use_content(TgWalletBus *bus, TgCall *call, const char *id, TgSecret *content, gpointer user_data)
{
        const Use *asked = user_data;
        const TgStepContext context = {
                .kind = TG_STEP_USE,
                .vertical = asked->vertical,
                .role = TG_ROLE_RECIPIENT,
                .terms = asked->options,
                .given = content,
                .label = tg_manager_credential(bus->manager, id)->title,
                .attributes = tg_manager_credential(bus->manager, id)->attributes,
                .keyring = tg_manager_wallet(bus->manager)->keyring,
                .credential_id = id,
                .is_sandboxed = tg_caller_is_sandboxed(tg_call_caller(call)),
        };
        Use *self = g_new0(Use, 1);

        self->bus = bus;
        self->call = tg_call_ref(call);
        tg_pending_add(bus, self, free_use);
        self->step = tg_step_start(asked->target->use, &context, on_used, self);
}

static const TgTarget *
find_target(const TgCredential *credential, const char *name, GError **error)
{
        const TgVertical *vertical = tg_vertical_find(credential->format);
        const TgTarget *target = vertical != NULL ? tg_vertical_target(vertical, name) : NULL;
        g_autoptr(GString) known = g_string_new(NULL);

        if (target != NULL)
                return target;
        if (credential->format[0] == '\0') {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the keyring is locked: unlock it first");
                return NULL;
        }
        for (target = vertical != NULL ? vertical->targets : NULL;
             target != NULL && target->name != NULL;
             target++)
                g_string_append_printf(known, "%s\"%s\"", known->len > 0 ? ", " : "", target->name);
        if (known->len == 0)
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "this kind of credential is put to use by nothing here: have it "
                             "revealed");
        else
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "this kind of credential knows no such use, only %s",
                             known->str);
        return NULL;
}

int
tg_use(TgWalletBus *bus, sd_bus_message *message, const TgCredential *credential)
{
        static const TgTermKey none[] = {
                {NULL, NULL, 0}
        };
        g_autoptr(Use) self = g_new0(Use, 1);
        g_autoptr(TgCall) call = NULL;
        g_autoptr(GError) refused = NULL;
        const char *name;

        if (sd_bus_message_read(message, "s", &name) < 0)
                return -EINVAL;
        call = tg_call_new(bus->callers, message, &refused);
        if (call == NULL)
                return tg_reply_error(message, refused);
        self->vertical = tg_vertical_find(credential->format);
        self->target = find_target(credential, name, &refused);
        if (self->target != NULL)
                self->options =
                        tg_terms_read(message,
                                      self->target->options != NULL ? self->target->options : none,
                                      tg_call_caller(call),
                                      &refused);
        if (self->options == NULL) {
                tg_call_fail(call, refused);
                return 1;
        }
        tg_content_ask(bus,
                       call,
                       TG_ACTION_USE,
                       credential->id,
                       name,
                       use_content,
                       g_steal_pointer(&self),
                       free_use);
        return 1;
}
