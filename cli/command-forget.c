/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/act.h"
#include "cli/command.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "protocol/error.h"

static gboolean all_ended;

static const TgOption options[] = {
        {"ended",                TG_OPTION_FLAG, &all_ended, NULL, "all that have ended"},
        {},
};

static const TgAct act = {
        .kinds = TG_OBJECT_SHARE,
        .method = "Forget",
        .done = "forgotten",
        .is_gone = TRUE,
};

/* An end that the relay has still to be told is not forgotten now: that is how it is,
 * not a failure of a command that tidies up. */
static gboolean
forget_object(TgClient *client, const TgObject *object, GError **error)
{
        g_autoptr(GError) local = NULL;

        if (tg_act_on_object(&act, client, object, &local)) {
                tg_act_report(&act, client, object);
                return TRUE;
        }
        if (g_error_matches(local, TG_ERROR, TG_ERROR_BAD_STATE)) {
                tg_output_note("%s: kept, for its end has still to be told to the relay",
                               object->id);
                return TRUE;
        }

        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
}

static int
forget_ended(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client = tg_client_new(invocation->may_ask, error);
        g_autoptr(GPtrArray) objects = NULL;

        if (!client)
                return -1;
        objects = tg_object_list(client, TG_OBJECT_SHARE, error);
        if (!objects)
                return -1;

        for (guint i = 0; i < objects->len; i++) {
                const TgObject *object = g_ptr_array_index(objects, i);

                if (tg_outcome_is_end(tg_object_text(object, "State")) &&
                    !forget_object(client, object, error))
                        return -1;
        }

        return 0;
}

static int
run(const TgInvocation *invocation, GError **error)
{
        if (all_ended == (invocation->n_arguments > 0)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "say what is to be forgotten\neither: tigressctl forget ID..., or: "
                             "tigressctl forget --ended");
                return -1;
        }

        return all_ended ? forget_ended(invocation, error)
                         : tg_act_on_named(&act, invocation, error);
}

const TgCommand tg_command_forget = {
        .name = "forget",
        .arguments = "[ID...]",
        .min_arguments = 0,
        .max_arguments = G_MAXUINT,
        .summary = "remove ended shares from the history",
        .description = "Removes shares that have ended from the history. Credentials that came by\n"
                       "them stay.\n",
        .options = options,
        .example = "tigressctl forget --ended",
        .run = run,
};
