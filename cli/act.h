/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One method on each of the objects that were named: what cancel, decline,
 * relinquish, remove and forget have in common.
 */

#include <glib.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/object.h"

typedef struct {
        TgObjectKind kinds;
        const char *method;
        const char *reason;   /* its one argument; NULL: it has none */
        const char *done;     /* "cancelled" */
        gboolean is_gone;     /* afterwards the object is there no more */
        gboolean needs_agent; /* a person is always asked */
} TgAct;

/* On what the arguments name. Goes on after an error; the first one is returned. */
int tg_act_on_named(const TgAct *act, const TgInvocation *invocation, GError **error);

gboolean
tg_act_on_object(const TgAct *act, TgClient *client, const TgObject *object, GError **error);

/* Says on stderr what was done, and as a JSON line where that is wanted. */
void tg_act_report(const TgAct *act, TgClient *client, const TgObject *object);
