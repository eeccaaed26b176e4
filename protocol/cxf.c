/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/cxf.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

#define MAJOR_VERSION 1
#define MAX_TYPE_BYTES 64
#define MAX_ADDRESS_BYTES 2048

/* Kinds that nobody knows are told up to here: they push none out that somebody does. */
#define MAX_UNKNOWN_BYTES 128

/* ---- kinds of credentials ---- */

static const struct {
        const char *type;
        const char *words; /* for people */
} types[] = {
        {"address",            "address"                 },
        {"api-key",            "API key"                 },
        {"basic-auth",         "password"                },
        {"credit-card",        "credit card"             },
        {"custom-fields",      "other fields"            },
        {"drivers-license",    "driver's licence"        },
        {"file",               "name of a file"          },
        {"generated-password", "generated password"      },
        {"identity-document",  "identity document"       },
        {"item-reference",     "reference to another one"},
        {"note",               "note"                    },
        {"passkey",            "passkey"                 },
        {"passport",           "passport"                },
        {"person-name",        "name of a person"        },
        {"ssh-key",            "SSH key"                 },
        {"totp",               "one-time passwords"      },
        {"wifi",               "Wi-Fi network"           },
};

typedef enum {
        RULE_TEXT,
        RULE_BASE64,
        RULE_NUMBER,
        RULE_FIELD, /* an editable field: an object with the texts fieldType and value */
} Rule;

/* What is looked at of those that this wallet's users come with. */
static const struct {
        const char *type;
        const char *name;
        Rule rule;
        gboolean is_needed;
} members[] = {
        {"basic-auth",         "username",        RULE_FIELD,  FALSE},
        {"basic-auth",         "password",        RULE_FIELD,  FALSE},
        {"generated-password", "password",        RULE_TEXT,   TRUE },
        {"note",               "content",         RULE_FIELD,  TRUE },
        {"passkey",            "credentialId",    RULE_BASE64, TRUE },
        {"passkey",            "rpId",            RULE_TEXT,   TRUE },
        {"passkey",            "username",        RULE_TEXT,   TRUE },
        {"passkey",            "userDisplayName", RULE_TEXT,   TRUE },
        {"passkey",            "userHandle",      RULE_BASE64, TRUE },
        {"passkey",            "key",             RULE_BASE64, TRUE },
        {"ssh-key",            "keyType",         RULE_TEXT,   TRUE },
        {"ssh-key",            "privateKey",      RULE_BASE64, TRUE },
 /* The other three have defaults for who leaves them out. */
        {"totp",               "secret",          RULE_TEXT,   TRUE },
        {"totp",               "period",          RULE_NUMBER, FALSE},
        {"totp",               "digits",          RULE_NUMBER, FALSE},
        {"totp",               "algorithm",       RULE_TEXT,   FALSE},
};

static gboolean
is_field(const TgJson *value)
{
        TgJson part;

        return tg_json_get_typed(value, "fieldType", TG_JSON_STRING, &part) &&
               tg_json_get_typed(value, "value", TG_JSON_STRING, &part);
}

static gboolean
is_base64(const TgJson *value)
{
        const char *text;
        gsize n_chars;
        gsize n_bytes;

        return value->type == TG_JSON_STRING && tg_json_string_raw(value, &text, &n_chars) &&
               tg_base64_check(TG_BASE64_URL, text, n_chars, &n_bytes);
}

static gboolean
follows(Rule rule, const TgJson *value)
{
        switch (rule) {
        case RULE_TEXT:
                return value->type == TG_JSON_STRING;
        case RULE_BASE64:
                return is_base64(value);
        case RULE_NUMBER:
                return value->type == TG_JSON_NUMBER;
        case RULE_FIELD:
                return is_field(value);
        }
        return FALSE;
}

static gboolean
check_members(const TgJson *credential, const TgJson *type, GError **error)
{
        for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
                TgJson value;
                gboolean is_there;

                if (!tg_json_string_equal(type, members[i].type))
                        continue;
                is_there = tg_json_get(credential, members[i].name, &value);
                if (is_there ? follows(members[i].rule, &value) : !members[i].is_needed)
                        continue;
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "its \"%s\" has a \"%s\" that is %s",
                             members[i].type,
                             members[i].name,
                             is_there ? "malformed" : "missing");
                return FALSE;
        }
        return TRUE;
}

