/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/act.h"
#include "cli/command.h"

static int
run(const TgInvocation *invocation, GError **error)
{
        const TgAct act = {
                .kinds = TG_OBJECT_SHARE,
                .method = "Relinquish",
                .done = "relinquished",
        };

        return tg_act_on_named(&act, invocation, error);
}

const TgCommand tg_command_relinquish = {
        .name = "relinquish",
        .arguments = "ID...",
        .min_arguments = 1,
        .max_arguments = G_MAXUINT,
        .summary = "leave an invitation to another of your devices",
        .description = "Lets go of invitations that were opened here and of which nothing has\n"
                       "arrived yet, so that another device can accept the same link.\n",
        .example = "tigressctl relinquish 4f1d22a9",
        .run = run,
};
