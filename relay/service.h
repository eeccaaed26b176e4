/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The relay made out of its settings: certificate, sockets, store, writer, server.
 */

#include "relay/settings.h"

/* Serves until @stop_fd is readable. Fills in what the settings leave open. */
gboolean tg_service_run(TgSettings *settings, int stop_fd, GError **error);
