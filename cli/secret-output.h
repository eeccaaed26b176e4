/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Secrets into a new file that only the user may read.
 */

#include <glib.h>

#include "protocol/secret.h"

/* Makes the file, before anybody is asked, so that a yes is not lost to a typing error. @what
 * names it in errors ("output"). The caller closes the descriptor; -1 and TG_ERROR_INVALID when
 * it is there already or cannot be made. */
int tg_secret_output_open(const char *file, const char *what, GError **error);

/* All of it, down to the disk. */
gboolean tg_secret_output_write(int fd, const TgSecret *secret, const char *what, GError **error);
