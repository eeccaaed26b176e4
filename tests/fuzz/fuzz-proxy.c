/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a proxy says of whom it speaks for, before a connection and in a header: any octets. */

#include <string.h>

#include "relay/proxy-header.h"
#include "relay/source.h"
#include "tests/fuzz/fuzz.h"

/* However it comes in: what is wrong or whole once stays so, and ends where it ended. */
static void
check_header(const guint8 *bytes, gsize n_bytes)
{
        TgProxyHeader settled = TG_PROXY_HEADER_PARTIAL;
        struct sockaddr_storage settled_source = {0};
        gsize n_settled = 0;

        for (gsize n = 0; n <= MIN(n_bytes, TG_MAX_PROXY_HEADER_BYTES); n++) {
                g_autofree guint8 *start = g_malloc(n + 1); /* with an end that is watched */
                struct sockaddr_storage source;
                gsize n_header = 0;
                TgProxyHeader header;

                memcpy(start, bytes, n);
                start = g_realloc(start, MAX(n, 1));
                header = tg_proxy_header_parse(start, n, &n_header, &source);
                if (settled != TG_PROXY_HEADER_PARTIAL) {
                        g_assert_cmpint(header, ==, settled);
                        g_assert_cmpuint(n_header, ==, n_settled);
                        g_assert_cmpmem(&source, sizeof source, &settled_source, sizeof source);
                } else if (header == TG_PROXY_HEADER_WHOLE) {
                        g_assert_cmpuint(n_header, ==, n); /* it was not whole an octet before */
                        g_assert_true(source.ss_family == AF_UNSPEC ||
                                      source.ss_family == AF_INET || source.ss_family == AF_INET6);
                }
                if (header == TG_PROXY_HEADER_WRONG)
                        return;
                settled = header;
                n_settled = n_header;
                settled_source = source;
        }
}

/* Only a trusted proxy can make another of the source. */
static void
check_forwarded(const char *text)
{
        TgPrefix prefixes[2];
        TgTrust trust = {prefixes, G_N_ELEMENTS(prefixes)};
        struct sockaddr_storage proxy, stranger, source;

        g_assert_true(tg_prefix_parse("10.0.0.0/8", &prefixes[0]));
        g_assert_true(tg_prefix_parse("2001:db8::/32", &prefixes[1]));
        g_assert_true(tg_address_parse("10.1.2.3", &proxy));
        g_assert_true(tg_address_parse("192.0.2.1", &stranger));
        tg_source_find(&trust, (const struct sockaddr *)&stranger, text, &source);
        g_assert_cmpmem(&source, sizeof source, &stranger, sizeof stranger);
        tg_source_find(&trust, (const struct sockaddr *)&proxy, text, &source);
        g_assert_true(source.ss_family == AF_INET || source.ss_family == AF_INET6);
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        g_autofree char *text = g_strndup((const char *)bytes, n_bytes);
        TgPrefix prefix;

        check_header(bytes, n_bytes);
        check_forwarded(text);
        g_assert_true(!tg_prefix_parse(text, &prefix) || prefix.n_bits <= 128);
}
