/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The page that a person or a messenger sees at a mailbox's address. It names what
 * somebody typed as title, escaped, and offers to hand the address to the wallet.
 *
 * The secret is in the fragment, which never comes here. The page's one script is
 * allowed by its hash, acts on a click only (link scanners run scripts) and gives
 * the address to the scheme "tigress:" and to nothing else. There is no style
 * sheet: the policy allows that script and nothing besides, so looks come from
 * attributes that no policy governs.
 */

#include "protocol/mailbox.h"

/* @link is the mailbox's address, without a fragment. */
char *tg_preview_format(const TgDisplay *display, gint64 expires_s, const char *link);

/* The page's Content-Security-Policy; belongs to the program. */
const char *tg_preview_policy(void);
