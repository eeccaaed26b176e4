/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the operator decides about wake-ups: by which key the relay is known to push services,
 * which of them it goes to, and how much of it. Read once and shared; those that are in use
 * outlive a reload.
 */

#include "protocol/mailbox.h"
#include "relay/push-endpoint.h"
#include "relay/settings.h"

typedef struct {
        gatomicrefcount references;
        TgVapid *vapid;
        char *contact;
        char *ca_file; /* NULL: the system's */
        char **hosts;  /* empty: all */
        GArray *permitted;
        guint max_active;
        guint max_waiting;
        gint64 timeout_us;
        gint64 pause_us; /* from one to the next of one side of a mailbox */
        gint64 retry_us;
} TgPushRules;

/* NULL without @error set: no key, and so no push. */
TgPushRules *tg_push_rules_new(const TgSettings *settings, GError **error);
TgPushRules *tg_push_rules_ref(TgPushRules *self);
void tg_push_rules_unref(TgPushRules *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgPushRules, tg_push_rules_unref)

gboolean tg_push_rules_allow_host(const TgPushRules *self, const char *host);
/* The device that gives this token will be woken by it, as far as can be known now. @self NULL:
 * it will not. */
gboolean tg_push_rules_accept(const TgPushRules *self, const TgToken *token);
