/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The share link: parse and format. The link
 * carries the mailbox address before '#', the secret after it; whatever is made
 * for a request comes from the part before.
 */

#include <glib.h>

#include "protocol/secret.h"
#include "protocol/url.h"

typedef enum {
        TG_LINK_NO_SECRET, /* the fragment is absent or empty: it comes by another way */
        TG_LINK_T1,        /* P or T1: 16 or 32 octets */
        TG_LINK_T2_PIN,    /* mode octet 0x01 */
        TG_LINK_T2,        /* mode octet 0x02 */
        TG_LINK_TDCH,      /* mode octet 0x10 */
} TgLinkMode;

typedef struct {
        TgLinkMode mode;
        char *origin;       /* scheme://host[:port], lower case, default port removed */
        char *mailbox_url;  /* canonical; NULL for TDCH */
        char *mailbox_id;   /* lower-case UUID; NULL for TDCH */
        guint version;      /* 0 when the path had none */
        char vertical;      /* 'a' … 'z', 0 when absent */
        TgSecret *secret;   /* without the mode octet; NULL when there is none */
        TgSecret *fragment; /* decoded fragment, all octets (claim proof); NULL when none */
        char *template;     /* TDCH only */
        guint16 suite;      /* TDCH only */
} TgLink;

/* Parses @text strictly; a leading "tigress:" is taken off. @allow_http lets
 * http pass for loopback addresses (test configurations). TG_ERROR_INVALID with
 * a sentence that names what is wrong and never the link itself. */
TgLink *tg_link_parse(const char *text, gsize n_chars, gboolean allow_http, GError **error);

/* The link whose secret came by another way: @fragment_text as it would stand
 * after '#'. BAD use (the link has a secret already) is TG_ERROR_INVALID. */
gboolean
tg_link_take_fragment(TgLink *self, const char *fragment_text, gsize n_chars, GError **error);

/* The standard alphabet with padding for P/T1,
 * URL-safe without for T2. @vertical 0: no query. The result is the whole
 * credential of a P or T1 share, hence a secret. */
TgSecret *tg_link_format(const char *mailbox_url,
                         char vertical,
                         TgLinkMode mode,
                         const TgSecret *secret,
                         GError **error);
TgSecret *
tg_link_format_tdch(const char *template, guint16 suite, const TgSecret *secret, GError **error);

/* The origin of a URI template, which requests follow: https, one {tigress_location} in path or
 * query. TG_ERROR_INVALID otherwise. */
char *tg_template_origin(const char *template, GError **error);

/* Where the messages of a link lie: its mailbox, or its template. */
const char *tg_link_place(const TgLink *self);

/* The canonical mailbox URL behind a relay's urlLink, or NULL with
 * TG_ERROR_TAMPERED: it must have @origin, parse as above, and have neither
 * query nor fragment. */
char *tg_link_check_url_link(const char *url_link,
                             const char *origin,
                             gboolean allow_http,
                             GError **error);

void tg_link_free(TgLink *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgLink, tg_link_free)
