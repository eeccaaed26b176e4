/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The page that a person or a messenger sees at a mailbox's address. It names what
 * somebody typed as title, escaped, and offers to hand the address to the wallet.
 * Its parts are in data/preview/, its words in preview-text.c.
 *
 * The secret is in the fragment, which never comes here. The page's one script and
 * its style are allowed by their hashes and nothing else is; the script acts on a
 * click only (link scanners run scripts) and gives the address to the scheme
 * "tigress:" and to nothing else.
 */

#include "protocol/mailbox.h"
#include "relay/preview-text.h"

/* @link is the mailbox's address, without a fragment. */
char *tg_preview_format(const TgDisplay *display,
                        gint64 expires_s,
                        const char *link,
                        TgLanguage language);

/* The page's Content-Security-Policy; belongs to the program. */
const char *tg_preview_policy(void);
