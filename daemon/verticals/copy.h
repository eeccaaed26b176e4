/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Steps of copies that have a form of their own: parsed, shown and passed on. */

#include "daemon/step.h"

/* BEGIN: @content, whose name is @name (NULL: none), is what the other side gets. @content NULL:
 * @error says why not. Both are taken. */
void tg_copy_say(TgStep *step, TgSecret *content, const char *name, GError *error);
/* RECEIVE: likewise for what is kept. */
void tg_copy_keep(
        TgStep *step, TgSecret *content, const char *content_type, const char *name, GError *error);
