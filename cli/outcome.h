/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the states of a share mean to a person and to a script: a sentence while it
 * runs, an exit status at its end.
 */

#include <glib.h>

#include "cli/object.h"

gboolean tg_outcome_is_end(const char *state);

/* TRUE for a completed share; else the error that its end amounts to. */
gboolean tg_outcome_check(const TgObject *share, GError **error);

/* What a mode protects against, in words; the mode itself where it is not known. */
const char *tg_outcome_mode(const char *mode);

/* "2 tries are left", of a PIN: new memory. */
char *tg_outcome_tries(const TgObject *share);

/* "waiting for the recipient; the invitation ends in 23 h": new memory. Without
 * @with_times nothing in it changes but with the share itself. */
char *tg_outcome_progress(const TgObject *share, gboolean with_times);
