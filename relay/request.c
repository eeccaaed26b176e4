/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/request.h"

#include <string.h>

#include "protocol/digest.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "relay/header.h"

static const char *const field_names[] = {
        [TG_FIELD_CLAIM] = TG_HEADER_CLAIM,
        [TG_FIELD_REQUEST_ID] = TG_HEADER_REQUEST_ID,
        [TG_FIELD_VERIFIER] = TG_HEADER_VERIFIER,
        [TG_FIELD_PROOF] = TG_HEADER_PROOF,
        [TG_FIELD_CONTENT_TYPE] = "Content-Type",
        [TG_FIELD_IF_MATCH] = "If-Match",
        [TG_FIELD_IF_NONE_MATCH] = "If-None-Match",
        [TG_FIELD_PREFER] = "Prefer",
        [TG_FIELD_ACCEPT] = "Accept",
        [TG_FIELD_ACCEPT_LANGUAGE] = "Accept-Language",
        [TG_FIELD_READER_LOCK] = TG_HEADER_READER_LOCK,
        [TG_FIELD_EXPIRES_IN] = TG_HEADER_EXPIRES_IN,
        [TG_FIELD_ATTESTATION] = TG_HEADER_ATTESTATION,
        [TG_FIELD_AUTHORIZATION] = "Authorization",
        [TG_FIELD_FORWARDED] = "Forwarded",
};
G_STATIC_ASSERT(G_N_ELEMENTS(field_names) == TG_N_FIELDS);

typedef struct {
        const char *method;
        TgOperation on_collection; /* /v1/m */
        TgOperation on_mailbox;    /* /v1/m/UUID */
        TgOperation on_resource;   /* /v1/t/LOCATION */
} MethodInfo;

static const MethodInfo method_infos[] = {
        {"POST",   TG_OPERATION_CREATE, TG_OPERATION_READ,       TG_OPERATION_NONE           },
        {"GET",    TG_OPERATION_NONE,   TG_OPERATION_PREVIEW,    TG_OPERATION_GET_RESOURCE   },
        {"HEAD",   TG_OPERATION_NONE,   TG_OPERATION_PREVIEW,    TG_OPERATION_NONE           },
        {"PUT",    TG_OPERATION_NONE,   TG_OPERATION_UPDATE,     TG_OPERATION_PUT_RESOURCE   },
        {"DELETE", TG_OPERATION_NONE,   TG_OPERATION_DELETE,     TG_OPERATION_DELETE_RESOURCE},
        {"PATCH",  TG_OPERATION_NONE,   TG_OPERATION_RELINQUISH, TG_OPERATION_NONE           },
};

#define ALLOW_ANY "GET, HEAD, POST, PUT, PATCH, DELETE"
#define ALLOW_COLLECTION "POST"
#define ALLOW_RESOURCE "GET, PUT, DELETE"
#define JSON_TYPE_NEEDED "the body must be application/json: say so in Content-Type"

void
tg_http_request_add(TgHttpRequest *self, const char *name, const char *value)
{
        for (guint i = 0; i < TG_N_FIELDS; i++) {
                if (g_ascii_strcasecmp(name, field_names[i]) != 0)
                        continue;
                if (self->fields[i])
                        self->repeated |= 1U << i;
                self->fields[i] = value ? value : "";
                return;
        }
}

/* ---- method and path ---- */

typedef enum { PLACE_NONE, PLACE_COLLECTION, PLACE_MAILBOX, PLACE_RESOURCE } Place;

/* 43 characters and no others; the address itself goes no further than this. */
static gboolean
read_location(const char *path, TgApiCall *call)
{
        guint8 location[TG_LOCATION_BYTES];

        if (!tg_base64_decode_exact(TG_BASE64_URL, path, strlen(path), location, sizeof location))
                return FALSE;
        tg_sha256(location, sizeof location, call->resource_id);
        memcpy(call->id, call->resource_id, sizeof call->id);

        return TRUE;
}

/* The path is taken as it stands: an escape in it makes it another path. */
static Place
read_path(const char *path, TgApiCall *call)
{
        if (g_str_has_prefix(path, TG_RESOURCE_PATH "/"))
                return read_location(path + strlen(TG_RESOURCE_PATH "/"), call) ? PLACE_RESOURCE
                                                                                : PLACE_NONE;
        if (!g_str_has_prefix(path, TG_MAILBOX_PATH))
                return PLACE_NONE;
        path += strlen(TG_MAILBOX_PATH);
        if (*path == '\0')
                return PLACE_COLLECTION;

        return *path == '/' && tg_uuid_parse(path + 1, strlen(path + 1), call->id) ? PLACE_MAILBOX
                                                                                   : PLACE_NONE;
}

