/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a relay answers to a wallet: any body. It is read as each of the answers there are. */

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"
#include "protocol/opengraph.h"
#include "protocol/payload.h"
#include "tests/fuzz/fuzz.h"

static void
check_refusal(const GError *error, gboolean is_read)
{
        g_assert_true(is_read == (error == NULL));
        if (error)
                helper_assert_error(error, TG_ERROR_TAMPERED, NULL);
}

static void
check_display(const TgDisplay *display)
{
        const char *texts[] = {display->title, display->description, display->image_url};

        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
                if (texts[i])
                        g_assert_cmpuint(strlen(texts[i]), <=, TG_MAX_PREVIEW_BYTES);
}

static void
check_created(const char *body, gsize n_bytes)
{
        g_auto(TgMailboxCreated) created = {0};
        g_auto(TgMailboxCreated) again = {0};
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        gboolean is_read = tg_mailbox_parse_created(body, n_bytes, &created, &error);

        check_refusal(error, is_read);
        if (!is_read)
                return;
        text = tg_mailbox_format_created(created.url_link, FALSE, created.has_claim_proof);
        g_assert_true(tg_mailbox_parse_created(text, strlen(text), &again, &error));
        g_assert_cmpstr(created.url_link, ==, again.url_link);
        g_assert_cmpint(created.has_claim_proof, ==, again.has_claim_proof);
}

static void
check_content(const char *body, gsize n_bytes)
{
        g_auto(TgMailboxContent) content = {0};
        g_auto(TgMailboxContent) again = {0};
        g_autoptr(GError) error = NULL;
        g_autofree char *payload = NULL;
        g_autofree char *text = NULL;
        gboolean is_read = tg_mailbox_parse_content(body, n_bytes, &content, &error);

        check_refusal(error, is_read);
        if (!is_read)
                return;
        check_display(&content.display);
        g_assert_true(content.payload.text > body &&
                      content.payload.text + content.payload.n_chars < body + n_bytes);

        payload = g_strndup(content.payload.text, content.payload.n_chars);
        text = tg_mailbox_format_read(payload, &content.display, content.expiration_s);
        if (strlen(text) > TG_MAX_RESPONSE_BYTES)
                return;
        g_assert_true(tg_mailbox_parse_content(text, strlen(text), &again, &error));
        g_assert_cmpmem(payload, strlen(payload), again.payload.text, again.payload.n_chars);
        g_assert_cmpint(content.expiration_s, ==, again.expiration_s);
        if (content.display.title)
                g_assert_cmpstr(content.display.title, ==, again.display.title);
}

static void
check_preview(const char *body, gsize n_bytes)
{
        g_auto(TgDisplay) json = {0};
        g_auto(TgDisplay) again = {0};
        g_auto(TgDisplay) html = {0};
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        gint64 expiration_s = 0, same_s;
        gboolean is_read =
                tg_mailbox_parse_preview(body, n_bytes, TRUE, &json, &expiration_s, &error);

        check_refusal(error, is_read);
        check_display(&json);
        if (is_read) {
                text = tg_mailbox_format_preview(&json, expiration_s);
                g_assert_true(
                        tg_mailbox_parse_preview(text, strlen(text), TRUE, &again, &same_s, NULL));
                g_assert_cmpint(expiration_s, ==, same_s);
        }

        g_assert_true(tg_mailbox_parse_preview(body, n_bytes, FALSE, &html, &expiration_s, NULL));
        check_display(&html);
}

/* The property that is looked for does not decide what else is found. */
static void
check_opengraph(const char *html, gsize n_bytes)
{
        static const char page[] = "<meta property=\"og:title\" content=\"T &amp; &#x54;\">";
        g_autofree char *twice = g_malloc(n_bytes + sizeof page);
        g_autofree char *own = NULL;
        g_autofree char *first = NULL;
        g_autofree char *found = NULL;

        memcpy(twice, page, sizeof page - 1);
        memcpy(twice + sizeof page - 1, html, n_bytes);
        own = tg_opengraph_get(twice, n_bytes + sizeof page - 1, "og:title");
        g_assert_cmpstr(own, ==, "T & T"); /* the first counts */

        first = tg_opengraph_get(html, n_bytes, "og:title");
        found = tg_opengraph_get(html, n_bytes, "OG:TITLE");
        g_assert_cmpstr(first, ==, found);
        if (first) /* entities only make it shorter */
                g_assert_cmpuint(strlen(first), <=, n_bytes);
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        const char *body = (const char *)bytes;
        g_autofree char *problem = NULL;

        check_created(body, n_bytes);
        check_content(body, n_bytes);
        check_preview(body, n_bytes);
        check_opengraph(body, n_bytes);
        problem = tg_mailbox_parse_problem(body, n_bytes);
        if (problem)
                g_assert_null(strpbrk(problem, "/?#"));
}
