/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/link.h"
#include "tests/unit/helper.h"

#define MAILBOX "https://relay.example/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b"
#define FRAGMENT "th0DcoNti18LUA/D7Z0kA/u+k7lLYQWrzhuWhV3m3mE="

static TgLink *
parse(const char *text, gboolean allow_http, GError **error)
{
        /* as long as it is and not a character more: no zero to run to */
        g_autofree char *copy = g_memdup2(text, strlen(text));

        return tg_link_parse(copy, strlen(text), allow_http, error);
}

static void
assert_refused(const char *text, gboolean allow_http)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgLink) link = parse(text, allow_http, &error);

        if (link)
                g_error("accepted: %s", text);
        helper_assert_error(error, TG_ERROR_INVALID, FRAGMENT);
}

static void
test_the_uri_form_is_the_same_link(void)
{
        static const char *const texts[] = {
                "tigress:" MAILBOX "?v=c#" FRAGMENT,
                "TIGRESS:" MAILBOX "?v=c#" FRAGMENT,
                MAILBOX "?v=c#" FRAGMENT,
        };

        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(TgLink) link = parse(texts[i], FALSE, NULL);

                g_assert_nonnull(link);
                g_assert_cmpstr(link->origin, ==, "https://relay.example");
                g_assert_cmpstr(link->mailbox_url, ==, MAILBOX);
                g_assert_cmpint(link->vertical, ==, 'c');
                g_assert_true(tg_secret_equal(link->secret, link->fragment));
        }
        assert_refused("tigress:tigress:" MAILBOX "#" FRAGMENT, FALSE);
        assert_refused("tigress:", FALSE);
        assert_refused("tigress://" MAILBOX "#" FRAGMENT, FALSE);
}

static void
test_hosts_are_names_or_addresses(void)
{
        static const char *const right[] = {
                "relay.example",
                "localhost",
                "xn--rely-loa.example",
                "a-b.c_d.example",
                "192.0.2.7",
                "1.relay.example",
                "[2001:db8::1]",
                "[::ffff:192.0.2.7]",
        };
        static const char *const wrong[] = {
                "",
                ".",
                ".relay.example",
                "relay..example",
                "relay.",
                "-a.example",
                "a-.example",
                "re lay.example",
                "rel%61y.ex",
                "192.0.2",
                "192.0.2.256",
                "0x7f000001",
                "127.1",
                "2130706433",
                "192.0.2.07.1",
                "[192.0.2.7]",
                "[::1",
                "::1",
                "[::1]x",
                "[fe80::1%25eth0]",
                "[]",
                "relay.example:1:2",
                "a\\b",
                "a;b",
                "relay.example:-1",
                "relay.example:+80",
                "relay.example:000080",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(right); i++) {
                g_autofree char *text = g_strdup_printf(
                        "https://%s/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b#%s", right[i], FRAGMENT);
                g_autoptr(TgLink) link = parse(text, FALSE, NULL);

                if (!link)
                        g_error("refused: %s", text);
                g_assert_cmpstr(link->origin + strlen("https://"), ==, right[i]);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autofree char *text = g_strdup_printf(
                        "https://%s/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b#%s", wrong[i], FRAGMENT);

                assert_refused(text, FALSE);
        }
}

static void
test_http_is_for_this_machine_alone(void)
{
        static const char path[] = "/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b#" FRAGMENT;
        static const struct {
                const char *origin;
                gboolean is_loopback;
        } origins[] = {
                {"http://127.0.0.1:8080",    TRUE },
                {"http://127.9.9.9",         TRUE },
                {"http://localhost",         TRUE },
                {"http://[::1]:1",           TRUE },
                {"http://127.evil.example",  FALSE},
                {"http://127.0.0.1.example", FALSE},
                {"http://localhost.example", FALSE},
                {"http://relay.example",     FALSE},
                {"http://[::2]",             FALSE},
                {"http://10.0.0.1",          FALSE},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(origins); i++) {
                g_autofree char *text = g_strconcat(origins[i].origin, path, NULL);
                g_autoptr(TgLink) link = parse(text, TRUE, NULL);

                g_assert_cmpint(link != NULL, ==, origins[i].is_loopback);
                assert_refused(text, FALSE);
        }
}

static void
test_the_length_is_limited(void)
{
        for (gsize n = 4095; n <= 4097; n++) {
                g_autofree char *fill = g_strnfill(n - strlen(MAILBOX "?x=#" FRAGMENT), 'x');
                g_autofree char *text = g_strconcat(MAILBOX "?x=", fill, "#" FRAGMENT, NULL);
                g_autoptr(TgLink) link = parse(text, FALSE, NULL);

                g_assert_cmpint(link != NULL, ==, n <= 4096);
        }
}

