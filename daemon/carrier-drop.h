/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts of the plain-HTTP carrier, for carrier-drop*.c alone. */

#include "daemon/share-private.h"

/* ---- carrier-drop.c: messages out ---- */

/* The exchange's payload as the next message, and where it goes: in self->drop, to be saved. */
gboolean tg_drop_pack(TgShare *self, const char *payload, GError **error);
/* What an end message is packed from, and the other way round. */
char *tg_drop_payload_of(const TgShare *self, const TgSecret *message, GError **error);
/* Sends what is packed. */
void tg_drop_put(TgShare *self, TgReplyFunc func);
/* It is there. */
void tg_drop_note_put(TgShare *self, const TgReply *reply);

/* ---- carrier-drop-read.c: messages in ---- */

/* One for each place where the next message may lie; what is there stays. */
gboolean tg_drop_draw_claims(TgShare *self, GError **error);
gboolean tg_drop_prepare_claim(TgShare *self, GError **error);
void tg_drop_claim(TgShare *self);
void tg_drop_watch(TgShare *self);
void tg_drop_get(TgShare *self, TgTdchSecret place, guint wait_s, TgReplyFunc func);
void tg_drop_delete(TgShare *self, TgReplyFunc func); /* what is in self->drop->got */
/* Stores what was read, before it is deleted. */
gboolean tg_drop_keep_got(TgShare *self, const TgReply *reply, TgTdchSecret place, GError **error);
/* What was read, as the exchange knows it; NULL and @error: the exchange is over where it is
 * TG_ERROR_TAMPERED, else it is own trouble, and nothing has changed. */
char *tg_drop_take_in(TgShare *self, GError **error);

/* ---- carrier-drop-errand.c ---- */

TgSecret *tg_drop_plan_errand(TgShare *self, TgAction action, const char *reason);
void tg_drop_run_errand(TgShare *self);
