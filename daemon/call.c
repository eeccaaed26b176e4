/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/call.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"

struct TgCall {
        guint n_refs;
        TgCaller *caller;
        sd_bus_message *message;
        gboolean is_answered;
        gsize n_held;
};

TgCall *
tg_call_new(TgCallers *callers, sd_bus_message *message, GError **error)
{
        g_autoptr(TgCaller) caller = tg_callers_get(callers, message, error);
        TgCall *self;

        if (!caller)
                return NULL;

        if (!tg_caller_enter(caller)) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "this connection waits for %d answers already: wait for one of them",
                             TG_MAX_UNANSWERED_CALLS);
                return NULL;
        }

        self = g_new0(TgCall, 1);
        self->n_refs = 1;
        self->caller = g_steal_pointer(&caller);
        self->message = sd_bus_message_ref(message);

        return self;
}

TgCall *
tg_call_ref(TgCall *self)
{
        self->n_refs++;
        return self;
}

void
tg_call_unref(TgCall *self)
{
        if (!self || --self->n_refs > 0)
                return;

        if (!self->is_answered) {
                g_autoptr(GError) dropped = tg_error_new(TG_ERROR_FAILED, "request was dropped");

                tg_call_fail(self, dropped);
        }

        tg_caller_hold(self->caller, self->n_held, 0, NULL);
        sd_bus_message_unref(self->message);
        tg_caller_unref(self->caller);
        g_free(self);
}

TgCaller *
tg_call_caller(TgCall *self)
{
        return self->caller;
}

sd_bus_message *
tg_call_message(TgCall *self)
{
        return self->message;
}

gboolean
tg_call_is_interactive(TgCall *self)
{
        return sd_bus_message_get_allow_interactive_authorization(self->message) > 0;
}

gboolean
tg_call_is_answered(TgCall *self)
{
        return self->is_answered;
}

gboolean
tg_call_hold(TgCall *self, gsize n_bytes, GError **error)
{
        if (!tg_caller_hold(self->caller, self->n_held, n_bytes, error))
                return FALSE;

        self->n_held = n_bytes;
        return TRUE;
}

/* The one place where an answer becomes final. */
static gboolean
begin_answer(TgCall *self)
{
        g_return_val_if_fail(!self->is_answered, FALSE);

        self->is_answered = TRUE;
        tg_caller_leave(self->caller);
        return TRUE;
}

/* An answer that cannot be sent is nobody's error: the caller or the bus is gone. */
static void
send_answer(TgCall *self, sd_bus_message *reply)
{
        int r;

        if (sd_bus_message_get_expect_reply(self->message) <= 0)
                return;

        r = sd_bus_send(NULL, reply, NULL);
        if (r < 0)
                g_debug("cannot send an answer: %s", g_strerror(-r));
}

/* A reply that cannot even be built is a broken promise of ours: the caller still gets
 * an answer. */
static void
fail_unbuilt(TgCall *self, int r)
{
        g_autoptr(GError) error = tg_error_new(TG_ERROR_FAILED, "the answer could not be written");

        g_critical("cannot write an answer: %s", g_strerror(-r));
        if (self->is_answered)
                tg_reply_error(self->message, error);
        else
                tg_call_fail(self, error);
}

void
tg_call_return(TgCall *self, const char *types, ...)
{
        sd_bus_message *reply;
        int r;

        if (!begin_answer(self))
                return;

        r = sd_bus_message_new_method_return(self->message, &reply);
        if (r < 0) {
                fail_unbuilt(self, r);
                return;
        }

        if (types && *types) {
                va_list arguments;

                va_start(arguments, types);
                r = sd_bus_message_appendv(reply, types, arguments);
                va_end(arguments);
        }

        if (r < 0)
                fail_unbuilt(self, r);
        else
                send_answer(self, reply);
        sd_bus_message_unref(reply);
}

sd_bus_message *
tg_call_new_reply(TgCall *self)
{
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(self->message, &reply);

        /* Nothing but memory can be short here, and that aborts everywhere else. */
        if (r < 0)
                g_error("cannot make an answer: %s", g_strerror(-r));

        return reply;
}

void
tg_call_return_message(TgCall *self, sd_bus_message *reply)
{
        if (begin_answer(self))
                send_answer(self, reply);
}

void
tg_call_fail(TgCall *self, const GError *error)
{
        if (begin_answer(self))
                tg_reply_error(self->message, error);
}

int
tg_reply_error(sd_bus_message *message, const GError *error)
{
        int r;

        /* Foreign errors are translated in the file that owns the library. */
        if (error->domain != TG_ERROR)
                g_critical("an error of another domain reached the bus: %s %d",
                           g_quark_to_string(error->domain),
                           error->code);

        r = sd_bus_reply_method_errorf(
                message, tg_error_bus_name(tg_error_code(error)), "%s", error->message);
        if (r < 0)
                g_debug("cannot send an error: %s", g_strerror(-r));

        return 1;
}
