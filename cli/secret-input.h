/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Secrets on their way through this program: read from a descriptor or a file,
 * handed on in a sealed memfd. Never from an argument or the environment, which
 * others can read.
 */

#include <glib.h>

#include "protocol/secret.h"

/* Reads to the end. @what names it in errors ("content"). More than @max_bytes, or
 * nothing at all: TG_ERROR_INVALID. */
TgSecret *tg_secret_input_read(int fd, const char *what, gsize max_bytes, GError **error);
TgSecret *
tg_secret_input_read_file(const char *file, const char *what, gsize max_bytes, GError **error);

/* From the descriptor that @number names; a terminal is refused, for it would echo. */
TgSecret *
tg_secret_input_read_number(const char *number, const char *what, gsize max_bytes, GError **error);

/* Without white space at both ends: links are pasted with it. */
TgSecret *tg_secret_input_trim(const TgSecret *secret, const char *what, GError **error);

/* A sealed memfd; the caller closes it. -1 and @error on failure. */
int tg_secret_input_to_memfd(const TgSecret *secret, GError **error);

/* All of it to @fd, whatever that is. */
gboolean tg_secret_input_write(int fd, const TgSecret *secret, GError **error);
