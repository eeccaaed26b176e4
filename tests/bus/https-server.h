/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A small HTTPS server on loopback that behaves as badly as it is told to, and
 * remembers what it saw. It runs in threads of its own: one a connection.
 *
 * What it does depends on the path alone:
 *
 *      /ok           200, the request as it came is the body
 *      /answer       200 with ETag, Content-Type, Retry-After, Date, Set-Cookie
 *      /early        103 with an ETag, then 200 without
 *      /trailer      200, chunked, an ETag after the body
 *      /later-date   429, Retry-After is a date a minute after Date
 *      /redirect     302 to /ok
 *      /huge         200 and octets without end
 *      /headers      200 and headers without end
 *      /hints        103 without end
 *      /slow         nothing
 *      /garbage      no HTTP
 *      /cut          200, and the connection ends in the middle of the body
 *      /leave        200, and the connection ends without a word
 */

#include <glib.h>

typedef struct HttpsServer HttpsServer;

typedef enum {
        HTTPS_SERVER_TRUSTED, /* certificate of the CA in https_server_ca_file() */
        HTTPS_SERVER_WRONG_NAME,
        HTTPS_SERVER_EXPIRED,
        HTTPS_SERVER_PLAIN,  /* http */
        HTTPS_SERVER_NO_TLS, /* answers a TLS greeting with something else */
} HttpsServerKind;

/* @folder: where its authority's file is written. */
HttpsServer *https_server_new(HttpsServerKind kind, const char *folder);
void https_server_free(HttpsServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpsServer, https_server_free)

const char *https_server_ca_file(const HttpsServer *self);
/* "https://localhost:PORT/PATH"; the caller's. */
char *https_server_url(const HttpsServer *self, const char *path);

/* How many connections were opened, are open, resumed a TLS session; how many
 * requests came for @path (NULL: for any). */
guint https_server_opened(HttpsServer *self);
guint https_server_open(HttpsServer *self);
guint https_server_resumed(HttpsServer *self);
guint https_server_requests(HttpsServer *self, const char *path);