/* ---- what names an item ---- */

void
tg_cxf_item_clear(TgCxfItem *self)
{
        g_clear_pointer(&self->title, g_free);
        g_clear_pointer(&self->holds, g_free);
        g_clear_pointer(&self->account, g_free);
        g_clear_pointer(&self->site, g_free);
}

static gboolean
refuse(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

/* Cleaned; NULL for what shows nothing. */
static char *
clean_text(const char *text, gssize n_bytes)
{
        g_autofree char *clean = tg_text_clean(text, n_bytes, TG_MAX_TITLE_BYTES);

        return clean[0] != '\0' ? g_steal_pointer(&clean) : NULL;
}

static char *
take_text(const TgJson *object, const char *name, gsize max_bytes)
{
        g_autofree char *text = tg_json_dup_text(object, name, max_bytes);

        return text != NULL ? clean_text(text, -1) : NULL;
}

/* Each once, in their order. */
static void
take_account(const TgJson *credential, const TgJson *type, GPtrArray *accounts)
{
        g_autofree char *account = NULL;
        TgJson field;

        if (tg_json_string_equal(type, "basic-auth")) {
                if (tg_json_get_typed(credential, "username", TG_JSON_OBJECT, &field))
                        account = take_text(&field, "value", TG_MAX_DETAIL_BYTES);
        } else if (tg_json_string_equal(type, "passkey") || tg_json_string_equal(type, "totp")) {
                account = take_text(credential, "username", TG_MAX_DETAIL_BYTES);
        }
        if (account != NULL &&
            !g_ptr_array_find_with_equal_func(accounts, account, g_str_equal, NULL))
                g_ptr_array_add(accounts, g_steal_pointer(&account));
}

static char *
say_accounts(const GPtrArray *accounts)
{
        if (accounts->len < 2)
                return accounts->len > 0 ? g_strdup(accounts->pdata[0]) : NULL;
        return g_strdup_printf("%s and %u more", (char *)accounts->pdata[0], accounts->len - 1);
}

/* Of an address no more than the host: in the rest may stand what is no name. */
static char *
host_in(const char *text)
{
        const char *start = strstr(text, "://");
        const char *at;
        gsize n;

        if (start == NULL)
                return NULL;
        start += strlen("://");
        n = strcspn(start, "/?#\\");
        at = g_strrstr_len(start, (gssize)n, "@");
        if (at != NULL) {
                n -= (gsize)(at + 1 - start);
                start = at + 1;
        }
        return n > 0 ? clean_text(start, (gssize)n) : NULL;
}

/* The whole may hold a password: no copy of it stays. */
static char *
host_of(const TgJson *address)
{
        char *text;
        char *host;

        if (address->type != TG_JSON_STRING || tg_json_string_bytes(address) > MAX_ADDRESS_BYTES)
                return NULL;
        text = tg_json_dup_string(address);
        host = host_in(text);
        tg_wipe(text, strlen(text));
        g_free(text);
        return host;
}

static char *
take_site(const TgJson *item)
{
        TgJson scope;
        TgJson addresses;
        TgJson address;
        TgJsonIter iter;

        if (!tg_json_get_typed(item, "scope", TG_JSON_OBJECT, &scope) ||
            !tg_json_get_typed(&scope, "urls", TG_JSON_ARRAY, &addresses))
                return NULL;
        tg_json_iter_init(&iter, &addresses);
        return tg_json_iter_next(&iter, NULL, &address) ? host_of(&address) : NULL;
}

/* What an item holds, each kind once. */
typedef struct {
        GPtrArray *words; /* of kinds, in their order */
        guint n[TG_MAX_CXF_CREDENTIALS];
        gsize n_bytes; /* of words */
        gboolean has_others;
} Holds;

static const char *
words_of(const TgJson *type)
{
        for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
                if (tg_json_string_equal(type, types[i].type))
                        return types[i].words;
        return NULL;
}

static void
count_words(Holds *self, const char *words, gboolean is_known)
{
        guint place;

        if (!g_ptr_array_find_with_equal_func(self->words, words, g_str_equal, &place)) {
                if (!is_known && (words[0] == '\0' || self->n_bytes > MAX_UNKNOWN_BYTES)) {
                        self->has_others = TRUE;
                        return;
                }
                place = self->words->len;
                g_ptr_array_add(self->words, g_strdup(words));
                self->n_bytes += strlen(words);
        }
        self->n[place]++;
}

/* One that has no name here by its own. */
static void
count_type(Holds *self, const TgJson *type)
{
        const char *words = words_of(type);
        g_autofree char *text = words == NULL ? tg_json_dup_string(type) : NULL;
        g_autofree char *clean = text != NULL ? tg_text_clean(text, -1, MAX_TYPE_BYTES) : NULL;

        count_words(self, words != NULL ? words : clean, words != NULL);
}

static char *
say_holds(const Holds *self)
{
        GString *said = g_string_new(NULL);

        for (guint i = 0; i < self->words->len; i++) {
                g_string_append_printf(
                        said, "%s%s", i > 0 ? ", " : "", (char *)self->words->pdata[i]);
                if (self->n[i] > 1)
                        g_string_append_printf(said, " (%u)", self->n[i]);
        }
        if (self->has_others)
                g_string_append_printf(said, "%sothers", said->len > 0 ? ", " : "");
        if (said->len == 0)
                g_string_append(said, "nothing");
        return g_string_free(said, FALSE);
}

static gboolean
take_credential(const TgJson *credential,
                Holds *holds,
                GPtrArray *accounts,
                TgCxfItem *item,
                GError **error)
{
        TgJson type;

        if (!tg_json_get_typed(credential, "type", TG_JSON_STRING, &type) ||
            tg_json_string_bytes(&type) > MAX_TYPE_BYTES)
                return refuse(error, "it holds something that has no type");
        if (!check_members(credential, &type, error))
                return FALSE;
        count_type(holds, &type);
        take_account(credential, &type, accounts);
        if (item->site == NULL && tg_json_string_equal(&type, "passkey"))
                item->site = take_text(credential, "rpId", TG_MAX_DETAIL_BYTES);
        return TRUE;
}

static gboolean
take_credentials(const TgJson *list, TgCxfItem *item, GError **error)
{
        g_autoptr(GPtrArray) accounts = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
        Holds holds = {.words = words};
        guint n = 0;
        TgJsonIter iter;
        TgJson credential;

        tg_json_iter_init(&iter, list);
        while (tg_json_iter_next(&iter, NULL, &credential)) {
                if (++n > TG_MAX_CXF_CREDENTIALS)
                        return refuse(error, "it holds too many credentials");
                if (!take_credential(&credential, &holds, accounts, item, error))
                        return FALSE;
        }
        item->holds = say_holds(&holds);
        item->account = say_accounts(accounts);
        return TRUE;
}

static gboolean
is_id(const TgJson *item)
{
        TgJson id;
        const char *text;
        gsize n_chars;
        gsize n_bytes;

        return tg_json_get_typed(item, "id", TG_JSON_STRING, &id) &&
               tg_json_string_raw(&id, &text, &n_chars) &&
               tg_base64_check(TG_BASE64_URL, text, n_chars, &n_bytes) && n_bytes > 0 &&
               n_bytes <= TG_MAX_CXF_ID_BYTES;
}

gboolean
tg_cxf_item_parse(const TgJson *object, TgCxfItem *ret_item, GError **error)
{
        g_auto(TgCxfItem) item = {.json = *object};
        g_autofree char *title = NULL;
        TgJson text;
        TgJson credentials;

        if (object->type != TG_JSON_OBJECT)
                return refuse(error, "it is no object");
        if (tg_json_depth(object) > TG_MAX_CXF_ITEM_DEPTH)
                return refuse(error, "it is nested too deep");
        if (!is_id(object))
                return refuse(error, "it has no id");
        if (!tg_json_get_typed(object, "title", TG_JSON_STRING, &text))
                return refuse(error, "it has no title");
        if (!tg_json_get_typed(object, "credentials", TG_JSON_ARRAY, &credentials))
                return refuse(error, "it has no list of credentials");

        item.site = take_site(object);
        if (!take_credentials(&credentials, &item, error))
                return FALSE;
        title = tg_json_dup_string(&text);
        item.title = tg_text_clean(title, -1, TG_MAX_TITLE_BYTES);

        *ret_item = item;
        item = (TgCxfItem){};
        return TRUE;
}

gboolean
tg_cxf_item_parse_text(const TgSecret *text, TgCxfItem *ret_item, GError **error)
{
        gsize n_bytes;
        const char *chars = (const char *)tg_secret_get(text, &n_bytes);
        TgJson object;

        if (!tg_json_parse(chars, n_bytes, TG_MAX_CONTENT_BYTES, &object, error) ||
            !tg_cxf_item_parse(&object, ret_item, error)) {
                g_prefix_error(error, "that is no item of a credential exchange: ");
                return FALSE;
        }
        return TRUE;
}

/* ---- a document ---- */

static void
clear_item(gpointer item)
{
        tg_cxf_item_clear(item);
}

void
tg_cxf_document_clear(TgCxfDocument *self)
{
        g_clear_pointer(&self->exporter, g_free);
        g_clear_pointer(&self->items, g_array_unref);
}

static gboolean
take_items(const TgJson *list, TgCxfDocument *document, GError **error)
{
        TgJsonIter iter;
        TgJson object;

        tg_json_iter_init(&iter, list);
        while (tg_json_iter_next(&iter, NULL, &object)) {
                TgCxfItem item;

                if (document->items->len >= TG_MAX_CXF_ITEMS) {
                        tg_set_error(error,
                                     TG_ERROR_LIMIT_REACHED,
                                     "there are more than %d items in it",
                                     TG_MAX_CXF_ITEMS);
                        return FALSE;
                }
                if (!tg_cxf_item_parse(&object, &item, error)) {
                        g_prefix_error(error, "item %u: ", document->items->len + 1);
                        return FALSE;
                }
                g_array_append_val(document->items, item);
        }
        return TRUE;
}

static guint
count(const TgJson *account, const char *name)
{
        TgJsonIter iter;
        TgJson list;
        TgJson member;
        guint n = 0;

        if (!tg_json_get_typed(account, name, TG_JSON_ARRAY, &list))
                return 0;
        tg_json_iter_init(&iter, &list);
        while (tg_json_iter_next(&iter, NULL, &member))
                n++;
        return n;
}

static gboolean
take_accounts(const TgJson *list, TgCxfDocument *document, GError **error)
{
        TgJsonIter iter;
        TgJson account;
        TgJson items;
        guint n = 0;

        tg_json_iter_init(&iter, list);
        while (tg_json_iter_next(&iter, NULL, &account)) {
                if (++n > TG_MAX_CXF_ACCOUNTS) {
                        tg_set_error(error,
                                     TG_ERROR_LIMIT_REACHED,
                                     "there are more than %d accounts in it",
                                     TG_MAX_CXF_ACCOUNTS);
                        return FALSE;
                }
                if (!tg_json_get_typed(&account, "items", TG_JSON_ARRAY, &items))
                        return refuse(error, "an account has no list of items");
                document->n_collections += count(&account, "collections");
                if (!take_items(&items, document, error))
                        return FALSE;
        }
        return TRUE;
}

static gboolean
take_header(const TgJson *header, TgCxfDocument *document, GError **error)
{
        TgJson version;
        TgJson major;
        TgJson accounts;
        guint32 number;

        if (!tg_json_get_typed(header, "version", TG_JSON_OBJECT, &version) ||
            !tg_json_get(&version, "major", &major) || !tg_json_get_uint(&major, &number) ||
            !tg_json_get_typed(header, "accounts", TG_JSON_ARRAY, &accounts))
                return refuse(error, "version or accounts are missing");
        if (number != MAJOR_VERSION)
                return refuse(error, "it is of another version of the format than 1");
        document->exporter = take_text(header, "exporterDisplayName", TG_MAX_DETAIL_BYTES);
        if (document->exporter == NULL)
                document->exporter = g_strdup("");
        return take_accounts(&accounts, document, error);
}

gboolean
tg_cxf_document_parse(const TgSecret *text, TgCxfDocument *ret_document, GError **error)
{
        g_auto(TgCxfDocument) document = {.items = g_array_new(FALSE, FALSE, sizeof(TgCxfItem))};
        gsize n_bytes;
        const char *chars = (const char *)tg_secret_get(text, &n_bytes);
        TgJson header;

        g_array_set_clear_func(document.items, clear_item);
        if (!tg_json_parse(chars, n_bytes, TG_MAX_CXF_BYTES, &header, error) ||
            !take_header(&header, &document, error)) {
                g_prefix_error(error, "that is no document of a credential exchange: ");
                return FALSE;
        }
        *ret_document = document;
        document = (TgCxfDocument){};
        return TRUE;
}
