/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/act.h"
#include "cli/command.h"

static const char *reason;

static const TgOption options[] = {
        {"reason",                             TG_OPTION_TEXT, &reason, "TEXT", "why, for this wallet's own record"},
        {},
};

static int
run(const TgInvocation *invocation, GError **error)
{
        const TgAct act = {
                .kinds = TG_OBJECT_SHARE,
                .method = "Cancel",
                .reason = reason ? reason : "",
                .done = "cancelled",
        };

        return tg_act_on_named(&act, invocation, error);
}

const TgCommand tg_command_cancel = {
        .name = "cancel",
        .arguments = "ID...",
        .min_arguments = 1,
        .max_arguments = G_MAXUINT,
        .summary = "end a running share for good",
        .description = "Ends running shares for good, at once. Of one that you received it is a\n"
                       "decline. What the recipient has read already cannot be taken back; then\n"
                       "this says that it may have been received.\n",
        .options = options,
        .example = "tigressctl cancel 4f1d22a9 --reason \"sent to the wrong Bob\"",
        .run = run,
};
