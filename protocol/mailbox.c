/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/mailbox.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/limits.h"

#define MAX_TYPE_BYTES 64

const TgMailboxLimits tg_mailbox_limits_default = {
        .max_sealed_bytes = TG_MAX_SEALED_BYTES,
        .max_title_bytes = TG_MAX_TITLE_BYTES,
        .max_description_bytes = TG_MAX_DESCRIPTION_BYTES,
        .max_image_url_bytes = TG_MAX_IMAGE_URL_BYTES,
        .max_token_bytes = TG_MAX_TOKEN_BYTES,
        .max_resource_bytes = TG_MAX_TDCH_BODY_BYTES,
};

void
tg_display_clear(TgDisplay *display)
{
        g_clear_pointer(&display->title, g_free);
        g_clear_pointer(&display->description, g_free);
        g_clear_pointer(&display->image_url, g_free);
}

void
tg_token_clear(TgToken *token)
{
        g_clear_pointer(&token->type, g_free);
        g_clear_pointer(&token->data, g_free);
}

void
tg_mailbox_request_clear(TgMailboxRequest *request)
{
        g_clear_pointer(&request->payload, g_free);
        tg_display_clear(&request->display);
        tg_token_clear(&request->token);
}

static gboolean
malformed(GError **error, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", what);
        return FALSE;
}

static gboolean
too_large(GError **error, const char *what, gsize max_bytes)
{
        tg_set_error(error,
                     TG_ERROR_LIMIT_REACHED,
                     "%s is longer than the %" G_GSIZE_FORMAT " octets that are allowed",
                     what,
                     max_bytes);
        return FALSE;
}

/* A string member that must be there. */
static gboolean
get_text(const TgJson *object, const char *name, gsize max_bytes, char **ret_text, GError **error)
{
        TgJson value;

        if (!tg_json_get_typed(object, name, TG_JSON_STRING, &value)) {
                tg_set_error(error, TG_ERROR_INVALID, "the member %s must be a string", name);
                return FALSE;
        }
        if (tg_json_string_bytes(&value) > max_bytes)
                return too_large(error, name, max_bytes);
        *ret_text = tg_json_dup_string(&value);

        return TRUE;
}

/* The text of a payload's data: as it stands in the body, or a copy in
 * *ret_scratch when some writer escaped its solidi. */
static void
get_data(const TgJson *data, char **ret_scratch, const char **ret_text, gsize *ret_n_chars)
{
        if (tg_json_string_raw(data, ret_text, ret_n_chars))
                return;

        *ret_n_chars = tg_json_string_bytes(data);
        *ret_text = *ret_scratch = tg_json_dup_string(data);
}

/* {"type":…,"data":"…"}: one allocation, each octet copied once. @type is taken
 * as it was quoted. */
static char *
build_payload(const TgJson *type, const char *data, gsize n_data)
{
        char *payload = g_malloc(n_data + type->n_chars + 32);
        char *at = payload;

        at = g_stpcpy(at, "{\"type\":");
        at = (char *)memcpy(at, type->text, type->n_chars) + type->n_chars;
        at = g_stpcpy(at, ",\"data\":\"");
        at = (char *)memcpy(at, data, n_data) + n_data;
        g_stpcpy(at, "\"}");

        return payload;
}

static gboolean
take_payload(const TgJson *body,
             const TgMailboxLimits *limits,
             TgMailboxRequest *request,
             GError **error)
{
        g_autofree char *scratch = NULL;
        TgJson payload, type, data;
        const char *text;
        gsize n_chars, n_bytes;

        if (!tg_json_get_typed(body, "payload", TG_JSON_OBJECT, &payload))
                return malformed(error, "the member payload must be an object");
        if (!tg_json_get_typed(&payload, "type", TG_JSON_STRING, &type))
                return malformed(error, "the payload's member type must be a string");
        if (!tg_json_get_typed(&payload, "data", TG_JSON_STRING, &data))
                return malformed(error, "the payload's member data must be a string");

        n_bytes = tg_json_string_bytes(&type);
        if (n_bytes == 0 || n_bytes > MAX_TYPE_BYTES)
                return malformed(error, "the payload's type must have 1 to 64 octets");

        get_data(&data, &scratch, &text, &n_chars);
        if (!tg_base64_check(TG_BASE64_STANDARD, text, n_chars, &n_bytes))
                return malformed(error, "the payload's data must be standard base64, padded");
        if (n_bytes > limits->max_sealed_bytes)
                return too_large(error, "the payload's data", limits->max_sealed_bytes);
        request->payload = build_payload(&type, text, n_chars);

        return TRUE;
}

static gboolean
take_display(const TgJson *body,
             const TgMailboxLimits *limits,
             TgMailboxRequest *request,
             GError **error)
{
        TgDisplay *display = &request->display;
        TgJson object;

        if (!tg_json_get_typed(body, "displayInformation", TG_JSON_OBJECT, &object))
                return malformed(error, "the member displayInformation must be an object");

        return get_text(&object, "title", limits->max_title_bytes, &display->title, error) &&
               get_text(&object,
                        "description",
                        limits->max_description_bytes,
                        &display->description,
                        error) &&
               get_text(&object,
                        "imageURL",
                        limits->max_image_url_bytes,
                        &display->image_url,
                        error);
}

