/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/allowance.h"

#include "protocol/error.h"
#include "protocol/limits.h"

struct TgAllowance {
        GHashTable *held; /* program → gsize, in new memory */
        gsize n_all;
};

TgAllowance *
tg_allowance_new(void)
{
        TgAllowance *self = g_new0(TgAllowance, 1);

        self->held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        return self;
}

void
tg_allowance_free(TgAllowance *self)
{
        if (self == NULL)
                return;
        g_hash_table_unref(self->held);
        g_free(self);
}

gboolean
tg_allowance_change(
        TgAllowance *self, const char *program, gsize n_before, gsize n_after, GError **error)
{
        const gsize *held = g_hash_table_lookup(self->held, program);
        gsize n_held = held != NULL ? *held : 0;
        gsize n_more = n_after > n_before ? n_after - n_before : 0;

        g_return_val_if_fail(n_before <= n_held && n_before <= self->n_all, FALSE);

        if (n_more > 0 &&
            (n_more > TG_MAX_HANDED_OVER_BYTES - MIN(n_held, TG_MAX_HANDED_OVER_BYTES) ||
             n_more > TG_MAX_ALL_HANDED_OVER_BYTES - self->n_all)) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "too much is handed over at once: wait for the answers that are "
                             "owed, then try again");
                return FALSE;
        }

        self->n_all = self->n_all - n_before + n_after;
        n_held = n_held - n_before + n_after;
        if (n_held == 0)
                g_hash_table_remove(self->held, program);
        else
                g_hash_table_replace(
                        self->held, g_strdup(program), g_memdup2(&n_held, sizeof n_held));

        return TRUE;
}
