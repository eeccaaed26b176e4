/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The form of tigress-relay.conf: lines Key=Value under [Relay], comments after # or ;. Every
 * line keeps its number, for whoever has to be told of it. Knows no key.
 */

#include <glib.h>

typedef struct {
        char *key;
        char *value; /* without the blanks around it, and never empty but for lists */
        guint line;
} TgSettingLine;

/* An array of TgSettingLine, each key once. Everything that is not of that form is an error. */
GArray *tg_settings_file_read(const char *path, GError **error);

/* The file @named (a setting) or, where that is NULL, the unit's credential @credential, which
 * systemd has put into a directory of the process's own; NULL: neither. */
char *tg_settings_find_file(const char *named, const char *credential);
