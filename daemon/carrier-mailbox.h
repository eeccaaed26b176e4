/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts of the mailbox's carrier, for carrier-mailbox*.c alone. */

#include "daemon/share-private.h"

gboolean tg_mailbox_take_created(TgShare *self, const TgReply *reply, GError **error);
void tg_mailbox_ask_to_read(TgShare *self, guint hold_s, const char *proof, TgReplyFunc func);
void tg_mailbox_watch(TgShare *self);
void tg_mailbox_take_content(TgShare *self, const TgReply *reply);
void tg_mailbox_gone(TgShare *self, const TgReply *reply);
TgSecret *tg_mailbox_plan_errand(TgShare *self, TgAction action, const char *reason);
void tg_mailbox_run_errand(TgShare *self);
