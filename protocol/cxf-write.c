/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Documents and items of the Credential Exchange Format, written in secret memory. */

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "protocol/cxf.h"
#include "protocol/error.h"
#include "protocol/limits.h"

/* Whose they are: a domain that can be nobody's (RFC 6761), for a program has none. */
#define EXPORTER_RP_ID "tigress.invalid"
#define EXPORTER_NAME "Tigress"

/* Everything is written twice: first to nowhere, for its length. */
typedef struct {
        char *at; /* NULL: only counted */
        gsize n;
} Out;

static void
put_bytes(Out *out, const void *bytes, gsize n)
{
        if (out->at != NULL)
                memcpy(out->at + out->n, bytes, n);
        out->n += n;
}

static void
put(Out *out, const char *text)
{
        put_bytes(out, text, strlen(text));
}

static void
put_quoted(Out *out, const char *text, gsize n)
{
        if (out->at != NULL)
                tg_json_quote_to(out->at + out->n, text, n);
        out->n += tg_json_quoted_chars(text, n);
}

static void
put_number(Out *out, gint64 number)
{
        char text[24];

        g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT, number);
        put(out, text);
}

static void
put_id(Out *out, const guint8 *id)
{
        char text[24];
        gsize n = tg_base64_encoded_chars(TG_BASE64_URL, TG_CXF_ID_BYTES);

        tg_base64_encode_to(TG_BASE64_URL, id, TG_CXF_ID_BYTES, text);
        put(out, "\"id\":\"");
        put_bytes(out, text, n);
        put(out, "\"");
}

/* ---- an item ---- */

static void
put_value(Out *out, const TgCxfMember *member)
{
        gsize n;
        const char *text;

        if (member->text != NULL) {
                put_quoted(out, member->text, strlen(member->text));
        } else if (member->secret != NULL) {
                text = (const char *)tg_secret_get(member->secret, &n);
                put_quoted(out, text, n);
        } else {
                put_number(out, member->number);
        }
}

static void
put_member(Out *out, const TgCxfMember *member)
{
        put(out, ",\"");
        put(out, member->name);
        put(out, "\":");
        if (member->field_type != NULL) {
                put(out, "{\"fieldType\":\"");
                put(out, member->field_type);
                put(out, "\",\"value\":");
        }
        put_value(out, member);
        if (member->field_type != NULL)
                put(out, "}");
}

static void
put_item(Out *out,
         const TgCxfLabel *label,
         const char *type,
         const TgCxfMember *members,
         gsize n_members)
{
        put(out, "{");
        put_id(out, label->id);
        if (label->created_s > 0) {
                put(out, ",\"creationAt\":");
                put_number(out, label->created_s);
        }
        put(out, ",\"title\":");
        put_quoted(out, label->title, strlen(label->title));
        put(out, ",\"credentials\":[{\"type\":\"");
        put(out, type);
        put(out, "\"");
        for (gsize i = 0; i < n_members; i++)
                put_member(out, &members[i]);
        put(out, "}]}");
}

static gboolean
is_text(const TgSecret *secret)
{
        gsize n;
        const char *text = (const char *)tg_secret_get(secret, &n);

        return g_utf8_validate(text, (gssize)n, NULL);
}

TgSecret *
tg_cxf_item_write(const TgCxfLabel *label,
                  const char *type,
                  const TgCxfMember *members,
                  gsize n_members,
                  GError **error)
{
        Out out = {};
        TgSecret *item;
        guint8 *buffer;

        for (gsize i = 0; i < n_members; i++) {
                if (members[i].secret == NULL || is_text(members[i].secret))
                        continue;
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "what it holds is no text, and a credential exchange has no place "
                             "for anything else");
                return NULL;
        }
        put_item(&out, label, type, members, n_members);
        item = tg_secret_new_blank(out.n, &buffer, error);
        if (item == NULL)
                return NULL;
        out = (Out){.at = (char *)buffer};
        put_item(&out, label, type, members, n_members);
        return item;
}

/* ---- a document ---- */

/* Ids are looked at as they are written: each octet sequence has one form. */
static gboolean
are_distinct(const TgSecret *const *items, gsize n_items, GError **error)
{
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (gsize i = 0; i < n_items; i++) {
                g_auto(TgCxfItem) item = {};
                TgJson id;

                if (!tg_cxf_item_parse_text(items[i], &item, error))
                        return FALSE;
                if (tg_json_get(&item.json, "id", &id) &&
                    g_hash_table_add(seen, tg_json_dup_string(&id)))
                        continue;
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "two of the credentials are the same item: leave one of them out");
                return FALSE;
        }
        return TRUE;
}

static void
put_document(
        Out *out, const guint8 *account, const TgSecret *const *items, gsize n_items, gint64 now_s)
{
        put(out,
            "{\"version\":{\"major\":1,\"minor\":0},\"exporterRpId\":\"" EXPORTER_RP_ID
            "\",\"exporterDisplayName\":\"" EXPORTER_NAME "\",\"timestamp\":");
        put_number(out, now_s);
        put(out, ",\"accounts\":[{");
        put_id(out, account);
        put(out, ",\"username\":\"\",\"email\":\"\",\"collections\":[],\"items\":[");
        for (gsize i = 0; i < n_items; i++) {
                gsize n;
                const guint8 *bytes = tg_secret_get(items[i], &n);

                if (i > 0)
                        put(out, ",");
                put_bytes(out, bytes, n);
        }
        put(out, "]}]}\n");
}

TgSecret *
tg_cxf_document_write(const TgSecret *const *items, gsize n_items, gint64 now_s, GError **error)
{
        guint8 account[TG_CXF_ID_BYTES];
        Out out = {};
        TgSecret *document;
        guint8 *buffer;

        if (n_items > TG_MAX_CXF_ITEMS) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "more than %d credentials do not go into one document",
                             TG_MAX_CXF_ITEMS);
                return NULL;
        }
        if (!are_distinct(items, n_items, error))
                return NULL;
        tg_random(account, sizeof account);
        put_document(&out, account, items, n_items, now_s);
        if (out.n > TG_MAX_CXF_BYTES) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "a document is at most %d octets: export fewer credentials at a time",
                             TG_MAX_CXF_BYTES);
                return NULL;
        }
        document = tg_secret_new_blank(out.n, &buffer, error);
        if (document == NULL)
                return NULL;
        out = (Out){.at = (char *)buffer};
        put_document(&out, account, items, n_items, now_s);
        return document;
}
