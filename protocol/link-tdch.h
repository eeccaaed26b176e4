/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What link.c and link-tdch.c need of each other: the invitation of the plain-HTTP
 * transport is one structure in the fragment, template included.
 */

#include <glib.h>

#include "protocol/bytes.h"
#include "protocol/link.h"

/* Takes suite, secret and template from self->fragment. */
gboolean tg_link_take_tdch(TgLink *self, GError **error);

/* BEFORE#FRAGMENT */
TgSecret *tg_link_join(const char *before, TgBase64 form, const TgSecret *fragment, GError **error);
