/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Word of when a file's content may have changed, also when the file, or directories
 * above it, are made later. inotify, because GFileMonitor looks every four seconds
 * for a directory that is not there, and we do not wake up for nothing.
 */

#include <glib.h>

typedef struct TgFileWatch TgFileWatch;

/* @path is absolute. @func is called from the loop, never for a file that somebody
 * is still writing. NULL when the machine has no watch left to give. */
TgFileWatch *
tg_file_watch_new(const char *path, void (*func)(gpointer user_data), gpointer user_data);
/* …of when a file in @folder, whichever, may have changed. */
TgFileWatch *
tg_file_watch_new_folder(const char *folder, void (*func)(gpointer user_data), gpointer user_data);
void tg_file_watch_free(TgFileWatch *self);
