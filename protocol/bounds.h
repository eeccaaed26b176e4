/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the initiator lets be done with what he gives: from when and until when, how often, and
 * whether it may be shared on. They travel as the member `limits` of the header, an object
 *
 *      notBefore, notAfter  integers, seconds since 1970
 *      uses                 integer, 1 to TG_MAX_USES
 *      reshare              false: not to be shared on
 *
 * each of which may be left out, but not all. A wallet keeps to them all or takes nothing: what it
 * does not know in there it refuses. (A wallet that does not know the header takes no notice.)
 */

#include <glib.h>

typedef struct {
        gint64 not_before_s; /* Unix seconds; 0: not limited */
        gint64 not_after_s;
        guint32 n_uses;    /* 0: as often as one likes */
        gboolean is_final; /* not to be shared on */
} TgBounds;

gboolean tg_bounds_are_set(const TgBounds *self); /* any of them */
/* TG_ERROR_INVALID with a sentence about what cannot be: a time or number out of range, an end that
 * is not after the beginning. None at all is fine. */
gboolean tg_bounds_check(const TgBounds *self, GError **error);

/* As they travel: one JSON object of at most TG_MAX_BOUNDS_CHARS; NULL: none are set. */
char *tg_bounds_write(const TgBounds *self);
/* @text NULL: none. TG_ERROR_INVALID for anything else than tg_bounds_write() could have written,
 * white space and the order apart. */
gboolean tg_bounds_parse(const char *text, TgBounds *ret_bounds, GError **error);
