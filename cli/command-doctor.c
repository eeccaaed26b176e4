/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/check.h"
#include "cli/command.h"
#include "cli/escape.h"
#include "cli/json-line.h"
#include "cli/output.h"
#include "protocol/error.h"

static TgCheckStatus worst = TG_CHECK_OK;

void
tg_check_report(TgCheckStatus status, const char *name, const char *finding, const char *remedy)
{
        static const struct {
                const char *word;
                TgColour colour;
        } words[] = {
                [TG_CHECK_OK] = {"ok",   TG_COLOUR_GOOD   },
                [TG_CHECK_WARNING] = {"warn", TG_COLOUR_WARNING},
                [TG_CHECK_FAILURE] = {"fail", TG_COLOUR_BAD    },
        };
        g_autofree char *escaped = tg_escape(TG_ESCAPE_LINE, finding);
        g_autofree char *line = NULL;

        worst = MAX(worst, status);
        if (tg_output_is_json()) {
                TgJsonLine *json = tg_json_line_begin();

                tg_json_line_string(json, "type", "check");
                tg_json_line_string(json, "check", name);
                tg_json_line_string(json, "status", words[status].word);
                tg_json_line_string(json, "finding", finding);
                tg_json_line_string(json, "remedy", remedy);
                tg_json_line_end(json);
                return;
        }

        line = g_strdup_printf("%s%-4s%s  %-9s %s",
                               tg_output_colour(words[status].colour),
                               words[status].word,
                               tg_output_colour(TG_COLOUR_NONE),
                               name,
                               escaped);
        tg_output_line(line);
        if (status != TG_CHECK_OK && remedy) {
                g_autofree char *cure = tg_escape(TG_ESCAPE_LINE, remedy);
                g_autofree char *advice = g_strdup_printf("%16s-> %s", "", cure);

                tg_output_line(advice);
        }
}

TgCheckStatus
tg_check_worst(void)
{
        return worst;
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(GError) local = NULL;
        g_autoptr(TgClient) client = tg_client_new(invocation->may_ask, &local);
        gboolean has_bus = FALSE;

        if (client && !tg_client_has_owner(client, "org.freedesktop.DBus", &has_bus, &local) &&
            tg_error_code(local) == TG_ERROR_CANCELLED) {
                g_propagate_error(error, g_steal_pointer(&local));
                return -1;
        }
        if (has_bus)
                tg_check_report(TG_CHECK_OK, "bus", "there is a session bus", NULL);
        else
                tg_check_report(TG_CHECK_FAILURE,
                                "bus",
                                "there is no session bus",
                                "log in to a session, or start one: dbus-run-session -- bash");
        tg_check_configuration();
        if (has_bus && !tg_check_wallet(client, error))
                return -1;
        if (!tg_check_polkit(error))
                return -1;

        return tg_check_worst() == TG_CHECK_FAILURE ? tg_error_exit_status(TG_ERROR_FAILED) : 0;
}

const TgCommand tg_command_doctor = {
        .name = "doctor",
        .arguments = "",
        .min_arguments = 0,
        .max_arguments = 0,
        .summary = "check what the wallet needs, and say the remedies",
        .description =
                "Checks bus, settings, wallet, keyring, relay, time, polkit and its agent; says\n"
                "the remedy for each that is not well. Exit status 1 if any fails.\n",
        .example = "tigressctl doctor",
        .run = run,
};
