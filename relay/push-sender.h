/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Threads that deliver, as many as there are wake-ups under way and none when there are none: a
 * name may take long to be resolved and TLS costs time, and the loop has none for either.
 */

#include "relay/push-delivery.h"

typedef struct TgPushSender TgPushSender;

/* NULL and TG_ERROR_FAILED when the system gives nothing more. */
TgPushSender *tg_push_sender_new(GError **error);
/* Nobody is waited for: what is under way ends by itself, and is not heard of. */
void tg_push_sender_free(TgPushSender *self);

/* Takes @job. The caller sees to it that there are not too many. */
void tg_push_sender_send(TgPushSender *self, TgPushJob *job);

/* Readable when there is something to take. */
int tg_push_sender_get_fd(const TgPushSender *self);
/* One that has ended, the caller's; NULL: no more. */
TgPushJob *tg_push_sender_take(TgPushSender *self);