static TgOperation
find_operation(const MethodInfo *info, Place place)
{
        switch (place) {
        case PLACE_COLLECTION:
                return info->on_collection;
        case PLACE_MAILBOX:
                return info->on_mailbox;
        case PLACE_RESOURCE:
                return info->on_resource;
        case PLACE_NONE:
                break;
        }

        return TG_OPERATION_NONE;
}

static TgOperation
read_line(const TgHttpRequest *http, TgApiCall *call)
{
        TgAnswer *answer = &call->answer;
        const MethodInfo *info = NULL;
        TgOperation operation;
        Place place;

        for (gsize i = 0; i < G_N_ELEMENTS(method_infos); i++)
                if (strcmp(http->method, method_infos[i].method) == 0)
                        info = &method_infos[i];
        if (!info) {
                tg_answer_set_problem(answer, TG_PROBLEM_METHOD, NULL);
                answer->allow = ALLOW_ANY;
                return TG_OPERATION_NONE;
        }
        place = read_path(http->path, call);
        if (place == PLACE_NONE) {
                tg_answer_set_problem(answer, TG_PROBLEM_NOT_FOUND, NULL);
                return TG_OPERATION_NONE;
        }

        operation = find_operation(info, place);
        if (operation == TG_OPERATION_NONE) {
                tg_answer_set_problem(answer, TG_PROBLEM_METHOD, NULL);
                answer->allow = place == PLACE_RESOURCE ? ALLOW_RESOURCE : ALLOW_COLLECTION;
        }

        return operation;
}

/* ---- headers ---- */

static TgGiven
read_uuid(const TgHttpRequest *http, TgField field, guint8 ret_uuid[TG_UUID_BYTES])
{
        const char *text = http->fields[field];

        if (!text)
                return TG_GIVEN_NOT;
        if ((http->repeated & (1U << field)) || !tg_uuid_parse(text, strlen(text), ret_uuid))
                return TG_GIVEN_MALFORMED;

        return TG_GIVEN;
}

static TgGiven
read_proof(const TgHttpRequest *http, TgField field, guint8 ret_bytes[TG_PROOF_BYTES])
{
        const char *text = http->fields[field];

        if (!text)
                return TG_GIVEN_NOT;
        if ((http->repeated & (1U << field)) ||
            !tg_base64_decode_exact(TG_BASE64_URL, text, strlen(text), ret_bytes, TG_PROOF_BYTES))
                return TG_GIVEN_MALFORMED;

        return TG_GIVEN;
}

/* The one word that this header knows. */
static TgGiven
read_lock(const TgHttpRequest *http)
{
        const char *text = http->fields[TG_FIELD_READER_LOCK];

        if (!text)
                return TG_GIVEN_NOT;
        if ((http->repeated & (1U << TG_FIELD_READER_LOCK)) ||
            strcmp(text, TG_READER_LOCK_REQUIRED) != 0)
                return TG_GIVEN_MALFORMED;

        return TG_GIVEN;
}

static void
read_headers(TgApiCall *call, const TgHttpRequest *http)
{
        const char *const *fields = http->fields;

        call->is_claim_given = read_uuid(http, TG_FIELD_CLAIM, call->claim);
        call->is_request_given = read_uuid(http, TG_FIELD_REQUEST_ID, call->request);
        call->is_verifier_given = read_proof(http, TG_FIELD_VERIFIER, call->verifier);
        call->is_proof_given = read_proof(http, TG_FIELD_PROOF, call->proof);
        call->is_lock_given = read_lock(http);
        call->if_match = g_strdup(fields[TG_FIELD_IF_MATCH]);
        call->if_none_match = g_strdup(fields[TG_FIELD_IF_NONE_MATCH]);
        /* A list that came in two pieces is legal HTTP, but no client of this API
         * sends one, and half a condition must not be taken for the whole. */
        if (http->repeated & (1U << TG_FIELD_IF_MATCH)) {
                g_free(call->if_match);
                call->if_match = g_strdup("");
        }
        if (fields[TG_FIELD_PREFER] &&
            (call->if_none_match || call->operation == TG_OPERATION_GET_RESOURCE))
                call->wait_s = tg_header_wait_s(fields[TG_FIELD_PREFER], TG_MAX_WAIT_S);
        call->wants_json =
                fields[TG_FIELD_ACCEPT] && tg_header_prefers_json(fields[TG_FIELD_ACCEPT]);
        if (call->operation == TG_OPERATION_PREVIEW)
                call->language = tg_preview_choose(fields[TG_FIELD_ACCEPT_LANGUAGE]);

        if (call->is_request_given == TG_GIVEN)
                memcpy(call->answer.request_id, fields[TG_FIELD_REQUEST_ID], TG_UUID_CHARS);
}

