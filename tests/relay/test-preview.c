/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The preview page as octets, and its words; test-browser.py looks at it with a browser. */

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/opengraph.h"
#include "relay/preview.h"

#define LINK "https://relay.example/v1/m/ID"
#define EXPIRES_S 1800000000

static char *
format(const char *title, const char *description, const char *image_url, TgLanguage language)
{
        TgDisplay display = {(char *)title, (char *)description, (char *)image_url};

        return tg_preview_format(&display, EXPIRES_S, LINK, language);
}

static guint
count(const char *text, const char *part)
{
        guint n = 0;

        for (const char *at = text; (at = strstr(at, part)); at++)
                n++;

        return n;
}

/* ---- the page ---- */

static void
test_page_escapes_a_hostile_title(void)
{
        g_autofree char *page = format("\"><script>alert(1)</script><a href='x'>&amp;</title>",
                                       "line\none \xe2\x80\xae reversed \x1b[31m",
                                       "https://img.example/a\"onload=\"b.png",
                                       TG_LANGUAGE_ENGLISH);

        g_assert_cmpuint(count(page, "<script"), ==, 1);
        g_assert_cmpuint(count(page, "</title"), ==, 1);
        g_assert_null(strstr(page, "<a "));
        g_assert_null(strstr(page, "<form"));
        g_assert_null(strstr(page, "style="));
        g_assert_null(strstr(page, "onload=\""));
        g_assert_null(strstr(page, "\xe2\x80\xae"));
        g_assert_null(strchr(page, '\x1b'));
        g_assert_nonnull(strstr(page,
                                "<meta property=\"og:title\" content=\"&quot;&gt;&lt;script&gt;"
                                "alert(1)&lt;/script&gt;&lt;a href=&#39;x&#39;&gt;&amp;amp;"
                                "&lt;/title&gt;\">"));
        g_assert_nonnull(strstr(page, "<meta property=\"og:type\" content=\"website\">"));
        g_assert_nonnull(strstr(page, "<meta property=\"og:description\" content=\"line one"));
        g_assert_nonnull(strstr(page, "<meta property=\"og:url\" content=\"" LINK "\">"));
        g_assert_nonnull(strstr(page,
                                "<meta property=\"og:image\" content=\"https://img.example/"
                                "a&quot;onload=&quot;b.png\">"));
        g_assert_nonnull(strstr(
                page, "<time datetime=\"2027-01-15T08:00:00Z\">15 January 2027, 08:00 UTC</time>"));
}

/* A wallet that knows this relay's page alone learns from it what the data would say. */
static void
test_page_is_read_by_wallets(void)
{
        g_autofree char *page = format("\"><meta property='og:title' content='x'>",
                                       "a & b",
                                       "https://i.example/&lt;",
                                       TG_LANGUAGE_GERMAN);
        static const char *const expected[][2] = {
                {"og:title",       "\"><meta property='og:title' content='x'>"},
                {"og:description", "a & b"                                    },
                {"og:url",         LINK                                       },
                {"og:image",       "https://i.example/&lt;"                   },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(expected); i++) {
                g_autofree char *value = tg_opengraph_get(page, strlen(page), expected[i][0]);

                g_assert_cmpstr(value, ==, expected[i][1]);
        }
}

/* Names in braces are the page's own; in a stranger's text they are text. */
static void
test_page_fills_in_its_own_names_only(void)
{
        g_autofree char *page = format("{until}{js}", "{button}{", "", TG_LANGUAGE_ENGLISH);

        g_assert_nonnull(strstr(page, ">{until}{js}</h1>"));
        g_assert_nonnull(strstr(page, ">{button}{</p>"));
        g_assert_cmpuint(count(page, "<time"), ==, 1);
}

static void
test_page_names_no_insecure_image(void)
{
        const char *urls[] = {
                "", "http://img.example/a.png", "javascript:alert(1)", "//x/a.png", "data:,"};

        for (gsize i = 0; i < G_N_ELEMENTS(urls); i++) {
                g_autofree char *page = format("", "", urls[i], TG_LANGUAGE_ENGLISH);

                g_assert_null(strstr(page, "og:image"));
                g_assert_null(strstr(page, "<img"));
                g_assert_nonnull(strstr(page, "<h1>Shared credential</h1>"));
                g_assert_null(strstr(page, "class=\"unchecked\""));
        }
}

