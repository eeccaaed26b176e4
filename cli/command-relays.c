/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/command.h"
#include "cli/json-line.h"
#include "cli/output.h"
#include "cli/settings-file.h"
#include "cli/table.h"
#include "cli/wallet.h"
#include "dbus/names.h"
#include "protocol/error.h"
#include "protocol/link.h"

/* The wallet reads the file when it is told of its change by the kernel. */
#define TAKEN_DEADLINE_US (5 * G_USEC_PER_SEC)

static gboolean as_default;

static const TgOption options[] = {
        {"default",                           TG_OPTION_FLAG, &as_default, NULL, "with add: for new shares as well"},
        {},
};

/* The relay for new shares as the files have it, the user's word first. */
static char *
default_relay(void)
{
        g_autofree char *path = tg_settings_file_user_path();
        g_autoptr(TgSettingsFile) user = tg_settings_file_load(path, NULL);
        g_autoptr(TgSettingsFile) system =
                tg_settings_file_load(tg_settings_file_system_path(), NULL);
        char *relay = user ? tg_settings_file_relay(user) : NULL;

        if (!relay && system)
                relay = tg_settings_file_relay(system);
        return relay;
}

static int
list(const TgInvocation *invocation, GError **error)
{
        static const char *const headings[] = {"RELAY", "USE", NULL};
        g_autoptr(TgClient) client = tg_client_new(invocation->may_ask, error);
        g_autoptr(TgTable) table = tg_table_new(headings, 0);
        g_autofree char *preset = default_relay();
        g_auto(GStrv) relays = NULL;

        if (client)
                relays = tg_wallet_relays(client, error);
        if (!relays)
                return -1;

        for (gsize i = 0; relays[i]; i++) {
                gboolean is_preset = g_strcmp0(relays[i], preset) == 0;
                const char *cells[] = {relays[i], is_preset ? "new shares" : "invitations"};
                TgJsonLine *line;

                tg_table_add(table, cells);
                if (!tg_output_is_json())
                        continue;
                line = tg_json_line_begin();
                tg_json_line_string(line, "type", "relay");
                tg_json_line_string(line, "origin", relays[i]);
                tg_json_line_boolean(line, "default", is_preset);
                tg_json_line_end(line);
        }
        if (!tg_output_is_json() && relays[0])
                tg_table_print(table);
        if (!relays[0])
                tg_output_note("no relay is trusted; add one: tigressctl relays add "
                               "https://relay.example --default");

        return 0;
}

typedef struct {
        TgClient *client;
        const char *origin;
        gboolean is_in;
        gboolean has_changed;
} Change;

static void
on_signal(const TgClientSignal *signal, gpointer user_data)
{
        Change *change = user_data;

        if (strcmp(signal->member, "PropertiesChanged") == 0)
                change->has_changed = TRUE;
}

/* Until the running wallet has @origin among its relays, or has not. */
static gboolean
wait_until_taken(Change *change, gboolean *ret_is_taken, GError **error)
{
        gint64 deadline_us = g_get_monotonic_time() + TAKEN_DEADLINE_US;

        if (!tg_client_watch(change->client, TG_ROOT_PATH, on_signal, change, error))
                return FALSE;

        for (;;) {
                g_auto(GStrv) relays = tg_wallet_relays(change->client, error);
                gint64 left_us = deadline_us - g_get_monotonic_time();

                if (!relays)
                        return FALSE;
                *ret_is_taken = g_strv_contains((const char *const *)relays, change->origin) ==
                                change->is_in;
                if (*ret_is_taken || left_us <= 0)
                        return TRUE;
                change->has_changed = FALSE;
                while (!change->has_changed && left_us > 0) {
                        if (!tg_client_turn(change->client, (int)(left_us / 1000) + 1, error))
                                return FALSE;
                        left_us = deadline_us - g_get_monotonic_time();
                }
        }
}

