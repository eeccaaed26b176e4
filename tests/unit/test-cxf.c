/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "helper.h"
#include "protocol/cxf.h"
#include "protocol/limits.h"

#define HEAD                                                                                       \
        "{\"version\":{\"major\":1,\"minor\":0},\"exporterRpId\":\"a.example\","                   \
        "\"exporterDisplayName\":\"Safe\\u202e App\",\"timestamp\":1760000000,\"accounts\":["
#define ACCOUNT                                                                                    \
        "{\"id\":\"YWNj\",\"username\":\"\",\"email\":\"\",\"collections\":[{\"id\":\"Yw\","       \
        "\"title\":\"Folder\",\"items\":[]}],\"items\":["

/* As others write them: white space, escapes, numbers and members that nobody here knows. */
#define LOGIN                                                                                      \
        "{ \"id\": \"bG9naW4\",\n  \"creationAt\": 1700000000, \"modifiedAt\": 1.7e9,\n"           \
        "  \"title\": \"Mail \\u001b[31m\\u202ered\", \"favorite\": true,\n"                       \
        "  \"scope\": {\"urls\": [\"https://u:p4ss@mail.example:8443/in?t=0ken\"], "               \
        "\"androidApps\": []},\n"                                                                  \
        "  \"credentials\": [{\"type\": \"basic-auth\",\n"                                         \
        "    \"username\": {\"id\": \"eA\", \"fieldType\": \"string\", \"value\": "                \
        "\"ca\\u0072ol\"},\n"                                                                      \
        "    \"password\": {\"fieldType\": \"concealed-string\", \"value\": \"c4n4ry "             \
        "\\ud83d\\ude00\"}},\n"                                                                    \
        "   {\"type\": \"totp\", \"secret\": \"JBSWY3DPEHPK3PXP\", \"period\": 30, \"digits\": "   \
        "6, "                                                                                      \
        "\"algorithm\": \"sha1\", \"username\": \"other\"},\n"                                     \
        "   {\"type\": \"totp\", \"secret\": \"AAAA\"}],\n"                                        \
        "  \"x.example/new\": {\"a\": [1.10, 1e999, -0, null]} }"
#define PASSKEY                                                                                    \
        "{\"id\":\"cGs\",\"title\":\"\",\"credentials\":[{\"type\":\"passkey\","                   \
        "\"credentialId\":\"AQID\",\"rpId\":\"login.example\",\"username\":\"dave\","              \
        "\"userDisplayName\":\"Dave\",\"userHandle\":\"AA\",\"key\":\"MIGH\","                     \
        "\"fido2Extensions\":{\"payments\":true}}]}"
#define NOTE                                                                                       \
        "{\"id\":\"bg\",\"title\":\"Alarm\",\"credentials\":[{\"type\":\"note\",\"content\":"      \
        "{\"fieldType\":\"string\",\"value\":\"left, then right\"}}]}"
#define SSH_KEY                                                                                    \
        "{\"id\":\"c3No\",\"title\":\"deploy\",\"credentials\":[{\"type\":\"ssh-key\","            \
        "\"keyType\":\"ssh-ed25519\",\"privateKey\":\"MC4CAQ\",\"keyComment\":\"c\"}]}"
#define STRANGE                                                                                    \
        "{\"id\":\"eA\",\"title\":\"?\",\"credentials\":[{\"type\":\"new\\u0007-kind\",\"z\":[]}," \
        "{\"type\":\"credit-card\",\"pin\":1}]}"
#define K48 "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define LONG(letter) "{\"type\":\"" K48 letter "\"},"
#define LAST                                                                                       \
        "{\"type\":\"passkey\",\"credentialId\":\"AQ\",\"rpId\":\"r\",\"username\":\"\","          \
        "\"userDisplayName\":\"\",\"userHandle\":\"AA\",\"key\":\"AA\"}"
#define CROWD                                                                                      \
        "{\"id\":\"eQ\",\"title\":\"c\",\"credentials\":[{\"type\":\"\\u200b\"}," LONG("a")        \
                LONG("b") LONG("c") LONG("d") LONG("e") LONG("f") LAST "]}"
