/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The relay made out of its settings: certificate, sockets, store, writer, server; and made
 * anew, as far as a running one can be, when it is told to read them again.
 */

#include "relay/settings.h"

/* Serves until SIGTERM or SIGINT comes by @signal_fd; SIGHUP: reads the settings again. */
gboolean tg_service_run(const TgSettingOptions *options, int signal_fd, GError **error);

/* Prints the settings that would be in force; opens no socket and no store. */
gboolean tg_service_check(const TgSettingOptions *options, GError **error);
