/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the recipient may do with what he is given, as options say it.
 */

#include <glib.h>

typedef struct {
        /* as given; NULL or FALSE where nothing was */
        const char *not_before;
        const char *not_after;
        const char *uses;
        gboolean is_final; /* not to be shared on */
} TgShareLimits;

/* TG_ERROR_INVALID names the option that means nothing. */
gboolean tg_share_limits_check(const TgShareLimits *self, GError **error);
/* Into the options (a{sv}) of CreateShare; they have been checked. */
void tg_share_limits_add(const TgShareLimits *self, GVariantBuilder *options);
/* Says them on stderr, as part of what will happen. */
void tg_share_limits_explain(const TgShareLimits *self);