/* Says whether the change is in force. A wallet that does not run is not started for it. */
static int
report(const TgInvocation *invocation, const char *origin, gboolean is_in, GError **error)
{
        g_autoptr(TgClient) client = tg_client_new(invocation->may_ask, NULL);
        Change change = {.client = client, .origin = origin, .is_in = is_in};
        gboolean is_running = FALSE;
        gboolean is_taken = FALSE;
        TgJsonLine *line;

        if (!client || !tg_client_has_owner(client, TG_BUS_NAME, &is_running, NULL))
                is_running = FALSE;
        if (is_running && !wait_until_taken(&change, &is_taken, error))
                return -1;
        if (is_running && !is_taken) {
                tg_set_error(
                        error,
                        TG_ERROR_FAILED,
                        "the file is written, but the running wallet has not taken it\nsee why: "
                        "journalctl --user -u tigressd, and: tigressctl doctor");
                return -1;
        }

        tg_output_note("%s: %s%s",
                       origin,
                       is_in ? "trusted" : "no longer trusted",
                       is_running ? "" : ", from the next start of the wallet on");
        if (!tg_output_is_json())
                return 0;

        line = tg_json_line_begin();
        tg_json_line_string(line, "type", "relay");
        tg_json_line_string(line, "origin", origin);
        tg_json_line_boolean(line, "trusted", is_in);
        tg_json_line_boolean(line, "in_force", is_running);
        tg_json_line_end(line);

        return 0;
}

static int
add(const TgInvocation *invocation, const char *origin, GError **error)
{
        g_autofree char *path = tg_settings_file_user_path();
        g_autoptr(TgSettingsFile) file = tg_settings_file_load(path, error);
        g_autofree char *preset = default_relay();

        if (!file)
                return -1;
        if (!preset && !as_default)
                tg_output_note("it is the first relay, and so the one for new shares");
        tg_settings_file_add(file, origin, as_default || !preset);
        if (!tg_settings_file_save(file, error))
                return -1;

        return report(invocation, origin, TRUE, error);
}

static int
remove_relay(const TgInvocation *invocation, const char *origin, GError **error)
{
        const char *system_path = tg_settings_file_system_path();
        g_autofree char *path = tg_settings_file_user_path();
        g_autoptr(TgSettingsFile) file = tg_settings_file_load(path, error);
        g_autoptr(TgSettingsFile) system = tg_settings_file_load(system_path, NULL);

        if (!file)
                return -1;
        if (system && tg_settings_file_names(system, origin)) {
                tg_set_error(
                        error,
                        TG_ERROR_INVALID,
                        "this relay is trusted for all users of this machine\nan administrator "
                        "can remove it from %s",
                        system_path);
                return -1;
        }
        if (!tg_settings_file_names(file, origin)) {
                tg_set_error(error,
                             TG_ERROR_NOT_FOUND,
                             "this relay is not among the trusted ones\nsee: tigressctl relays");
                return -1;
        }
        tg_settings_file_remove(file, origin);
        if (!tg_settings_file_save(file, error))
                return -1;

        return report(invocation, origin, FALSE, error);
}

static int
run(const TgInvocation *invocation, GError **error)
{
        const char *verb = invocation->n_arguments > 0 ? invocation->arguments[0] : "list";
        gboolean is_add = strcmp(verb, "add") == 0;
        g_autofree char *origin = NULL;

        if (strcmp(verb, "list") == 0 && invocation->n_arguments <= 1 && !as_default)
                return list(invocation, error);
        if ((!is_add && (strcmp(verb, "remove") != 0 || as_default)) ||
            invocation->n_arguments != 2) {
                tg_set_error(
                        error,
                        TG_ERROR_INVALID,
                        "this is nothing that can be done with relays\nusage: tigressctl relays "
                        "[list | add ORIGIN [--default] | remove ORIGIN]");
                return -1;
        }

        origin = tg_origin_parse(invocation->arguments[1], FALSE, error);
        if (!origin)
                return -1;

        return is_add ? add(invocation, origin, error) : remove_relay(invocation, origin, error);
}

const TgCommand tg_command_relays = {
        .name = "relays",
        .arguments = "[list | add ORIGIN | remove ORIGIN]",
        .min_arguments = 0,
        .max_arguments = 2,
        .summary = "show, add or remove the relays that you trust",
        .description =
                "Shows, adds or removes the relays that you trust: invitations of others are\n"
                "refused before anything is sent. An origin is scheme, host and port.\n"
                "Changes are written to your own configuration file, tigress.conf(5).\n",
        .options = options,
        .example = "tigressctl relays add https://relay.example --default",
        .run = run,
};
