/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/offer.h"

#include <string.h>

#include "protocol/error.h"

void
tg_offer_begin(TgStep *step)
{
        const char *offer = NULL;
        g_autoptr(TgSecret) content = NULL;
        g_autoptr(GError) error = NULL;

        if (g_variant_lookup(tg_step_context(step)->terms, "offer", "&s", &offer))
                content = tg_secret_new(offer, strlen(offer), &error);
        else
                error = tg_error_new(TG_ERROR_INVALID, "the stored share is incomplete");
        if (content != NULL)
                tg_step_say(step, content, FALSE);
        else
                tg_step_fail(step, g_steal_pointer(&error));
}
