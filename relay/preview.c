/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/preview.h"

#include <string.h>

#include "data/preview/noscript.css.h"
#include "data/preview/preview.css.h"
#include "data/preview/preview.html.h"
#include "data/preview/preview.js.h"
#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/text.h"
#include "protocol/timestamp.h"

/* What stands for {name}; as it is, so it must be HTML already. */
typedef struct {
        const char *name;
        const char *html;
} Slot;

static void
append_escaped(GString *html, const char *text, gsize n_bytes)
{
        for (const char *at = text; at < text + n_bytes; at++)
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
}

/* Cleaned again, though clients do so too: a page must not be turned around by a
 * stranger's control characters. */
static char *
escape(const char *text)
{
        g_autofree char *clean = tg_text_clean(text, -1, G_MAXSIZE);
        GString *html = g_string_sized_new(strlen(clean) + 16);

        append_escaped(html, clean, strlen(clean));

        return g_string_free(html, FALSE);
}

/* ---- filling in ---- */

static const char *
find_slot(const Slot *slots, const char *name)
{
        for (; slots->name; slots++)
                if (strcmp(slots->name, name) == 0)
                        return slots->html;

        return NULL;
}

/* The template's own octets are HTML if @is_html, else text. What is filled in is not
 * looked at again: a stranger's "{until}" stays what it is. */
static void
append_filled(GString *html,
              const char *template,
              gboolean is_html,
              const Slot *slots,
              TgLanguage language)
{
        const char *open;

        while ((open = strchr(template, '{'))) {
                const char *close = strchr(open, '}');
                g_autofree char *name = g_strndup(open + 1, (gsize)(close - open - 1));
                const char *slot = find_slot(slots, name);

                if (is_html)
                        g_string_append_len(html, template, open - template);
                else
                        append_escaped(html, template, (gsize)(open - template));
                if (slot)
                        g_string_append(html, slot);
                else
                        append_filled(
                                html, tg_preview_text(name, language), FALSE, slots, language);
                template = close + 1;
        }
        if (is_html)
                g_string_append(html, template);
        else
                append_escaped(html, template, strlen(template));
}

/* ---- what depends on the mailbox ---- */

static void
append_meta(GString *html, const char *property, const char *escaped)
{
        g_string_append_printf(
                html, "<meta property=\"og:%s\" content=\"%s\">\n", property, escaped);
}

static char *
format_open_graph(const TgDisplay *display,
                  const char *title,
                  const char *description,
                  const char *link)
{
        GString *html = g_string_new(NULL);
        g_autofree char *url = escape(link);

        append_meta(html, "title", title);
        append_meta(html, "type", "website");
        append_meta(html, "description", description);
        append_meta(html, "url", url);
        /* Named for the messenger; the page itself loads nothing. */
        if (g_ascii_strncasecmp(display->image_url, "https://", 8) == 0) {
                g_autofree char *image = escape(display->image_url);

                append_meta(html, "image", image);
        }

        return g_string_free(html, FALSE);
}

/* Words in whatever language and direction, and whose they are. */
static char *
format_sender(const char *title, const char *description, TgLanguage language)
{
        GString *html = g_string_new(NULL);

        if (*title)
                g_string_append_printf(html, "<h1 lang=\"\" dir=\"auto\">%s</h1>\n", title);
        else
                g_string_append_printf(
                        html, "<h1>%s</h1>\n", tg_preview_text("default-title", language));
        if (*description)
                g_string_append_printf(
                        html, "<p class=\"said\" lang=\"\" dir=\"auto\">%s</p>\n", description);
        if (*title || *description)
                g_string_append_printf(html,
                                       "<p class=\"unchecked\">%s</p>\n",
                                       tg_preview_text("unchecked", language));

        return g_string_free(html, FALSE);
}

static char *
format_until(gint64 expires_s, TgLanguage language)
{
        g_autofree char *text = tg_preview_format_time(expires_s, language);
        g_autofree char *stamp = tg_time_format(expires_s);

        return g_strdup_printf("<time datetime=\"%s\">%s</time>", stamp, text);
}

char *
tg_preview_format(const TgDisplay *display, gint64 expires_s, const char *link, TgLanguage language)
{
        g_autofree char *title = escape(display->title);
        g_autofree char *description = escape(display->description);
        const char *heading = *title ? title : tg_preview_text("default-title", language);
        g_autofree char *open_graph = format_open_graph(display, heading, description, link);
        g_autofree char *sender = format_sender(title, description, language);
        g_autofree char *until = format_until(expires_s, language);
        const Slot slots[] = {
                {"language",     tg_preview_language_tag(language)},
                {"open-graph",   open_graph                       },
                {"title",        heading                          },
                {"sender",       sender                           },
                {"until",        until                            },
                {"css",          tg_preview_css                   },
                {"noscript-css", tg_noscript_css                  },
                {"js",           tg_preview_js                    },
                {"command",      "<code>tigressctl accept</code>" },
                {"scheme",       "<code>tigress:</code>"          },
                {"mark",         "<code>#</code>"                 },
                {NULL,           NULL                             },
        };
        GString *html = g_string_sized_new(12288);

        append_filled(html, tg_preview_html, TRUE, slots, language);

        return g_string_free(html, FALSE);
}

/* ---- policy ---- */

static char *
format_hash(const char *text)
{
        guint8 digest[TG_SHA256_BYTES];
        g_autofree char *hash = NULL;

        tg_sha256(text, strlen(text), digest);
        hash = tg_base64_encode(TG_BASE64_STANDARD, digest, sizeof digest);

        return g_strdup_printf("'sha256-%s'", hash);
}

const char *
tg_preview_policy(void)
{
        static gsize is_made;
        static char *policy;

        if (g_once_init_enter(&is_made)) {
                g_autofree char *script = format_hash(tg_preview_js);
                g_autofree char *style = format_hash(tg_preview_css);
                g_autofree char *noscript = format_hash(tg_noscript_css);

                policy = g_strdup_printf("default-src 'none'; script-src %s; style-src %s %s; "
                                         "frame-ancestors 'none'; form-action 'none'; "
                                         "base-uri 'none'",
                                         script,
                                         style,
                                         noscript);
                g_once_init_leave(&is_made, 1);
        }

        return policy;
}
