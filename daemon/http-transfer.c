/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/http-private.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"

/* Status line, headers and trailers together, of all interim answers too. */
#define MAX_HEADER_BYTES (64 * 1024)

/* ---- what arrives ---- */

static void
clear_response(TgHttpTransfer *transfer)
{
        TgHttpResponse *response = &transfer->response;

        g_clear_pointer(&response->etag, g_free);
        g_clear_pointer(&response->request_id, g_free);
        g_clear_pointer(&response->attestation, g_free);
        g_clear_pointer(&response->content_type, g_free);
        g_clear_pointer(&response->body, g_bytes_unref);
        g_clear_pointer(&transfer->retry_after, g_free);
        response->date_s = 0;
        transfer->is_head_whole = FALSE;
}

static void
take_header(TgHttpTransfer *transfer, const char *name, const char *value)
{
        TgHttpResponse *response = &transfer->response;

        if (g_ascii_strcasecmp(name, "ETag") == 0) {
                g_free(response->etag);
                response->etag = g_strdup(value);
        } else if (g_ascii_strcasecmp(name, TG_HEADER_REQUEST_ID) == 0) {
                g_free(response->request_id);
                response->request_id = g_strdup(value);
        } else if (g_ascii_strcasecmp(name, TG_HEADER_ATTESTATION) == 0) {
                g_free(response->attestation);
                response->attestation = g_strdup(value);
        } else if (g_ascii_strcasecmp(name, "Content-Type") == 0) {
                g_autofree char *type = g_strndup(value, strcspn(value, ";"));

                g_free(response->content_type);
                response->content_type = g_ascii_strdown(g_strstrip(type), -1);
        } else if (g_ascii_strcasecmp(name, "Retry-After") == 0) {
                g_free(transfer->retry_after);
                transfer->retry_after = g_strdup(value);
        } else if (g_ascii_strcasecmp(name, "Date") == 0) {
                response->date_s = MAX(curl_getdate(value, NULL), 0);
        }
}

static size_t
on_header(char *data, size_t size, size_t n_items, void *user_data)
{
        TgHttpTransfer *transfer = user_data;
        gsize n_bytes = size * n_items;
        g_autofree char *line = NULL;
        char *colon;

        transfer->n_header_bytes += n_bytes;
        if (transfer->n_header_bytes > MAX_HEADER_BYTES) {
                transfer->is_too_large = TRUE;
                return 0;
        }
        /* Trailers come after the body: what they say comes too late to be believed. */
        if (transfer->body->len > 0 || memchr(data, '\0', n_bytes))
                return n_bytes;

        line = g_strndup(data, n_bytes);
        g_strchomp(line);
        colon = strchr(line, ':');
        if (g_str_has_prefix(line, "HTTP/")) {
                clear_response(transfer); /* an interim answer was before this one */
        } else if (line[0] == '\0') {
                transfer->is_head_whole = TRUE;
        } else if (colon) {
                *colon = '\0';
                take_header(transfer, line, g_strchug(colon + 1));
        }

        return n_bytes;
}

static size_t
on_body(char *data, size_t size, size_t n_items, void *user_data)
{
        TgHttpTransfer *transfer = user_data;
        gsize n_bytes = size * n_items;

        if (n_bytes > transfer->max_response_bytes - transfer->body->len) {
                transfer->is_too_large = TRUE;
                return 0;
        }

        g_byte_array_append(transfer->body, (const guint8 *)data, (guint)n_bytes);
        return n_bytes;
}

/* A number of seconds, or a date that is taken by the server's own clock. */
static gint64
retry_after_of(const TgHttpTransfer *transfer)
{
        const char *text = transfer->retry_after;
        gint64 date_s;

        if (!text)
                return -1;
        if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
                return (gint64)MIN(g_ascii_strtoull(text, NULL, 10), G_MAXINT32);

        date_s = curl_getdate(text, NULL);
        if (date_s < 0 || transfer->response.date_s == 0)
                return -1;
        return CLAMP(date_s - transfer->response.date_s, 0, G_MAXINT32);
}

