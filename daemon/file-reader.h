/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads a regular file on a thread of its own. A file of a network file system whose
 * server is silent blocks whoever reads or closes it, and nothing can interrupt that:
 * the thread is left behind, with the descriptor, until the server comes back.
 */

#include <glib.h>

#include "protocol/secret.h"

typedef struct TgFileReader TgFileReader;

/* @secret NULL with @error set. Called once, from the loop. */
typedef void (*TgFileReaderFunc)(TgSecret *secret, const GError *error, gpointer user_data);

/* Takes @fd over and reads it from its beginning, whatever its offset, to at most
 * @max_bytes (more is TG_ERROR_LIMIT_REACHED). With TG_MAX_FILE_READERS threads
 * running it fails as TG_ERROR_LIMIT_REACHED. @what names it in errors. */
TgFileReader *tg_file_reader_start(
        int fd, const char *what, gsize max_bytes, TgFileReaderFunc func, gpointer user_data);
/* The callback will not come; the thread ends when it can. */
void tg_file_reader_cancel(TgFileReader *self);
