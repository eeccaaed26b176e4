/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The user's configuration file as a person's text: comments and order stay when a
 * relay is added or removed, and the file changes at once or not at all. What it means is
 * the wallet's business; this reads the system's file only to tell whose word a relay is.
 */

#include <glib.h>

typedef struct TgSettingsFile TgSettingsFile;

char *tg_settings_file_user_path(void);
const char *tg_settings_file_system_path(void);

/* An absent file is an empty one. A broken one is TG_ERROR_INVALID with its line. */
TgSettingsFile *tg_settings_file_load(const char *path, GError **error);
void tg_settings_file_free(TgSettingsFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgSettingsFile, tg_settings_file_free)

/* The relay for new shares, canonical; NULL when the file does not say. */
char *tg_settings_file_relay(const TgSettingsFile *self);
/* Whether the file names @origin, as either. */
gboolean tg_settings_file_names(const TgSettingsFile *self, const char *origin);

void tg_settings_file_add(TgSettingsFile *self, const char *origin, gboolean as_default);
void tg_settings_file_remove(TgSettingsFile *self, const char *origin);

/* Atomically, keeping a symbolic link where the file is one. */
gboolean tg_settings_file_save(const TgSettingsFile *self, GError **error);
