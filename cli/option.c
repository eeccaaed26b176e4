/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/option.h"

#include <string.h>

#include "protocol/error.h"

#define HELP_COLUMN 27
#define MAX_SHOWN_CHARS 24

/* The option that @text ("name" or "name=value") means. */
static const TgOption *
find_option(const TgOption *options, const char *text)
{
        gsize n_chars = strcspn(text, "=");

        for (; options && options->name; options++)
                if (strlen(options->name) == n_chars && strncmp(options->name, text, n_chars) == 0)
                        return options;

        return NULL;
}

/* Names look like this; a secret that was typed in the wrong place hardly does. */
static void
set_unknown(GError **error, const char *text)
{
        const char *name = text + strspn(text, "-");
        gsize n_chars = strcspn(name, "=");

        if (n_chars <= MAX_SHOWN_CHARS && strspn(name, G_CSET_a_2_z "-") == n_chars)
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "there is no option %s%.*s",
                             name - text > 1 ? "--" : "-",
                             (int)n_chars,
                             name);
        else
                tg_set_error(error, TG_ERROR_INVALID, "there is no such option");
}

static gboolean
set_flag(const TgOption *option, const char *value, GError **error)
{
        if (value) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "the option --%s takes no value", option->name);
                return FALSE;
        }

        *(gboolean *)option->target = TRUE;
        return TRUE;
}

static gboolean
set_text(const TgOption *option, const char *value, GError **error)
{
        const char **target = option->target;

        if (*target) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "the option --%s is given twice", option->name);
                return FALSE;
        }

        *target = value;
        return TRUE;
}

static gboolean
set_option(const TgOption *option, const char *value, GError **error)
{
        GPtrArray **texts = option->target;

        if (option->kind == TG_OPTION_FLAG)
                return set_flag(option, value, error);
        if (!value) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the option --%s needs a value: --%s %s",
                             option->name,
                             option->name,
                             option->argument);
                return FALSE;
        }
        if (!g_utf8_validate(value, -1, NULL)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the value of --%s is no UTF-8 text",
                             option->name);
                return FALSE;
        }
        if (option->kind == TG_OPTION_TEXT)
                return set_text(option, value, error);

        if (!*texts)
                *texts = g_ptr_array_new();
        g_ptr_array_add(*texts, (gpointer)value);
        return TRUE;
}

gboolean
tg_option_parse(const TgOption *options,
                const TgOption *verb_options,
                GPtrArray *arguments,
                GError **error)
{
        g_autoptr(GPtrArray) rest = g_ptr_array_new();
        guint i = 0;

        for (; i < arguments->len; i++) {
                const char *text = g_ptr_array_index(arguments, i);
                const TgOption *option;
                const char *value;

                if (strcmp(text, "--") == 0) {
                        i++;
                        break;
                }
                if (text[0] != '-' || text[1] == '\0') {
                        g_ptr_array_add(rest, (gpointer)text);
                        continue;
                }
                /* The one letter that everybody tries. */
                if (strcmp(text, "-h") == 0)
                        text = "--help";

                option = text[1] == '-' ? find_option(options, text + 2) : NULL;
                if (!option && text[1] == '-')
                        option = find_option(verb_options, text + 2);
                if (!option) {
                        set_unknown(error, text);
                        return FALSE;
                }
                value = strchr(text, '=');
                value = value ? value + 1 : NULL;
                if (!value && option->kind != TG_OPTION_FLAG && i + 1 < arguments->len)
                        value = g_ptr_array_index(arguments, ++i);
                if (!set_option(option, value, error))
                        return FALSE;
        }
        for (; i < arguments->len; i++)
                g_ptr_array_add(rest, g_ptr_array_index(arguments, i));

        g_ptr_array_set_size(arguments, 0);
        g_ptr_array_extend(arguments, rest, NULL, NULL);
        return TRUE;
}

void
tg_option_help(const TgOption *options, GString *help)
{
        g_autoptr(GString) left = g_string_new(NULL);

        for (; options && options->name; options++) {
                g_string_append_printf(left,
                                       "%s--%s%s%s",
                                       left->len > 0 ? ", " : "",
                                       options->name,
                                       options->argument ? " " : "",
                                       options->argument ? options->argument : "");
                if (!options->help)
                        continue;
                g_string_append_printf(
                        help, "  %-*s %s\n", HELP_COLUMN - 3, left->str, options->help);
                g_string_truncate(left, 0);
        }
}
