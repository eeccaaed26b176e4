/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A method call that owes an answer. It is answered at most once; if the last
 * reference goes with no answer given, the caller gets Failed instead of 25
 * seconds of silence.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

#include "daemon/caller.h"

typedef struct TgCall TgCall;

/* TG_ERROR_LIMIT_REACHED when the connection has too many unanswered calls,
 * TG_ERROR_DENIED as tg_callers_get(). */
TgCall *tg_call_new(TgCallers *callers, sd_bus_message *message, GError **error);
TgCall *tg_call_ref(TgCall *self);
void tg_call_unref(TgCall *self);

TgCaller *tg_call_caller(TgCall *self); /* not a new reference */
sd_bus_message *tg_call_message(TgCall *self);
/* ALLOW_INTERACTIVE_AUTHORIZATION was set: dialogs may appear. */
gboolean tg_call_is_interactive(TgCall *self);
gboolean tg_call_is_answered(TgCall *self);
/* So many octets of locked memory are held, in all, for what was handed over with this call,
 * until the last reference to it goes. TG_ERROR_LIMIT_REACHED when that is too much. */
gboolean tg_call_hold(TgCall *self, gsize n_bytes, GError **error);

/* Answers; a second answer is a broken promise of ours (critical). @types NULL or
 * "" for an empty answer. */
void tg_call_return(TgCall *self, const char *types, ...);
/* A reply to fill and hand to tg_call_return_message(), which takes no reference. */
sd_bus_message *tg_call_new_reply(TgCall *self);
void tg_call_return_message(TgCall *self, sd_bus_message *reply);
void tg_call_fail(TgCall *self, const GError *error);

/* For handlers that answer at once without a TgCall: sends @error as the reply and
 * returns 1, what a vtable handler returns for "handled". */
int tg_reply_error(sd_bus_message *message, const GError *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgCall, tg_call_unref)
