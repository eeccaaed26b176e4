/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a handler of another program tells without being asked: that a credential of its kind was
 * taken back (the signal Revoked of org.tigress.Vertical1). It is believed from whoever owns the
 * handler's bus name, and for credentials of its format alone.
 */

#include "daemon/handlers.h"
#include "daemon/manager.h"

typedef struct TgHandlerNews TgHandlerNews;

/* All three are borrowed. NULL with TG_ERROR_FAILED: the bus cannot be listened to. */
TgHandlerNews *
tg_handler_news_new(sd_bus *bus, TgHandlers *handlers, TgManager *manager, GError **error);
void tg_handler_news_free(TgHandlerNews *self);
