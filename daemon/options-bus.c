/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/options-bus.h"

#include <string.h>

#include "daemon/value.h"
#include "protocol/error.h"
#include "protocol/text.h"

#define MAX_OPTIONS 32
#define MAX_ATTRIBUTES 64
#define MAX_ATTRIBUTE_BYTES 1024

static gboolean
wrong_type(const TgOption *option, const char *wanted, GError **error)
{
        tg_set_error(error, TG_ERROR_INVALID, "\"%s\" must be of type %s", option->name, wanted);
        return FALSE;
}

static gboolean
is_word(const char *text, gsize n_max)
{
        gsize n_bytes = strlen(text);

        if (n_bytes > n_max)
                return FALSE;
        for (gsize i = 0; i < n_bytes; i++) {
                if (!g_ascii_isgraph(text[i]))
                        return FALSE;
        }
        return TRUE;
}

static gboolean
read_text(sd_bus_message *message, const TgOption *option, GError **error)
{
        const char *text;

        if (sd_bus_message_read(message, "v", "s", &text) < 0)
                return wrong_type(option, "s", error);

        if (option->type == TG_OPTION_TEXT ? !tg_text_is_clean(text, option->n_max)
                                           : !is_word(text, option->n_max)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "\"%s\" must be one line of at most %" G_GSIZE_FORMAT " octets%s",
                             option->name,
                             option->n_max,
                             option->type == TG_OPTION_TEXT
                                     ? " without control or invisible characters"
                                     : " of plain ASCII without spaces");
                return FALSE;
        }

        *(char **)option->target = g_strdup(text);
        return TRUE;
}

static gboolean
read_dictionary(sd_bus_message *message, const TgOption *option, GError **error)
{
        g_autoptr(GHashTable) pairs =
                g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        const char *name;
        const char *value;
        int r;

        if (sd_bus_message_enter_container(message, 'v', "a{ss}") <= 0 ||
            sd_bus_message_enter_container(message, 'a', "{ss}") <= 0)
                return wrong_type(option, "a{ss}", error);

        while ((r = sd_bus_message_read(message, "{ss}", &name, &value)) > 0) {
                if (g_hash_table_size(pairs) >= MAX_ATTRIBUTES ||
                    strlen(name) > MAX_ATTRIBUTE_BYTES || strlen(value) > MAX_ATTRIBUTE_BYTES) {
                        tg_set_error(
                                error, TG_ERROR_LIMIT_REACHED, "\"%s\" is too large", option->name);
                        return FALSE;
                }
                g_hash_table_replace(pairs, g_strdup(name), g_strdup(value));
        }
        if (r < 0 || sd_bus_message_exit_container(message) < 0 ||
            sd_bus_message_exit_container(message) < 0)
                return wrong_type(option, "a{ss}", error);

        *(GHashTable **)option->target = g_steal_pointer(&pairs);
        return TRUE;
}

static gboolean
read_list(sd_bus_message *message, const TgOption *option, GError **error)
{
        g_auto(GStrv) list = NULL;

        if (sd_bus_message_enter_container(message, 'v', "as") <= 0 ||
            sd_bus_message_read_strv(message, &list) < 0 ||
            sd_bus_message_exit_container(message) < 0)
                return wrong_type(option, "as", error);
        /* sd-bus gives nothing for an empty one. */
        if (list == NULL)
                list = g_new0(char *, 1);
        if (g_strv_length(list) > option->n_max) {
                tg_set_error(error, TG_ERROR_LIMIT_REACHED, "\"%s\" is too large", option->name);
                return FALSE;
        }
        *(char ***)option->target = g_steal_pointer(&list);
        return TRUE;
}

