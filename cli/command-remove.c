/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/act.h"
#include "cli/command.h"

static int
run(const TgInvocation *invocation, GError **error)
{
        const TgAct act = {
                .kinds = TG_OBJECT_CREDENTIAL,
                .method = "Remove",
                .done = "removed",
                .is_gone = TRUE,
                .needs_agent = TRUE,
        };

        return tg_act_on_named(&act, invocation, error);
}

const TgCommand tg_command_remove = {
        .name = "remove",
        .arguments = "ID...",
        .min_arguments = 1,
        .max_arguments = G_MAXUINT,
        .summary = "erase an accepted credential from the keyring",
        .description = "Erases accepted credentials from the keyring, after asking you. The same\n"
                       "link does not bring them back.\n",
        .example = "tigressctl remove 9b07c6d1",
        .run = run,
};
