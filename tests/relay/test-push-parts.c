/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "relay/push-endpoint.h"
#include "relay/push-guard.h"

#define POINT                                                                                      \
        "BFaP0vkObOw1uqL27ah8x_8e81HEjPd-bBJZJ6eo06dMVQUNAqMOvqdofYrSpwTOVxuIpw1udCFrmsKa7kWP0gM"
#define AUTH "Hm71EQzLrMNsLT031Na3PQ"
#define SUBSCRIPTION(url, point, auth)                                                             \
        "{\"endpoint\":\"" url "\",\"keys\":{\"p256dh\":\"" point "\",\"auth\":\"" auth "\"}}"

/* ---- the guard ---- */

typedef struct {
        const char *address;
        gboolean is_allowed;
} Case;

/* Of each range that is refused its ends, and what stands before and after it. */
static const Case cases[] = {
        {"0.0.0.0",                                 FALSE},
        {"0.255.255.255",                           FALSE},
        {"1.0.0.0",                                 TRUE },
        {"9.255.255.255",                           TRUE },
        {"10.0.0.0",                                FALSE},
        {"10.255.255.255",                          FALSE},
        {"11.0.0.0",                                TRUE },
        {"100.63.255.255",                          TRUE },
        {"100.64.0.0",                              FALSE},
        {"100.127.255.255",                         FALSE},
        {"100.128.0.0",                             TRUE },
        {"126.255.255.255",                         TRUE },
        {"127.0.0.0",                               FALSE},
        {"127.0.0.1",                               FALSE},
        {"127.255.255.255",                         FALSE},
        {"128.0.0.0",                               TRUE },
        {"169.253.255.255",                         TRUE },
        {"169.254.0.0",                             FALSE},
        {"169.254.169.254",                         FALSE},
        {"169.254.255.255",                         FALSE},
        {"169.255.0.0",                             TRUE },
        {"172.15.255.255",                          TRUE },
        {"172.16.0.0",                              FALSE},
        {"172.31.255.255",                          FALSE},
        {"172.32.0.0",                              TRUE },
        {"191.255.255.255",                         TRUE },
        {"192.0.0.0",                               FALSE},
        {"192.0.0.255",                             FALSE},
        {"192.0.1.0",                               TRUE },
        {"192.0.2.0",                               FALSE},
        {"192.0.2.255",                             FALSE},
        {"192.0.3.0",                               TRUE },
        {"192.88.98.255",                           TRUE },
        {"192.88.99.0",                             FALSE},
        {"192.88.99.255",                           FALSE},
        {"192.88.100.0",                            TRUE },
        {"192.167.255.255",                         TRUE },
        {"192.168.0.0",                             FALSE},
        {"192.168.255.255",                         FALSE},
        {"192.169.0.0",                             TRUE },
        {"198.17.255.255",                          TRUE },
        {"198.18.0.0",                              FALSE},
        {"198.19.255.255",                          FALSE},
        {"198.20.0.0",                              TRUE },
        {"198.51.99.255",                           TRUE },
        {"198.51.100.0",                            FALSE},
        {"198.51.100.255",                          FALSE},
        {"198.51.101.0",                            TRUE },
        {"203.0.112.255",                           TRUE },
        {"203.0.113.0",                             FALSE},
        {"203.0.113.255",                           FALSE},
        {"203.0.114.0",                             TRUE },
        {"223.255.255.255",                         TRUE },
        {"224.0.0.0",                               FALSE},
        {"239.255.255.255",                         FALSE},
        {"240.0.0.0",                               FALSE},
        {"255.255.255.255",                         FALSE},

        {"::",                                      FALSE},
        {"::1",                                     FALSE},
        {"::8.8.8.8",                               FALSE}, /* IPv4-compatible */
        {"::ffff:0:8.8.8.8",                        FALSE}, /* IPv4-translated */
        {"::ffff:127.0.0.1",                        FALSE}, /* IPv4-mapped, also … */
        {"::ffff:8.8.8.8",                          FALSE}, /* … where it would do no harm */
        {"64:ff9b::",                               FALSE}, /* NAT64 */
        {"64:ff9b::127.0.0.1",                      FALSE},
        {"64:ff9b::8.8.8.8",                        FALSE},
        {"64:ff9b::ffff:ffff",                      FALSE},
        {"64:ff9b:1::",                             FALSE},
        {"64:ff9b:1:ffff:ffff:ffff:ffff:ffff",      FALSE},
        {"100::1",                                  FALSE}, /* discarded */
        {"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", FALSE},
        {"2000::",                                  TRUE },
        {"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", TRUE },
        {"2001::",                                  FALSE}, /* Teredo */
        {"2001:0:ffff:ffff:ffff:ffff:ffff:ffff",    FALSE},
        {"2001:10::1",                              FALSE}, /* ORCHID */
        {"2001:20::1",                              FALSE},
        {"2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",  FALSE},
        {"2001:200::",                              TRUE },
        {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",  TRUE },
        {"2001:db8::",                              FALSE},
        {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",  FALSE},
        {"2001:db9::",                              TRUE },
        {"2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", TRUE },
        {"2002::",                                  FALSE}, /* 6to4 */
        {"2002:7f00:1::1",                          FALSE},
        {"2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", FALSE},
        {"2003::",                                  TRUE },
        {"2606:4700::1111",                         TRUE },
        {"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", TRUE },
        {"3fff::",                                  FALSE}, /* documentation */
        {"3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",  FALSE},
        {"3fff:1000::",                             TRUE },
        {"3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", TRUE },
        {"4000::",                                  FALSE}, /* nobody's yet */
        {"5f00::1",                                 FALSE},
        {"fc00::",                                  FALSE}, /* unique local */
        {"fd12:3456:789a::1",                       FALSE},
        {"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", FALSE},
        {"fe80::1",                                 FALSE}, /* link-local */
        {"febf::1",                                 FALSE},
        {"fec0::1",                                 FALSE}, /* site-local */
        {"ff02::1",                                 FALSE}, /* multicast */
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", FALSE},
};

static gboolean
is_allowed(const char *text, const GArray *permitted)
{
        struct sockaddr_storage address;

        g_assert_true(tg_address_parse(text, &address));

        return tg_push_guard_allows((const struct sockaddr *)&address, permitted);
}

static void
test_each_range(void)
{
        const struct sockaddr local = {.sa_family = AF_UNIX}, nothing = {.sa_family = AF_UNSPEC};

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
                if (is_allowed(cases[i].address, NULL) != cases[i].is_allowed)
                        g_error("%s is %s",
                                cases[i].address,
                                cases[i].is_allowed ? "refused" : "allowed");
        g_assert_false(tg_push_guard_allows(&local, NULL));
        g_assert_false(tg_push_guard_allows(&nothing, NULL));
}

/* What the operator permits is that and no more, and no other form of it. */
static void
test_what_is_permitted(void)
{
        g_autoptr(GArray) permitted = g_array_new(FALSE, FALSE, sizeof(TgPrefix));
        const char *const networks[] = {"10.1.0.0/16", "fd00:1::/32", "127.0.0.1"};

        for (gsize i = 0; i < G_N_ELEMENTS(networks); i++) {
                TgPrefix prefix;

                g_assert_true(tg_prefix_parse(networks[i], &prefix));
                g_array_append_val(permitted, prefix);
        }
        g_assert_true(is_allowed("10.1.2.3", permitted));
        g_assert_true(is_allowed("127.0.0.1", permitted));
        g_assert_true(is_allowed("fd00:1::7", permitted));
        g_assert_true(is_allowed("8.8.8.8", permitted));
        g_assert_false(is_allowed("10.2.0.0", permitted));
        g_assert_false(is_allowed("127.0.0.2", permitted));
        g_assert_false(is_allowed("fd00:2::7", permitted));
        g_assert_false(is_allowed("::1", permitted));
        g_assert_false(is_allowed("::ffff:127.0.0.1", permitted));
        g_assert_false(is_allowed("::ffff:10.1.2.3", permitted));
        g_assert_false(is_allowed("64:ff9b::10.1.2.3", permitted));
}

/* ---- endpoints ---- */

static gboolean
parse(const char *type, const char *data, TgPushEndpoint *ret)
{
        TgToken token = {(char *)type, (char *)data}; /* only looked at */

        return tg_push_endpoint_parse(&token, ret);
}

static void
assert_endpoint(const char *data, const char *url, const char *origin, const char *host, guint port)
{
        g_auto(TgPushEndpoint) endpoint = {0};

        if (!parse("webpush", data, &endpoint))
                g_error("refused: %s", data);
        g_assert_cmpstr(endpoint.url, ==, url);
        g_assert_cmpstr(endpoint.origin, ==, origin);
        g_assert_cmpstr(endpoint.host, ==, host);
        g_assert_cmpuint(endpoint.port, ==, port);
}

static void
test_endpoints(void)
{
        g_auto(TgPushEndpoint) endpoint = {0};

        assert_endpoint("https://push.example/a?b=c%20",
                        "https://push.example/a?b=c%20",
                        "https://push.example",
                        "push.example",
                        443);
        assert_endpoint("HTTPS://Push.Example:443",
                        "https://push.example/",
                        "https://push.example",
                        "push.example",
                        443);
        assert_endpoint("https://push.example:8443?x",
                        "https://push.example:8443/?x",
                        "https://push.example:8443",
                        "push.example",
                        8443);
        assert_endpoint("https://[2001:DB8::1]:8443/x",
                        "https://[2001:db8::1]:8443/x",
                        "https://[2001:db8::1]:8443",
                        "2001:db8::1",
                        8443);
        assert_endpoint(
                "https://192.0.2.1/", "https://192.0.2.1/", "https://192.0.2.1", "192.0.2.1", 443);
        assert_endpoint(SUBSCRIPTION("https:\\/\\/push.example\\/x", POINT, AUTH),
                        "https://push.example/x",
                        "https://push.example",
                        "push.example",
                        443);

        g_assert_true(parse("webpush", "{\"endpoint\":\"https://a.b/\"}", &endpoint));
        g_assert_false(endpoint.has_keys);
        tg_push_endpoint_clear(&endpoint);
        g_assert_true(parse("webpush", SUBSCRIPTION("https://a.b/", POINT, AUTH "=="), &endpoint));
        g_assert_true(endpoint.has_keys);
        g_assert_cmpint(endpoint.keys.key[0], ==, 4);
}

static void
test_what_is_no_endpoint(void)
{
        g_autofree char *long_url = g_strnfill(TG_MAX_PUSH_URL_BYTES, 'x');
        g_autofree char *too_long = g_strconcat("https://a.b/", long_url, NULL);
        const char *const wrong[] = {
                "",
                "https://",
                "https:///x",
                "http://push.example/",
                "HTTP://push.example/",
                "ftp://push.example/",
                "//push.example/",
                "push.example",
                "https:/push.example/",
                "https:\\\\push.example/",
                "https://a@push.example/",
                "https://a:b@push.example/",
                "https://push.example@10.0.0.1/",
                "https://push.example\\@10.0.0.1/",
                "https://push.example#@10.0.0.1/",
                "https://push.example/#x",
                "https://push.example/ x",
                "https://push.example/\tx",
                "https://push.example/x\r\nHost: y",
                "https://push.example/\xc3\xa4",
                "https://push.example\xe3\x80\x82"
                "local/",
                "https://push.example/{x}",
                "https://push.example/<x>",
                "https://push.example/\"",
                "https://push.example/\\x",
                "https://push.example/%2",
                "https://push.example/%gg",
                "https://push.example:/",
                "https://push.example:0/",
                "https://push.example:22/",
                "https://push.example:80/",
                "https://push.example:1023/",
                "https://push.example:65536/",
                "https://push.example:443x/",
                "https://push.example:+443/",
                "https://push..example/",
                "https://push.example./",
                "https://%70ush.example/",
                "https://localhost/",
                "https://push/",
                "https://127.1/",
                "https://2130706433/",
                "https://0x7f000001/",
                "https://127.0.0.01/",
                "https://0177.0.0.1/",
                "https://127.0.0.256/",
                "https://[::1/",
                "https://[::1%25lo]/",
                "https://[fe80::1%eth0]/",
                "https://[1.2.3.4]/",
                "https://::1/",
                "{}",
                "{\"endpoint\":7}",
                "{\"endpoint\":null}",
                "{\"endpoint\":\"https://a.b/\",\"endpoint\":\"https://a.b/\"}",
                "{\"endpoint\":\"https://a.b/\"} ,",
                "{\"endpoint\":\"https://a.b/\",\"keys\":null}",
                "{\"endpoint\":\"https://a.b/\",\"keys\":{}}",
                "{\"endpoint\":\"https://a.b/\",\"keys\":{\"auth\":\"" AUTH "\"}}",
                "{\"endpoint\":\"https://a.b/\",\"keys\":{\"p256dh\":\"" POINT "\"}}",
                SUBSCRIPTION("https://a.b/", POINT "A", AUTH),
                SUBSCRIPTION("https://a.b/", "A" POINT, AUTH),
                SUBSCRIPTION("https://a.b/", POINT, AUTH "AA"),
                SUBSCRIPTION("https://a.b/", POINT, ""),
                SUBSCRIPTION("https://a.b/", "", AUTH),
                SUBSCRIPTION("http://a.b/", POINT, AUTH),
                SUBSCRIPTION("https://a.b/\\u0000", POINT, AUTH),
                SUBSCRIPTION("https://a.b/\\n", POINT, AUTH),
                too_long,
        };
        TgPushEndpoint endpoint;

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                if (parse("webpush", wrong[i], &endpoint))
                        g_error("taken: %s", wrong[i]);
        g_assert_false(parse("Webpush", "https://a.b/", &endpoint));
        g_assert_false(parse("", "https://a.b/", &endpoint));
        g_assert_false(parse(NULL, NULL, &endpoint));
}

/* Each octet replaced, left out and doubled: whatever is still taken says one thing, and says
 * the same when it is read again. */
static void
check_mutation(const char *data)
{
        g_auto(TgPushEndpoint) endpoint = {0}, again = {0};

        if (!parse("webpush", data, &endpoint))
                return;
        g_assert_true(g_str_has_prefix(endpoint.url, "https://"));
        g_assert_true(g_str_has_prefix(endpoint.url, endpoint.origin));
        g_assert_true(endpoint.url[strlen(endpoint.origin)] == '/');
        for (const char *at = endpoint.url; *at; at++)
                g_assert_true(g_ascii_isgraph(*at) && *at != '#' && *at != '\\');
        g_assert_null(strchr(endpoint.origin, '@'));
        g_assert_true(endpoint.port == 443 || (endpoint.port >= 1024 && endpoint.port <= 65535));
        g_assert_true(parse("webpush", endpoint.url, &again));
        g_assert_cmpstr(again.url, ==, endpoint.url);
        g_assert_cmpstr(again.host, ==, endpoint.host);
        g_assert_cmpuint(again.port, ==, endpoint.port);
}

static void
test_mutations(void)
{
        static const char octets[] =
                "\x01\t\n\r \"#%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\x7f\x80\xff";
        const char *const good[] = {
                "https://push.example:8443/a/b?c=d",
                "https://[2001:db8::1]/",
                "https://192.0.2.1:1024",
                SUBSCRIPTION("https://push.example/x", POINT, AUTH),
        };

        for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
                gsize n_chars = strlen(good[i]);

                for (gsize at = 0; at < n_chars; at++) {
                        g_autofree char *text = g_malloc0(n_chars + 2);

                        for (const char *octet = octets; *octet; octet++) {
                                memcpy(text, good[i], n_chars + 1);
                                text[at] = *octet;
                                check_mutation(text);
                                memmove(text + at + 1, good[i] + at, n_chars - at + 1);
                                check_mutation(text);
                        }
                        memcpy(text, good[i], at);
                        memcpy(text + at, good[i] + at + 1, n_chars - at);
                        check_mutation(text);
                        text[at] = '\0';
                        check_mutation(text);
                }
        }
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/push/each-range", test_each_range);
        g_test_add_func("/push/what-is-permitted", test_what_is_permitted);
        g_test_add_func("/push/endpoints", test_endpoints);
        g_test_add_func("/push/what-is-no-endpoint", test_what_is_no_endpoint);
        g_test_add_func("/push/mutations", test_mutations);

        return g_test_run();
}
