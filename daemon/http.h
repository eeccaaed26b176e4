/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * HTTPS requests on the GLib loop: request in, response or error out. The only
 * user of libcurl. One multi handle for the process; each TgHttpContext has its
 * own connections, which are never shared with another (no connection, ticket,
 * cookie or HTTP/2 stream in common). No redirects, no proxies (those of the
 * environment neither), https only but for loopback addresses, sizes and times
 * limited, TLS verification never off. TLS is initialised on first use.
 */

#include <glib.h>

typedef struct TgHttp TgHttp;
typedef struct TgHttpContext TgHttpContext; /* one a share */
typedef struct TgHttpTransfer TgHttpTransfer;

TgHttp *tg_http_new(void);
/* Its contexts must be gone. */
void tg_http_free(TgHttp *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgHttp, tg_http_free)
/* Authorities besides the system's; NULL for none. For connections made from now on. */
void tg_http_set_ca_file(TgHttp *self, const char *ca_file);

TgHttpContext *tg_http_context_new(TgHttp *http);
/* Ends its transfers without their callbacks and closes its connections. */
void tg_http_context_free(TgHttpContext *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgHttpContext, tg_http_context_free)
/* Closes idle connections, where no transfer is under way; the context stays usable. */
void tg_http_context_rest(TgHttpContext *self);

typedef struct {
        const char *method; /* "GET", "POST", "PUT", "DELETE", "PATCH" */
        const char *url;
        const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
        GBytes *body;               /* NULL: none */
        guint timeout_s;            /* the whole transfer */
        gsize max_response_bytes;   /* more is TG_ERROR_TAMPERED */
} TgHttpRequest;

typedef struct {
        guint status;
        char *etag;           /* as it stands, NULL */
        char *request_id;     /* the header Mailbox-Request-ID: what a relay echoes; NULL */
        char *attestation;    /* the scheme of what a relay wants with each create; NULL */
        char *content_type;   /* without parameters, lower case; NULL */
        gint64 retry_after_s; /* -1: not said; an HTTP date is taken relative to Date */
        gint64 date_s;        /* Unix seconds by the server's clock; 0: not said */
        GBytes *body;
} TgHttpResponse;

/* @response is valid during the call; NULL with @error TG_ERROR_UNREACHABLE (any
 * network, name or time-out trouble), TG_ERROR_TAMPERED (certificate refused,
 * garbage, too large), TG_ERROR_INVALID (not an address that we would ask), with a
 * sentence that names the remedy. Called once, from the loop, never from inside
 * tg_http_send(); it may free anything of here. The copied request is not needed after
 * the call. */
typedef void (*TgHttpFunc)(const TgHttpResponse *response, const GError *error, gpointer user_data);
TgHttpTransfer *tg_http_send(TgHttpContext *context,
                             const TgHttpRequest *request,
                             TgHttpFunc func,
                             gpointer user_data);
/* Drops the transfer and its callback. */
void tg_http_transfer_cancel(TgHttpTransfer *transfer);
