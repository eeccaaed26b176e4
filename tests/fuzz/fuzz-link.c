/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An invitation link: any text. */

#include <string.h>

#include "protocol/limits.h"
#include "protocol/link.h"
#include "protocol/url.h"
#include "tests/fuzz/fuzz.h"

static void
check_same(const TgLink *a, const TgLink *b)
{
        g_assert_cmpint(a->mode, ==, b->mode);
        g_assert_cmpstr(a->origin, ==, b->origin);
        g_assert_cmpstr(a->mailbox_url, ==, b->mailbox_url);
        g_assert_cmpstr(a->mailbox_id, ==, b->mailbox_id);
        g_assert_cmpuint(a->version, ==, b->version);
        g_assert_cmpstr(a->template, ==, b->template);
        g_assert_cmpuint(a->suite, ==, b->suite);
        g_assert_true(fuzz_same(a->secret, b->secret));
        g_assert_true(fuzz_same(a->fragment, b->fragment));
}

static TgLink *
parse(const char *text, gsize n_chars, gboolean allow_http)
{
        g_autoptr(GError) error = NULL;
        TgLink *link = tg_link_parse(text, n_chars, allow_http, &error);

        g_assert_true((link == NULL) == (error != NULL));
        if (error)
                helper_assert_error(error, TG_ERROR_INVALID, NULL);

        return link;
}

static TgLink *
parse_again(const char *text, gsize n_chars, gboolean allow_http)
{
        TgLink *link = parse(text, n_chars, allow_http);

        g_assert_nonnull(link);

        return link;
}

/* What is written from a link reads as the same link. */
static void
check_format(const TgLink *link, gboolean allow_http)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) text = NULL;
        g_autoptr(TgLink) again = NULL;
        gsize n_chars;
        const char *chars;

        if (link->mode == TG_LINK_TDCH)
                text = tg_link_format_tdch(link->template, link->suite, link->secret, &error);
        else
                text = tg_link_format(
                        link->mailbox_url, link->vertical, link->mode, link->secret, &error);
        g_assert_no_error(error);

        chars = (const char *)tg_secret_get(text, &n_chars);
        again = parse_again(chars, n_chars, allow_http);
        check_same(link, again);
        g_assert_cmpint(link->vertical, ==, again->vertical);
}

/* The address alone is canonical, has no secret, and is what a relay may call it. */
static void
check_address(const TgLink *link, gboolean allow_http)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgLink) again = NULL;
        g_autofree char *url = NULL;
        g_autofree char *other = g_strconcat(link->origin, "0", NULL);

        again = parse_again(link->mailbox_url, strlen(link->mailbox_url), allow_http);
        g_assert_cmpint(again->mode, ==, TG_LINK_NO_SECRET);
        g_assert_null(again->secret);
        g_assert_cmpstr(again->mailbox_url, ==, link->mailbox_url);
        g_assert_cmpint(again->vertical, ==, 0);

        url = tg_link_check_url_link(link->mailbox_url, link->origin, allow_http, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(url, ==, link->mailbox_url);
        g_assert_null(tg_link_check_url_link(link->mailbox_url, other, allow_http, NULL));
}

/* The secret by another way gives the same link. */
static void
check_fragment(const TgLink *link, const char *text, gsize n_chars, gboolean allow_http)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgLink) apart = NULL;
        const char *hash = memchr(text, '#', n_chars);

        if (!hash || link->mode == TG_LINK_NO_SECRET || link->mode == TG_LINK_TDCH)
                return;

        apart = parse_again(text, (gsize)(hash - text), allow_http);
        g_assert_cmpint(apart->mode, ==, TG_LINK_NO_SECRET);
        tg_link_take_fragment(apart, hash + 1, (gsize)(text + n_chars - hash - 1), &error);
        g_assert_no_error(error);
        check_same(link, apart);
        g_assert_false(tg_link_take_fragment(apart, "AAAA", 4, NULL));
}

static void
check_shape(const TgLink *link)
{
        gsize n_secret = link->secret ? tg_secret_size(link->secret) : 0;

        g_assert_cmpuint(link->version, <=, TG_MAX_LINK_VERSION);
        g_assert_true((link->mode == TG_LINK_NO_SECRET) == (link->secret == NULL));
        g_assert_true((link->mode == TG_LINK_TDCH) == (link->mailbox_url == NULL));
        switch (link->mode) {
        case TG_LINK_NO_SECRET:
                break;
        case TG_LINK_T1:
                g_assert_true(n_secret == 16 || n_secret == 32);
                break;
        case TG_LINK_T2:
        case TG_LINK_T2_PIN:
                g_assert_cmpuint(n_secret, ==, 32);
                break;
        case TG_LINK_TDCH:
                g_assert_true(n_secret >= 32 && n_secret <= 255);
                g_assert_cmpint(g_ascii_strncasecmp(link->template, "https://", 8), ==, 0);
        }
        g_assert_true(link->vertical == 0 || g_ascii_islower(link->vertical));
}

static void
check_origin(const char *text, gboolean allow_http)
{
        g_autofree char *origin = tg_origin_parse(text, allow_http, NULL);
        g_autofree char *again = NULL;

        if (!origin)
                return;
        again = tg_origin_parse(origin, allow_http, NULL);
        g_assert_cmpstr(origin, ==, again);
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        const char *text = (const char *)bytes;
        g_autofree char *copy = g_strndup(text, n_bytes);
        gboolean was_taken = FALSE;

        for (gboolean allow_http = FALSE; allow_http <= TRUE; allow_http++) {
                g_autoptr(TgLink) link = parse(text, n_bytes, allow_http);
                g_autofree char *url = tg_link_check_url_link(copy, "https://a", allow_http, NULL);

                g_assert_true(!url || g_str_has_prefix(url, "https://a/"));
                check_origin(copy, allow_http);
                g_assert_true(link || !was_taken); /* who allows more takes no less */
                if (!link)
                        continue;
                was_taken = TRUE;
                check_shape(link);
                if (link->secret)
                        check_format(link, allow_http);
                if (link->mailbox_url)
                        check_address(link, allow_http);
                check_fragment(link, text, n_bytes, allow_http);
        }
}
