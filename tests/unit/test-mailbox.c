/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/limits.h"
#include "protocol/mailbox.h"
#include "tests/unit/helper.h"

#define PAYLOAD "\"payload\":{\"type\":\"AEAD_AES_256_GCM\",\"data\":\"AAAA\"}"
#define DISPLAY "\"displayInformation\":{\"title\":\"t\",\"description\":\"d\",\"imageURL\":\"\"}"

typedef gboolean (*Parse)(
        const char *, gsize, const TgMailboxLimits *, TgMailboxRequest *, GError **);

static gboolean
parse(Parse function, const char *body, TgMailboxRequest *ret_request, GError **error)
{
        /* exactly as long as it is */
        g_autofree char *copy = g_memdup2(body, strlen(body));

        return function(copy, strlen(body), &tg_mailbox_limits_default, ret_request, error);
}

static void
assert_refused(Parse function, const char *body, TgError code)
{
        g_auto(TgMailboxRequest) request = {0};
        g_autoptr(GError) error = NULL;

        if (parse(function, body, &request, &error))
                g_error("accepted: %.300s", body);
        helper_assert_error(error, code, NULL);
        g_assert_null(request.payload);
        g_assert_null(request.display.title);
        g_assert_null(request.token.type);
}

static void
test_a_full_create_is_understood(void)
{
        g_auto(TgMailboxRequest) request = {0};
        static const char body[] =
                " {\"later\":[1,{\"payload\":2}]," DISPLAY "," PAYLOAD ","
                "\"notificationToken\":{\"type\":\"webpush\",\"tokenData\":\"abc\"},"
                "\"mailboxConfiguration\":{\"accessRights\":\"DRW\",\"expiration\":"
                "\"2030-01-31T23:59:59Z\"}} ";

        g_assert_true(parse(tg_mailbox_parse_create, body, &request, NULL));
        g_assert_cmpstr(request.payload, ==, "{\"type\":\"AEAD_AES_256_GCM\",\"data\":\"AAAA\"}");
        g_assert_cmpstr(request.display.title, ==, "t");
        g_assert_cmpstr(request.display.description, ==, "d");
        g_assert_cmpstr(request.display.image_url, ==, "");
        g_assert_cmpstr(request.token.type, ==, "webpush");
        g_assert_cmpstr(request.token.data, ==, "abc");
        g_assert_cmpuint(request.rights, ==, TG_RIGHT_READ | TG_RIGHT_WRITE | TG_RIGHT_DELETE);
        g_assert_cmpint(request.expiration_s, ==, 1896134399);
        tg_token_clear(&request.token);
}

static void
test_absent_configuration_is_read_and_delete(void)
{
        static const struct {
                const char *configuration;
                TgRights rights;
        } cases[] = {
                {"",                                                   TG_RIGHT_READ | TG_RIGHT_DELETE},
                {",\"mailboxConfiguration\":{}",                       TG_RIGHT_READ | TG_RIGHT_DELETE},
                {",\"mailboxConfiguration\":{\"accessRights\":\"\"}",  0                              },
                {",\"mailboxConfiguration\":{\"accessRights\":\"W\"}", TG_RIGHT_WRITE                 },
                {",\"notificationToken\":{}",                          TG_RIGHT_READ | TG_RIGHT_DELETE},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *body =
                        g_strconcat("{" PAYLOAD "," DISPLAY, cases[i].configuration, "}", NULL);
                g_auto(TgMailboxRequest) request = {0};

                g_assert_true(parse(tg_mailbox_parse_create, body, &request, NULL));
                g_assert_cmpuint(request.rights, ==, cases[i].rights);
                g_assert_cmpint(request.expiration_s, ==, 0);
                g_assert_null(request.token.type);
        }
}

