/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The place of the store: a folder of mode 0700 and files of mode 0600 that are
 * the user's own, and a lock that keeps a second daemon out. Knows nothing of
 * what is in the file.
 */

#include <glib.h>

typedef struct TgStoreFile TgStoreFile;

/* Makes the folder where it is absent, checks it and @path (which may be absent),
 * and takes the lock. TG_ERROR_FAILED with a sentence that names the remedy. */
TgStoreFile *tg_store_file_lock(const char *path, GError **error);
void tg_store_file_unlock(TgStoreFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgStoreFile, tg_store_file_unlock)

gboolean tg_store_file_exists(const TgStoreFile *self);

/* Where a new file is made before it gets its name; removed first if something
 * is left there. NULL with an error. */
const char *tg_store_file_begin(TgStoreFile *self, GError **error);
/* The new file is complete: on disk with its name when this returns. */
gboolean tg_store_file_finish(TgStoreFile *self, GError **error);
