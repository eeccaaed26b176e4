/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One step, asked of a handler:
 *
 *      ask_owner     whose is the bus name now?
 *      start_owner   nobody's: the bus is to start him, then ask again
 *      ask_step      his unique name is called, and only its answer counts
 *
 * So one program answers a whole step, and one that has died is not taken for the one that came
 * after it. What fails on the way comes again as a whole; the step's deadline ends it.
 */

#include "daemon/verticals/remote.h"

#include "dbus/names.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

#define BUS "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

struct TgRemote {
        TgVertical vertical; /* first: what a step knows of its vertical leads here */
        TgVerticalFile file;
        const char *kinds[2];
        TgPinRule pins[1];
        sd_bus *bus;
};

typedef struct {
        const TgRemote *remote;
        TgStep *step;
        sd_bus_slot *slot;
        char *owner; /* a unique name */
        gulong cancelled;
        gboolean was_started;
} Asking;

static void ask_owner(Asking *self);
static void start_owner(Asking *self);
static void ask_step(Asking *self);

static const char *const methods[] = {
        [TG_STEP_CHECK] = "Check",
        [TG_STEP_BEGIN] = "Begin",
        [TG_STEP_RECEIVE] = "Receive",
        [TG_STEP_PROVISION] = "Provision",
        [TG_STEP_REVOKE] = "Revoke",
};

static void
free_asking(Asking *self)
{
        sd_bus_slot_unref(self->slot);
        tg_step_unref(self->step);
        g_free(self->owner);
        g_free(self);
}

static void
finish(Asking *self)
{
        g_cancellable_disconnect(tg_step_cancellable(self->step), self->cancelled);
        free_asking(self);
}

/* Nobody wants to know any more. From inside the signal it cannot be disconnected, nor need it:
 * it comes once. */
static void
on_cancelled(GCancellable *cancellable, gpointer user_data)
{
        free_asking(user_data);
}

static void
fail(Asking *self, const char *why)
{
        tg_step_fail(self->step,
                     tg_error_new(TG_ERROR_UNREACHABLE,
                                  "the program that handles %s %s",
                                  self->remote->file.name,
                                  why));
        finish(self);
}

static gboolean
is_its_own(const Asking *self, sd_bus_message *reply)
{
        return self->owner != NULL && g_strcmp0(sd_bus_message_get_sender(reply), self->owner) == 0;
}

/* Its own "no" is a finding, and what it says is a stranger's text; all else passes. */
static void
take_error(Asking *self, sd_bus_message *reply)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        g_autofree char *said = tg_text_clean(error->message, -1, TG_MAX_REASON_BYTES);

        if (is_its_own(self, reply) && sd_bus_error_has_name(error, TG_VERTICAL_ERROR_REFUSED)) {
                tg_step_fail(self->step,
                             tg_error_new(TG_ERROR_INVALID,
                                          "the program that handles %s refuses: %s",
                                          self->remote->file.name,
                                          said));
                finish(self);
        } else {
                g_autofree char *why = g_strconcat("failed: ", said, NULL);

                fail(self, why);
        }
}

static void
send(Asking *self, sd_bus_message *call, sd_bus_message_handler_t func)
{
        g_clear_pointer(&self->slot, sd_bus_slot_unref);
        /* The step has a deadline, which says what happened. */
        if (sd_bus_call_async(self->remote->bus, &self->slot, call, func, self, UINT64_MAX) < 0)
                fail(self, "cannot be called");
}

static void
ask_bus(Asking *self, const char *method, sd_bus_message_handler_t func)
{
        sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(
                self->remote->bus, &call, BUS, BUS_PATH, BUS, method);

        if (r >= 0)
                r = sd_bus_message_append(call, "s", self->remote->file.bus_name);
        if (r >= 0 && func != NULL && g_str_equal(method, "StartServiceByName"))
                r = sd_bus_message_append(call, "u", 0);
        if (r >= 0)
                send(self, call, func);
        else
                fail(self, "cannot be called");
        sd_bus_message_unref(call);
}

