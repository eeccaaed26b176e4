/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * digitalwallet.generic.authorizationToken: whatever the user gives. A JSON
 * object travels as it stands, text unchanged; any other octets travel as
 * {"octets": BASE64}, and come back as they were.
 */

#include "daemon/vertical.h"
#include "daemon/verticals/octets.h"
#include "protocol/error.h"
#include "protocol/limits.h"

static const char *const kinds[] = {"token", "copy", NULL};
/* A token is redeemed once and at its issuer; a copy is good for ever. */
static const TgPinRule pins[] = {TG_PIN_OPTIONAL, TG_PIN_DEFAULT};

/* An object that says {"octets": …} and nothing else. */
static gboolean
is_wrapped(const TgJson *object, TgJson *ret_octets)
{
        TgJsonIter iter;
        TgJson value;
        gsize n_members = 0;

        tg_json_iter_init(&iter, object);
        while (tg_json_iter_next(&iter, NULL, &value))
                n_members++;

        return n_members == 1 && tg_json_get_typed(object, "octets", TG_JSON_STRING, ret_octets);
}

static TgSecret *
encode(const TgSecret *given, GError **error)
{
        gsize n_bytes;
        const char *text = (const char *)tg_secret_get(given, &n_bytes);
        TgJson value;
        TgJson octets;

        if (n_bytes > TG_MAX_CONTENT_BYTES) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "the content is larger than %d octets",
                             TG_MAX_CONTENT_BYTES);
                return NULL;
        }

        /* An object that looks like our wrapping is wrapped, or it would come out changed. */
        if (tg_json_parse(text, n_bytes, TG_MAX_CONTENT_BYTES, &value, NULL) &&
            value.type == TG_JSON_OBJECT && value.n_chars == n_bytes &&
            tg_json_fits_inside(&value) && !is_wrapped(&value, &octets))
                return tg_secret_new(text, n_bytes, error);

        return tg_octets_encode("{\"octets\":\"", given, "\"}", error);
}

static void
begin(TgStep *step)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) content = encode(tg_step_context(step)->given, &error);

        if (content != NULL)
                tg_step_say(step, content, TRUE);
        else
                tg_step_fail(step, g_steal_pointer(&error));
}

static void
receive(TgStep *step)
{
        const TgJson *content = tg_step_context(step)->message;
        g_auto(TgProvision) provision = {};
        g_autoptr(GError) error = NULL;
        TgJson octets;

        if (is_wrapped(content, &octets)) {
                provision.content = tg_octets_decode(&octets, &error);
                provision.content_type = g_strdup("application/octet-stream");
        } else {
                provision.content = tg_secret_new(content->text, content->n_chars, &error);
                provision.content_type = g_strdup("application/json");
        }
        if (provision.content != NULL)
                tg_step_keep(step, &provision);
        else
                tg_step_fail(step, g_steal_pointer(&error));
}

static TgSecret *
to_cxf(TgSecret *content, const TgCxfLabel *label, GError **error)
{
        const TgCxfMember key = {
                .name = "key", .field_type = "concealed-string", .secret = content};

        return tg_cxf_item_write(label, "api-key", &key, 1, error);
}

const TgVertical tg_vertical_generic = {
        .format = "digitalwallet.generic.authorizationToken",
        .name = "Token or other content",
        .kinds = kinds,
        .pins = pins,
        .letter = 'a',
        .source = TG_SOURCE_CONTENT,
        .is_prompt = TRUE,
        .begin = begin,
        .receive = receive,
        .to_cxf = to_cxf,
};
