/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "daemon/vertical.h"
#include "helper.h"
#include "protocol/envelope.h"
#include "protocol/limits.h"

static const TgVertical *
generic(void)
{
        return tg_vertical_find("digitalwallet.generic.authorizationToken");
}

static const TgVertical *
item(void)
{
        return tg_vertical_find("org.tigress.secret.item");
}

/* What a vertical makes of what a user has given. */
static TgSecret *
encode(const TgVertical *vertical,
       TgSecret *given,
       const char *label,
       const char *content_type,
       GError **error)
{
        g_auto(TgStepAnswer) answer = {};
        TgStepContext context = {
                .kind = TG_STEP_BEGIN,
                .role = TG_ROLE_INITIATOR,
                .given = given,
                .label = label,
                .content_type = content_type,
        };

        tg_step_run(vertical->begin, &context, &answer);
        if (answer.error != NULL)
                g_propagate_error(error, g_steal_pointer(&answer.error));
        /* With the one message the other side has it all. */
        g_assert_cmpint(answer.is_last, ==, answer.kind == TG_ANSWER_SAY);
        return g_steal_pointer(&answer.content);
}

/* And of what has arrived. */
static gboolean
decode(const TgVertical *vertical, const TgJson *content, TgProvision *ret, GError **error)
{
        g_auto(TgStepAnswer) answer = {};
        TgStepContext context = {
                .kind = TG_STEP_RECEIVE, .role = TG_ROLE_RECIPIENT, .message = content};

        tg_step_run(vertical->receive, &context, &answer);
        if (answer.error != NULL)
                g_propagate_error(error, g_steal_pointer(&answer.error));
        *ret = answer.provision;
        answer.provision = (TgProvision){};
        return answer.kind == TG_ANSWER_KEEP;
}

/* Through the whole of a message, as it travels. */
static void
send_through(const TgVertical *vertical, TgSecret *given, const char *label, TgProvision *ret)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) content = encode(vertical, given, label, "text/plain", &error);
        g_autoptr(TgSecret) plaintext = NULL;
        g_autoptr(TgEnvelope) envelope = NULL;
        /* The worst display there may be: every character needs an escape. */
        g_autofree char *title = g_strnfill(TG_MAX_TITLE_BYTES, '"');
        g_autofree char *description = g_strnfill(TG_MAX_DESCRIPTION_BYTES, '"');
        g_autofree char *image_url = g_strnfill(TG_MAX_IMAGE_URL_BYTES, '"');
        TgHeader header = {
                .present = TRUE,
                .reads_end = TRUE,
                .title = title,
                .description = description,
                .image_url = image_url,
        };
        gsize n_bytes;
        const guint8 *bytes;

        g_assert_no_error(error);
        bytes = tg_secret_get(content, &n_bytes);
        plaintext = tg_envelope_build(vertical->format, bytes, n_bytes, &header, &error);
        g_assert_no_error(error);
        envelope = tg_envelope_parse(plaintext, &error);
        g_assert_no_error(error);
        decode(vertical, &envelope->content, ret, &error);
        g_assert_no_error(error);
}

static void
test_content_comes_out_as_it_went_in(void)
{
        static const char *const contents[] = {
                "",
                "plain text",
                "{\"a\":1.10,\"b\":[1e999, \"x\"]}",
                " {\"a\":1}\n",
                "{\"octets\":\"AAAA\"}",
                "{\"octets\":\"not base64\"}",
                "{\"octets\":\"AAAA\",\"more\":1}",
                "{\"a\":1,\"a\":2}",
                "[1,2]",
                "\xff\xfe\x01",
                "{\"a\":\"\xc3\xa9\"}",
                "{\"d\":[[[[[[[[[[[[[[1]]]]]]]]]]]]]]}",
                "{\"d\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}",
                "{\"d\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(contents); i++) {
                g_autoptr(TgSecret) given = helper_secret(contents[i]);
                g_auto(TgProvision) provision = {};

                send_through(generic(), given, NULL, &provision);
                g_assert_true(tg_secret_equal(given, provision.content));
        }
}

static void
test_a_json_object_travels_as_it_stands(void)
{
        g_autoptr(TgSecret) given = helper_secret("{\"n\": 1.10}");
        g_autoptr(TgSecret) content = encode(generic(), given, NULL, NULL, NULL);

        g_assert_true(tg_secret_equal(given, content));
}

