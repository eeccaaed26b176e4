/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The reads that wait, by mailbox and by time. Knows neither connections nor the
 * store: who takes a read out of here runs it again.
 *
 * Two clocks: a wait ends by one that does not jump (microseconds), a mailbox by
 * the clock on the wall (Unix microseconds).
 */

#include <glib.h>

#include "relay/store.h"

/* Part of whatever waits; all but the first five members belong to held.c. */
typedef struct TgHeldRead TgHeldRead;
struct TgHeldRead {
        guint8 id[TG_ID_BYTES];
        guint8 claim[TG_DIGEST_BYTES];
        gint64 wait_until_us;
        gint64 expires_us;
        gpointer user_data;
        gboolean is_held;
        TgHeldRead *next; /* of the same mailbox */
        GList link;
};

typedef struct TgHeld TgHeld;

TgHeld *tg_held_new(void);
void tg_held_free(TgHeld *self); /* when nothing is held */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgHeld, tg_held_free)

/* Returns the read that this one puts an end to: the same claim's, taken out; or NULL. */
TgHeldRead *tg_held_add(TgHeld *self, TgHeldRead *read);
/* Does nothing when it is not held. */
void tg_held_remove(TgHeld *self, TgHeldRead *read);

/* One read of this mailbox, taken out, until NULL. */
TgHeldRead *tg_held_take(TgHeld *self, const guint8 id[TG_ID_BYTES]);
/* One whose time has come, taken out, until NULL. */
TgHeldRead *tg_held_take_due(TgHeld *self, gint64 now_us, gint64 wall_us);
/* Any. */
TgHeldRead *tg_held_take_any(TgHeld *self);

guint tg_held_count(const TgHeld *self);

/* Microseconds until one is due; -1 when nothing is held. */
gint64 tg_held_next_us(TgHeld *self, gint64 now_us, gint64 wall_us);
