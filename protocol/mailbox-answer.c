/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"
#include "protocol/opengraph.h"

/*
 * The other half of mailbox.h: what the relay answers, written and read, and
 * what a client asks. A client believes a relay no more than it believes a peer.
 */

void
tg_mailbox_created_clear(TgMailboxCreated *created)
{
        g_clear_pointer(&created->url_link, g_free);
}

void
tg_mailbox_content_clear(TgMailboxContent *content)
{
        tg_display_clear(&content->display);
}

/* ---- writing ---- */

static void
append_member(GString *json, const char *name, const char *text)
{
        tg_json_append_string(json, name);
        g_string_append_c(json, ':');
        tg_json_append_string(json, text ? text : "");
}

static void
append_display(GString *json, const TgDisplay *display)
{
        g_string_append(json, "\"displayInformation\":{");
        append_member(json, "title", display->title);
        g_string_append_c(json, ',');
        append_member(json, "description", display->description);
        g_string_append_c(json, ',');
        append_member(json, "imageURL", display->image_url);
        g_string_append_c(json, '}');
}

static void
append_expiration(GString *json, gint64 expiration_s)
{
        g_autofree char *expiration = tg_time_format(expiration_s);

        append_member(json, "expiration", expiration);
}

char *
tg_mailbox_format_created(const char *url_link, gboolean is_push, gboolean has_claim_proof)
{
        g_autoptr(GString) json = g_string_new("{");

        append_member(json, "urlLink", url_link);
        g_string_append_printf(
                json, ",\"isPushNotificationSupported\":%s", is_push ? "true" : "false");
        if (has_claim_proof)
                g_string_append(json, ",\"extensions\":[\"" TG_EXTENSION_CLAIM_PROOF "\"]");
        g_string_append_c(json, '}');

        return g_string_free(g_steal_pointer(&json), FALSE);
}

char *
tg_mailbox_format_read(const char *payload, const TgDisplay *display, gint64 expiration_s)
{
        g_autoptr(GString) json = g_string_sized_new(strlen(payload) + 512);

        g_string_append(json, "{\"payload\":");
        g_string_append(json, payload);
        g_string_append_c(json, ',');
        append_display(json, display);
        g_string_append_c(json, ',');
        append_expiration(json, expiration_s);
        g_string_append_c(json, '}');

        return g_string_free(g_steal_pointer(&json), FALSE);
}

char *
tg_mailbox_format_updated(gboolean is_push)
{
        return g_strdup_printf("{\"isPushNotificationSupported\":%s}", is_push ? "true" : "false");
}

char *
tg_mailbox_format_preview(const TgDisplay *display, gint64 expiration_s)
{
        g_autoptr(GString) json = g_string_new("{");

        append_display(json, display);
        g_string_append_c(json, ',');
        append_expiration(json, expiration_s);
        g_string_append_c(json, '}');

        return g_string_free(g_steal_pointer(&json), FALSE);
}

char *
tg_mailbox_format_problem(const char *type, const char *title, guint status)
{
        g_autoptr(GString) json = g_string_new("{");

        append_member(json, "type", type);
        g_string_append_c(json, ',');
        append_member(json, "title", title);
        g_string_append_printf(json, ",\"status\":%u}", status);

        return g_string_free(g_steal_pointer(&json), FALSE);
}

char *
tg_mailbox_format_create(const char *payload,
                         const TgDisplay *display,
                         TgRights rights,
                         gint64 expiration_s)
{
        g_autoptr(GString) json = g_string_sized_new(strlen(payload) + 512);

        g_string_append(json, "{\"payload\":");
        g_string_append(json, payload);
        g_string_append_c(json, ',');
        append_display(json, display);
        g_string_append_printf(json,
                               ",\"mailboxConfiguration\":{\"accessRights\":\"%s%s%s\"",
                               rights & TG_RIGHT_READ ? "R" : "",
                               rights & TG_RIGHT_WRITE ? "W" : "",
                               rights & TG_RIGHT_DELETE ? "D" : "");
        if (expiration_s != 0) {
                g_string_append_c(json, ',');
                append_expiration(json, expiration_s);
        }
        g_string_append(json, "}}");

        return g_string_free(g_steal_pointer(&json), FALSE);
}

char *
tg_mailbox_format_update(const char *payload)
{
        return g_strconcat("{\"payload\":", payload, "}", NULL);
}

/* ---- reading ---- */

