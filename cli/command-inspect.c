/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/inspection.h"
#include "cli/invitation.h"
#include "cli/output.h"

static gboolean is_offline;

static const TgOption options[] = {
        {"no-fetch",              TG_OPTION_FLAG, &is_offline, NULL, "do not ask the relay"},
        {},
};

static int
run(const TgInvocation *invocation, GError **error)
{
        gboolean from_stdin;
        g_autoptr(TgSecret) link = tg_invitation_read(invocation, &from_stdin, error);
        g_autoptr(TgClient) client = NULL;
        g_autoptr(TgInspection) inspection = NULL;

        if (link)
                client = tg_client_new(invocation->may_ask, error);
        if (client)
                inspection = tg_inspection_new(client, link, !is_offline, error);
        if (!inspection)
                return -1;

        if (tg_output_is_json())
                tg_inspection_print_json(inspection);
        else
                tg_inspection_show(inspection, tg_output_field);
        if (!inspection->fetch_error)
                return 0;

        g_propagate_error(error, g_steal_pointer(&inspection->fetch_error));
        return -1;
}

const TgCommand tg_command_inspect = {
        .name = "inspect",
        .arguments = "[-]",
        .min_arguments = 0,
        .max_arguments = 1,
        .summary = "say what an invitation is about, without opening it",
        .description = "Says what an invitation is about, without opening it: reads the link from\n"
                       "the terminal, or from stdin, and asks its relay if you trust that.\n",
        .options = options,
        .example = "tigressctl inspect < link.txt",
        .run = run,
};
