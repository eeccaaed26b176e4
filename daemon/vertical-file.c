/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/vertical-file.h"

#include <string.h>

#include "dbus/names.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

#define GROUP "[Vertical]"

static gboolean
wrong(GError **error, const char *key, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s= %s", key, what);
        return FALSE;
}

/* ---- values ---- */

static gboolean
take_format(TgVerticalFile *file, const char *key, const char *value, GError **error)
{
        static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789._-";

        if (strlen(value) > TG_MAX_FORMAT_BYTES || strchr(value, '.') == NULL ||
            value[strspn(value, others)] != '\0')
                return wrong(error, key, "is letters, digits, '-', '_' and at least one '.'");
        file->format = g_strdup(value);
        return TRUE;
}

static gboolean
take_letter(TgVerticalFile *file, const char *key, const char *value, GError **error)
{
        if (!g_ascii_islower(value[0]) || value[1] != '\0')
                return wrong(error, key, "is one letter from a to z");
        file->letter = value[0];
        return TRUE;
}

static gboolean
take_name(TgVerticalFile *file, const char *key, const char *value, GError **error)
{
        if (!tg_text_is_clean(value, TG_MAX_VERTICAL_NAME_BYTES))
                return wrong(error, key, "is a short line of text, nothing invisible in it");
        file->name = g_strdup(value);
        return TRUE;
}

static gboolean
take_bus_name(TgVerticalFile *file, const char *key, const char *value, GError **error)
{
        if (!g_dbus_is_name(value) || g_dbus_is_unique_name(value))
                return wrong(error, key, "is a well-known name of the session bus");
        if (g_str_equal(value, TG_BUS_NAME) || g_str_has_prefix(value, "org.freedesktop.DBus"))
                return wrong(error, key, "is a name of the handler's own");
        file->bus_name = g_strdup(value);
        return TRUE;
}

static gboolean
take_object_path(TgVerticalFile *file, const char *key, const char *value, GError **error)
{
        if (!g_variant_is_object_path(value))
                return wrong(error, key, "is the path of an object on the bus");
        file->object_path = g_strdup(value);
        return TRUE;
}

static gboolean
take_kind(TgVerticalFile *file, const char *key, const char *value, GError **error)
{
        static const char *const kinds[] = {"copy", "token", "lend", NULL};

        if (!g_strv_contains(kinds, value))
                return wrong(error, key, "is copy, token or lend");
        file->kind = g_strdup(value);
        return TRUE;
}

static gboolean
take_factor(TgVerticalFile *file, const char *key, const char *value, GError **error)
{
        static const char *const rules[] = {
                [TG_PIN_OPTIONAL] = "optional",
                [TG_PIN_DEFAULT] = "default",
                [TG_PIN_REQUIRED] = "required",
        };

        for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
                if (!g_str_equal(value, rules[i]))
                        continue;
                file->pin = (TgPinRule)i;
                return TRUE;
        }
        return wrong(error, key, "is optional, default or required");
}

static const struct {
        const char *key;
        gboolean (*take)(TgVerticalFile *, const char *key, const char *value, GError **error);
} keys[] = {
        {"Format",       take_format     },
        {"Letter",       take_letter     },
        {"Name",         take_name       },
        {"BusName",      take_bus_name   },
        {"ObjectPath",   take_object_path},
        {"Kind",         take_kind       },
        {"SecondFactor", take_factor     },
};

/* ---- lines ---- */

typedef struct {
        TgVerticalFile file;
        gboolean has_group;
        gboolean has_key[G_N_ELEMENTS(keys)];
} Reading;

static gboolean
take_line(Reading *self, char *line, GError **error)
{
        char *value = strchr(line, '=');

        if (line[0] == '\0' || line[0] == '#')
                return TRUE;
        if (!self->has_group) {
                self->has_group = g_str_equal(line, GROUP);
                if (!self->has_group)
                        tg_set_error(error, TG_ERROR_INVALID, "it does not begin with " GROUP);
                return self->has_group;
        }
        if (value == NULL) {
                tg_set_error(error, TG_ERROR_INVALID, "a line is neither KEY=VALUE nor a comment");
                return FALSE;
        }
        *value++ = '\0';
        g_strchomp(line);
        g_strstrip(value);
        for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
                if (!g_str_equal(line, keys[i].key))
                        continue;
                if (self->has_key[i])
                        return wrong(error, line, "stands there twice");
                if (value[0] == '\0')
                        return wrong(error, line, "is empty");
                self->has_key[i] = TRUE;
                return keys[i].take(&self->file, line, value, error);
        }
        tg_set_error(error, TG_ERROR_INVALID, "there is a key that is not known");
        return FALSE;
}

static gboolean
is_whole(const Reading *self, GError **error)
{
        for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
                if (!self->has_key[i])
                        return wrong(error, keys[i].key, "is missing");
        }
        return TRUE;
}

gboolean
tg_vertical_file_parse(const char *text, gsize n_bytes, TgVerticalFile *ret_file, GError **error)
{
        Reading reading = {};
        g_auto(GStrv) lines = NULL;
        gboolean is_fine = TRUE;

        /* With a length given, a NUL is no valid text. */
        if (n_bytes > TG_MAX_VERTICAL_FILE_BYTES || !g_utf8_validate(text, (gssize)n_bytes, NULL)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "it is not UTF-8 text of at most %d octets",
                             TG_MAX_VERTICAL_FILE_BYTES);
                return FALSE;
        }
        {
                g_autofree char *copy = g_strndup(text, n_bytes);

                lines = g_strsplit(copy, "\n", -1);
        }
        for (gsize i = 0; is_fine && lines[i] != NULL; i++)
                is_fine = take_line(&reading, lines[i], error);
        if (is_fine && is_whole(&reading, error)) {
                *ret_file = reading.file;
                return TRUE;
        }
        tg_vertical_file_clear(&reading.file);
        return FALSE;
}

gboolean
tg_vertical_file_equal(const TgVerticalFile *a, const TgVerticalFile *b)
{
        return g_str_equal(a->format, b->format) && a->letter == b->letter &&
               g_str_equal(a->name, b->name) && g_str_equal(a->bus_name, b->bus_name) &&
               g_str_equal(a->object_path, b->object_path) && g_str_equal(a->kind, b->kind) &&
               a->pin == b->pin;
}

void
tg_vertical_file_clear(TgVerticalFile *file)
{
        g_clear_pointer(&file->format, g_free);
        g_clear_pointer(&file->name, g_free);
        g_clear_pointer(&file->bus_name, g_free);
        g_clear_pointer(&file->object_path, g_free);
        g_clear_pointer(&file->kind, g_free);
}
