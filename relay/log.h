/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the journal hears: states of the relay and counts, as fields that can be searched for.
 * There is no function that takes an address, a claim, a path or an id.
 */

#include <glib.h>

/* A sentence, and TG_EVENT=@event, TG_CONNECTIONS= and TG_HELD_READS= beside it. */
void tg_log_event(GLogLevelFlags level, const char *event, const char *format, ...)
        G_GNUC_PRINTF(3, 4);