static void
test_malformed_creates_are_refused(void)
{
        static const char *const wrong[] = {
                "",
                "x",
                "[]",
                "{}",
                "{" PAYLOAD "}",
                "{" DISPLAY "}",
                "{" PAYLOAD "," DISPLAY "}x",
                "{" PAYLOAD "," PAYLOAD "," DISPLAY "}",
                "{\"payload\":null," DISPLAY "}",
                "{\"payload\":\"{}\"," DISPLAY "}",
                "{\"payload\":{\"data\":\"AAAA\"}," DISPLAY "}",
                "{\"payload\":{\"type\":\"X\"}," DISPLAY "}",
                "{\"payload\":{\"type\":\"\",\"data\":\"AAAA\"}," DISPLAY "}",
                "{\"payload\":{\"type\":7,\"data\":\"AAAA\"}," DISPLAY "}",
                "{\"payload\":{\"type\":\"X\",\"data\":7}," DISPLAY "}",
                "{\"payload\":{\"type\":\"X\",\"data\":\"AAA\"}," DISPLAY "}",
                "{\"payload\":{\"type\":\"X\",\"data\":\"AA-_\"}," DISPLAY "}",
                "{\"payload\":{\"type\":\"X\",\"data\":\"AAB=\"}," DISPLAY "}",
                "{\"payload\":{\"type\":\"X\",\"data\":\"AAAA\\n\"}," DISPLAY "}",
                "{" PAYLOAD ",\"displayInformation\":null}",
                "{" PAYLOAD ",\"displayInformation\":{}}",
                "{" PAYLOAD ",\"displayInformation\":{\"title\":\"\",\"description\":\"\"}}",
                "{" PAYLOAD
                ",\"displayInformation\":{\"title\":1,\"description\":\"\",\"imageURL\":\"\"}}",
                "{" PAYLOAD "," DISPLAY ",\"notificationToken\":null}",
                "{" PAYLOAD "," DISPLAY ",\"notificationToken\":{\"type\":\"x\"}}",
                "{" PAYLOAD "," DISPLAY ",\"notificationToken\":{\"tokenData\":\"x\"}}",
                "{" PAYLOAD "," DISPLAY ",\"notificationToken\":{\"type\":\"x\",\"tokenData\":1}}",
                "{" PAYLOAD "," DISPLAY ",\"mailboxConfiguration\":[]}",
                "{" PAYLOAD "," DISPLAY ",\"mailboxConfiguration\":{\"accessRights\":\"RR\"}}",
                "{" PAYLOAD "," DISPLAY ",\"mailboxConfiguration\":{\"accessRights\":\"rwd\"}}",
                "{" PAYLOAD "," DISPLAY ",\"mailboxConfiguration\":{\"accessRights\":\"R D\"}}",
                "{" PAYLOAD "," DISPLAY ",\"mailboxConfiguration\":{\"accessRights\":null}}",
                "{" PAYLOAD "," DISPLAY ",\"mailboxConfiguration\":{\"expiration\":\"soon\"}}",
                "{" PAYLOAD "," DISPLAY ",\"mailboxConfiguration\":{\"expiration\":1896134399}}",
                "{" PAYLOAD "," DISPLAY
                ",\"mailboxConfiguration\":{\"expiration\":\"2030-01-31T23:59:59+01:00\"}}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                assert_refused(tg_mailbox_parse_create, wrong[i], TG_ERROR_INVALID);
}

/* An expiration at the epoch is one, and long past: not "none was asked for". */
static void
test_the_epoch_is_an_expiration(void)
{
        g_auto(TgMailboxRequest) request = {0};

        g_assert_true(parse(tg_mailbox_parse_create,
                            "{" PAYLOAD "," DISPLAY ",\"mailboxConfiguration\":{\"expiration\":"
                            "\"1970-01-01T00:00:00Z\"}}",
                            &request,
                            NULL));
        g_assert_cmpint(request.expiration_s, !=, 0);
}

/* Each limit: the largest passes, one octet more does not. */
static void
test_each_limit_is_exact(void)
{
        static const struct {
                const char *before, *after;
                gsize max_bytes;
        } cases[] = {
                {"{" PAYLOAD ",\"displayInformation\":{\"title\":\"",
                 "\",\"description\":\"\",\"imageURL\":\"\"}}",                                            TG_MAX_TITLE_BYTES      },
                {"{" PAYLOAD ",\"displayInformation\":{\"description\":\"",
                 "\",\"title\":\"\",\"imageURL\":\"\"}}",                                                  TG_MAX_DESCRIPTION_BYTES},
                {"{" PAYLOAD ",\"displayInformation\":{\"imageURL\":\"",
                 "\",\"title\":\"\",\"description\":\"\"}}",                                               TG_MAX_IMAGE_URL_BYTES  },
                {"{" PAYLOAD "," DISPLAY
                 ",\"notificationToken\":{\"type\":\"webpush\",\"tokenData\":\"", "\"}}",
                 TG_MAX_TOKEN_BYTES - 7                                                                                            },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *fill = g_strnfill(cases[i].max_bytes + 1, 'x');
                g_autofree char *beyond = g_strconcat(cases[i].before, fill, cases[i].after, NULL);
                g_autofree char *largest =
                        g_strconcat(cases[i].before, fill + 1, cases[i].after, NULL);
                g_auto(TgMailboxRequest) request = {0};

                g_assert_true(parse(tg_mailbox_parse_create, largest, &request, NULL));
                assert_refused(tg_mailbox_parse_create, beyond, TG_ERROR_LIMIT_REACHED);
        }
}

static char *
update_of(gsize n_sealed)
{
        g_autofree guint8 *sealed = g_malloc0(n_sealed);
        g_autofree char *data = g_base64_encode(sealed, n_sealed);

        return g_strdup_printf("{\"payload\":{\"type\":\"X\",\"data\":\"%s\"}}", data);
}

static void
test_the_largest_payload_passes(void)
{
        g_autofree char *largest = update_of(TG_MAX_SEALED_BYTES);
        g_autofree char *beyond = update_of(TG_MAX_SEALED_BYTES + 1);
        g_autofree char *fill = g_strnfill(TG_MAX_BODY_BYTES, ' ');
        g_autofree char *body = g_strconcat("{}", fill, NULL);
        g_auto(TgMailboxRequest) request = {0};

        g_assert_true(parse(tg_mailbox_parse_update, largest, &request, NULL));
        assert_refused(tg_mailbox_parse_update, beyond, TG_ERROR_LIMIT_REACHED);
        assert_refused(tg_mailbox_parse_update, body, TG_ERROR_LIMIT_REACHED);
        body[TG_MAX_BODY_BYTES] = '\0';
        assert_refused(tg_mailbox_parse_update, body, TG_ERROR_INVALID);
}

/* Only type and data are stored, whatever else a client smuggles in. */
static void
test_the_payload_is_rebuilt(void)
{
        static const struct {
                const char *payload;
                const char *stored;
        } cases[] = {
                {"{\"x\":\"canary\",\"data\":\"AA==\",\"y\":{},\"type\":\"X\"}",
                 "{\"type\":\"X\",\"data\":\"AA==\"}"                                                                 },
                {"{\"type\":\"X\",\"data\":\"\"}",                                    "{\"type\":\"X\",\"data\":\"\"}"},
                {"{ \"type\" : \"a\\\"\\u00e9\" , \"data\" : \"\\/\\/\\u002f\\/\" }",
                 "{\"type\":\"a\\\"\\u00e9\",\"data\":\"////\"}"                                                      },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *body = g_strdup_printf("{\"payload\":%s}", cases[i].payload);
                g_auto(TgMailboxRequest) request = {0};

                g_assert_true(parse(tg_mailbox_parse_update, body, &request, NULL));
                g_assert_cmpstr(request.payload, ==, cases[i].stored);
                helper_json(request.payload);
        }
}

static void
test_a_read_may_be_empty_or_bring_a_token(void)
{
        g_auto(TgMailboxRequest) none = {0};
        g_auto(TgMailboxRequest) request = {0};

        g_assert_true(parse(tg_mailbox_parse_read, "", &none, NULL));
        g_assert_true(parse(tg_mailbox_parse_read, "{}", &none, NULL));
        g_assert_null(none.token.type);
        g_assert_true(parse(tg_mailbox_parse_read,
                            "{\"notificationToken\":{\"type\":\"a\",\"tokenData\":\"\"}}",
                            &request,
                            NULL));
        g_assert_cmpstr(request.token.data, ==, "");
        assert_refused(tg_mailbox_parse_read, " ", TG_ERROR_INVALID);
        assert_refused(tg_mailbox_parse_read, "{\"notificationToken\":7}", TG_ERROR_INVALID);
}

static void
test_what_a_client_asks_the_relay_reads(void)
{
        static const char payload[] = "{\"type\":\"X\",\"data\":\"AAAA\"}";
        TgDisplay display = {.title = (char *)"A \"key\"", .image_url = (char *)""};
        g_autofree char *create = tg_mailbox_format_create(
                payload, &display, TG_RIGHT_READ | TG_RIGHT_WRITE | TG_RIGHT_DELETE, 1896134399);
        g_autofree char *never = tg_mailbox_format_create(payload, &display, TG_RIGHT_READ, 0);
        g_autofree char *update = tg_mailbox_format_update(payload);
        g_auto(TgMailboxRequest) first = {0};
        g_auto(TgMailboxRequest) second = {0};
        g_auto(TgMailboxRequest) third = {0};

        g_assert_true(parse(tg_mailbox_parse_create, create, &first, NULL));
        g_assert_cmpstr(first.payload, ==, payload);
        g_assert_cmpstr(first.display.title, ==, "A \"key\"");
        g_assert_cmpstr(first.display.description, ==, "");
        g_assert_cmpuint(first.rights, ==, 7);
        g_assert_cmpint(first.expiration_s, ==, 1896134399);
        g_assert_true(parse(tg_mailbox_parse_create, never, &second, NULL));
        g_assert_cmpuint(second.rights, ==, TG_RIGHT_READ);
        g_assert_cmpint(second.expiration_s, ==, 0);
        g_assert_true(parse(tg_mailbox_parse_update, update, &third, NULL));
        g_assert_cmpstr(third.payload, ==, payload);
}

static void
test_what_the_relay_answers_a_client_reads(void)
{
        TgDisplay display = {.title = (char *)"</script>",
                             .description = (char *)"d\n",
                             .image_url = (char *)""};
        g_autofree char *made = tg_mailbox_format_created("https://a.example/v1/m/x", FALSE, TRUE);
        g_autofree char *plain = tg_mailbox_format_created("https://a.example/v1/m/x", TRUE, FALSE);
        g_autofree char *read =
                tg_mailbox_format_read("{\"type\":\"X\",\"data\":\"AAAA\"}", &display, 1896134399);
        g_autofree char *preview = tg_mailbox_format_preview(&display, 1896134399);
        g_autofree char *problem = tg_mailbox_format_problem("not-found", "no such mailbox", 404);
        g_autofree char *type = tg_mailbox_parse_problem(problem, strlen(problem));
        g_auto(TgMailboxCreated) created = {0};
        g_auto(TgMailboxCreated) old = {0};
        g_auto(TgMailboxContent) content = {0};
        g_auto(TgDisplay) shown = {0};
        gint64 expiration_s;

        g_assert_true(tg_mailbox_parse_created(made, strlen(made), &created, NULL));
        g_assert_cmpstr(created.url_link, ==, "https://a.example/v1/m/x");
        g_assert_true(created.has_claim_proof);
        g_assert_true(tg_mailbox_parse_created(plain, strlen(plain), &old, NULL));
        g_assert_false(old.has_claim_proof);

        g_assert_true(tg_mailbox_parse_content(read, strlen(read), &content, NULL));
        g_assert_cmpint(content.payload.type, ==, TG_JSON_OBJECT);
        g_assert_cmpstr(content.display.title, ==, "</script>");
        g_assert_cmpstr(content.display.description, ==, "d\n");
        g_assert_cmpint(content.expiration_s, ==, 1896134399);

        g_assert_true(tg_mailbox_parse_preview(
                preview, strlen(preview), TRUE, &shown, &expiration_s, NULL));
        g_assert_cmpstr(shown.title, ==, "</script>");
        g_assert_cmpint(expiration_s, ==, 1896134399);
        g_assert_cmpstr(type, ==, "not-found");
}

static void
test_foreign_relays_are_understood_as_far_as_they_go(void)
{
        static const char html[] = "<html><meta property=\"og:title\" content=\"Key &amp; co\">"
                                   "<meta property=\"og:image\" content=\"https://x\"></html>";
        static const char string[] = "{\"payload\":\"{}\",\"expiration\":\"tomorrow\","
                                     "\"displayInformation\":7}";
        g_auto(TgDisplay) display = {0};
        g_auto(TgMailboxContent) content = {0};
        gint64 expiration_s = 7;

        g_assert_true(
                tg_mailbox_parse_preview(html, strlen(html), FALSE, &display, &expiration_s, NULL));
        g_assert_cmpstr(display.title, ==, "Key & co");
        g_assert_null(display.description);
        g_assert_cmpstr(display.image_url, ==, "https://x");
        g_assert_cmpint(expiration_s, ==, 0);

        g_assert_true(tg_mailbox_parse_content(string, strlen(string), &content, NULL));
        g_assert_cmpint(content.payload.type, ==, TG_JSON_STRING);
        g_assert_null(content.display.title);
        g_assert_cmpint(content.expiration_s, ==, 0);
}

static void
test_garbage_of_a_relay_is_tampered(void)
{
        static const char *const wrong[] = {
                "",
                "x",
                "[]",
                "{}",
                "{\"payload\":7,\"urlLink\":7}",
                "{\"urlLink\":null}",
                "<html>",
                "{\"payload\":{},\"payload\":{},\"urlLink\":\"\",\"urlLink\":\"\"}"};
        g_auto(TgDisplay) display = {0};
        gint64 expiration_s;

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_auto(TgMailboxCreated) created = {0};
                g_auto(TgMailboxContent) content = {0};
                g_autoptr(GError) first = NULL;
                g_autoptr(GError) second = NULL;
                gsize n = strlen(wrong[i]);

                g_assert_false(tg_mailbox_parse_created(wrong[i], n, &created, &first));
                helper_assert_error(first, TG_ERROR_TAMPERED, NULL);
                g_assert_false(tg_mailbox_parse_content(wrong[i], n, &content, &second));
                helper_assert_error(second, TG_ERROR_TAMPERED, NULL);
        }
        g_assert_false(tg_mailbox_parse_preview("<html>", 6, TRUE, &display, &expiration_s, NULL));
}

