/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The writer for the Redis that the settings name, with its password, which may lie in a file of
 * its own: of StorePasswordFile=, or "store-password" among the unit's credentials
 * (systemd.exec(5), LoadCredential=).
 */

#include "relay/redis-address.h"
#include "relay/settings.h"
#include "relay/writer.h"

/* @api stays the caller's. */
TgWriter *tg_redis_open(const TgSettings *settings, const TgApi *api, GError **error);
