/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a relay says of an invitation, before anything is claimed: binds nothing, keeps
 * nothing, asks no relay that is not trusted.
 */

#include <glib.h>

#include "daemon/wallet.h"
#include "protocol/link.h"
#include "protocol/mailbox.h"

/* Whether requests may go there; TG_ERROR_UNTRUSTED_RELAY says how to allow it. */
gboolean tg_inspection_is_trusted(TgWallet *wallet, const char *origin, GError **error);
gboolean tg_inspection_is_allowed(TgWallet *wallet, const TgLink *link, GError **error);

typedef struct TgInspection TgInspection;

/* @display is a stranger's text: clean it. NULL with @error set. Called once, from the loop,
 * never from inside tg_inspection_start(). */
typedef void (*TgInspectionFunc)(const TgDisplay *display,
                                 gint64 expires_s,
                                 const GError *error,
                                 gpointer user_data);

/* @link has a mailbox and is allowed. */
TgInspection *tg_inspection_start(TgWallet *wallet,
                                  const TgLink *link,
                                  TgInspectionFunc func,
                                  gpointer user_data);
void tg_inspection_cancel(TgInspection *self);
