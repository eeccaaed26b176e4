/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/agent.h"
#include "cli/command.h"
#include "cli/object.h"
#include "cli/output.h"
#include "cli/terms.h"
#include "cli/times.h"
#include "protocol/error.h"

static GPtrArray *chosen;

static const TgOption options[] = {
        {"option",                               TG_OPTION_TEXTS, &chosen, "NAME=VALUE", "how, as the manual of its kind says"},
        {},
};

/* The wallet cannot know which agent this terminal's ssh would ask. */
static void
choose_agent(const char *target)
{
        const char *agent = g_getenv("SSH_AUTH_SOCK");

        if (strcmp(target, "ssh-agent") != 0 || !agent || *agent == '\0')
                return;
        for (guint i = 0; chosen && i < chosen->len; i++)
                if (g_str_has_prefix(chosen->pdata[i], "agent="))
                        return;
        if (!chosen)
                chosen = g_ptr_array_new();
        g_ptr_array_add(chosen, g_strconcat("agent=", agent, NULL));
}

/* What it will change is said before anybody is asked for a password. */
static void
explain(const TgObject *credential, const char *target)
{
        g_autoptr(GVariant) targets = tg_object_pairs(credential, "Targets");
        GVariantIter iter;
        const char *name;
        const char *changes;

        g_variant_iter_init(&iter, targets);
        while (g_variant_iter_next(&iter, "(&s&s)", &name, &changes))
                if (strcmp(name, target) == 0)
                        tg_output_say("This %s.", changes);
}

static GVariant *
use(const TgInvocation *invocation,
    TgClient *client,
    const TgObject *credential,
    const TgTerms *terms,
    GError **error)
{
        G_GNUC_UNUSED g_autoptr(TgAgent) agent = invocation->may_ask ? tg_agent_open(FALSE) : NULL;
        const TgClientCall call = {
                .path = credential->path,
                .interface = tg_object_interface(credential),
                .method = "Use",
                .arguments =
                        g_variant_new("(s@a{sv})", invocation->arguments[1], tg_terms_build(terms)),
                .kind = TG_CALL_ASKS,
        };

        return tg_client_call_for_dict(client, &call, error);
}

static void
print_value(const char *name, GVariant *value)
{
        g_autofree char *text = NULL;

        if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
                text = g_variant_dup_string(value, NULL);
        else if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64))
                text = tg_times_full(g_variant_get_uint64(value), tg_times_now());
        else if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32))
                text = g_strdup_printf("%u", g_variant_get_uint32(value));
        else if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN))
                text = g_strdup(g_variant_get_boolean(value) ? "yes" : "no");
        if (text)
                tg_output_field(name, text);
}

static void
add_value(TgJsonLine *line, const char *name, GVariant *value)
{
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
                tg_json_line_string(line, name, g_variant_get_string(value, NULL));
        else if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64))
                tg_json_line_time(line, name, g_variant_get_uint64(value));
        else if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32))
                tg_json_line_number(line, name, g_variant_get_uint32(value));
        else if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN))
                tg_json_line_boolean(line, name, g_variant_get_boolean(value));
}

static void
report(const TgObject *credential, const char *target, GVariant *result)
{
        TgJsonLine *line = NULL;
        GVariantIter iter;
        const char *name;
        GVariant *value;

        tg_output_note("%s: put to use (%s)", credential->id, target);
        if (tg_output_is_json()) {
                line = tg_json_line_begin();
                tg_json_line_string(line, "type", "used");
                tg_json_line_string(line, "id", credential->id);
                tg_json_line_string(line, "target", target);
                tg_json_line_open(line, "result");
        }
        g_variant_iter_init(&iter, result);
        while (g_variant_iter_loop(&iter, "{&sv}", &name, &value)) {
                if (line)
                        add_value(line, name, value);
                else
                        print_value(name, value);
        }
        if (!line)
                return;
        tg_json_line_close(line);
        tg_json_line_end(line);
}

static int
run(const TgInvocation *invocation, GError **error)
{
        const char *target = invocation->arguments[1];
        TgTerms terms = {};
        g_autoptr(TgClient) client = NULL;
        g_autoptr(TgObject) credential = NULL;
        g_autoptr(GVariant) result = NULL;

        choose_agent(target);
        terms.more = chosen;
        if (tg_terms_check(&terms, error))
                client = tg_client_new(invocation->may_ask, error);
        if (client)
                credential = tg_object_find(
                        client, TG_OBJECT_CREDENTIAL, invocation->arguments[0], error);
        if (!credential)
                return -1;

        explain(credential, target);
        result = use(invocation, client, credential, &terms, error);
        if (!result)
                return -1;
        report(credential, target, result);
        return 0;
}

const TgCommand tg_command_use = {
        .name = "use",
        .arguments = "ID TARGET",
        .min_arguments = 2,
        .max_arguments = 2,
        .summary = "put a credential to use in another program of yours",
        .description =
                "Puts a credential to use, after saying what that will change and asking you. The\n"
                "targets that it has are shown by \"tigressctl show\"; nothing arrives in one by\n"
                "itself, and nothing of yours is overwritten.\n",
        .options = options,
        .example = "tigressctl use 9b07c6d1 ssh-agent --option lifetime=1h",
        .run = run,
};
