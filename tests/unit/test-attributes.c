/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "daemon/attributes.h"
#include "daemon/vertical.h"
#include "helper.h"
#include "protocol/limits.h"

#define ITEM_WITH(attributes)                                                                      \
        "{\"label\":\"l\",\"contentType\":\"text/"                                                 \
        "plain\",\"octets\":\"eA==\",\"attributes\":" attributes "}"

static GVariant *
all_of(const char *text)
{
        return g_variant_ref_sink(g_variant_new_parsed(text));
}

static void
test_only_what_is_named_goes(void)
{
        static const char *const names[] = {"user", "service", NULL};
        static const char *const missing[] = {"nobody", NULL};
        static const char *const unseen[] = {"odd", NULL};
        g_autoptr(GVariant) all = all_of("{'service': 'mail', 'user': 'a \"b\"', 'note': 'c4n4ry', "
                                         "'odd': 'a\\u202eb'}");
        g_autoptr(GVariant) picked = NULL;
        g_autoptr(GString) json = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        picked = tg_attributes_pick(all, names, &error);
        g_assert_no_error(error);
        tg_attributes_append_json(json, picked);
        g_assert_cmpstr(json->str, ==, "{\"user\":\"a \\\"b\\\"\",\"service\":\"mail\"}");

        g_assert_null(tg_attributes_pick(all, NULL, &error));
        g_assert_no_error(error);
        g_assert_null(tg_attributes_pick(all, missing, &error));
        helper_assert_error(error, TG_ERROR_NOT_FOUND, "c4n4ry");
        g_clear_error(&error);
        g_assert_null(tg_attributes_pick(NULL, names, &error));
        helper_assert_error(error, TG_ERROR_NOT_FOUND, NULL);
        g_clear_error(&error);
        g_assert_null(tg_attributes_pick(all, unseen, &error));
        helper_assert_error(error, TG_ERROR_INVALID, NULL);

        g_string_truncate(json, 0);
        tg_attributes_append_json(json, NULL);
        g_assert_cmpstr(json->str, ==, "{}");
}

static void
test_names_that_say_whose_it_is_do_not(void)
{
        static const char *const fine[] = {"user", "x dg:schema", "Tigress", NULL};
        static const char *const twice[] = {"a", "a", NULL};
        static const char *const wrong[] = {
                "xdg:schema", "tigress", "gkr:compat:hashed:user", "", "a\nb"};
        g_autoptr(GError) error = NULL;

        g_assert_true(tg_attributes_check_names(fine, &error));
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                const char *names[] = {"fine", wrong[i], NULL};

                g_assert_false(tg_attributes_check_names(names, &error));
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                g_clear_error(&error);
        }
        g_assert_false(tg_attributes_check_names(twice, &error));
        helper_assert_error(error, TG_ERROR_INVALID, NULL);
}

static void
receive(const char *text, TgStepAnswer *ret_answer)
{
        TgJson message = helper_json(text);
        TgStepContext context = {
                .kind = TG_STEP_RECEIVE, .role = TG_ROLE_RECIPIENT, .message = &message};

        tg_step_run(tg_vertical_keyring_item.receive, &context, ret_answer);
}

static void
test_those_of_a_peer_are_words(void)
{
        static const char *const wrong[] = {
                ITEM_WITH("{\"a\":1}"),
                ITEM_WITH("{\"a\":null}"),
                ITEM_WITH("{\"a\":{}}"),
                ITEM_WITH("[]"),
                ITEM_WITH("{\"\":\"v\"}"),
                ITEM_WITH("{\"a\":\"\\u202e\"}"),
                ITEM_WITH("{\"a\\n\":\"v\"}"),
                ITEM_WITH("{\"a\":\"v\\u001b[31m\"}"),
                ITEM_WITH("{\"a23456789012345678901234567890123456789012345678x\":\"v\"}"),
                ITEM_WITH("{\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\",\"5\":\"\",\"6\":\"\","
                          "\"7\":\"\",\"8\":\"\",\"9\":\"\",\"10\":\"\",\"11\":\"\",\"12\":\"\","
                          "\"13\":\"\",\"14\":\"\",\"15\":\"\",\"16\":\"\",\"17\":\"\"}"),
        };
        g_auto(TgStepAnswer) answer = {};
        g_autofree char *kept = NULL;
        g_autofree char *shown = NULL;

        receive(ITEM_WITH("{\"user\":\"carol\",\"xdg:schema\":\"x\",\"tigress\":\"state-key\","
                          "\"service\":\"m\\u0061il\"}"),
                &answer);
        g_assert_cmpint(answer.kind, ==, TG_ANSWER_KEEP);
        kept = g_variant_print(answer.provision.attributes, FALSE);
        g_assert_cmpstr(kept, ==, "{'user': 'carol', 'service': 'mail'}");
        shown = g_variant_print(answer.details, FALSE);
        g_assert_cmpstr(shown, ==, "[('Attribute user', 'carol'), ('Attribute service', 'mail')]");
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_auto(TgStepAnswer) refused = {};

                receive(wrong[i], &refused);
                if (refused.kind != TG_ANSWER_FAILED)
                        g_error("taken: %s", wrong[i]);
                helper_assert_error(refused.error, TG_ERROR_INVALID, NULL);
        }
}

static void
test_they_wait_with_what_has_arrived(void)
{
        g_auto(TgStepAnswer) answer = {};
        g_autoptr(TgSecret) saved = NULL;
        g_auto(TgProvision) loaded = {};
        g_autoptr(GError) error = NULL;

        receive(ITEM_WITH("{\"user\":\"carol\"}"), &answer);
        saved = tg_provision_save(&answer.provision, &error);
        g_assert_no_error(error);
        g_assert_true(tg_provision_load(saved, &loaded, &error));
        g_assert_true(g_variant_equal(loaded.attributes, answer.provision.attributes));
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/attributes/named", test_only_what_is_named_goes);
        g_test_add_func("/attributes/reserved", test_names_that_say_whose_it_is_do_not);
        g_test_add_func("/attributes/of-a-peer", test_those_of_a_peer_are_words);
        g_test_add_func("/attributes/waiting", test_they_wait_with_what_has_arrived);
        return g_test_run();
}
