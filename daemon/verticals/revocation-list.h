/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A file that says what was taken back: for servers' eyes, no secret; replaced as a whole. */

#include <glib.h>

/* Two that read, add and replace at once would lose one. Makes the folder; the caller closes what
 * is given back, -1 with TG_ERROR_FAILED. */
int tg_revocation_list_lock(const char *path, GError **error);

/* *ret_octets NULL: there is none yet. TG_ERROR_FAILED for what is no plain file, or too large. */
gboolean
tg_revocation_list_read(const char *path, GBytes **ret_octets, guint *ret_mode, GError **error);
/* Down to the disk, or not at all. */
gboolean tg_revocation_list_replace(const char *path, GBytes *octets, guint mode, GError **error);
