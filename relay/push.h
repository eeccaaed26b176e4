/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which devices are to be woken, and when: one entry a side of a mailbox, however many changes
 * there are. Lives in the loop. It keeps no tokens: whose turn it is, is looked up in the store
 * then, so that a mailbox that has ended takes its tokens with it. Only the word that it *has*
 * ended goes with the token that was taken out of the store, and for less than a minute.
 *
 * A wake-up is a hint. What does not fit, or is not delivered in time, is dropped; a process
 * that dies takes with it what it had not sent.
 */

#include "relay/push-delivery.h"

/* For an ended mailbox's. With the last attempt it stays below a minute. */
#define TG_PUSH_END_US (30 * G_USEC_PER_SEC)

typedef struct TgPush TgPush;

/* @rules (referred to) NULL: no push, until there are other rules. */
TgPush *tg_push_new(TgPushRules *rules, GError **error);
void tg_push_free(TgPush *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgPush, tg_push_free)

/* What waits under the old ones goes on under the new ones, or is dropped. */
void tg_push_set_rules(TgPush *self, TgPushRules *rules);

/* There is something new for @side of the mailbox @id. */
void tg_push_note(TgPush *self, const guint8 id[TG_ID_BYTES], TgSide side, gint64 now_us);
/* The mailbox is gone. @token (it is taken; type NULL: none) is that of @side, who is to hear of
 * it; nobody else of this mailbox is woken any more. */
void tg_push_note_end(
        TgPush *self, const guint8 id[TG_ID_BYTES], TgSide side, TgToken *token, gint64 now_us);

/* Whose token is to be looked up now; FALSE: nobody's. For each there is to be one answer. */
gboolean
tg_push_take_due(TgPush *self, gint64 now_us, guint8 ret_id[TG_ID_BYTES], TgSide *ret_side);
/* @token (it is taken): type NULL where there is none any more. */
void tg_push_found(
        TgPush *self, const guint8 id[TG_ID_BYTES], TgSide side, TgToken *token, gint64 now_us);
/* The store did not say. */
void tg_push_not_found(TgPush *self, const guint8 id[TG_ID_BYTES], TgSide side, gint64 now_us);

/* Readable when deliveries have ended. */
int tg_push_get_fd(const TgPush *self);
/* One whose endpoint does not exist any more, and whose token is to be forgotten; the caller's.
 * NULL: no more. The others that have ended are seen to. */
TgPushJob *tg_push_take_gone(TgPush *self, gint64 now_us);

/* Microseconds until one is due; -1: none, before something has ended. */
gint64 tg_push_next_us(const TgPush *self, gint64 now_us);
/* Nothing is tried again from now on, and nothing waits. */
void tg_push_stop(TgPush *self);
/* Entries, those included that only rest. */
guint tg_push_count(const TgPush *self);
/* Something is under way, or is to be. */
gboolean tg_push_is_busy(const TgPush *self);
