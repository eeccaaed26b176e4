/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/wireguard-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

static char *folder; /* a fresh one for each test */
char *wireguard_peers;

static const TgVertical *
vertical(void)
{
        return tg_vertical_find("org.tigress.wireguard.peer");
}

char *
wireguard_contents_of(const char *path)
{
        char *text = NULL;

        return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

char *
wireguard_list_path(void)
{
        return g_build_filename(g_get_user_data_dir(), "tigress", "wireguard-addresses", NULL);
}

void
wireguard_set_up(void)
{
        g_autofree char *list = wireguard_list_path();

        g_unlink(list);
        folder = g_dir_make_tmp("tigress-XXXXXX", NULL);
        wireguard_peers = g_build_filename(folder, "peers.conf", NULL);
}

void
wireguard_tear_down(void)
{
        g_unlink(wireguard_peers);
        g_rmdir(folder);
        g_clear_pointer(&folder, g_free);
        g_clear_pointer(&wireguard_peers, g_free);
}

/* ---- the initiator's terms ---- */

/* @more: a text form of a{sv}, whose keys take the place of the usual ones; a value of "" takes
 * the key away. */
void
wireguard_check(const char *more, TgStepAnswer *ret_answer)
{
        g_autofree char *usual = g_strdup_printf(
                "{'server-key': <'" SERVER_KEY "'>, 'endpoint': <'vpn.example:51820'>, "
                "'pool': <['10.8.0.0/29', 'fd00:8::/64']>, 'peers': <'%s'>}",
                wireguard_peers);
        g_autoptr(GVariant) defaults = g_variant_ref_sink(g_variant_new_parsed(usual));
        g_autoptr(GVariantDict) terms = g_variant_dict_new(defaults);
        GVariantIter iter;
        GVariant *value;
        char *name;
        TgStepContext context = {.kind = TG_STEP_CHECK, .role = TG_ROLE_INITIATOR};
        g_autoptr(GVariant) changes = g_variant_ref_sink(g_variant_new_parsed(more));

        g_variant_iter_init(&iter, changes);
        while (g_variant_iter_loop(&iter, "{sv}", &name, &value)) {
                if (g_variant_is_of_type(value, G_VARIANT_TYPE_UNIT))
                        g_variant_dict_remove(terms, name);
                else
                        g_variant_dict_insert_value(terms, name, value);
        }
        context.terms = g_variant_ref_sink(g_variant_dict_end(terms));
        tg_step_run(vertical()->check, &context, ret_answer);
        g_variant_unref(context.terms);
}

static GVariant *
checked(const char *more)
{
        g_auto(TgStepAnswer) answer = {};

        wireguard_check(more, &answer);
        g_assert_no_error(answer.error);
        return g_variant_ref(answer.terms);
}

/* ---- a whole exchange ---- */

void
wireguard_clear_exchange(WireguardExchange *self)
{
        g_clear_pointer(&self->terms, g_variant_unref);
        g_clear_pointer(&self->binding, tg_secret_unref);
        tg_step_answer_clear(&self->offer);
        tg_step_answer_clear(&self->request);
        tg_step_answer_clear(&self->answer);
        tg_step_answer_clear(&self->kept);
}

static TgJson
json_of(const TgSecret *content)
{
        return helper_json((const char *)tg_secret_get(content, NULL));
}

static void
begin(WireguardExchange *self)
{
        TgStepContext context = {.kind = TG_STEP_BEGIN,
                                 .role = TG_ROLE_INITIATOR,
                                 .share_id = self->share_id,
                                 .terms = self->terms};

        tg_step_run(vertical()->begin, &context, &self->offer);
        g_assert_no_error(self->offer.error);
        g_assert_false(self->offer.is_last);
}

void
wireguard_receive(const WireguardExchange *self,
                  TgRole role,
                  guint number,
                  TgSecret *state,
                  const TgJson *message,
                  TgStepAnswer *ret_answer)
{
        TgStepContext context = {
                .kind = TG_STEP_RECEIVE,
                .role = role,
                .share_id = self->share_id,
                .number = number,
                .terms = role == TG_ROLE_INITIATOR ? self->terms : NULL,
                .binding = self->binding,
                .state = state,
                .message = message,
        };

        tg_step_run(vertical()->receive, &context, ret_answer);
}

static void
request(WireguardExchange *self)
{
        TgJson message = json_of(self->offer.content);

        wireguard_receive(self, TG_ROLE_RECIPIENT, 0, NULL, &message, &self->request);
}

void
wireguard_answer(const WireguardExchange *self, TgStepAnswer *ret_answer)
{
        TgJson message = json_of(self->request.content);

        wireguard_receive(self, TG_ROLE_INITIATOR, 1, self->offer.state, &message, ret_answer);
}

void
wireguard_start(WireguardExchange *self, const char *share_id, const char *more)
{
        self->share_id = share_id;
        self->terms = checked(more);
        self->binding = helper_secret_filled((guint8)share_id[0], 32);
        begin(self);
        request(self);
        g_assert_no_error(self->request.error);
}

void
wireguard_run_all(WireguardExchange *self, const char *share_id, const char *more)
{
        TgJson message;

        wireguard_start(self, share_id, more);
        wireguard_answer(self, &self->answer);
        g_assert_no_error(self->answer.error);
        g_assert_true(self->answer.is_last);
        message = json_of(self->answer.content);
        wireguard_receive(self, TG_ROLE_RECIPIENT, 1, self->request.state, &message, &self->kept);
        g_assert_no_error(self->kept.error);
}

char *
wireguard_member(const TgSecret *content, const char *name)
{
        TgJson json = json_of(content);

        return tg_json_dup_text(&json, name, 100);
}

void
wireguard_revoke(const WireguardExchange *self)
{
        g_auto(TgStepAnswer) done = {};
        TgStepContext context = {.kind = TG_STEP_REVOKE,
                                 .role = TG_ROLE_INITIATOR,
                                 .share_id = self->share_id,
                                 .receipt = self->answer.receipt};

        tg_step_run(vertical()->revoke, &context, &done);
        g_assert_no_error(done.error);
        g_assert_cmpint(done.kind, ==, TG_ANSWER_DONE);
}

const char *
wireguard_configuration_of(const WireguardExchange *self)
{
        return (const char *)tg_secret_get(self->kept.provision.content, NULL);
}

void
wireguard_assert_says(const char *text, const char *part)
{
        if (strstr(text, part) == NULL)
                g_error("not in it: %s\n%s", part, text);
}

char *
wireguard_init(int *argc, char ***argv)
{
        char *home = g_dir_make_tmp("tigress-XXXXXX", NULL);
        g_autofree char *data = g_build_filename(home, "tigress", NULL);

        g_setenv("XDG_DATA_HOME", home, TRUE); /* before anybody has asked for it */
        g_mkdir(data, 0700);
        helper_init(argc, argv);
        return home;
}

void
wireguard_finish(const char *home)
{
        g_autofree char *data = g_build_filename(home, "tigress", NULL);
        g_autofree char *list = wireguard_list_path();

        g_unlink(list);
        g_rmdir(data);
        g_rmdir(home);
}
