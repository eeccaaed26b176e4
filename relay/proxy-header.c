/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/proxy-header.h"

#include <netinet/in.h>
#include <string.h>

#include "relay/prefix.h"

#define MAX_LINE_BYTES 107 /* of version 1, with its end */
#define BINARY_BYTES 16
#define TCP_OVER_IPV4 0x11
#define TCP_OVER_IPV6 0x21

static const guint8 line_start[] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const guint8 binary_start[] = {
        '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

/* The two addresses are of one family, and so are the words for it. */
static gboolean
read_words(char **words, struct sockaddr_storage *ret_source)
{
        struct sockaddr_storage other;
        guint64 port;

        if (g_strv_length(words) != 6 || !tg_address_parse(words[2], ret_source) ||
            !tg_address_parse(words[3], &other) || ret_source->ss_family != other.ss_family ||
            !g_ascii_string_to_unsigned(words[4], 10, 0, G_MAXUINT16, &port, NULL) ||
            !g_ascii_string_to_unsigned(words[5], 10, 0, G_MAXUINT16, &port, NULL))
                return FALSE;

        return strcmp(words[1], ret_source->ss_family == AF_INET ? "TCP4" : "TCP6") == 0;
}

/* Octets before the first CR LF; 0: there is none. */
static gsize
find_end(const guint8 *bytes, gsize n_bytes)
{
        for (gsize i = 1; i < n_bytes; i++)
                if (bytes[i - 1] == '\r' && bytes[i] == '\n')
                        return i - 1;

        return 0;
}

static TgProxyHeader
parse_line(const guint8 *bytes,
           gsize n_bytes,
           gsize *ret_n_header,
           struct sockaddr_storage *ret_source)
{
        gsize n_line = find_end(bytes, MIN(n_bytes, MAX_LINE_BYTES));
        g_autofree char *line = NULL;
        g_auto(GStrv) words = NULL;

        if (n_line == 0)
                return n_bytes < MAX_LINE_BYTES ? TG_PROXY_HEADER_PARTIAL : TG_PROXY_HEADER_WRONG;
        if (memchr(bytes, '\0', n_line))
                return TG_PROXY_HEADER_WRONG;
        line = g_strndup((const char *)bytes, n_line);
        words = g_strsplit(line, " ", -1);
        *ret_n_header = n_line + 2;
        if (strcmp(words[1], "UNKNOWN") == 0)
                return TG_PROXY_HEADER_WHOLE;

        return read_words(words, ret_source) ? TG_PROXY_HEADER_WHOLE : TG_PROXY_HEADER_WRONG;
}

static TgProxyHeader
parse_binary(const guint8 *bytes,
             gsize n_bytes,
             gsize *ret_n_header,
             struct sockaddr_storage *ret_source)
{
        struct sockaddr_in in = {.sin_family = AF_INET};
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
        gsize n_rest;
        guint8 command, family;

        if (n_bytes < BINARY_BYTES)
                return TG_PROXY_HEADER_PARTIAL;
        command = bytes[12];
        family = bytes[13];
        n_rest = (gsize)bytes[14] << 8 | bytes[15];
        if (command >> 4 != 2 || (command & 0xf) > 1 ||
            BINARY_BYTES + n_rest > TG_MAX_PROXY_HEADER_BYTES)
                return TG_PROXY_HEADER_WRONG;
        if (n_bytes < BINARY_BYTES + n_rest)
                return TG_PROXY_HEADER_PARTIAL;
        *ret_n_header = BINARY_BYTES + n_rest;
        if ((command & 0xf) == 0) /* the proxy itself, to see whether we live */
                return TG_PROXY_HEADER_WHOLE;
        if (family == TCP_OVER_IPV4 && n_rest >= 12) {
                memcpy(&in.sin_addr, bytes + BINARY_BYTES, sizeof in.sin_addr);
                memcpy(ret_source, &in, sizeof in);
                return TG_PROXY_HEADER_WHOLE;
        }
        if (family == TCP_OVER_IPV6 && n_rest >= 36) {
                memcpy(&in6.sin6_addr, bytes + BINARY_BYTES, sizeof in6.sin6_addr);
                memcpy(ret_source, &in6, sizeof in6);
                return TG_PROXY_HEADER_WHOLE;
        }

        return TG_PROXY_HEADER_WRONG;
}

TgProxyHeader
tg_proxy_header_parse(const guint8 *bytes,
                      gsize n_bytes,
                      gsize *ret_n_header,
                      struct sockaddr_storage *ret_source)
{
        *ret_source = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
        if (memcmp(bytes, line_start, MIN(n_bytes, sizeof line_start)) == 0)
                return n_bytes < sizeof line_start
                               ? TG_PROXY_HEADER_PARTIAL
                               : parse_line(bytes, n_bytes, ret_n_header, ret_source);
        if (memcmp(bytes, binary_start, MIN(n_bytes, sizeof binary_start)) == 0)
                return parse_binary(bytes, n_bytes, ret_n_header, ret_source);

        return TG_PROXY_HEADER_WRONG;
}
