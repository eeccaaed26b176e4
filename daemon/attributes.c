/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/attributes.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

gboolean
tg_attributes_is_reserved(const char *name)
{
        return g_str_equal(name, "tigress") || g_str_has_prefix(name, "xdg:") ||
               g_str_has_prefix(name, "gkr:");
}

static gboolean
is_name(const char *name)
{
        return name[0] != '\0' && tg_text_is_clean(name, TG_MAX_ATTRIBUTE_NAME_BYTES);
}

static gboolean
refuse(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

gboolean
tg_attributes_check_names(const char *const *names, GError **error)
{
        guint n = g_strv_length((char **)names);

        if (n > TG_MAX_ATTRIBUTES)
                return refuse(error, "too many attributes are named");
        for (guint i = 0; i < n; i++) {
                if (!is_name(names[i]))
                        return refuse(error, "the name of an attribute is malformed");
                if (tg_attributes_is_reserved(names[i])) {
                        tg_set_error(error,
                                     TG_ERROR_INVALID,
                                     "the attribute \"%s\" says whose an item is, and does not "
                                     "travel",
                                     names[i]);
                        return FALSE;
                }
                for (guint k = 0; k < i; k++) {
                        if (g_str_equal(names[i], names[k]))
                                return refuse(error, "an attribute is named twice");
                }
        }
        return TRUE;
}

static gboolean
add_named(GVariantBuilder *builder, GVariant *all, const char *name, GError **error)
{
        const char *value;

        if (all == NULL || !g_variant_lookup(all, name, "&s", &value)) {
                tg_set_error(error, TG_ERROR_NOT_FOUND, "the item has no attribute \"%s\"", name);
                return FALSE;
        }
        if (!tg_text_is_clean(value, TG_MAX_ATTRIBUTE_BYTES)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the attribute \"%s\" cannot travel: it is longer than %d octets or "
                             "has characters that cannot be seen",
                             name,
                             TG_MAX_ATTRIBUTE_BYTES);
                return FALSE;
        }
        g_variant_builder_add(builder, "{ss}", name, value);
        return TRUE;
}

GVariant *
tg_attributes_pick(GVariant *all, const char *const *names, GError **error)
{
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{ss}"));

        if (names == NULL)
                return NULL;
        for (gsize i = 0; names[i] != NULL; i++) {
                if (!add_named(&builder, all, names[i], error))
                        return NULL;
        }
        return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static gboolean
add_read(GVariantBuilder *builder, const TgJson *name, const TgJson *value, GError **error)
{
        g_autofree char *name_text = NULL;
        g_autofree char *value_text = NULL;

        if (value->type != TG_JSON_STRING ||
            tg_json_string_bytes(name) > TG_MAX_ATTRIBUTE_NAME_BYTES ||
            tg_json_string_bytes(value) > TG_MAX_ATTRIBUTE_BYTES)
                return refuse(error, "an attribute of the keyring item is malformed");
        name_text = tg_json_dup_string(name);
        value_text = tg_json_dup_string(value);
        if (tg_attributes_is_reserved(name_text))
                return TRUE;
        /* What is shown of it is what it is. */
        if (!is_name(name_text) || !tg_text_is_clean(value_text, TG_MAX_ATTRIBUTE_BYTES))
                return refuse(error,
                              "an attribute of the keyring item has characters that cannot be "
                              "seen");
        g_variant_builder_add(builder, "{ss}", name_text, value_text);
        return TRUE;
}

GVariant *
tg_attributes_read(const TgJson *object, GError **error)
{
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{ss}"));
        TgJsonIter iter;
        TgJson name;
        TgJson value;
        guint n = 0;

        tg_json_iter_init(&iter, object);
        while (tg_json_iter_next(&iter, &name, &value)) {
                if (++n > TG_MAX_ATTRIBUTES) {
                        refuse(error, "the keyring item has too many attributes");
                        return NULL;
                }
                if (!add_read(&builder, &name, &value, error))
                        return NULL;
        }
        return g_variant_ref_sink(g_variant_builder_end(&builder));
}

void
tg_attributes_append_json(GString *json, GVariant *attributes)
{
        GVariantIter iter;
        const char *name;
        const char *value;
        const char *separator = "{";

        if (attributes == NULL || g_variant_n_children(attributes) == 0) {
                g_string_append(json, "{}");
                return;
        }
        g_variant_iter_init(&iter, attributes);
        while (g_variant_iter_next(&iter, "{&s&s}", &name, &value)) {
                g_string_append(json, separator);
                tg_json_append_string(json, name);
                g_string_append_c(json, ':');
                tg_json_append_string(json, value);
                separator = ",";
        }
        g_string_append_c(json, '}');
}