static void
test_no_part_holds_what_links_do_not(void)
{
        static const char characters[] = {' ', '\t', '\n', '\0', '\x1b', '\x7f', '\x80', '\xff'};

        for (gsize i = 0; i < sizeof characters; i++) {
                g_autoptr(GString) text = g_string_new(MAILBOX "?x=#" FRAGMENT);
                g_autoptr(GError) error = NULL;

                g_string_insert_c(text, strlen(MAILBOX "?x="), characters[i]);
                g_assert_null(tg_link_parse(text->str, text->len, FALSE, &error));
                helper_assert_error(error, TG_ERROR_INVALID, FRAGMENT);
        }
}

/* Requests would go where the template says, and trust was asked for another. */
static void
test_link_and_template_name_one_relay(void)
{
        g_autoptr(TgSecret) secret = helper_secret_filled(1, 32);
        g_autoptr(TgSecret) right = tg_link_format_tdch(
                "https://relay.example/{tigress_location}", 0x1301, secret, NULL);
        g_autoptr(TgSecret) evil = tg_link_format_tdch(
                "https://evil.example/{tigress_location}", 0x1301, secret, NULL);
        const char *evil_text = (const char *)tg_secret_get(evil, NULL);
        g_autofree char *mixed =
                g_strconcat("https://relay.example/t", strchr(evil_text, '#'), NULL);
        g_autoptr(TgLink) link = parse((const char *)tg_secret_get(right, NULL), FALSE, NULL);
        g_autoptr(TgLink) other = parse(evil_text, FALSE, NULL);

        g_assert_nonnull(link);
        g_assert_cmpstr(other->origin, ==, "https://evil.example");
        assert_refused(mixed, FALSE);
}

static void
test_a_secret_may_come_by_another_way(void)
{
        g_autoptr(TgLink) link = parse(MAILBOX, FALSE, NULL);
        g_autoptr(GError) error = NULL;
        static const char *const wrong[] = {
                "", "x", "8Q==", "%", "AAAA", "hXlr6aRC7KgJpOLTNZaLs\n"};

        g_assert_cmpint(link->mode, ==, TG_LINK_NO_SECRET);
        g_assert_null(link->secret);
        g_assert_null(link->fragment);
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) refusal = NULL;

                g_assert_false(tg_link_take_fragment(link, wrong[i], strlen(wrong[i]), &refusal));
                helper_assert_error(refusal, TG_ERROR_INVALID, NULL);
                g_assert_cmpint(link->mode, ==, TG_LINK_NO_SECRET);
                g_assert_null(link->fragment);
        }

        g_assert_true(tg_link_take_fragment(link, FRAGMENT, strlen(FRAGMENT), NULL));
        g_assert_cmpint(link->mode, ==, TG_LINK_T1);
        g_assert_cmpuint(tg_secret_size(link->secret), ==, 32);
        g_assert_false(tg_link_take_fragment(link, FRAGMENT, strlen(FRAGMENT), &error));
        helper_assert_error(error, TG_ERROR_INVALID, FRAGMENT);
}

/* The claim proof is made of all octets, the mode's included. */
static void
test_the_fragment_keeps_the_mode_octet(void)
{
        g_autoptr(TgSecret) secret = helper_secret_filled(0x11, 32);
        g_autoptr(TgSecret) text = tg_link_format(MAILBOX, 0, TG_LINK_T2_PIN, secret, NULL);
        g_autoptr(TgLink) link = parse((const char *)tg_secret_get(text, NULL), FALSE, NULL);

        g_assert_cmpint(link->mode, ==, TG_LINK_T2_PIN);
        g_assert_true(tg_secret_equal(link->secret, secret));
        g_assert_cmpuint(tg_secret_size(link->fragment), ==, 33);
        g_assert_cmpint(tg_secret_get(link->fragment, NULL)[0], ==, 1);
}

