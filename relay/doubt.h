/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the store takes changes: log and measures. */

#include <glib.h>

/* @error: why a change could not be made; NULL: one was. Told once when it begins and once when it
 * is over, not for every request; @is_in_doubt is what was told last. */
void tg_note_doubt(gboolean *is_in_doubt, const GError *error);
