/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/verticals/profile.h"

#include "protocol/error.h"

void
tg_profile_added(const TgNmAdded *added, const GError *error, gpointer user_data)
{
        g_autoptr(TgStep) step = user_data;
        GVariantDict result;

        if (tg_step_context(step)->is_sandboxed &&
            g_error_matches(error, TG_ERROR, TG_ERROR_BAD_STATE)) {
                tg_step_fail(step,
                             tg_error_new(TG_ERROR_BAD_STATE,
                                          "NetworkManager has a profile for this already, which "
                                          "stays as it is"));
                return;
        }
        if (error != NULL) {
                tg_step_fail(step, g_error_copy(error));
                return;
        }
        g_variant_dict_init(&result, NULL);
        g_variant_dict_insert(&result, "connection", "s", added->name);
        g_variant_dict_insert(&result, "uuid", "s", added->uuid);
        if (added->interface != NULL)
                g_variant_dict_insert(&result, "interface", "s", added->interface);
        tg_step_used(step, g_variant_dict_end(&result));
}
