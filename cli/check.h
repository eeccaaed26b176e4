/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What "tigressctl doctor" looks at: each check says how it is and, if it is not
 * well, the exact remedy.
 */

#include <glib.h>

#include "cli/client.h"

typedef enum {
        TG_CHECK_OK,
        TG_CHECK_WARNING,
        TG_CHECK_FAILURE,
} TgCheckStatus;

/* Prints the finding; remembers the worst. @remedy may be NULL where all is well. */
void
tg_check_report(TgCheckStatus status, const char *name, const char *finding, const char *remedy);
TgCheckStatus tg_check_worst(void);

/* FALSE with @error only when interrupted. */
gboolean tg_check_polkit(GError **error);
gboolean tg_check_wallet(TgClient *client, GError **error);
void tg_check_configuration(void);
