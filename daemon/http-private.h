/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The inside of the HTTP client, for the two files that make it up: http.c (loop,
 * connections) and http-transfer.c (request out, response in).
 */

#include <curl/curl.h>

#include "daemon/http.h"

struct TgHttp {
        GSource source; /* is the object itself: it outlives tg_http_free() inside dispatch */
        CURLM *multi;   /* NULL until something is sent */
        GPtrArray *sockets;
        gint64 due_us; /* curl's timer; -1: none */
        GQueue finished;
        guint n_contexts;

        char *ca_file;
        char *ca_directory;  /* hashed, of the system; NULL: there is none */
        GByteArray *ca_blob; /* where there is none: the system's file and ca_file */
};

struct TgHttpContext {
        TgHttp *http;
        CURLSH *share; /* the connections; NULL until something is sent */
        GQueue transfers;
};

struct TgHttpTransfer {
        TgHttpContext *context;
        GList in_context;
        GList in_finished;
        TgHttpFunc func;
        gpointer user_data;

        CURL *easy;
        struct curl_slist *headers;
        GBytes *request_body;

        gsize max_response_bytes;
        gsize n_header_bytes;
        gboolean is_too_large;
        gboolean is_head_whole;
        char *retry_after;
        TgHttpResponse response;
        GByteArray *body;

        gboolean is_finished;
        CURLcode result;
        GError *failure; /* before curl was asked at all */
};

/* ---- http.c ---- */

/* FALSE when TLS cannot be had. */
gboolean tg_http_start_curl(TgHttp *self);
/* The connections of @context, to be given to each of its transfers. */
CURLSH *tg_http_context_connections(TgHttpContext *context);
/* Has @transfer delivered at the next turn of the loop. */
void tg_http_finish(TgHttpTransfer *transfer, CURLcode result);

/* ---- http-transfer.c ---- */

/* Frees @transfer and calls its function, after which nothing of here may be left. */
void tg_http_deliver(TgHttpTransfer *transfer);
