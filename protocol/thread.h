/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The reading rules in two steps, for the exchange alone: it looks at a message between the
 * judgement, which changes nothing, and the acceptance.
 */

#include "protocol/digest.h"
#include "protocol/envelope.h"

/* All rules but "is it the own last one". NULL: refused (TG_ERROR_TAMPERED, or
 * TG_ERROR_LIMIT_REACHED when the share is full or no memory is left). */
TgEnvelope *tg_thread_judge(const TgThread *self,
                            const TgSecret *key,
                            const TgJson *payload,
                            guint8 ret_digest[TG_SHA256_BYTES],
                            GError **error);

/* Takes a message that was judged, here or by the rules of the offers, into the state. */
TgReading
tg_thread_accept(TgThread *self, const TgHeader *header, const guint8 digest[TG_SHA256_BYTES]);

gboolean tg_thread_is_last_sent(const TgThread *self, const guint8 digest[TG_SHA256_BYTES]);
gboolean tg_thread_is_full(const TgThread *self);
const guint8 *tg_thread_sid(const TgThread *self); /* NULL: not known yet */
TgRole tg_thread_role(const TgThread *self);
