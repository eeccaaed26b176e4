/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Documents and items of the Credential Exchange Format: any text. */

#include <string.h>

#include "protocol/cxf.h"
#include "protocol/limits.h"
#include "protocol/text.h"
#include "tests/fuzz/fuzz.h"

static void
check_names(const TgCxfItem *item)
{
        g_assert_true(tg_text_is_clean(item->title, TG_MAX_TITLE_BYTES));
        g_assert_true(tg_text_is_clean(item->holds, 2 * TG_MAX_TITLE_BYTES));
        g_assert_cmpuint(strlen(item->holds), >, 0);
        if (item->account != NULL)
                g_assert_true(tg_text_is_clean(item->account, TG_MAX_TITLE_BYTES));
        if (item->site != NULL)
                g_assert_true(tg_text_is_clean(item->site, TG_MAX_TITLE_BYTES));
}

/* An item is one by itself, too, as it is kept. */
static TgSecret *
check_item(const TgCxfItem *item)
{
        TgSecret *text = fuzz_secret(item->json.text, item->json.n_chars);
        g_auto(TgCxfItem) alone = {};
        g_autoptr(GError) error = NULL;

        check_names(item);
        g_assert_true(tg_cxf_item_parse_text(text, &alone, &error));
        g_assert_cmpuint(alone.json.n_chars, ==, item->json.n_chars);
        g_assert_cmpstr(alone.title, ==, item->title);
        g_assert_cmpstr(alone.holds, ==, item->holds);
        g_assert_cmpstr(alone.account, ==, item->account);
        g_assert_cmpstr(alone.site, ==, item->site);
        return text;
}

/* What is written of them reads the same, octet for octet. */
static void
check_again(const TgCxfDocument *document, GPtrArray *items)
{
        g_auto(TgCxfDocument) again = {};
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) text = tg_cxf_document_write(
                (const TgSecret *const *)items->pdata, items->len, 1760000000, &error);

        if (text == NULL) { /* two are the same */
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                return;
        }
        g_assert_true(tg_cxf_document_parse(text, &again, &error));
        g_assert_cmpuint(again.items->len, ==, document->items->len);
        for (guint i = 0; i < again.items->len; i++) {
                const TgCxfItem *a = &g_array_index(again.items, TgCxfItem, i);
                const TgCxfItem *b = &g_array_index(document->items, TgCxfItem, i);

                g_assert_cmpmem(a->json.text, a->json.n_chars, b->json.text, b->json.n_chars);
        }
}

/* As the secret and the title of an item that is made here. */
static void
check_written(const TgSecret *secret, const char *title)
{
        static const guint8 id[TG_CXF_ID_BYTES] = {1};
        const TgCxfLabel label = {id, title, 1};
        const TgCxfMember member = {"password", "concealed-string", NULL, secret, 0};
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) text = tg_cxf_item_write(&label, "basic-auth", &member, 1, &error);
        g_auto(TgCxfItem) item = {};

        if (text == NULL)
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
        else if (tg_secret_size(text) <= TG_MAX_CONTENT_BYTES)
                g_assert_true(tg_cxf_item_parse_text(text, &item, &error));
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        g_autoptr(TgSecret) text = fuzz_secret(bytes, n_bytes);
        g_autofree char *title = tg_text_clean((const char *)bytes, (gssize)n_bytes, 64);
        g_autoptr(GPtrArray) items =
                g_ptr_array_new_with_free_func((GDestroyNotify)tg_secret_unref);
        g_auto(TgCxfDocument) document = {};
        g_auto(TgCxfItem) item = {};
        g_autoptr(GError) error = NULL;

        check_written(text, title);
        if (tg_cxf_item_parse_text(text, &item, NULL))
                check_names(&item);
        if (!tg_cxf_document_parse(text, &document, &error)) {
                fuzz_check_error(error, TRUE);
                g_assert_null(document.items);
                return;
        }
        for (guint i = 0; i < document.items->len; i++)
                g_ptr_array_add(items, check_item(&g_array_index(document.items, TgCxfItem, i)));
        check_again(&document, items);
}
