/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/act.h"
#include "cli/command.h"

static const char *reason;

static const TgOption options[] = {
        {"reason",                      TG_OPTION_TEXT, &reason, "TEXT", "why; the sender is told so"},
        {},
};

static int
run(const TgInvocation *invocation, GError **error)
{
        const TgAct act = {
                .kinds = TG_OBJECT_SHARE,
                .method = "Decline",
                .reason = reason ? reason : "",
                .done = "declined",
        };

        return tg_act_on_named(&act, invocation, error);
}

const TgCommand tg_command_decline = {
        .name = "decline",
        .arguments = "ID...",
        .min_arguments = 1,
        .max_arguments = G_MAXUINT,
        .summary = "turn down what you began to accept, and tell the sender",
        .description = "Turns down shares that you began to accept, until the credential has\n"
                       "arrived. The sender is told so as well as that can be done.\n",
        .options = options,
        .example = "tigressctl decline 4f1d22a9 --reason \"not my department\"",
        .run = run,
};