/* ---- rate and body ---- */

static gboolean
is_admitted(const TgHttpRequest *http, TgOperation operation, TgAnswer *answer)
{
        guint retry_after_s = http->admit ? http->admit(http->source, FALSE) : 0;

        if (retry_after_s == 0 && http->admit &&
            (operation == TG_OPERATION_CREATE || operation == TG_OPERATION_PUT_RESOURCE))
                retry_after_s = http->admit(http->source, TRUE);
        if (retry_after_s == 0)
                return TRUE;
        tg_answer_set_problem(answer, TG_PROBLEM_LIMITED, NULL);
        answer->retry_after_s = retry_after_s;

        return FALSE;
}

/* The requests that have no body may bring one all the same, if it is JSON. */
static gboolean
parse_nothing(const TgHttpRequest *http, GError **error)
{
        TgJson value;

        return http->n_body == 0 ||
               tg_json_parse(http->body, http->n_body, TG_MAX_BODY_BYTES, &value, error);
}

static gboolean
take_octets(const TgApi *api, TgApiCall *call, const TgHttpRequest *http, GError **error)
{
        if (http->n_body > api->limits.max_resource_bytes) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "a message may have %" G_GSIZE_FORMAT " octets here",
                             api->limits.max_resource_bytes);
                return FALSE;
        }
        call->octets = g_bytes_new(http->body, http->n_body);

        return TRUE;
}

static gboolean
parse_body(const TgApi *api, TgApiCall *call, const TgHttpRequest *http, GError **error)
{
        const TgMailboxLimits *limits = &api->limits;

        switch (call->operation) {
        case TG_OPERATION_CREATE:
                return tg_mailbox_parse_create(
                        http->body, http->n_body, limits, &call->body, error);
        case TG_OPERATION_UPDATE:
                return tg_mailbox_parse_update(
                        http->body, http->n_body, limits, &call->body, error);
        case TG_OPERATION_READ:
                return tg_mailbox_parse_read(http->body, http->n_body, limits, &call->body, error);
        case TG_OPERATION_PUT_RESOURCE:
                return take_octets(api, call, http, error);
        case TG_OPERATION_NONE:
        case TG_OPERATION_DELETE:
        case TG_OPERATION_RELINQUISH:
        case TG_OPERATION_PREVIEW:
        case TG_OPERATION_GET_RESOURCE:
        case TG_OPERATION_DELETE_RESOURCE:
        case TG_OPERATION_FIND_TOKEN:
        case TG_OPERATION_FORGET_TOKEN:
                break;
        }

        return parse_nothing(http, error);
}

/* A create that is repeated too late fails here, before its id is looked up: it
 * must not make a second mailbox. */
static gboolean
set_life(const TgApi *api, TgApiCall *call, gint64 now_s, GError **error)
{
        gint64 expires_s = call->body.expiration_s;

        if (expires_s == 0)
                expires_s = now_s + MIN(api->default_life_s, api->max_life_s);
        if (expires_s <= now_s) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the expiration is in the past: ask for a later one");
                return FALSE;
        }
        if (expires_s > now_s + api->max_life_s) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the expiration is more than %" G_GINT64_FORMAT
                             " seconds ahead: ask for an earlier one",
                             api->max_life_s);
                return FALSE;
        }
        call->expires_s = expires_s;

        return TRUE;
}

/* The header Expires-In, or what is given to those who do not ask. */
static gboolean
set_resource_life(
        const TgApi *api, TgApiCall *call, const TgHttpRequest *http, gint64 now_s, GError **error)
{
        const char *text = http->fields[TG_FIELD_EXPIRES_IN];
        guint64 life_s = (guint64)MIN(api->default_life_s, api->max_life_s);

        if (text &&
            ((http->repeated & (1U << TG_FIELD_EXPIRES_IN)) ||
             !g_ascii_string_to_unsigned(text, 10, 1, (guint64)api->max_life_s, &life_s, NULL))) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the header " TG_HEADER_EXPIRES_IN
                             " must be a number of seconds from 1 to %" G_GINT64_FORMAT,
                             api->max_life_s);
                return FALSE;
        }
        call->expires_s = now_s + (gint64)life_s;

        return TRUE;
}

