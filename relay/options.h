/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The command line of tigress-relay.
 */

#include "relay/settings.h"

typedef struct {
        TgSettingOptions settings;
        gboolean is_check; /* of the settings, and no more */
        gboolean is_version;
} TgOptions;

/* Everything that is left is an error. */
gboolean tg_options_parse(TgOptions *self, int *argc, char ***argv, GError **error);
void tg_options_clear(TgOptions *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgOptions, tg_options_clear)
