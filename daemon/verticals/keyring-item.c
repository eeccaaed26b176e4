/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.tigress.secret.item: a copy of one item of the Secret Service. Label and
 * secret travel, and the attributes that the user names. Where they arrive they are
 * shown and kept, and searchable nowhere: they would be found by other programs in
 * place of the right item. Making an ordinary item of them is a further act (keyring-use.c).
 */

#include <string.h>

#include "daemon/attributes.h"
#include "daemon/vertical.h"
#include "daemon/verticals/keyring-use.h"
#include "daemon/verticals/octets.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

#define DEFAULT_CONTENT_TYPE "text/plain"
#define MAX_CONTENT_TYPE_BYTES 127 /* RFC 6838 section 4.2, type and subtype */

static const char *const kinds[] = {"copy", NULL};
static const TgPinRule pins[] = {TG_PIN_DEFAULT};

/* Printable ASCII without quotes: what gnome-keyring, and a header, can carry. */
static gboolean
is_content_type(const char *text)
{
        gsize n_bytes = strlen(text);

        if (n_bytes == 0 || n_bytes > MAX_CONTENT_TYPE_BYTES)
                return FALSE;
        for (gsize i = 0; i < n_bytes; i++) {
                if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
                        return FALSE;
        }
        return TRUE;
}

static TgSecret *
encode(const TgSecret *given,
       const char *label,
       const char *content_type,
       GVariant *attributes,
       GError **error)
{
        g_autoptr(GString) before = g_string_new("{\"label\":");
        g_autoptr(GString) after = g_string_new("\",\"attributes\":");
        g_autoptr(TgSecret) content = NULL;
        g_autofree char *clean = tg_text_clean(label, -1, TG_MAX_TITLE_BYTES);

        if (tg_secret_size(given) > TG_MAX_CONTENT_BYTES) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "the item's secret is larger than %d octets",
                             TG_MAX_CONTENT_BYTES);
                return NULL;
        }

        tg_json_append_string(before, clean);
        g_string_append(before, ",\"contentType\":");
        tg_json_append_string(before,
                              content_type != NULL && is_content_type(content_type)
                                      ? content_type
                                      : DEFAULT_CONTENT_TYPE);
        g_string_append(before, ",\"octets\":\"");

        tg_attributes_append_json(after, attributes);
        g_string_append_c(after, '}');

        content = tg_octets_encode(before->str, given, after->str, error);
        if (content == NULL || tg_secret_size(content) <= TG_MAX_STEP_MESSAGE_BYTES)
                return g_steal_pointer(&content);
        tg_set_error(error,
                     TG_ERROR_LIMIT_REACHED,
                     "the item with its attributes is too large: let fewer of them travel");
        return NULL;
}

static gboolean
decode(const TgJson *content, TgProvision *ret_provision, GError **error)
{
        g_auto(TgProvision) provision = {};
        g_autofree char *label_text = NULL;
        TgJson label;
        TgJson type;
        TgJson octets;
        TgJson attributes;

        if (!tg_json_get_typed(content, "label", TG_JSON_STRING, &label) ||
            !tg_json_get_typed(content, "contentType", TG_JSON_STRING, &type) ||
            !tg_json_get_typed(content, "octets", TG_JSON_STRING, &octets) ||
            !tg_json_get_typed(content, "attributes", TG_JSON_OBJECT, &attributes)) {
                tg_set_error(error, TG_ERROR_INVALID, "the keyring item is malformed");
                return FALSE;
        }

        provision.content_type = tg_json_dup_string(&type);
        if (!is_content_type(provision.content_type)) {
                tg_set_error(error, TG_ERROR_INVALID, "the keyring item's type is malformed");
                return FALSE;
        }

        label_text = tg_json_dup_string(&label);
        provision.title = tg_text_clean(label_text, -1, TG_MAX_TITLE_BYTES);
        provision.attributes = tg_attributes_read(&attributes, error);
        if (provision.attributes == NULL)
                return FALSE;
        provision.content = tg_octets_decode(&octets, error);
        if (provision.content == NULL)
                return FALSE;

        *ret_provision = provision;
        provision = (TgProvision){};
        return TRUE;
}

static void
show(TgStep *step, GVariant *attributes)
{
        GVariantIter iter;
        const char *name;
        const char *value;

        if (attributes == NULL)
                return;
        g_variant_iter_init(&iter, attributes);
        while (g_variant_iter_next(&iter, "{&s&s}", &name, &value)) {
                g_autofree char *line = g_strconcat("Attribute ", name, NULL);

                tg_step_show(step, line, value);
        }
}

static void
begin(TgStep *step)
{
        const TgStepContext *context = tg_step_context(step);
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) content = encode(
                context->given, context->label, context->content_type, context->attributes, &error);

        show(step, context->attributes);
        if (content != NULL)
                tg_step_say(step, content, TRUE);
        else
                tg_step_fail(step, g_steal_pointer(&error));
}

static void
receive(TgStep *step)
{
        g_auto(TgProvision) provision = {};
        g_autoptr(GError) error = NULL;

        if (decode(tg_step_context(step)->message, &provision, &error)) {
                show(step, provision.attributes);
                tg_step_keep(step, &provision);
        } else
                tg_step_fail(step, g_steal_pointer(&error));
}

static TgSecret *
to_cxf(TgSecret *content, const TgCxfLabel *label, GError **error)
{
        const TgCxfMember password = {
                .name = "password", .field_type = "concealed-string", .secret = content};

        return tg_cxf_item_write(label, "basic-auth", &password, 1, error);
}

static const TgTarget targets[] = {
        {
         .name = "keyring",
         .changes =
                        "adds an item to your keyring, which programs find by the attributes that "
                        "came along, or that you name", .options = tg_keyring_use_options,
         .use = tg_keyring_use,
         },
        {.name = NULL},
};

const TgVertical tg_vertical_keyring_item = {
        .format = "org.tigress.secret.item",
        .name = "Keyring item",
        .kinds = kinds,
        .pins = pins,
        .letter = 'a',
        .source = TG_SOURCE_ITEM,
        .is_prompt = TRUE,
        .begin = begin,
        .receive = receive,
        .to_cxf = to_cxf,
        .targets = targets,
};
