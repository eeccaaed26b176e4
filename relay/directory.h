/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A directory that is there after a loss of power, too: what is flushed in it later would
 * else be in a directory that nobody finds.
 */

#include <glib.h>

/* Makes @path (mode 0700) and whatever it lies in, as far as that is not there. */
gboolean tg_directory_make(const char *path, GError **error);
