/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes the JSON lines of --json: one object a line, its keys in the order in
 * which they are added, every string escaped.
 */

#include <glib.h>

#include "protocol/secret.h"

typedef GString TgJsonLine;

TgJsonLine *tg_json_line_begin(void);
/* NULL is null. */
void tg_json_line_string(TgJsonLine *self, const char *key, const char *value);
void tg_json_line_number(TgJsonLine *self, const char *key, gint64 value);
void tg_json_line_boolean(TgJsonLine *self, const char *key, gboolean value);
/* Unix seconds; 0, which is unknown, is null. */
void tg_json_line_time(TgJsonLine *self, const char *key, guint64 value);
/* A member that is an object itself: what follows goes into it, until it is closed. */
void tg_json_line_open(TgJsonLine *self, const char *key);
void tg_json_line_close(TgJsonLine *self);

/* Writes the line to stdout and frees it. */
void tg_json_line_end(TgJsonLine *self);
/* The same with a last member that is a secret, as it is or in base64. */
gboolean tg_json_line_end_with_secret(TgJsonLine *self,
                                      const char *key,
                                      const TgSecret *secret,
                                      gboolean as_base64,
                                      GError **error);
