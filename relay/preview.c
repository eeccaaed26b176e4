/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/preview.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/text.h"

#define DEFAULT_TITLE "Shared credential"

/* The button is without effect where there is no script; the page says then what
 * to do by hand. A listener, not an onclick attribute: those no hash allows. */
#define SCRIPT                                                                                     \
        "document.getElementById('open').addEventListener('click',function(){"                     \
        "location.href='tigress:'+location.href})"

/* Cleaned again, though clients do so too: a page must not be turned around by a
 * stranger's control characters. */
static char *
escape(const char *text, gsize max_bytes)
{
        g_autofree char *clean = tg_text_clean(text, -1, max_bytes);
        GString *html = g_string_sized_new(strlen(clean) + 16);

        for (const char *at = clean; *at; at++)
                switch (*at) {
                case '&':
                        g_string_append(html, "&amp;");
                        break;
                case '<':
                        g_string_append(html, "&lt;");
                        break;
                case '>':
                        g_string_append(html, "&gt;");
                        break;
                case '"':
                        g_string_append(html, "&quot;");
                        break;
                case '\'':
                        g_string_append(html, "&#39;");
                        break;
                default:
                        g_string_append_c(html, *at);
                }

        return g_string_free(html, FALSE);
}

static void
append_meta(GString *html, const char *property, const char *escaped)
{
        g_string_append_printf(
                html, "<meta property=\"og:%s\" content=\"%s\">\n", property, escaped);
}

static void
append_head(GString *html,
            const char *title,
            const char *description,
            const TgDisplay *display,
            const char *link)
{
        g_string_append(html,
                        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                        "<meta name=\"color-scheme\" content=\"light dark\">\n"
                        "<meta name=\"robots\" content=\"noindex, nofollow\">\n");
        append_meta(html, "title", title);
        append_meta(html, "type", "website");
        append_meta(html, "description", description);
        append_meta(html, "url", link);
        /* Named for the messenger; the page itself loads nothing. */
        if (g_ascii_strncasecmp(display->image_url, "https://", 8) == 0) {
                g_autofree char *image = escape(display->image_url, G_MAXSIZE);

                append_meta(html, "image", image);
        }
        g_string_append_printf(html, "<title>%s</title>\n</head>\n", title);
}

static void
append_body(GString *html, const char *title, const char *description, gint64 expires_s)
{
        g_autoptr(GDateTime) expires = g_date_time_new_from_unix_utc(expires_s);
        g_autofree char *until = g_date_time_format(expires, "%e %B %Y, %H:%M UTC");

        g_string_append_printf(html,
                               "<body>\n"
                               "<table role=\"presentation\" align=\"center\" cellpadding=\"24\">\n"
                               "<tr><td width=\"480\">\n"
                               "<font face=\"system-ui, sans-serif\">\n"
                               "<p><small>Invitation</small></p>\n"
                               "<h1>%s</h1>\n",
                               title);
        if (*description)
                g_string_append_printf(html, "<p>%s</p>\n", description);
        g_string_append_printf(
                html,
                "<p>Somebody shares a digital credential with you. The first device to accept "
                "this invitation receives it. It ends on <b>%s</b>.</p>\n"
                "<p><button id=\"open\" type=\"button\"><font face=\"system-ui, sans-serif\" "
                "size=\"4\">Open in the wallet</font></button></p>\n"
                "<hr>\n"
                "<p><small>Nothing happens? Copy the whole address of this page, the part after "
                "<b>#</b> included, run <code>tigressctl accept</code> and paste it there. Or "
                "write <code>tigress:</code> before the address and open that.</small></p>\n"
                "<p><small>Title and description are the sender’s words, and nobody has checked "
                "them. Give this address to nobody: whoever has it can accept in your "
                "place.</small></p>\n"
                "</font>\n</td></tr>\n</table>\n"
                "<script>" SCRIPT "</script>\n"
                "</body>\n</html>\n",
                g_strstrip(until));
}

char *
tg_preview_format(const TgDisplay *display, gint64 expires_s, const char *link)
{
        g_autofree char *title = escape(display->title, G_MAXSIZE);
        g_autofree char *description = escape(display->description, G_MAXSIZE);
        g_autofree char *url = escape(link, G_MAXSIZE);
        const char *heading = *title ? title : DEFAULT_TITLE;
        GString *html = g_string_sized_new(4096);

        append_head(html, heading, description, display, url);
        append_body(html, heading, description, expires_s);

        return g_string_free(html, FALSE);
}

const char *
tg_preview_policy(void)
{
        static gsize is_made;
        static char *policy;

        if (g_once_init_enter(&is_made)) {
                guint8 digest[TG_SHA256_BYTES];
                g_autofree char *hash = NULL;

                tg_sha256(SCRIPT, strlen(SCRIPT), digest);
                hash = tg_base64_encode(TG_BASE64_STANDARD, digest, sizeof digest);
                policy = g_strdup_printf("default-src 'none'; script-src 'sha256-%s'; "
                                         "frame-ancestors 'none'; form-action 'none'; "
                                         "base-uri 'none'",
                                         hash);
                g_once_init_leave(&is_made, 1);
        }

        return policy;
}
