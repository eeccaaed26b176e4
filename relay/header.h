/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Values of the HTTP headers that the relay understands, as RFC 9110 and RFC
 * 7240 spell them. Knows no request and no mailbox.
 */

#include <glib.h>

/* application/json, in UTF-8 if it says so. */
gboolean tg_header_is_json(const char *content_type);

/* Whether Accept puts application/json before text/html. */
gboolean tg_header_prefers_json(const char *accept);

/* The place in @tags (primary language subtags in lower case, NULL-terminated) of the one that
 * Accept-Language likes best, as RFC 4647 section 3.4 looks up: "de-AT" is content with "de", of
 * two liked equally the first named wins. The first of @tags where none is liked, or named. */
guint tg_header_choose_language(const char *accept_language, const char *const *tags);

typedef enum { TG_TAGS_DIFFER, TG_TAGS_MATCH, TG_TAGS_MALFORMED } TgTags;

/* Compares the list of entity tags (or "*") of If-Match (@is_weak FALSE) or
 * If-None-Match (TRUE) with `"VERSION"`. */
TgTags tg_header_match_tags(const char *tags, guint64 version, gboolean is_weak);

/* Seconds of the preference "wait", at most @max_s; 0 when there is none that
 * can be read: preferences are never an error. */
guint tg_header_wait_s(const char *prefer, guint max_s);

/* Who each proxy says it speaks for (RFC 7239), the last one's word last; "" where it says
 * nothing of that. NULL-terminated, the caller's. */
char **tg_header_forwarded_for(const char *forwarded);