/* 'sha256-…' of what stands between the @n_th pair of these tags. */
static char *
hash_of(const char *page, const char *tag, guint n)
{
        g_autofree char *open = g_strdup_printf("<%s>", tag);
        g_autofree char *close = g_strdup_printf("</%s>", tag);
        g_autofree char *hash = NULL;
        guint8 digest[TG_SHA256_BYTES];
        const char *begin = page;

        do {
                begin = strstr(begin, open);
                g_assert_nonnull(begin);
                begin += strlen(open);
        } while (n-- > 0);
        tg_sha256(begin, (gsize)(strstr(begin, close) - begin), digest);
        hash = tg_base64_encode(TG_BASE64_STANDARD, digest, sizeof digest);

        return g_strdup_printf("'sha256-%s'", hash);
}

/* The policy allows the page's script and styles by their hashes, and nothing else. */
static void
test_policy_is_of_the_page(void)
{
        for (TgLanguage language = 0; language < TG_N_LANGUAGES; language++) {
                g_autofree char *page = format("t", "d", "", language);
                g_autofree char *script = hash_of(page, "script", 0);
                g_autofree char *style = hash_of(page, "style", 0);
                g_autofree char *noscript = hash_of(page, "style", 1);
                g_autofree char *expected = g_strdup_printf(
                        "default-src 'none'; script-src %s; style-src %s %s; "
                        "frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
                        script,
                        style,
                        noscript);

                g_assert_cmpstr(tg_preview_policy(), ==, expected);
                g_assert_cmpuint(count(page, "<script"), ==, 1);
                g_assert_cmpuint(count(page, "<style"), ==, 2);
        }
}

/* ---- its words ---- */

static gint
compare_texts(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in braces, in alphabetical order. */
static char *
list_names(const char *text)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        char *list;

        while ((text = strchr(text, '{'))) {
                const char *close = strchr(text, '}');

                g_assert_nonnull(close);
                g_ptr_array_add(names, g_strndup(text, (gsize)(close + 1 - text)));
                text = close;
        }
        g_ptr_array_sort(names, compare_texts);
        g_ptr_array_add(names, NULL);
        list = g_strjoinv(" ", (char **)names->pdata);

        return list;
}

/* No translation is missing, says more or less than the others, or looks like markup. */
static void
test_each_language_has_each_text(void)
{
        const char *name;

        for (guint i = 0; (name = tg_preview_text_name(i)); i++) {
                const char *english = tg_preview_text(name, TG_LANGUAGE_ENGLISH);
                g_autofree char *expected = NULL;

                g_assert_nonnull(english);
                expected = list_names(english);
                for (TgLanguage language = 0; language < TG_N_LANGUAGES; language++) {
                        const char *text = tg_preview_text(name, language);
                        g_autofree char *names = NULL, *composed = NULL;
                        glong n_chars, n_english = g_utf8_strlen(english, -1);

                        g_assert_nonnull(text);
                        names = list_names(text);
                        g_assert_cmpstr(names, ==, expected);
                        g_assert_true(g_utf8_validate(text, -1, NULL));
                        composed = g_utf8_normalize(text, -1, G_NORMALIZE_NFC);
                        g_assert_cmpstr(composed, ==, text);
                        n_chars = g_utf8_strlen(text, -1);
                        g_assert_cmpint(n_chars, >=, n_english * 2 / 3);
                        g_assert_cmpint(n_chars, <=, n_english * 3 / 2 + 10);
                        g_assert_null(strpbrk(text, "<>&\"'\n"));
                        /* A sentence is one everywhere, and a label one. */
                        g_assert_cmpint(strchr(".:", text[strlen(text) - 1]) != NULL,
                                        ==,
                                        strchr(".:", english[strlen(english) - 1]) != NULL);
                }
        }
        g_assert_null(tg_preview_text("no such text", TG_LANGUAGE_ENGLISH));
}