static gboolean
is_body_right(
        const TgApi *api, TgApiCall *call, const TgHttpRequest *http, gint64 now_s, GError **error)
{
        if (!parse_body(api, call, http, error))
                return FALSE;
        if (call->operation == TG_OPERATION_CREATE)
                return set_life(api, call, now_s, error);
        if (call->operation == TG_OPERATION_PUT_RESOURCE)
                return set_resource_life(api, call, http, now_s, error);

        return TRUE;
}

/* ---- attestation ---- */

/* One, in either place; of two nobody could say which is meant. */
static const char *
find_credentials(const TgHttpRequest *http)
{
        const char *ours = http->fields[TG_FIELD_ATTESTATION];
        const char *standard = http->fields[TG_FIELD_AUTHORIZATION];
        guint both = 1U << TG_FIELD_ATTESTATION | 1U << TG_FIELD_AUTHORIZATION;

        if ((ours && standard) || (http->repeated & both))
                return NULL;

        return ours ? ours : standard;
}

/* The answer waits: a create that is repeated gets its mailbox, whatever has become of a key or a
 * time since. */
static void
judge_attestation(const TgApi *api, TgApiCall *call, const TgHttpRequest *http, gint64 now_s)
{
        if (call->operation == TG_OPERATION_PREVIEW) /* so that one can know beforehand */
                call->answer.attestation = tg_attestation_scheme(api->attestation);
        if (call->operation != TG_OPERATION_CREATE)
                return;
        call->attested = tg_attestation_judge(api->attestation,
                                              find_credentials(http),
                                              http->body,
                                              http->n_body,
                                              now_s,
                                              &call->spent);
        if (call->attested != TG_ATTESTED_NOT_ASKED) /* it may have been spent before, too */
                call->challenge = tg_attestation_challenge(api->attestation, now_s);
}

TgApiCall *
tg_api_call_new(const TgApi *api, const TgHttpRequest *http, gint64 now_s)
{
        g_autoptr(TgApiCall) call = g_new0(TgApiCall, 1);
        g_autoptr(GError) error = NULL;
        TgAnswer *answer = &call->answer;
        const char *type = http->fields[TG_FIELD_CONTENT_TYPE];

        call->woken = TG_SIDE_NOBODY;
        call->operation = read_line(http, call);
        read_headers(call, http);
        if (call->operation == TG_OPERATION_NONE)
                ; /* answered */
        else if (http->is_too_large || http->n_body > TG_MAX_BODY_BYTES)
                tg_answer_set_problem(answer, TG_PROBLEM_TOO_LARGE, NULL);
        else if (http->n_body > 0 && call->operation != TG_OPERATION_PUT_RESOURCE &&
                 (!type || !tg_header_is_json(type)))
                tg_answer_set_problem(answer, TG_PROBLEM_MEDIA_TYPE, JSON_TYPE_NEEDED);
        else if (!is_admitted(http, call->operation, answer))
                ; /* answered */
        else if (http->is_starved)
                tg_answer_set_problem(answer, TG_PROBLEM_UNAVAILABLE, NULL);
        else if (!is_body_right(api, call, http, now_s, &error))
                tg_answer_set_problem(answer,
                                      tg_error_code(error) == TG_ERROR_LIMIT_REACHED
                                              ? TG_PROBLEM_TOO_LARGE
                                              : TG_PROBLEM_MALFORMED,
                                      error->message);
        else
                judge_attestation(api, call, http, now_s);
        call->is_refused = answer->status != 0;
        call->is_push_on = api->push != NULL;
        call->is_push_told =
                call->is_push_on &&
                (!call->body.token.type || tg_push_rules_accept(api->push, &call->body.token));

        return g_steal_pointer(&call);
}

TgApiCall *
tg_api_call_new_own(TgOperation operation,
                    const guint8 id[TG_ID_BYTES],
                    TgSide side,
                    TgToken *token)
{
        TgApiCall *call = g_new0(TgApiCall, 1);

        call->operation = operation;
        memcpy(call->id, id, TG_ID_BYTES);
        call->side = side;
        call->woken = TG_SIDE_NOBODY;
        if (token) {
                call->token = *token;
                *token = (TgToken){0};
        }

        return call;
}

void
tg_api_call_free(TgApiCall *self)
{
        if (!self)
                return;
        g_free(self->if_match);
        g_free(self->if_none_match);
        tg_push_token_wipe(&self->body.token);
        tg_push_token_wipe(&self->token);
        g_free(self->challenge);
        tg_mailbox_request_clear(&self->body);
        g_clear_pointer(&self->octets, g_bytes_unref);
        tg_answer_clear(&self->answer);
        g_free(self);
}