/* Optional; type and tokenData are both there or both not. */
static gboolean
take_token(const TgJson *body,
           const TgMailboxLimits *limits,
           TgMailboxRequest *request,
           GError **error)
{
        TgToken *token = &request->token;
        TgJson value, member;

        if (!tg_json_get(body, "notificationToken", &value))
                return TRUE;
        if (value.type != TG_JSON_OBJECT)
                return malformed(error, "the member notificationToken must be an object");
        if (!tg_json_get(&value, "type", &member) && !tg_json_get(&value, "tokenData", &member))
                return TRUE;

        if (!get_text(&value, "type", limits->max_token_bytes, &token->type, error) ||
            !get_text(&value, "tokenData", limits->max_token_bytes, &token->data, error))
                return FALSE;
        if (strlen(token->type) + strlen(token->data) > limits->max_token_bytes)
                return too_large(error, "the notificationToken", limits->max_token_bytes);

        return TRUE;
}

static gboolean
parse_rights(const TgJson *text, TgRights *ret_rights)
{
        const char *letters;
        gsize n_letters;
        TgRights rights = 0;

        if (!tg_json_string_raw(text, &letters, &n_letters))
                return FALSE;

        for (gsize i = 0; i < n_letters; i++) {
                TgRights right = letters[i] == 'R'   ? TG_RIGHT_READ
                                 : letters[i] == 'W' ? TG_RIGHT_WRITE
                                 : letters[i] == 'D' ? TG_RIGHT_DELETE
                                                     : 0;

                if (!right || (rights & right))
                        return FALSE;
                rights |= right;
        }
        *ret_rights = rights;

        return TRUE;
}

static gboolean
take_configuration(const TgJson *body, TgMailboxRequest *request, GError **error)
{
        TgJson object, value;
        const char *text;
        gsize n_chars;

        request->rights = TG_RIGHT_READ | TG_RIGHT_DELETE;
        if (!tg_json_get(body, "mailboxConfiguration", &object))
                return TRUE;
        if (object.type != TG_JSON_OBJECT)
                return malformed(error, "the member mailboxConfiguration must be an object");

        if (tg_json_get(&object, "accessRights", &value) &&
            (value.type != TG_JSON_STRING || !parse_rights(&value, &request->rights)))
                return malformed(error,
                                 "the member accessRights must be a string of the letters R, W "
                                 "and D, each at most once");
        if (tg_json_get(&object, "expiration", &value)) {
                if (value.type != TG_JSON_STRING || !tg_json_string_raw(&value, &text, &n_chars) ||
                    !tg_time_parse(text, n_chars, &request->expiration_s))
                        return malformed(
                                error,
                                "the member expiration must be a time as 2030-01-31T23:59:59Z");
                /* 0 stands for "not asked"; one second after the epoch is as past as the epoch */
                if (request->expiration_s == 0)
                        request->expiration_s = 1;
        }

        return TRUE;
}

static gboolean
parse_body(const char *body, gsize n_bytes, TgJson *ret_object, GError **error)
{
        if (n_bytes > TG_MAX_BODY_BYTES)
                return too_large(error, "the body", TG_MAX_BODY_BYTES);
        if (!tg_json_parse(body, n_bytes, TG_MAX_BODY_BYTES, ret_object, error))
                return FALSE;
        if (ret_object->type != TG_JSON_OBJECT)
                return malformed(error, "the body must be a json object");

        return TRUE;
}

/* Out-parameters are written on success only. */
static void
hand_over(TgMailboxRequest *request, TgMailboxRequest *ret_request)
{
        *ret_request = *request;
        *request = (TgMailboxRequest){0};
}

gboolean
tg_mailbox_parse_create(const char *body,
                        gsize n_bytes,
                        const TgMailboxLimits *limits,
                        TgMailboxRequest *ret_request,
                        GError **error)
{
        g_auto(TgMailboxRequest) request = {0};
        TgJson object;

        if (!parse_body(body, n_bytes, &object, error) ||
            !take_payload(&object, limits, &request, error) ||
            !take_display(&object, limits, &request, error) ||
            !take_token(&object, limits, &request, error) ||
            !take_configuration(&object, &request, error))
                return FALSE;
        hand_over(&request, ret_request);

        return TRUE;
}

gboolean
tg_mailbox_parse_update(const char *body,
                        gsize n_bytes,
                        const TgMailboxLimits *limits,
                        TgMailboxRequest *ret_request,
                        GError **error)
{
        g_auto(TgMailboxRequest) request = {0};
        TgJson object;

        if (!parse_body(body, n_bytes, &object, error) ||
            !take_payload(&object, limits, &request, error) ||
            !take_token(&object, limits, &request, error))
                return FALSE;
        hand_over(&request, ret_request);

        return TRUE;
}

gboolean
tg_mailbox_parse_read(const char *body,
                      gsize n_bytes,
                      const TgMailboxLimits *limits,
                      TgMailboxRequest *ret_request,
                      GError **error)
{
        g_auto(TgMailboxRequest) request = {0};
        TgJson object;

        if (n_bytes > 0 && (!parse_body(body, n_bytes, &object, error) ||
                            !take_token(&object, limits, &request, error)))
                return FALSE;
        hand_over(&request, ret_request);

        return TRUE;
}

gboolean
tg_etag_parse(const char *text, guint64 *ret_version)
{
        guint64 version = 0;
        const char *at = text;

        if (*at++ != '"' || !g_ascii_isdigit(*at))
                return FALSE;
        if (*at == '0' && at[1] != '"') /* "07" is another tag than "7" */
                return FALSE;
        for (; g_ascii_isdigit(*at); at++)
                if (!g_uint64_checked_mul(&version, version, 10) ||
                    !g_uint64_checked_add(&version, version, (guint64)(*at - '0')))
                        return FALSE;
        if (at[0] != '"' || at[1] != '\0')
                return FALSE;
        *ret_version = version;

        return TRUE;
}
