/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What to do about an error of the wallet: the second line under its sentence.
 */

#include <glib.h>

#include "protocol/error.h"

/* @message, which is the wallet's, as "sentence\nhint"; new memory. Most of its sentences
 * name the remedy after a colon: those are left alone. @may_ask: whether this call could
 * have made a dialog appear. */
char *tg_hint_complete(const char *message, TgError code, gboolean may_ask);

/* "sentence\nhint". */
char *tg_hint_add(const char *message, const char *hint);