static void
test_the_largest_content_fits_into_a_message(void)
{
        const TgVertical *const all[] = {generic(), item()}; /* others have a form */

        for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
                g_autoptr(TgSecret) largest = helper_secret_filled(0xa5, TG_MAX_CONTENT_BYTES);
                g_autoptr(TgSecret) larger = helper_secret_filled(0xa5, TG_MAX_CONTENT_BYTES + 1);
                g_autofree char *label = g_strnfill(TG_MAX_TITLE_BYTES, '"');
                g_auto(TgProvision) provision = {};
                g_autoptr(TgSecret) refused = NULL;
                g_autoptr(GError) error = NULL;

                send_through(all[i], largest, label, &provision);
                g_assert_true(tg_secret_equal(largest, provision.content));
                refused = encode(all[i], larger, label, NULL, &error);
                g_assert_null(refused);
                helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
        }
}

static void
test_an_item_brings_its_label_and_type(void)
{
        g_autoptr(TgSecret) given = helper_secret("s3cret");
        g_auto(TgProvision) provision = {};

        send_through(item(), given, "Bank \"one\"", &provision);
        g_assert_true(tg_secret_equal(given, provision.content));
        g_assert_cmpstr(provision.title, ==, "Bank \"one\"");
        g_assert_cmpstr(provision.content_type, ==, "text/plain");
}

static void
test_a_malformed_item_is_refused(void)
{
        static const char *const contents[] = {
                "{}",
                "{\"label\":1,\"contentType\":\"t\",\"octets\":\"\",\"attributes\":{}}",
                "{\"label\":\"l\",\"octets\":\"\",\"attributes\":{}}",
                "{\"label\":\"l\",\"contentType\":\"t\",\"octets\":\"A\",\"attributes\":{}}",
                "{\"label\":\"\",\"contentType\":\"t\",\"octets\":\"A\\u003d\",\"attributes\":{}}",
                "{\"label\":\"l\",\"contentType\":\"t\",\"octets\":\"\",\"attributes\":[]}",
                "{\"label\":\"l\",\"contentType\":\"t\",\"octets\":\"\"}",
                "{\"label\":\"l\",\"contentType\":\"\",\"octets\":\"\",\"attributes\":{}}",
                "{\"label\":\"l\",\"contentType\":\"a\\nb\",\"octets\":\"\",\"attributes\":{}}",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(contents); i++) {
                TgJson content = helper_json(contents[i]);
                TgProvision provision = {};
                g_autoptr(GError) error = NULL;

                g_assert_false(decode(item(), &content, &provision, &error));
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                g_assert_null(provision.content);
                g_assert_null(provision.title);
        }
}

static void
test_a_hostile_label_is_cleaned(void)
{
        TgJson content =
                helper_json("{\"label\":\"a\\u001b[31m\\u202eb\\nc\",\"contentType\":\"t\","
                            "\"octets\":\"AA==\",\"attributes\":{\"service\":\"mail\"}}");
        g_auto(TgProvision) provision = {};
        g_autoptr(GError) error = NULL;

        g_assert_true(decode(item(), &content, &provision, &error));
        g_assert_no_error(error);
        g_assert_null(strchr(provision.title, '\033'));
        g_assert_null(strstr(provision.title, "\xe2\x80\xae"));
        g_assert_null(strchr(provision.title, '\n'));
}

static void
test_copies_ask_for_a_pin_and_tokens_may(void)
{
        const TgVertical *generic = tg_vertical_find("digitalwallet.generic.authorizationToken");

        g_assert_cmpint(tg_vertical_pin_rule(generic, "token"), ==, TG_PIN_OPTIONAL);
        g_assert_cmpint(tg_vertical_pin_rule(generic, "copy"), ==, TG_PIN_DEFAULT);
        g_assert_cmpint(tg_vertical_pin_rule(item(), "copy"), ==, TG_PIN_DEFAULT);
        /* What is not known is not let through. */
        g_assert_cmpint(tg_vertical_pin_rule(generic, "lend"), ==, TG_PIN_REQUIRED);
        g_assert_false(tg_vertical_requires_pin(generic));
        g_assert_false(tg_vertical_requires_pin(item()));
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/vertical/content-comes-out-as-it-went-in",
                        test_content_comes_out_as_it_went_in);
        g_test_add_func("/vertical/a-json-object-travels-as-it-stands",
                        test_a_json_object_travels_as_it_stands);
        g_test_add_func("/vertical/the-largest-content-fits-into-a-message",
                        test_the_largest_content_fits_into_a_message);
        g_test_add_func("/vertical/an-item-brings-its-label-and-type",
                        test_an_item_brings_its_label_and_type);
        g_test_add_func("/vertical/a-malformed-item-is-refused", test_a_malformed_item_is_refused);
        g_test_add_func("/vertical/a-hostile-label-is-cleaned", test_a_hostile_label_is_cleaned);
        g_test_add_func("/vertical/copies-ask-for-a-pin-and-tokens-may",
                        test_copies_ask_for_a_pin_and_tokens_may);

        return g_test_run();
}
