/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Scheme, host and port of an address, strictly: no userinfo, no escapes, no
 * spelling that two programs could read in two ways.
 */

#include <glib.h>

/* The origin of the address at @text in its canonical spelling, in new memory, and
 * where its path begins; NULL and TG_ERROR_INVALID otherwise. @what opens the error's
 * sentence ("this is no invitation link"); the address itself is never in it. */
char *tg_url_origin(const char *text,
                    gsize n_chars,
                    gboolean allow_http,
                    const char *what,
                    const char **ret_rest,
                    GError **error);

/* Scheme, host and port of @url in the canonical spelling (TgLink.origin has it too),
 * with nothing after them but an optional '/'. For lists in configurations. */
char *tg_origin_parse(const char *url, gboolean allow_http, GError **error);