static GError *
error_of(const TgHttpTransfer *transfer)
{
        if (transfer->failure)
                return g_error_copy(transfer->failure);
        if (transfer->is_too_large)
                return tg_error_new(TG_ERROR_TAMPERED,
                                    "the relay's answer is larger than any that it may give: do "
                                    "not use this relay");

        /* The certificate and what is no HTTP apart, all of it may be better later. */
        switch ((int)transfer->result) {
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
                return tg_error_new(TG_ERROR_TAMPERED,
                                    "the relay's certificate is of another name, out of date or of "
                                    "an unknown authority: check this machine's clock; for a relay "
                                    "of your own name its authority's file as CaFile= in "
                                    "tigress.conf");
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
                return tg_error_new(TG_ERROR_TAMPERED,
                                    "what answers at the relay's address does not speak HTTP: "
                                    "check the address");
        case CURLE_SSL_CACERT_BADFILE:
                return tg_error_new(TG_ERROR_UNREACHABLE,
                                    "the file of authorities cannot be read: correct CaFile= in "
                                    "tigress.conf");
        case CURLE_COULDNT_RESOLVE_HOST:
                return tg_error_new(TG_ERROR_UNREACHABLE,
                                    "the relay's name is not known here: check the network, and "
                                    "the relay's address");
        case CURLE_COULDNT_CONNECT:
                return tg_error_new(TG_ERROR_UNREACHABLE,
                                    "nobody answers at the relay's address: check the network, or "
                                    "try again later");
        case CURLE_SSL_CONNECT_ERROR:
                return tg_error_new(TG_ERROR_UNREACHABLE,
                                    "no secure connection to the relay came about: check that its "
                                    "address and port are right");
        case CURLE_OPERATION_TIMEDOUT:
                return tg_error_new(TG_ERROR_UNREACHABLE,
                                    "the relay did not answer in time: try again later");
        default:
                return tg_error_new(TG_ERROR_UNREACHABLE,
                                    "the connection to the relay broke off: try again later");
        }
}

/* ---- transfers ---- */

static void
free_transfer(TgHttpTransfer *transfer)
{
        TgHttpContext *context = transfer->context;

        g_queue_unlink(&context->transfers, &transfer->in_context);
        if (transfer->is_finished)
                g_queue_unlink(&context->http->finished, &transfer->in_finished);
        if (transfer->easy) {
                curl_multi_remove_handle(context->http->multi, transfer->easy);
                curl_easy_cleanup(transfer->easy);
        }
        curl_slist_free_all(transfer->headers);
        clear_response(transfer);
        g_clear_pointer(&transfer->body, g_byte_array_unref);
        g_clear_pointer(&transfer->request_body, g_bytes_unref);
        g_clear_error(&transfer->failure);
        g_free(transfer);
}

void
tg_http_transfer_cancel(TgHttpTransfer *transfer)
{
        if (transfer)
                free_transfer(transfer);
}

/* The callback comes last, with the transfer gone already: so it may free its context
 * or send the next request, on the connection that is idle again. */
void
tg_http_deliver(TgHttpTransfer *transfer)
{
        TgHttpFunc func = transfer->func;
        gpointer user_data = transfer->user_data;
        g_autoptr(GError) error = NULL;
        TgHttpResponse response = {0};
        long status = 0;

        /* curl takes a connection that ends amid the headers for an answer without body. */
        if (transfer->failure || transfer->result != CURLE_OK || !transfer->is_head_whole) {
                error = error_of(transfer);
                free_transfer(transfer);
                func(NULL, error, user_data);
                return;
        }

        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        response.status = (guint)status;
        response.etag = g_steal_pointer(&transfer->response.etag);
        response.request_id = g_steal_pointer(&transfer->response.request_id);
        response.attestation = g_steal_pointer(&transfer->response.attestation);
        response.content_type = g_steal_pointer(&transfer->response.content_type);
        response.date_s = transfer->response.date_s;
        response.retry_after_s = retry_after_of(transfer);
        response.body = g_byte_array_free_to_bytes(g_steal_pointer(&transfer->body));
        free_transfer(transfer);

        func(&response, NULL, user_data);
        g_free(response.etag);
        g_free(response.request_id);
        g_free(response.attestation);
        g_free(response.content_type);
        g_bytes_unref(response.body);
}

static gboolean
is_loopback(const char *host)
{
        return g_ascii_strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
               (g_str_has_prefix(host, "127.") && g_hostname_is_ip_address(host));
}

/* Judged by curl's own parser, so that we and curl mean the same host. */
static gboolean
is_allowed_url(const char *url, gboolean *ret_is_plain)
{
        CURLU *parsed = curl_url();
        char *scheme = NULL;
        char *host = NULL;
        gboolean is_allowed = FALSE;

        if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
            curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
            curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
                *ret_is_plain = strcmp(scheme, "http") == 0 && is_loopback(host);
                is_allowed = *ret_is_plain || strcmp(scheme, "https") == 0;
        }
        curl_free(scheme);
        curl_free(host);
        curl_url_cleanup(parsed);
        return is_allowed;
}

/* The system's authorities come from its folder, where OpenSSL looks up the one that it
 * needs: the large file would be parsed anew for each connection. */