/* A value is s, ay or h; one variant around it more does no harm. */
static gboolean
read_value(sd_bus_message *message, const TgOption *option, GError **error)
{
        const char *contents;
        char type;
        gboolean is_nested = sd_bus_message_peek_type(message, &type, &contents) > 0 &&
                             type == 'v' && g_strcmp0(contents, "v") == 0;
        TgValue *value;

        if (is_nested && sd_bus_message_enter_container(message, 'v', "v") <= 0)
                return wrong_type(option, "s, ay or h", error);
        value = tg_value_take(message, option->name, option->n_max, error);
        if (value == NULL)
                return FALSE;
        *(TgValue **)option->target = value;

        return !is_nested || sd_bus_message_exit_container(message) >= 0;
}

static gboolean
read_terms(sd_bus_message *message, const TgOption *option, GError **error)
{
        const TgOptionTerms *target = option->target;

        if (sd_bus_message_enter_container(message, 'v', "a{sv}") <= 0)
                return wrong_type(option, "a{sv}", error);
        *target->terms = tg_terms_read(message, target->keys, target->caller, error);
        return *target->terms != NULL && sd_bus_message_exit_container(message) >= 0;
}

static gboolean
read_option(sd_bus_message *message, const TgOption *option, GError **error)
{
        const char *path;
        guint64 time_s;
        guint32 number;
        int flag;

        switch (option->type) {
        case TG_OPTION_TEXT:
        case TG_OPTION_WORD:
                return read_text(message, option, error);
        case TG_OPTION_NUMBER:
                if (sd_bus_message_read(message, "v", "u", &number) < 0)
                        return wrong_type(option, "u", error);
                *(guint *)option->target = number;
                return TRUE;
        case TG_OPTION_TIME:
                if (sd_bus_message_read(message, "v", "t", &time_s) < 0)
                        return wrong_type(option, "t", error);
                *(gint64 *)option->target = (gint64)MIN(time_s, G_MAXINT64);
                return TRUE;
        case TG_OPTION_FLAG:
                if (sd_bus_message_read(message, "v", "b", &flag) < 0)
                        return wrong_type(option, "b", error);
                *(gboolean *)option->target = flag != 0;
                return TRUE;
        case TG_OPTION_PATH:
                if (sd_bus_message_read(message, "v", "o", &path) < 0)
                        return wrong_type(option, "o", error);
                *(char **)option->target = g_strdup(path);
                return TRUE;
        case TG_OPTION_DICTIONARY:
                return read_dictionary(message, option, error);
        case TG_OPTION_TERMS:
                return read_terms(message, option, error);
        case TG_OPTION_LIST:
                return read_list(message, option, error);
        case TG_OPTION_VALUE:
                return read_value(message, option, error);
        }
        return FALSE;
}

gboolean
tg_options_read(sd_bus_message *message, const TgOption *options, GError **error)
{
        guint64 seen = 0;

        if (sd_bus_message_enter_container(message, 'a', "{sv}") < 0) {
                tg_set_error(error, TG_ERROR_INVALID, "a dictionary (a{sv}) was expected");
                return FALSE;
        }

        while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
                const char *name;
                gsize i = 0;

                if (sd_bus_message_read(message, "s", &name) < 0)
                        break;
                while (options[i].name != NULL && !g_str_equal(options[i].name, name))
                        i++;
                if (options[i].name == NULL) {
                        g_autofree char *clean = tg_text_clean(name, -1, 64);

                        tg_set_error(
                                error, TG_ERROR_INVALID, "\"%s\" is not a key known here", clean);
                        return FALSE;
                }
                g_assert(i < MAX_OPTIONS);
                if ((seen & (G_GUINT64_CONSTANT(1) << i)) != 0) {
                        tg_set_error(error, TG_ERROR_INVALID, "\"%s\" is given twice", name);
                        return FALSE;
                }
                seen |= G_GUINT64_CONSTANT(1) << i;
                if (!read_option(message, &options[i], error))
                        return FALSE;
                if (sd_bus_message_exit_container(message) < 0)
                        break;
        }

        if (sd_bus_message_exit_container(message) < 0) {
                tg_set_error(error, TG_ERROR_INVALID, "the dictionary cannot be read");
                return FALSE;
        }
        return TRUE;
}