static gboolean
parse_answer(const char *body, gsize n_bytes, TgJson *ret_object, GError **error)
{
        g_autoptr(GError) reason = NULL;

        if (!tg_json_parse(body, n_bytes, TG_MAX_RESPONSE_BYTES, ret_object, &reason)) {
                tg_set_error(error,
                             TG_ERROR_TAMPERED,
                             "the relay's answer cannot be read: %s",
                             reason->message);
                return FALSE;
        }
        if (ret_object->type != TG_JSON_OBJECT) {
                tg_set_error(error, TG_ERROR_TAMPERED, "the relay's answer is no json object");
                return FALSE;
        }

        return TRUE;
}

static void
take_display(const TgJson *answer, TgDisplay *ret_display)
{
        TgJson object;

        *ret_display = (TgDisplay){0};
        if (!tg_json_get_typed(answer, "displayInformation", TG_JSON_OBJECT, &object))
                return;
        ret_display->title = tg_json_dup_text(&object, "title", TG_MAX_PREVIEW_BYTES);
        ret_display->description = tg_json_dup_text(&object, "description", TG_MAX_PREVIEW_BYTES);
        ret_display->image_url = tg_json_dup_text(&object, "imageURL", TG_MAX_PREVIEW_BYTES);
}

static gint64
get_expiration(const TgJson *answer)
{
        TgJson value;
        const char *text;
        gsize n_chars;
        gint64 expiration_s;

        if (!tg_json_get_typed(answer, "expiration", TG_JSON_STRING, &value) ||
            !tg_json_string_raw(&value, &text, &n_chars) ||
            !tg_time_parse(text, n_chars, &expiration_s))
                return 0;

        return expiration_s;
}

static gboolean
has_extension(const TgJson *answer, const char *name)
{
        TgJson list, value;
        TgJsonIter iter;

        if (!tg_json_get_typed(answer, "extensions", TG_JSON_ARRAY, &list))
                return FALSE;

        tg_json_iter_init(&iter, &list);
        while (tg_json_iter_next(&iter, NULL, &value))
                if (value.type == TG_JSON_STRING && tg_json_string_equal(&value, name))
                        return TRUE;

        return FALSE;
}

gboolean
tg_mailbox_parse_created(const char *body, gsize n_bytes, TgMailboxCreated *ret, GError **error)
{
        TgJson answer;
        g_autofree char *url_link = NULL;

        if (!parse_answer(body, n_bytes, &answer, error))
                return FALSE;
        url_link = tg_json_dup_text(&answer, "urlLink", TG_MAX_LINK_CHARS);
        if (!url_link) {
                tg_set_error(error,
                             TG_ERROR_TAMPERED,
                             "the relay did not say where it has put the mailbox");
                return FALSE;
        }
        ret->url_link = g_steal_pointer(&url_link);
        ret->has_claim_proof = has_extension(&answer, TG_EXTENSION_CLAIM_PROOF);

        return TRUE;
}

gboolean
tg_mailbox_parse_content(const char *body, gsize n_bytes, TgMailboxContent *ret, GError **error)
{
        TgJson answer, payload;

        if (!parse_answer(body, n_bytes, &answer, error))
                return FALSE;
        if (!tg_json_get(&answer, "payload", &payload) ||
            (payload.type != TG_JSON_OBJECT && payload.type != TG_JSON_STRING)) {
                tg_set_error(error, TG_ERROR_TAMPERED, "the relay's answer has no payload");
                return FALSE;
        }
        ret->payload = payload;
        take_display(&answer, &ret->display);
        ret->expiration_s = get_expiration(&answer);

        return TRUE;
}

gboolean
tg_mailbox_parse_preview(const char *body,
                         gsize n_bytes,
                         gboolean is_json,
                         TgDisplay *ret_display,
                         gint64 *ret_expiration_s,
                         GError **error)
{
        TgJson answer;

        if (is_json) {
                if (!parse_answer(body, n_bytes, &answer, error))
                        return FALSE;
                take_display(&answer, ret_display);
                *ret_expiration_s = get_expiration(&answer);
                return TRUE;
        }

        n_bytes = MIN(n_bytes, TG_MAX_PREVIEW_BYTES);
        ret_display->title = tg_opengraph_get(body, n_bytes, "og:title");
        ret_display->description = tg_opengraph_get(body, n_bytes, "og:description");
        ret_display->image_url = tg_opengraph_get(body, n_bytes, "og:image");
        *ret_expiration_s = 0;

        return TRUE;
}

char *
tg_mailbox_parse_problem(const char *body, gsize n_bytes)
{
        TgJson answer;
        g_autofree char *type = NULL;
        const char *segment;

        if (!parse_answer(body, n_bytes, &answer, NULL))
                return NULL;
        type = tg_json_dup_text(&answer, "type", TG_MAX_LINK_CHARS);
        if (!type)
                return NULL;

        type[strcspn(type, "?#")] = '\0';
        segment = strrchr(type, '/');

        return g_strdup(segment ? segment + 1 : type);
}