#define BLANK "{\"id\":\"eg\",\"title\":\"b\",\"credentials\":[{\"type\":\"\"}]}"
#define BASIC(name)                                                                                \
        "{\"type\":\"basic-auth\",\"username\":{\"fieldType\":\"string\",\"value\":\"" name        \
        "\"},\"password\":{\"fieldType\":\"concealed-string\",\"value\":\"p\"}}"
#define SEVERAL                                                                                    \
        "{\"id\":\"ew\",\"title\":\"s\",\"scope\":{\"urls\":[\"https://\\u200b/in\"]},"            \
        "\"credentials\":[" BASIC("") "," BASIC("carol") "," BASIC("dave") "," BASIC(              \
                "carol") "," BASIC("erin") ",{\"type\":\"z\"},{\"type\":\"z\"}]}"
#define EMPTY "{\"id\":\"ZQ\",\"title\":\"Empty\",\"credentials\":[]}"

static TgSecret *
document_of(const char *items)
{
        g_autofree char *text = g_strconcat(HEAD ACCOUNT, items, "]}]}", NULL);

        return helper_secret(text);
}

static void
assert_item(const TgCxfDocument *document, guint n, const char *text)
{
        const TgCxfItem *item = &g_array_index(document->items, TgCxfItem, n);

        g_assert_cmpmem(item->json.text, item->json.n_chars, text, strlen(text));
}

