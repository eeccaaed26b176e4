/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A sequel: the share that follows another one without anybody's being asked again, because both
 * people have consented to it with the first. What is lent for hours goes on so for as long as the
 * grant lasts: each share is an exchange of its own, with a mailbox, a link and one answer, and its
 * link travels in the last answer of the one before, where nobody but the two can read it.
 */

#include <glib.h>

#include "protocol/link.h"

/* What the next share is made of. */
typedef struct {
        GVariant *terms; /* a{sv}, of the vertical: within what was consented to */
        gint64 from_s;   /* Unix seconds: nothing is answered before */
        gint64 until_s;  /* …nor after */
} TgSequel;

void tg_sequel_clear(TgSequel *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgSequel, tg_sequel_clear)

/* From one to the next, whatever the other side wants. */
#define TG_SEQUEL_MIN_PAUSE_S 5

/* When to ask for it who has got what is over at @over_s, and was told @from_s: all in Unix
 * seconds. Not all who got theirs together come together. */
gint64 tg_sequel_due(gint64 now_s, gint64 from_s, gint64 over_s);

/* What the other side is told: {"link": @link, "from": @from_s}. @link is one that this wallet has
 * made. NULL and TG_ERROR_LIMIT_REACHED without memory. */
TgSecret *tg_sequel_write(const TgSecret *link, gint64 from_s, GError **error);
/* NULL and TG_ERROR_LIMIT_REACHED without memory, TG_ERROR_INVALID unless it is a link to a mailbox
 * at @origin, of an exchange with forward secrecy and without a PIN: it came through one that had
 * it, if any did. */
TgLink *
tg_sequel_read(const TgSecret *next, const char *origin, gint64 *ret_from_s, GError **error);
