/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A table for people, columns as wide as their cells. On a terminal the column
 * that may shrink is cut so that a row fits on a line.
 */

#include <glib.h>

typedef struct TgTable TgTable;

/* @headings is NULL-terminated and outlives the table. */
TgTable *tg_table_new(const char *const *headings, gsize shrinking_column);
/* @cells as many as headings; copied and escaped. */
void tg_table_add(TgTable *self, const char *const *cells);
gsize tg_table_n_rows(const TgTable *self);
void tg_table_print(const TgTable *self);
void tg_table_free(TgTable *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgTable, tg_table_free)
