/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a file NAME.vertical says of a handler: a program that knows a kind of credential. The
 * manual of it is tigress-verticals(7). Read strictly: whoever writes one is told what is wrong
 * with it, and gets nothing else than what he meant.
 */

#include "daemon/vertical.h"

typedef struct {
        char *format;
        char letter;
        char *name; /* for people; clean */
        char *bus_name;
        char *object_path;
        char *kind;
        TgPinRule pin;
} TgVerticalFile;

/* @text: @n_bytes octets, any. TG_ERROR_INVALID says which line or key is wrong. */
gboolean
tg_vertical_file_parse(const char *text, gsize n_bytes, TgVerticalFile *ret_file, GError **error);
gboolean tg_vertical_file_equal(const TgVerticalFile *a, const TgVerticalFile *b);
void tg_vertical_file_clear(TgVerticalFile *file);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgVerticalFile, tg_vertical_file_clear)
