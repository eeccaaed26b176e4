/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The PROXY protocol's headers, read at every length that may have come. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "relay/prefix.h"
#include "relay/proxy-header.h"

#define BINARY "\r\n\r\n\0\r\nQUIT\n"

typedef struct {
        const char *bytes;
        gsize n_bytes;
        const char *source; /* NULL: none, "": wrong */
} Case;

#define CASE(text, source)                                                                         \
        {                                                                                          \
                text, sizeof(text) - 1, source                                                     \
        }

static const Case cases[] = {
        CASE("PROXY TCP4 192.0.2.7 203.0.113.1 4711 443\r\n", "192.0.2.7"),
        CASE("PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", "2001:db8::7"),
        CASE("PROXY UNKNOWN\r\n", NULL),
        CASE("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", NULL),
        CASE(BINARY "\x21\x11\0\x0c\xc0\0\2\7\xcb\0\x71\1\x12\x67\1\xbb", "192.0.2.7"),
        CASE(BINARY "\x21\x11\0\x10\xc0\0\2\7\xcb\0\x71\1\x12\x67\1\xbb\4\0\1x", "192.0.2.7"),
        CASE(BINARY
             "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7\x20\1\x0d\xb8\0\0\0\0\0\0\0\0"
             "\0\0\0\1\x12\x67\1\xbb",
             "2001:db8::7"),
        CASE(BINARY "\x20\0\0\0", NULL),
        CASE("PROXY TCP4 2001:db8::7 2001:db8::1 4711 443\r\n", ""),
        CASE("PROXY TCP4 192.0.2.7 203.0.113.1 4711\r\n", ""),
        CASE("PROXY TCP4 192.0.2.7 203.0.113.1 4711 443 5\r\n", ""),
        CASE("PROXY TCP4 192.0.2.7 203.0.113.1 4711 65536\r\n", ""),
        CASE("PROXY TCP4 192.0.2.7\0 203.0.113.1 4711 443\r\n", ""),
        CASE("PROXY  TCP4 192.0.2.7 203.0.113.1 4711 443\r\n", ""),
        CASE("PROXY \r\n", ""),
        CASE("PROXY TCP4 "
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
             ""),
        CASE(BINARY "\x11\x11\0\x0c\xc0\0\2\7\xcb\0\x71\1\x12\x67\1\xbb", ""),
        CASE(BINARY "\x22\x11\0\x0c\xc0\0\2\7\xcb\0\x71\1\x12\x67\1\xbb", ""),
        CASE(BINARY "\x21\x12\0\x0c\xc0\0\2\7\xcb\0\x71\1\x12\x67\1\xbb", ""),
        CASE(BINARY "\x21\x11\0\x08\xc0\0\2\7\xcb\0\x71\1", ""),
        CASE(BINARY "\x21\x21\0\x0c\xc0\0\2\7\xcb\0\x71\1\x12\x67\1\xbb", ""),
        CASE(BINARY "\x21\x11\xff\xff", ""),
        CASE("GET / HTTP/1.1\r\n", ""),
        CASE("\x16\3\1\2\0", ""),
        CASE("PROXX", ""),
};

static void
check(const Case *one)
{
        struct sockaddr_storage source, wanted;
        gsize n_header = 0;
        TgProxyHeader header = TG_PROXY_HEADER_PARTIAL;

        for (gsize n = 0; n <= one->n_bytes && header == TG_PROXY_HEADER_PARTIAL; n++) {
                g_autofree guint8 *bytes = g_memdup2(one->bytes, n); /* nothing after them */

                header = tg_proxy_header_parse(bytes ? bytes : (guint8 *)"", n, &n_header, &source);
                if (n < one->n_bytes && (!one->source || *one->source))
                        g_assert_cmpint(header, ==, TG_PROXY_HEADER_PARTIAL);
        }
        if (one->source && !*one->source) {
                g_assert_cmpint(header, ==, TG_PROXY_HEADER_WRONG);
                return;
        }
        g_assert_cmpint(header, ==, TG_PROXY_HEADER_WHOLE);
        g_assert_cmpuint(n_header, ==, one->n_bytes);
        if (!one->source) {
                g_assert_cmpint(source.ss_family, ==, AF_UNSPEC);
                return;
        }
        g_assert_true(tg_address_parse(one->source, &wanted));
        g_assert_cmpmem(&source, sizeof source, &wanted, sizeof wanted);
}

static void
test_headers(void)
{
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_test_message("case %" G_GSIZE_FORMAT, i);
                check(&cases[i]);
        }
}

/* What comes after it is not its own. */
static void
test_ends_where_it_ends(void)
{
        const char text[] = "PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n";
        struct sockaddr_storage source;
        gsize n_header;

        g_assert_cmpint(
                tg_proxy_header_parse((const guint8 *)text, sizeof text - 1, &n_header, &source),
                ==,
                TG_PROXY_HEADER_WHOLE);
        g_assert_cmpuint(n_header, ==, strlen("PROXY UNKNOWN\r\n"));
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/proxy-header/cases", test_headers);
        g_test_add_func("/proxy-header/ends-where-it-ends", test_ends_where_it_ends);

        return g_test_run();
}
