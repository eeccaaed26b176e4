/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/act.h"
#include "cli/command.h"

static int
run(const TgInvocation *invocation, GError **error)
{
        const TgAct act = {
                .kinds = TG_OBJECT_SHARE,
                .method = "Revoke",
                .reason = "",
                .done = "revoked",
                .needs_agent = TRUE,
        };

        return tg_act_on_named(&act, invocation, error);
}

const TgCommand tg_command_revoke = {
        .name = "revoke",
        .arguments = "ID...",
        .min_arguments = 1,
        .max_arguments = G_MAXUINT,
        .summary = "take back what you have lent, after asking you",
        .description = "Takes back what you have lent: nobody who looks at the list of what was\n"
                       "taken back accepts it any more. A copy cannot be taken back.\n",
        .example = "tigressctl revoke 4f1d22a9",
        .run = run,
};
