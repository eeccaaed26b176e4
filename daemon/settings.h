/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The configuration: /etc/tigress/tigress.conf, then the user's
 * $XDG_CONFIG_HOME/tigress/tigress.conf; the later wins, lists add up. Watched. A
 * broken file is refused whole and the last good settings stay in force.
 */

#include <glib.h>

#include "daemon/vertical.h"

typedef struct TgSettings TgSettings;

/* Reads both files (absent ones are no error; a broken one is logged). Calls
 * @on_changed from the loop after each change that was taken. Either may be NULL. */
TgSettings *tg_settings_new(const char *system_file,
                            const char *user_file,
                            void (*on_changed)(TgSettings *self, gpointer user_data),
                            gpointer user_data);
void tg_settings_free(TgSettings *self);

/* Origin for new shares, NULL when none is configured. */
const char *tg_settings_relay(const TgSettings *self);
/* Origins, NULL-terminated, sorted, Relay among them. */
const char *const *tg_settings_trusted_relays(const TgSettings *self);
gboolean tg_settings_is_trusted(const TgSettings *self, const char *origin);
/* Whether shares of @format are made and taken with a PIN only, whatever the format says itself. */
gboolean tg_settings_requires_pin(const TgSettings *self, const char *format);
/* What holds here for a share of that kind: the configuration may demand more than the format.
 * @kind: NULL for the format's first. */
TgPinRule
tg_settings_pin_rule(const TgSettings *self, const TgVertical *vertical, const char *kind);
/* File with certificate authorities besides the system's, or NULL. */
const char *tg_settings_ca_file(const TgSettings *self);