static void
test_items_come_out_as_they_went_in(void)
{
        static const struct {
                const char *text, *title, *holds, *account, *site;
        } cases[] = {
                {SEVERAL, "s",      "password (5), z (2)",                        "carol and 2 more", NULL               },
                {LOGIN,
                 "Mail [31mred",    "password, one-time passwords (2)",
                 "carol and 1 more",                                                                  "mail.example:8443"},
                {PASSKEY, "",       "passkey",                                    "dave",             "login.example"    },
                {NOTE,    "Alarm",  "note",                                       NULL,               NULL               },
                {SSH_KEY, "deploy", "SSH key",                                    NULL,               NULL               },
                {STRANGE, "?",      "new-kind, credit card",                      NULL,               NULL               },
                {EMPTY,   "Empty",  "nothing",                                    NULL,               NULL               },
                {CROWD,   "c",      K48 "a, " K48 "b, " K48 "c, passkey, others", NULL,               "r"                },
                {BLANK,   "b",      "others",                                     NULL,               NULL               },
        };
        g_autoptr(TgSecret) text = document_of(SEVERAL "," LOGIN ", " PASSKEY "," NOTE "," SSH_KEY
                                                       ",\n" STRANGE "," EMPTY "," CROWD "," BLANK);
        g_autoptr(TgSecret) again = NULL;
        g_auto(TgCxfDocument) document = {};
        g_auto(TgCxfDocument) second = {};
        g_autoptr(GPtrArray) items =
                g_ptr_array_new_with_free_func((GDestroyNotify)tg_secret_unref);
        g_autoptr(GError) error = NULL;

        g_assert_true(tg_cxf_document_parse(text, &document, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(document.exporter, ==, "Safe App");
        g_assert_cmpuint(document.n_collections, ==, 1);
        g_assert_cmpuint(document.items->len, ==, G_N_ELEMENTS(cases));
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                const TgCxfItem *item = &g_array_index(document.items, TgCxfItem, i);

                assert_item(&document, i, cases[i].text);
                g_assert_cmpstr(item->title, ==, cases[i].title);
                g_assert_cmpstr(item->holds, ==, cases[i].holds);
                g_assert_cmpstr(item->account, ==, cases[i].account);
                g_assert_cmpstr(item->site, ==, cases[i].site);
                g_ptr_array_add(items, helper_secret(cases[i].text));
        }

        again = tg_cxf_document_write(
                (const TgSecret *const *)items->pdata, items->len, 1760000001, &error);
        g_assert_no_error(error);
        g_assert_true(tg_cxf_document_parse(again, &second, &error));
        g_assert_cmpstr(second.exporter, ==, "Tigress");
        g_assert_cmpuint(second.items->len, ==, G_N_ELEMENTS(cases));
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
                assert_item(&second, i, cases[i].text);
}

static void
test_what_is_none_is_refused_whole(void)
{
        static const char *const items[] = {
                "1",
                "{}",
                "{\"id\":\"\",\"title\":\"t\",\"credentials\":[]}",
                "{\"id\":\"a=\",\"title\":\"t\",\"credentials\":[]}",
                "{\"id\":\"ab+/\",\"title\":\"t\",\"credentials\":[]}",
                "{\"id\":1,\"title\":\"t\",\"credentials\":[]}",
                "{\"id\":\"eA\",\"credentials\":[]}",
                "{\"id\":\"eA\",\"title\":null,\"credentials\":[]}",
                "{\"id\":\"eA\",\"title\":\"t\"}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":{}}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[1]}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[{}]}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[{\"type\":1}]}",
                "{\"id\":\"eA\",\"id\":\"eA\",\"title\":\"t\",\"credentials\":[]}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[{\"type\":\"basic-auth\","
                "\"password\":\"c4n4ry\"}]}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[{\"type\":\"basic-auth\","
                "\"password\":{\"fieldType\":\"concealed-string\",\"value\":7}}]}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[{\"type\":\"totp\"}]}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[{\"type\":\"totp\","
                "\"secret\":\"AAAA\",\"period\":\"30\"}]}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[{\"type\":\"note\"}]}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[{\"type\":\"ssh-key\","
                "\"keyType\":\"t\",\"privateKey\":\"-----BEGIN\"}]}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[{\"type\":\"passkey\","
                "\"credentialId\":\"AQ\",\"rpId\":\"r\",\"username\":\"\","
                "\"userDisplayName\":\"\",\"userHandle\":\"AA\"}]}",
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[],\"x\":"
                "[[[[[[[[[[[[]]]]]]]]]]]]}",
        };
        static const char *const documents[] = {
                "",
                "c4n4ry",
                "[]",
                "{}",
                "{\"version\":{\"major\":1},\"accounts\":{}}",
                "{\"version\":{\"major\":1},\"accounts\":[1]}",
                "{\"version\":{\"major\":1},\"accounts\":[{}]}",
                "{\"version\":{\"major\":2,\"minor\":0},\"accounts\":[]}",
                "{\"version\":{\"major\":\"1\"},\"accounts\":[]}",
                "{\"version\":1,\"accounts\":[]}",
                "{\"accounts\":[]}",
                "{\"version\":{\"major\":1},\"accounts\":[{\"items\":[]}]} c4n4ry",
                HEAD ACCOUNT NOTE "]}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(items); i++) {
                g_autofree char *both = g_strconcat(NOTE ",", items[i], NULL);
                g_autoptr(TgSecret) text = document_of(both);
                g_autoptr(TgSecret) alone = helper_secret(items[i]);
                TgCxfDocument document = {};
                TgCxfItem item = {};
                g_autoptr(GError) error = NULL;

                if (tg_cxf_document_parse(text, &document, &error))
                        g_error("taken: %s", items[i]);
                helper_assert_error(error, TG_ERROR_INVALID, "c4n4ry");
                g_assert_null(document.items);
                g_clear_error(&error);
                g_assert_false(tg_cxf_item_parse_text(alone, &item, &error));
                helper_assert_error(error, TG_ERROR_INVALID, "c4n4ry");
                g_assert_null(item.title);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(documents); i++) {
                g_autoptr(TgSecret) text = helper_secret(documents[i]);
                TgCxfDocument document = {};
                g_autoptr(GError) error = NULL;

                if (tg_cxf_document_parse(text, &document, &error))
                        g_error("taken: %s", documents[i]);
                helper_assert_error(error, TG_ERROR_INVALID, "c4n4ry");
        }
}

/* @n times @one with commas between, and @tail without. */
static char *
repeat(const char *one, guint n)
{
        GString *all = g_string_new(NULL);

        for (guint i = 0; i < n; i++)
                g_string_append_printf(all, "%s%s", i > 0 ? "," : "", one);
        return g_string_free(all, FALSE);
}

