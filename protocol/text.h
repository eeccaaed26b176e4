/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Text of a stranger: titles, descriptions, reasons, names. One function cleans
 * it at the border, so that nothing behind it has to ask.
 */

#include <glib.h>

/* Valid UTF-8 on one line without control, bidirectional, zero-width, line or
 * paragraph separator, private-use, non-character or unassigned-tag code points,
 * white space folded, ends trimmed, at most @max_bytes octets (cut at a character,
 * an ellipsis told by nothing). @text may hold any octets; NULL gives "". */
char *tg_text_clean(const char *text, gssize n_bytes, gsize max_bytes);

/* TRUE when cleaning would change nothing. For what a local caller gives: it is
 * refused rather than altered. */
gboolean tg_text_is_clean(const char *text, gsize max_bytes);
