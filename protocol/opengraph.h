/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the preview page of a foreign relay says of itself in Open Graph meta
 * tags. Knows nothing else of HTML: no tree, no script, no style; what it does
 * not find at once is not there.
 */

#include <glib.h>

/* The content of the first <meta property="@property" content="…"> in @html,
 * entities resolved, octets as they came (clean before showing); NULL if none. */
char *tg_opengraph_get(const char *html, gsize n_bytes, const char *property);