static void
test_problem_types_are_their_last_word(void)
{
        static const struct {
                const char *body;
                const char *type;
        } problems[] = {
                {"{\"type\":\"cancelled\"}",                                      "cancelled"  },
                {"{\"type\":\"https://relay.example/problems/expired?x=/y#/z\"}", "expired"    },
                {"{\"type\":\"about:blank\"}",                                    "about:blank"},
                {"{\"type\":\"a/\"}",                                             ""           },
                {"{\"type\":7}",                                                  NULL         },
                {"{\"title\":\"x\"}",                                             NULL         },
                {"not found",                                                     NULL         },
                {"",                                                              NULL         },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(problems); i++) {
                g_autofree char *type =
                        tg_mailbox_parse_problem(problems[i].body, strlen(problems[i].body));

                g_assert_cmpstr(type, ==, problems[i].type);
        }
}

static void
test_entity_tags_are_versions(void)
{
        static const char *const wrong[] = {"",
                                            "7",
                                            "\"\"",
                                            "\"7",
                                            "7\"",
                                            "\"-7\"",
                                            "\"07\"",
                                            "\"7a\"",
                                            "W/\"7\"",
                                            "\"7\" ",
                                            " \"7\"",
                                            "\"18446744073709551616\"",
                                            "*",
                                            "\"7\",\"8\""};
        guint64 version = 0;

        g_assert_true(tg_etag_parse("\"0\"", &version));
        g_assert_cmpuint(version, ==, 0);
        g_assert_true(tg_etag_parse("\"18446744073709551615\"", &version));
        g_assert_cmpuint(version, ==, G_MAXUINT64);
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                if (tg_etag_parse(wrong[i], &version))
                        g_error("accepted: %s", wrong[i]);
        g_assert_cmpuint(version, ==, G_MAXUINT64);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/mailbox/a-full-create-is-understood", test_a_full_create_is_understood);
        g_test_add_func("/mailbox/absent-configuration-is-read-and-delete",
                        test_absent_configuration_is_read_and_delete);
        g_test_add_func("/mailbox/malformed-creates-are-refused",
                        test_malformed_creates_are_refused);
        g_test_add_func("/mailbox/the-epoch-is-an-expiration", test_the_epoch_is_an_expiration);
        g_test_add_func("/mailbox/each-limit-is-exact", test_each_limit_is_exact);
        g_test_add_func("/mailbox/the-largest-payload-passes", test_the_largest_payload_passes);
        g_test_add_func("/mailbox/the-payload-is-rebuilt", test_the_payload_is_rebuilt);
        g_test_add_func("/mailbox/a-read-may-be-empty-or-bring-a-token",
                        test_a_read_may_be_empty_or_bring_a_token);
        g_test_add_func("/mailbox/what-a-client-asks-the-relay-reads",
                        test_what_a_client_asks_the_relay_reads);
        g_test_add_func("/mailbox/what-the-relay-answers-a-client-reads",
                        test_what_the_relay_answers_a_client_reads);
        g_test_add_func("/mailbox/foreign-relays-are-understood-as-far-as-they-go",
                        test_foreign_relays_are_understood_as_far_as_they_go);
        g_test_add_func("/mailbox/garbage-of-a-relay-is-tampered",
                        test_garbage_of_a_relay_is_tampered);
        g_test_add_func("/mailbox/problem-types-are-their-last-word",
                        test_problem_types_are_their_last_word);
        g_test_add_func("/mailbox/entity-tags-are-versions", test_entity_tags_are_versions);

        return g_test_run();
}