static void
find_ca_directory(TgHttp *self)
{
        const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
        const char *files[] = {info->cainfo, self->ca_file};

        if (self->ca_directory || self->ca_blob)
                return;
        if (info->capath && g_file_test(info->capath, G_FILE_TEST_IS_DIR)) {
                self->ca_directory = g_strdup(info->capath);
                return;
        }

        self->ca_blob = g_byte_array_new();
        for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *text = NULL;
                gsize n_bytes;

                if (files[i] && g_file_get_contents(files[i], &text, &n_bytes, NULL))
                        g_byte_array_append(self->ca_blob, (const guint8 *)text, (guint)n_bytes);
        }
}

static void
set_authorities(TgHttp *self, CURL *easy)
{
        find_ca_directory(self);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
        if (self->ca_directory) {
                curl_easy_setopt(easy, CURLOPT_CAPATH, self->ca_directory);
                curl_easy_setopt(easy, CURLOPT_CAINFO, self->ca_file);
        } else if (self->ca_file) {
                struct curl_blob blob = {
                        .data = self->ca_blob->data,
                        .len = self->ca_blob->len,
                        .flags = CURL_BLOB_COPY,
                };

                curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
        }
}

/* Nothing that could tell two shares to be of one device, and nothing that leads
 * anywhere but to the address that was given. */
static void
set_limits(CURL *easy, gboolean is_plain, guint timeout_s)
{
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, is_plain ? "http" : "https");
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "tigress");
        curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)TG_CONNECT_TIMEOUT_S);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)timeout_s);
}

static gboolean
has_header(const char *const *headers, const char *name)
{
        gsize n_name = strlen(name);

        for (gsize i = 0; headers && headers[i]; i++) {
                if (g_ascii_strncasecmp(headers[i], name, n_name) == 0 && headers[i][n_name] == ':')
                        return TRUE;
        }

        return FALSE;
}

static void
set_request(TgHttpTransfer *transfer, const TgHttpRequest *request)
{
        /* What curl would add of its own accord. */
        static const char *const unwanted[] = {"Accept", "Expect", "Content-Type"};
        CURL *easy = transfer->easy;
        gsize n_bytes = 0;

        for (gsize i = 0; request->headers && request->headers[i]; i++)
                transfer->headers = curl_slist_append(transfer->headers, request->headers[i]);
        for (gsize i = 0; i < G_N_ELEMENTS(unwanted); i++) {
                g_autofree char *removal = g_strconcat(unwanted[i], ":", NULL);

                if (!has_header(request->headers, unwanted[i]))
                        transfer->headers = curl_slist_append(transfer->headers, removal);
        }

        curl_easy_setopt(easy, CURLOPT_URL, request->url);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
        if (request->body) {
                const char *bytes = g_bytes_get_data(request->body, &n_bytes);

                transfer->request_body = g_bytes_ref(request->body);
                curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n_bytes);
                curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bytes ? bytes : "");
        } else if (strcmp(request->method, "POST") == 0) {
                curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
        }
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void
set_answer(TgHttpTransfer *transfer)
{
        CURL *easy = transfer->easy;

        curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}

static gboolean
start(TgHttpTransfer *transfer, const TgHttpRequest *request, GError **error)
{
        TgHttpContext *context = transfer->context;
        gboolean is_plain = FALSE;

        if (!tg_http_start_curl(context->http)) {
                tg_set_error(error, TG_ERROR_UNREACHABLE, "TLS cannot be started: try again later");
                return FALSE;
        }
        if (!is_allowed_url(request->url, &is_plain)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "a relay's address must begin with https:// (http:// on this machine "
                             "alone) and name no user");
                return FALSE;
        }

        transfer->easy = curl_easy_init();
        curl_easy_setopt(transfer->easy, CURLOPT_SHARE, tg_http_context_connections(context));
        set_limits(transfer->easy, is_plain, request->timeout_s);
        set_authorities(context->http, transfer->easy);
        set_request(transfer, request);
        set_answer(transfer);
        curl_multi_add_handle(context->http->multi, transfer->easy);
        return TRUE;
}

TgHttpTransfer *
tg_http_send(TgHttpContext *context,
             const TgHttpRequest *request,
             TgHttpFunc func,
             gpointer user_data)
{
        TgHttpTransfer *transfer = g_new0(TgHttpTransfer, 1);

        g_return_val_if_fail(request->timeout_s > 0 && request->max_response_bytes > 0, NULL);

        transfer->context = context;
        transfer->in_context.data = transfer;
        transfer->in_finished.data = transfer;
        transfer->func = func;
        transfer->user_data = user_data;
        transfer->max_response_bytes = request->max_response_bytes;
        transfer->body = g_byte_array_new();
        g_queue_push_tail_link(&context->transfers, &transfer->in_context);

        if (!start(transfer, request, &transfer->failure))
                tg_http_finish(transfer, CURLE_OK);
        return transfer;
}
