/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* The text of a file that somebody else writes, as a settings file; without a NUL inside. Whatever
 * lies there, reading it does not wait. NULL with errno; "" when the file is not there. */
char *tg_small_file_read(const char *path, gsize n_max);