static void
test_what_is_written_is_read(void)
{
        static const struct {
                TgLinkMode mode;
                gsize n_secret;
                gboolean is_possible;
        } cases[] = {
                {TG_LINK_T1,        16, TRUE },
                {TG_LINK_T1,        32, TRUE },
                {TG_LINK_T1,        24, FALSE},
                {TG_LINK_T1,        33, FALSE},
                {TG_LINK_T1,        0,  FALSE},
                {TG_LINK_T2,        32, TRUE },
                {TG_LINK_T2,        16, FALSE},
                {TG_LINK_T2_PIN,    32, TRUE },
                {TG_LINK_NO_SECRET, 32, FALSE},
                {TG_LINK_TDCH,      32, FALSE},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(TgSecret) secret = tg_secret_new_random(cases[i].n_secret + 1, NULL);
                g_autoptr(TgSecret) cut = tg_secret_slice(secret, 0, cases[i].n_secret, NULL);
                g_autoptr(GError) error = NULL;
                g_autoptr(TgSecret) text = tg_link_format(MAILBOX, 'h', cases[i].mode, cut, &error);
                g_autoptr(TgLink) link = NULL;

                g_assert_cmpint(text != NULL, ==, cases[i].is_possible);
                if (!text) {
                        helper_assert_error(error, TG_ERROR_INVALID, NULL);
                        continue;
                }
                link = parse((const char *)tg_secret_get(text, NULL), FALSE, NULL);
                g_assert_cmpint(link->mode, ==, cases[i].mode);
                g_assert_cmpint(link->vertical, ==, 'h');
                g_assert_true(tg_secret_equal(link->secret, cut));
        }
}

static void
test_a_hostile_url_link_is_noticed(void)
{
        static const char origin[] = "https://relay.example";
        static const char *const wrong[] = {
                "",
                "https://evil.example/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b",
                "https://relay.example:444/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b",
                "https://relay.example@evil.example/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b",
                "https://relay.example.evil.example/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b",
                "http://relay.example/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b",
                MAILBOX "?v=c",
                MAILBOX "?",
                MAILBOX "#",
                MAILBOX "#" FRAGMENT,
                MAILBOX "/",
                MAILBOX " ",
                "tigress:" MAILBOX,
                "https://relay.example/v1/m/",
                "https://relay.example/t#" FRAGMENT,
                "//relay.example/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b",
                "/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b",
        };
        g_autofree char *right = tg_link_check_url_link(
                "HTTPS://Relay.Example:443/v1/m/6D1C2B9A-a15e-45f1-b0ce-3e61ead95a0b",
                origin,
                FALSE,
                NULL);

        g_assert_cmpstr(right, ==, MAILBOX);
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) error = NULL;

                if (tg_link_check_url_link(wrong[i], origin, TRUE, &error))
                        g_error("accepted: %s", wrong[i]);
                helper_assert_error(error, TG_ERROR_TAMPERED, NULL);
        }
}

static void
test_origins_have_one_spelling(void)
{
        static const struct {
                const char *text;
                const char *origin;
        } origins[] = {
                {"https://relay.example",        "https://relay.example"     },
                {"HTTPS://Relay.EXAMPLE/",       "https://relay.example"     },
                {"https://relay.example:443",    "https://relay.example"     },
                {"https://relay.example:8443/",  "https://relay.example:8443"},
                {"https://[2001:DB8::1]:443",    "https://[2001:db8::1]"     },
                {"http://127.0.0.1:80",          "http://127.0.0.1"          },
                {"http://relay.example",         NULL                        },
                {"https://relay.example/v1",     NULL                        },
                {"https://relay.example?x",      NULL                        },
                {"https://relay.example#x",      NULL                        },
                {"https://relay.example//",      NULL                        },
                {"https://user@relay.example",   NULL                        },
                {"relay.example",                NULL                        },
                {"https://rel\xc3\xa4y.example", NULL                        },
                {"https://",                     NULL                        },
                {"",                             NULL                        },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(origins); i++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *origin = tg_origin_parse(origins[i].text, TRUE, &error);

                g_assert_cmpstr(origin, ==, origins[i].origin);
                if (!origin)
                        helper_assert_error(error, TG_ERROR_INVALID, NULL);
        }
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/link/the-uri-form-is-the-same-link", test_the_uri_form_is_the_same_link);
        g_test_add_func("/link/hosts-are-names-or-addresses", test_hosts_are_names_or_addresses);
        g_test_add_func("/link/http-is-for-this-machine-alone",
                        test_http_is_for_this_machine_alone);
        g_test_add_func("/link/the-length-is-limited", test_the_length_is_limited);
        g_test_add_func("/link/no-part-holds-what-links-do-not",
                        test_no_part_holds_what_links_do_not);
        g_test_add_func("/link/link-and-template-name-one-relay",
                        test_link_and_template_name_one_relay);
        g_test_add_func("/link/a-secret-may-come-by-another-way",
                        test_a_secret_may_come_by_another_way);
        g_test_add_func("/link/the-fragment-keeps-the-mode-octet",
                        test_the_fragment_keeps_the_mode_octet);
        g_test_add_func("/link/what-is-written-is-read", test_what_is_written_is_read);
        g_test_add_func("/link/a-hostile-url-link-is-noticed", test_a_hostile_url_link_is_noticed);
        g_test_add_func("/link/origins-have-one-spelling", test_origins_have_one_spelling);

        return g_test_run();
}