/* ---- who is it? ---- */

static int
on_owner(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Asking *self = userdata;
        const char *owner;

        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
                if (self->was_started)
                        fail(self, "left at once");
                else
                        start_owner(self);
        } else if (sd_bus_message_is_method_error(reply, NULL)) {
                take_error(self, reply);
        } else if (sd_bus_message_read(reply, "s", &owner) < 0 || owner[0] != ':') {
                fail(self, "cannot be found");
        } else {
                self->owner = g_strdup(owner);
                ask_step(self);
        }
        return 1;
}

static void
ask_owner(Asking *self)
{
        ask_bus(self, "GetNameOwner", on_owner);
}

static int
on_started(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Asking *self = userdata;

        self->was_started = TRUE;
        if (sd_bus_message_is_method_error(reply, NULL))
                fail(self, "is not there, and the bus cannot start it");
        else
                ask_owner(self);
        return 1;
}

static void
start_owner(Asking *self)
{
        ask_bus(self, "StartServiceByName", on_started);
}

/* ---- the step itself ---- */

static int
on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Asking *self = userdata;

        sd_bus_message_sensitive(reply);
        if (sd_bus_message_is_method_error(reply, NULL)) {
                take_error(self, reply);
        } else if (!is_its_own(self, reply)) {
                fail(self, "did not answer itself");
        } else {
                tg_remote_answer(self->step, reply);
                finish(self);
        }
        return 1;
}

static void
ask_step(Asking *self)
{
        const TgStepContext *context = tg_step_context(self->step);
        const TgRemote *remote = self->remote;
        sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(remote->bus,
                                               &call,
                                               self->owner,
                                               remote->file.object_path,
                                               TG_VERTICAL_INTERFACE,
                                               methods[context->kind]);

        if (r >= 0)
                r = sd_bus_message_sensitive(call);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, FALSE);
        if (r >= 0 && context->kind != TG_STEP_CHECK)
                r = sd_bus_message_append(call, "su", context->share_id, context->number);
        if (r >= 0)
                r = tg_remote_append_given(call, context);
        if (r >= 0)
                send(self, call, on_answer);
        else
                fail(self, "cannot be called");
        sd_bus_message_unref(call);
}

static void
run(TgStep *step)
{
        const TgStepContext *context = tg_step_context(step);
        const TgRemote *remote = (const TgRemote *)context->vertical;
        Asking *self;

        self = g_new0(Asking, 1);
        self->remote = remote;
        self->step = tg_step_ref(step);
        self->cancelled = g_cancellable_connect(
                tg_step_cancellable(step), G_CALLBACK(on_cancelled), self, NULL);
        ask_owner(self);
}

/* ---- the vertical ---- */

TgRemote *
tg_remote_new(sd_bus *bus, TgVerticalFile *file)
{
        TgRemote *self = g_new0(TgRemote, 1);

        self->file = *file;
        *file = (TgVerticalFile){};
        self->bus = bus;
        self->kinds[0] = self->file.kind;
        self->pins[0] = self->file.pin;
        self->vertical = (TgVertical){
                .format = self->file.format,
                .name = self->file.name,
                .kinds = self->kinds,
                .pins = self->pins,
                .letter = self->file.letter,
                .source = TG_SOURCE_CONTENT,
                .check = run,
                .begin = run,
                .receive = run,
                .provision = run,
                .revoke = g_str_equal(self->file.kind, "lend") ? run : NULL,
        };
        return self;
}

void
tg_remote_free(TgRemote *self)
{
        if (self == NULL)
                return;
        tg_vertical_file_clear(&self->file);
        g_free(self);
}

const TgVertical *
tg_remote_vertical(const TgRemote *self)
{
        return &self->vertical;
}

const TgVerticalFile *
tg_remote_file(const TgRemote *self)
{
        return &self->file;
}
