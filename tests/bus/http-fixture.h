/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The HTTP client, a context of it, and a server that behaves badly.
 */

#include "daemon/http.h"
#include "protocol/error.h"
#include "tests/bus/fixture.h"
#include "tests/bus/https-server.h"

typedef struct {
        HttpsServer *server;
        TgHttp *http;
        TgHttpContext *context;
} HttpFixture;

void http_set_up(HttpFixture *f, gconstpointer kind);
void http_tear_down(HttpFixture *f, gconstpointer kind);
#define HTTP_ADD_KIND(name, kind, func)                                                            \
        g_test_add("/http/" name,                                                                  \
                   HttpFixture,                                                                    \
                   GINT_TO_POINTER(kind),                                                          \
                   http_set_up,                                                                    \
                   func,                                                                           \
                   http_tear_down)
#define HTTP_ADD(name, func) HTTP_ADD_KIND(name, HTTPS_SERVER_TRUSTED, func)

typedef struct {
        gboolean is_done;
        guint status;
        char *etag;
        char *content_type;
        gint64 retry_after_s;
        gint64 date_s;
        char *body;
        gsize n_body;
        GError *error;
} HttpAnswer;

void http_answer_clear(HttpAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HttpAnswer, http_answer_clear)

/* A TgHttpFunc that fills a HttpAnswer. */
void http_on_answer(const TgHttpResponse *response, const GError *error, gpointer answer);

TgHttpTransfer *http_send_to(TgHttpContext *context, const char *url, HttpAnswer *answer);
TgHttpTransfer *
http_send_path(HttpFixture *f, TgHttpContext *context, const char *path, HttpAnswer *answer);
/* The same, and waits. */
void http_ask(HttpFixture *f, TgHttpContext *context, const char *path, HttpAnswer *answer);
/* The number of the connection on which /ok was asked. */
guint http_connection_of(HttpFixture *f, TgHttpContext *context);
void http_assert_refused(HttpFixture *f, const char *path, TgError code);
