/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/act.h"

#include "cli/agent.h"
#include "cli/output.h"
#include "protocol/error.h"

gboolean
tg_act_on_object(const TgAct *act, TgClient *client, const TgObject *object, GError **error)
{
        const TgClientCall call = {
                .path = object->path,
                .interface = tg_object_interface(object),
                .method = act->method,
                .arguments = act->reason ? g_variant_new("(s)", act->reason) : NULL,
                .kind = TG_CALL_ASKS,
        };
        g_autoptr(GVariant) reply = tg_client_call(client, &call, error);

        return reply != NULL;
}

void
tg_act_report(const TgAct *act, TgClient *client, const TgObject *object)
{
        g_autoptr(TgObject) after = NULL;
        TgJsonLine *line;
        const char *name = "";
        const char *message = "";

        if (!act->is_gone)
                after = tg_object_load(client, object->path, NULL);
        if (after)
                tg_object_failure(after, &name, &message);
        tg_output_note("%s: %s%s%s", object->id, act->done, *message ? "; " : "", message);
        if (!tg_output_is_json())
                return;

        line = tg_json_line_begin();
        if (after) {
                tg_object_to_json(after, line);
        } else {
                tg_json_line_string(line, "type", act->done);
                tg_json_line_string(line, "id", object->id);
        }
        tg_json_line_end(line);
}

static gboolean
act_on_name(const TgAct *act, TgClient *client, const char *name, GError **error)
{
        g_autoptr(TgObject) object = tg_object_find(client, act->kinds, name, error);

        if (!object || !tg_act_on_object(act, client, object, error))
                return FALSE;

        tg_act_report(act, client, object);
        return TRUE;
}

int
tg_act_on_named(const TgAct *act, const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client = tg_client_new(invocation->may_ask, error);
        g_autoptr(TgAgent) agent = NULL;
        g_autoptr(GError) first = NULL;

        if (!client)
                return -1;
        if (act->needs_agent && invocation->may_ask)
                agent = tg_agent_open(FALSE);

        for (guint i = 0; i < invocation->n_arguments; i++) {
                g_autoptr(GError) local = NULL;

                if (act_on_name(act, client, invocation->arguments[i], &local))
                        continue;
                if (!first) {
                        first = g_steal_pointer(&local);
                        if (tg_error_code(first) == TG_ERROR_CANCELLED)
                                break;
                        continue;
                }
                tg_output_error(local);
        }

        if (!first)
                return 0;
        g_propagate_error(error, g_steal_pointer(&first));
        return -1;
}