/* What stands between the names of each text is on the page, and no name is left over. */
static void
test_each_text_is_on_the_page(void)
{
        const char *name;

        for (TgLanguage language = 0; language < TG_N_LANGUAGES; language++) {
                g_autofree char *named = format("t", "d", "", language);
                g_autofree char *unnamed = format("", "", "", language);
                g_autofree char *both = g_strconcat(named, unnamed, NULL);
                g_autofree char *html =
                        g_strdup_printf("<html lang=\"%s\">", tg_preview_language_tag(language));
                const char *body = strstr(named, "<body>");

                g_assert_nonnull(strstr(named, html));
                for (guint i = 0; (name = tg_preview_text_name(i)); i++) {
                        g_auto(GStrv) pieces =
                                g_strsplit_set(tg_preview_text(name, language), "{}", -1);

                        for (guint j = 0; j < g_strv_length(pieces); j += 2)
                                g_assert_nonnull(strstr(both, pieces[j]));
                }
                g_assert_nonnull(body);
                g_assert_cmpuint((gsize)(strstr(body, "<script>") - body), <, strcspn(body, "{"));
        }
}

static void
test_times_are_in_utc_and_in_the_language(void)
{
        static const struct {
                gint64 unix_s;
                const char *texts[TG_N_LANGUAGES];
        } cases[] = {
                {EXPIRES_S,
                 {"15 January 2027, 08:00 UTC",
                  "15. Januar 2027, 08:00 Uhr (UTC)",
                  "15 de enero de 2027, 08:00 (UTC)",
                  "15 janvier 2027 à 08:00 (UTC)"}                              },
                {1793577599, /* a second before midnight; the minute that is over is never told */
                 {"1 November 2026, 23:59 UTC",
                  "1. November 2026, 23:59 Uhr (UTC)",
                  "1 de noviembre de 2026, 23:59 (UTC)",
                  "1er novembre 2026 à 23:59 (UTC)"}},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
                for (TgLanguage language = 0; language < TG_N_LANGUAGES; language++) {
                        g_autofree char *text = tg_preview_format_time(cases[i].unix_s, language);

                        g_assert_cmpstr(text, ==, cases[i].texts[language]);
                }
}

/* What browsers send, and what nobody should. */
static void
test_language_is_the_best_liked(void)
{
        static const struct {
                const char *accept;
                const char *tag;
        } cases[] = {
                {NULL,                                           "en"},
                {"",                                             "en"},
                {"de",                                           "de"},
                {"DE-at",                                        "de"},
                {"de-CH-1996",                                   "de"},
                {"den",                                          "en"},
                {"d",                                            "en"},
                {"fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"},
                {"en;q=0.8, es;q=0.9",                           "es"},
                {"es-419,es;q=0.9,en;q=0.8",                     "es"},
                {"fr, de",                                       "fr"},
                {"de, fr",                                       "de"},
                {"ja, de;q=0.1",                                 "de"},
                {"ja",                                           "en"},
                {"*",                                            "en"},
                {"de;q=0.5, *",                                  "en"},
                {"*;q=0.1, de;q=0.5",                            "de"},
                {"de;q=0",                                       "en"},
                {"de;q=0, fr;q=0.001",                           "fr"},
                {"de ; q=0.3 , fr ; Q=0.4",                      "fr"},
                {"de;q=2, fr;q=0.1",                             "fr"},
                {"de;q=-1, fr;q=0.1",                            "fr"},
                {"de;q=nan, fr;q=0.1",                           "fr"},
                {"de;q=1e9, fr;q=0.1",                           "fr"},
                {"de;q=, fr;q=0.1",                              "fr"},
                {"de;q=0.99999, fr;q=0.1",                       "fr"},
                {",,;;q=1,=;,\"de",                              "en"},
                {"de\"",                                         "en"},
                {"es_ES",                                        "en"},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
                g_assert_cmpstr(tg_preview_language_tag(tg_preview_choose(cases[i].accept)),
                                ==,
                                cases[i].tag);
}

int
main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/page/escapes-a-hostile-title", test_page_escapes_a_hostile_title);
        g_test_add_func("/page/is-read-by-wallets", test_page_is_read_by_wallets);
        g_test_add_func("/page/fills-in-its-own-names-only", test_page_fills_in_its_own_names_only);
        g_test_add_func("/page/names-no-insecure-image", test_page_names_no_insecure_image);
        g_test_add_func("/page/policy-is-of-the-page", test_policy_is_of_the_page);
        g_test_add_func("/words/each-language-has-each-text", test_each_language_has_each_text);
        g_test_add_func("/words/each-text-is-on-the-page", test_each_text_is_on_the_page);
        g_test_add_func("/words/times", test_times_are_in_utc_and_in_the_language);
        g_test_add_func("/words/language-is-the-best-liked", test_language_is_the_best_liked);

        return g_test_run();
}
