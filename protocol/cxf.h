/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The FIDO Alliance's Credential Exchange Format 1.0 (Proposed Standard of 14 August 2025 with the
 * errata of 9 March 2026): what password managers export and import. A document has accounts, an
 * account items, an item credentials (a password, a passkey, a note …). An item is kept and passed
 * on octet for octet: here it is judged, and only what names it is read.
 *
 * Works over secret memory; what is copied out of it are names, cleaned.
 */

#include <glib.h>

#include "protocol/json.h"
#include "protocol/secret.h"

typedef struct {
        TgJson json;   /* a view of what was parsed */
        char *title;   /* "": it has none. All four cleaned. */
        char *holds;   /* for people: "password (3), one-time passwords" */
        char *account; /* for people: "carol", "carol and 2 more"; NULL: not said */
        char *site;    /* host or relying party; NULL: not said */
} TgCxfItem;

void tg_cxf_item_clear(TgCxfItem *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgCxfItem, tg_cxf_item_clear)

/* Whether @object is an item. Of the kinds of credentials that are known, what must be there is
 * looked at; others may be anything that has a type. TG_ERROR_INVALID with a sentence, in which
 * nothing of the item stands. */
gboolean tg_cxf_item_parse(const TgJson *object, TgCxfItem *ret_item, GError **error);
/* The same of a text that is one item and nothing else, as it is kept. */
gboolean tg_cxf_item_parse_text(const TgSecret *text, TgCxfItem *ret_item, GError **error);

typedef struct {
        char *exporter; /* its display name, cleaned; "": not said */
        GArray *items;  /* of TgCxfItem, of all accounts, in their order */
        guint n_collections;
} TgCxfDocument;

void tg_cxf_document_clear(TgCxfDocument *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgCxfDocument, tg_cxf_document_clear)

/* All of it, or nothing: TG_ERROR_INVALID, TG_ERROR_LIMIT_REACHED. The items are views of @text,
 * which the caller keeps. */
gboolean tg_cxf_document_parse(const TgSecret *text, TgCxfDocument *ret_document, GError **error);

/* ---- written ---- */

/* A document with one account that holds @items (texts of items, which must be right) as they
 * stand. TG_ERROR_INVALID when two have the same id; at most TG_MAX_CXF_ITEMS. */
TgSecret *
tg_cxf_document_write(const TgSecret *const *items, gsize n_items, gint64 now_s, GError **error);

/* How an item is made of something that is no item. */
typedef struct {
        const guint8 *id; /* TG_CXF_ID_BYTES */
        const char *title;
        gint64 created_s; /* 0: not said */
} TgCxfLabel;
#define TG_CXF_ID_BYTES 16

/* A member of its credential. */
typedef struct {
        const char *name;
        const char *field_type; /* of an editable field ("concealed-string"); NULL: a plain value */
        const char *text;       /* the value; or */
        const TgSecret *secret; /* this, which must be UTF-8 without U+0000; or */
        gint number;            /* where both are NULL */
} TgCxfMember;

/* An item with one credential of @type. TG_ERROR_INVALID where a secret is no text. */
TgSecret *tg_cxf_item_write(const TgCxfLabel *label,
                            const char *type,
                            const TgCxfMember *members,
                            gsize n_members,
                            GError **error);
