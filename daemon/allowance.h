/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How much locked memory may be taken by what callers hand over while nobody has consented to
 * it: there is little of it, and the shares that run need it to go on. A bound for each
 * program, and one for all together.
 */

#include <glib.h>

typedef struct TgAllowance TgAllowance;

TgAllowance *tg_allowance_new(void);
void tg_allowance_free(TgAllowance *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgAllowance, tg_allowance_free)

/* Changes what is held for @program from @n_before to @n_after octets. When that is too much:
 * TG_ERROR_LIMIT_REACHED, and it stays as it was. Less is always granted. */
gboolean tg_allowance_change(
        TgAllowance *self, const char *program, gsize n_before, gsize n_after, GError **error);
