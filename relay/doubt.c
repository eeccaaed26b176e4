/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/doubt.h"

#include "relay/log.h"
#include "relay/metrics.h"

void
tg_note_doubt(gboolean *is_in_doubt, const GError *error)
{
        if (error && !*is_in_doubt)
                tg_log_event(G_LOG_LEVEL_WARNING,
                             "store-in-doubt",
                             "the store is in doubt, requests are answered 503: %s",
                             error->message);
        else if (!error && *is_in_doubt)
                tg_log_event(G_LOG_LEVEL_MESSAGE, "store-well", "the store takes changes again");
        *is_in_doubt = error != NULL;
        tg_metrics_set(TG_GAUGE_STORE_IN_DOUBT, error != NULL);
        if (error)
                tg_metrics_count(TG_COUNT_STORE_ERRORS, 1);
}
