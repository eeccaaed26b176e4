/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/settings-file.h"

#include <errno.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"

#define GROUP "[Relay]"

static void
clear_line(gpointer data)
{
        TgSettingLine *line = data;

        g_free(line->key);
        g_free(line->value);
}

static const TgSettingLine *
find_key(const GArray *lines, const char *key)
{
        for (guint i = 0; i < lines->len; i++) {
                const TgSettingLine *line = &g_array_index(lines, TgSettingLine, i);

                if (strcmp(line->key, key) == 0)
                        return line;
        }

        return NULL;
}

static gboolean
add_line(GArray *lines, const char *path, guint number, char *text, GError **error)
{
        char *equals = strchr(text, '=');
        const TgSettingLine *earlier;
        TgSettingLine line = {.line = number};

        if (!equals || equals == text) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "%s:%u: a line must be Key=Value, a comment after #, or " GROUP,
                             path,
                             number);
                return FALSE;
        }
        *equals = '\0';
        g_strstrip(text);
        earlier = find_key(lines, text);
        if (earlier) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "%s:%u: %s= has been set in line %u: remove one of the two",
                             path,
                             number,
                             text,
                             earlier->line);
                return FALSE;
        }
        line.key = g_strdup(text);
        line.value = g_strdup(g_strstrip(equals + 1));
        g_array_append_val(lines, line);

        return TRUE;
}

static char *
read_text(const char *path, GError **error)
{
        g_autofree char *text = NULL;
        g_autoptr(GError) problem = NULL;
        gsize n_bytes;

        if (!g_file_get_contents(path, &text, &n_bytes, &problem)) {
                tg_set_error(error, TG_ERROR_INVALID, "cannot read %s: %s", path, problem->message);
                return NULL;
        }
        if (n_bytes > TG_MAX_SETTINGS_BYTES || !g_utf8_validate(text, (gssize)n_bytes, NULL)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "cannot read %s: it must be text, in UTF-8, of at most %d octets",
                             path,
                             TG_MAX_SETTINGS_BYTES);
                return NULL;
        }

        return g_steal_pointer(&text);
}

GArray *
tg_settings_file_read(const char *path, GError **error)
{
        g_autofree char *text = read_text(path, error);
        g_auto(GStrv) rows = NULL;
        g_autoptr(GArray) lines = g_array_new(FALSE, TRUE, sizeof(TgSettingLine));
        gboolean is_in_group = FALSE;

        if (!text)
                return NULL;
        g_array_set_clear_func(lines, clear_line);
        rows = g_strsplit(text, "\n", -1);
        for (guint i = 0; rows[i]; i++) {
                char *row = g_strstrip(rows[i]);

                if (*row == '\0' || *row == '#' || *row == ';')
                        continue;
                if (!is_in_group || *row == '[') {
                        if (!is_in_group && strcmp(row, GROUP) == 0) {
                                is_in_group = TRUE;
                                continue;
                        }
                        tg_set_error(error,
                                     TG_ERROR_INVALID,
                                     "%s:%u: the one group must be " GROUP ", before all settings",
                                     path,
                                     i + 1);
                        return NULL;
                }
                if (!add_line(lines, path, i + 1, row, error))
                        return NULL;
        }
        if (is_in_group)
                return g_steal_pointer(&lines);
        tg_set_error(error, TG_ERROR_INVALID, "%s: the group " GROUP " is missing", path);

        return NULL;
}

char *
tg_settings_find_file(const char *named, const char *credential)
{
        const char *directory = g_getenv("CREDENTIALS_DIRECTORY");
        g_autofree char *path = directory ? g_build_filename(directory, credential, NULL) : NULL;

        if (named)
                return g_strdup(named);

        return path && g_file_test(path, G_FILE_TEST_EXISTS) ? g_steal_pointer(&path) : NULL;
}
