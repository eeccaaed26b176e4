/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What to do about an error of the wallet: the second line under its sentence.
 */

#include <glib.h>

#include "protocol/error.h"

/* A line, or NULL where there is nothing that would help. @may_ask: whether this call
 * could have made a dialog appear. */
const char *tg_hint(TgError code, gboolean may_ask);

/* Makes @message into "sentence\nhint" unless there is no hint; new memory. */
char *tg_hint_add(const char *message, const char *hint);
