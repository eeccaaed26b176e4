/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/response.h"

#include "protocol/mailbox.h"

typedef struct MHD_Response Response;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Response, MHD_destroy_response)

static void
add_number(
        Response *response, const char *name, const char *before, guint64 number, const char *after)
{
        char text[64];

        g_snprintf(text, sizeof text, "%s%" G_GUINT64_FORMAT "%s", before, number, after);
        MHD_add_response_header(response, name, text);
}

static void
add_headers(Response *response, const TgAnswer *answer)
{
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
        if (answer->content_type)
                MHD_add_response_header(
                        response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
        if (answer->request_id[0])
                MHD_add_response_header(response, TG_HEADER_REQUEST_ID, answer->request_id);
        if (answer->version > 0)
                add_number(response, MHD_HTTP_HEADER_ETAG, "\"", answer->version, "\"");
        if (answer->retry_after_s > 0)
                add_number(response, MHD_HTTP_HEADER_RETRY_AFTER, "", answer->retry_after_s, "");
        if (answer->waited_s > 0)
                add_number(response, "Preference-Applied", "wait=", answer->waited_s, "");
        if (answer->allow)
                MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
        if (answer->policy)
                MHD_add_response_header(
                        response, MHD_HTTP_HEADER_CONTENT_SECURITY_POLICY, answer->policy);
        if (answer->language)
                MHD_add_response_header(
                        response, MHD_HTTP_HEADER_CONTENT_LANGUAGE, answer->language);
        if (answer->challenge)
                MHD_add_response_header(
                        response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, answer->challenge);
        if (answer->attestation)
                MHD_add_response_header(response, TG_HEADER_ATTESTATION, answer->attestation);
        if (answer->varies)
                MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, answer->varies);
}

enum MHD_Result
tg_response_queue(struct MHD_Connection *connection, TgAnswer *answer, gboolean is_last)
{
        char *body = g_steal_pointer(&answer->body);
        g_autoptr(Response) response = NULL;

        response = MHD_create_response_from_buffer(
                body ? answer->n_body : 0, body, MHD_RESPMEM_MUST_FREE);
        if (!response) {
                g_free(body);
                return MHD_NO;
        }
        add_headers(response, answer);
        if (is_last)
                MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");

        return MHD_queue_response(connection, answer->status, response);
}
