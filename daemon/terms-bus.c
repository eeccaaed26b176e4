/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A dictionary of a vertical's own keys, by its table, as a variant that it can be handed. */

#include "daemon/terms-bus.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

#define MAX_WORDS 64

static const TgTermKey *
find_key(const TgTermKey *keys, const char *name)
{
        for (; keys->name != NULL; keys++)
                if (g_str_equal(keys->name, name))
                        return keys;
        return NULL;
}

static gboolean
is_path(const TgTermKey *key, const char *text, GError **error)
{
        if (g_path_is_absolute(text))
                return TRUE;
        tg_set_error(error, TG_ERROR_INVALID, "\"%s\" must be a whole path", key->name);
        return FALSE;
}

static gboolean
is_line(const TgTermKey *key, const char *text, GError **error)
{
        if (tg_text_is_clean(text, key->n_max))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "\"%s\" must be one line of at most %" G_GSIZE_FORMAT
                     " octets without control or invisible characters",
                     key->name,
                     key->n_max);
        return FALSE;
}

static GVariant *
read_words(sd_bus_message *message, const TgTermKey *key, GError **error)
{
        g_autoptr(GVariantBuilder) words = g_variant_builder_new(G_VARIANT_TYPE_STRING_ARRAY);
        const char *word;
        guint n_words = 0;
        int r;

        if (sd_bus_message_enter_container(message, 'v', "as") <= 0 ||
            sd_bus_message_enter_container(message, 'a', "s") <= 0)
                return NULL;
        while ((r = sd_bus_message_read(message, "s", &word)) > 0) {
                if (!is_line(key, word, error))
                        return NULL;
                if (++n_words > MAX_WORDS) {
                        tg_set_error(
                                error, TG_ERROR_LIMIT_REACHED, "\"%s\" is too long", key->name);
                        return NULL;
                }
                g_variant_builder_add(words, "s", word);
        }
        if (r < 0 || sd_bus_message_exit_container(message) < 0 ||
            sd_bus_message_exit_container(message) < 0)
                return NULL;
        return g_variant_builder_end(words);
}

/* NULL without @error: of another type. */
static GVariant *
read_value(sd_bus_message *message, const TgTermKey *key, GError **error)
{
        const char *text;
        guint32 number;
        guint64 time_s;
        int flag;

        switch (key->signature[0]) {
        case 'p':
                if (sd_bus_message_read(message, "v", "s", &text) < 0 ||
                    !is_line(key, text, error) || !is_path(key, text, error))
                        return NULL;
                return g_variant_new_string(text);
        case 'n':
        case 's':
                if (sd_bus_message_read(message, "v", "s", &text) < 0 || !is_line(key, text, error))
                        return NULL;
                return g_variant_new_string(text);
        case 'u':
                return sd_bus_message_read(message, "v", "u", &number) < 0
                               ? NULL
                               : g_variant_new_uint32(number);
        case 't':
                return sd_bus_message_read(message, "v", "t", &time_s) < 0
                               ? NULL
                               : g_variant_new_uint64(time_s);
        case 'b':
                return sd_bus_message_read(message, "v", "b", &flag) < 0
                               ? NULL
                               : g_variant_new_boolean(flag != 0);
        case 'a':
                return read_words(message, key, error);
        default:
                g_assert_not_reached();
        }
}

static gboolean
may_name(const TgTermKey *key, const TgCaller *caller, GError **error)
{
        if (strchr("np", key->signature[0]) == NULL || !tg_caller_is_sandboxed(caller))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_DENIED,
                     "\"%s\" names what is outside of the sandbox: do this by tigressctl, or by "
                     "a program that has no sandbox",
                     key->name);
        return FALSE;
}

static gboolean
read_entry(sd_bus_message *message,
           const TgTermKey *keys,
           const TgCaller *caller,
           GVariantDict *terms,
           GError **error)
{
        const TgTermKey *key;
        GVariant *value;
        const char *name;
        g_autofree char *clean = NULL;

        if (sd_bus_message_read(message, "s", &name) < 0) {
                tg_set_error(error, TG_ERROR_INVALID, "the dictionary cannot be read");
                return FALSE;
        }
        clean = tg_text_clean(name, -1, TG_MAX_DETAIL_NAME_BYTES);
        key = find_key(keys, name);
        if (key == NULL || g_variant_dict_contains(terms, name)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             key == NULL ? "\"%s\" is not a key known here"
                                         : "\"%s\" is given twice",
                             clean);
                return FALSE;
        }
        if (!may_name(key, caller, error))
                return FALSE;
        value = read_value(message, key, error);
        if (value == NULL) {
                if (error != NULL && *error == NULL)
                        tg_set_error(error,
                                     TG_ERROR_INVALID,
                                     "\"%s\" must be of type %s",
                                     key->name,
                                     strchr("np", key->signature[0]) != NULL ? "s"
                                                                             : key->signature);
                return FALSE;
        }
        g_variant_dict_insert_value(terms, name, value);
        return TRUE;
}

GVariant *
tg_terms_read(sd_bus_message *message,
              const TgTermKey *keys,
              const TgCaller *caller,
              GError **error)
{
        g_autoptr(GVariantDict) terms = g_variant_dict_new(NULL);

        if (sd_bus_message_enter_container(message, 'a', "{sv}") < 0) {
                tg_set_error(error, TG_ERROR_INVALID, "a dictionary (a{sv}) was expected");
                return NULL;
        }
        while (sd_bus_message_enter_container(message, 'e', "sv") > 0)
                if (!read_entry(message, keys, caller, terms, error) ||
                    sd_bus_message_exit_container(message) < 0)
                        return NULL;
        if (sd_bus_message_exit_container(message) < 0) {
                tg_set_error(error, TG_ERROR_INVALID, "the dictionary cannot be read");
                return NULL;
        }
        return g_variant_ref_sink(g_variant_dict_end(terms));
}
