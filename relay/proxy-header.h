/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a proxy that passes TLS on as it is says before it: whom it speaks for (HAProxy's PROXY
 * protocol, versions 1 and 2). Only for streams over TCP.
 */

#include <glib.h>
#include <sys/socket.h>

/* The longest that is looked at: of version 2, with things beside the addresses. */
#define TG_MAX_PROXY_HEADER_BYTES 536

typedef enum {
        TG_PROXY_HEADER_PARTIAL, /* so far it may become one */
        TG_PROXY_HEADER_WHOLE,
        TG_PROXY_HEADER_WRONG,
} TgProxyHeader;

/* Whole: its length and whom it names; AF_UNSPEC where it speaks for nobody but the proxy. */
TgProxyHeader tg_proxy_header_parse(const guint8 *bytes,
                                    gsize n_bytes,
                                    gsize *ret_n_header,
                                    struct sockaddr_storage *ret_source);
