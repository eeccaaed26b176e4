/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/escape.h"
#include "cli/output.h"

#define GAP_COLUMNS 2
#define MIN_SHRUNK_COLUMNS 12

struct TgTable {
        const char *const *headings;
        gsize n_columns;
        gsize shrinking_column;
        GPtrArray *rows; /* of GStrv, escaped */
};

TgTable *
tg_table_new(const char *const *headings, gsize shrinking_column)
{
        TgTable *self = g_new0(TgTable, 1);

        self->headings = headings;
        self->n_columns = g_strv_length((char **)headings);
        self->shrinking_column = shrinking_column;
        self->rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);

        return self;
}

void
tg_table_add(TgTable *self, const char *const *cells)
{
        char **row = g_new0(char *, self->n_columns + 1);

        for (gsize i = 0; i < self->n_columns; i++)
                row[i] = tg_escape(TG_ESCAPE_LINE, cells[i]);
        g_ptr_array_add(self->rows, row);
}

gsize
tg_table_n_rows(const TgTable *self)
{
        return self->rows->len;
}

static gsize
column_width(const TgTable *self, gsize column)
{
        gsize width = tg_escape_width(self->headings[column]);

        for (guint i = 0; i < self->rows->len; i++) {
                char **row = g_ptr_array_index(self->rows, i);

                width = MAX(width, tg_escape_width(row[column]));
        }

        return width;
}

/* The widths of all columns, one of them made to fit the terminal. */
static gsize *
layout(const TgTable *self)
{
        gsize *widths = g_new0(gsize, self->n_columns);
        gsize total = GAP_COLUMNS * (self->n_columns - 1);
        struct winsize size = {0};

        for (gsize i = 0; i < self->n_columns; i++) {
                widths[i] = column_width(self, i);
                total += widths[i];
        }

        if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
            size.ws_col > 0 && total > size.ws_col) {
                gsize *width = &widths[self->shrinking_column];
                gsize excess = total - size.ws_col;
                gsize least = MIN(*width, MIN_SHRUNK_COLUMNS);

                *width = *width > excess + least ? *width - excess : least;
        }

        return widths;
}

/* @cell cut to @width columns, then filled up to it unless it is the row's last. */
static void
append_cell(GString *line, const char *cell, gsize width, gboolean is_last)
{
        gsize n_columns = 0;
        gboolean is_cut = tg_escape_width(cell) > width;
        gsize room = is_cut ? width - 2 : width;

        for (; *cell; cell = g_utf8_next_char(cell)) {
                gunichar character = g_utf8_get_char(cell);
                gsize step = g_unichar_iszerowidth(character) ? 0
                             : g_unichar_iswide(character)    ? 2
                                                              : 1;

                if (n_columns + step > room)
                        break;
                g_string_append_unichar(line, character);
                n_columns += step;
        }
        if (is_cut) {
                g_string_append(line, "..");
                n_columns += 2;
        }
        while (!is_last && n_columns++ < width + GAP_COLUMNS)
                g_string_append_c(line, ' ');
}

static void
print_row(const TgTable *self, const gsize *widths, const char *const *cells, TgColour colour)
{
        g_autoptr(GString) line = g_string_new(NULL);

        if (colour != TG_COLOUR_NONE)
                g_string_append(line, tg_output_colour(colour));
        for (gsize i = 0; i < self->n_columns; i++)
                append_cell(line, cells[i], widths[i], i + 1 == self->n_columns);
        if (colour != TG_COLOUR_NONE)
                g_string_append(line, tg_output_colour(TG_COLOUR_NONE));

        tg_output_line(line->str);
}

void
tg_table_print(const TgTable *self)
{
        g_autofree gsize *widths = layout(self);

        print_row(self, widths, self->headings, TG_COLOUR_HEADING);
        for (guint i = 0; i < self->rows->len; i++)
                print_row(self,
                          widths,
                          (const char *const *)g_ptr_array_index(self->rows, i),
                          TG_COLOUR_NONE);
}

void
tg_table_free(TgTable *self)
{
        if (!self)
                return;

        g_ptr_array_unref(self->rows);
        g_free(self);
}