static void
assert_limit(const char *items, gboolean is_fine, TgError code)
{
        g_autoptr(TgSecret) text = document_of(items);
        g_auto(TgCxfDocument) document = {};
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(tg_cxf_document_parse(text, &document, &error), ==, is_fine);
        if (is_fine)
                g_assert_no_error(error);
        else
                helper_assert_error(error, code, NULL);
}

static void
test_its_counts_are_limited(void)
{
        static const char deepest[] = "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[],\"x\":"
                                      "[[[[[[[[[[[]]]]]]]]]]]}";
        g_autofree char *items = repeat(EMPTY, TG_MAX_CXF_ITEMS);
        g_autofree char *more = g_strconcat(items, "," EMPTY, NULL);
        g_autofree char *credentials = repeat("{\"type\":\"t\"}", TG_MAX_CXF_CREDENTIALS);
        g_autofree char *full = g_strconcat(
                "{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[", credentials, "]}", NULL);
        g_autofree char *fuller = g_strconcat("{\"id\":\"eA\",\"title\":\"t\",\"credentials\":[",
                                              credentials,
                                              ",{\"type\":\"t\"}]}",
                                              NULL);
        g_autofree char *blank = g_strnfill(TG_MAX_CXF_BYTES, ' ');

        assert_limit(items, TRUE, 0);
        assert_limit(more, FALSE, TG_ERROR_LIMIT_REACHED);
        assert_limit(full, TRUE, 0);
        assert_limit(fuller, FALSE, TG_ERROR_INVALID);
        assert_limit(deepest, TRUE, 0);
        assert_limit(blank, FALSE, TG_ERROR_INVALID);
}

static void
test_what_is_written_is_an_item(void)
{
        static const guint8 id[TG_CXF_ID_BYTES] = "\x00\xff\xfe~0123456789a";
        static const TgCxfLabel label = {id, "A \"title\"", 1760000000};
        g_autoptr(TgSecret) password = helper_secret("c4n4ry \"\\\n\xc3\xa9");
        g_autoptr(TgSecret) octets = helper_secret("\xff\xfe");
        const TgCxfMember members[] = {
                {"username", "string",           "carol", NULL,     0},
                {"password", "concealed-string", NULL,    password, 0},
                {"digits",   NULL,               NULL,    NULL,     6},
        };
        const TgCxfMember wrong = {"password", "concealed-string", NULL, octets, 0};
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) text =
                tg_cxf_item_write(&label, "basic-auth", members, G_N_ELEMENTS(members), &error);
        g_auto(TgCxfItem) item = {};
        const TgSecret *twice[] = {text, text};

        g_assert_no_error(error);
        g_assert_cmpstr((const char *)tg_secret_get(text, NULL),
                        ==,
                        "{\"id\":\"AP_-fjAxMjM0NTY3ODlhAA\",\"creationAt\":1760000000,"
                        "\"title\":\"A \\\"title\\\"\",\"credentials\":[{\"type\":\"basic-auth\","
                        "\"username\":{\"fieldType\":\"string\",\"value\":\"carol\"},"
                        "\"password\":{\"fieldType\":\"concealed-string\",\"value\":"
                        "\"c4n4ry \\\"\\\\\\n\xc3\xa9\"},\"digits\":6}]}");
        g_assert_true(tg_cxf_item_parse_text(text, &item, &error));
        g_assert_cmpstr(item.account, ==, "carol");

        g_assert_null(tg_cxf_item_write(&label, "basic-auth", &wrong, 1, &error));
        helper_assert_error(error, TG_ERROR_INVALID, NULL);
        g_clear_error(&error);
        g_assert_null(tg_cxf_document_write(twice, 2, 0, &error));
        helper_assert_error(error, TG_ERROR_INVALID, "c4n4ry");
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/cxf/round-trip", test_items_come_out_as_they_went_in);
        g_test_add_func("/cxf/refused", test_what_is_none_is_refused_whole);
        g_test_add_func("/cxf/limits", test_its_counts_are_limited);
        g_test_add_func("/cxf/written", test_what_is_written_is_an_item);
        return g_test_run();
}
