/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The handlers of other programs: which files declare one (tigress/verticals/NAME.vertical in the
 * system's data folders, never the user's: what any program of his may write is not believed), and
 * that they are verticals as long as their file is there. Each folder is watched.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

#include "daemon/vertical-file.h"

typedef struct TgHandlers TgHandlers;

/* @folders: data folders, the first counts most; of a format or letter that two claim the first
 * has it, and the log says so. @bus is borrowed. @on_changed is called from the loop. */
TgHandlers *tg_handlers_new(sd_bus *bus,
                            const char *const *folders,
                            void (*on_changed)(gpointer user_data),
                            gpointer user_data);
/* What the file says of the handler of @format; NULL: there is none. */
const TgVerticalFile *tg_handlers_find(const TgHandlers *self, const char *format);
/* After the last share. */
void tg_handlers_free(TgHandlers *self);
