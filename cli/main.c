/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/hint.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/secret.h"

#define NAME_COLUMNS 13

static const TgCommand *const commands[] = {
        &tg_command_share,       &tg_command_accept, &tg_command_pin,    &tg_command_inspect,
        &tg_command_list,        &tg_command_show,   &tg_command_cancel, &tg_command_decline,
        &tg_command_relinquish,  &tg_command_revoke, &tg_command_lent,   &tg_command_log,
        &tg_command_credentials, &tg_command_reveal, &tg_command_use,    &tg_command_remove,
        &tg_command_import,      &tg_command_export, &tg_command_forget, &tg_command_monitor,
        &tg_command_relays,      &tg_command_doctor,
};

static struct {
        gboolean is_json;
        gboolean is_silent;
        gboolean wants_help;
        gboolean wants_version;
} general;

static const TgOption general_options[] = {
        {"json",                            TG_OPTION_FLAG, &general.is_json, NULL, "print JSON lines for programs"},
        {"no-ask",                 TG_OPTION_FLAG, &general.is_silent, NULL, "let no dialog or prompt appear"},
        {"help",  TG_OPTION_FLAG, &general.wants_help, NULL, "tell about tigressctl or a verb"},
        {"version",                          TG_OPTION_FLAG, &general.wants_version, NULL, "print the version"},
        {},
};

static void
print_help(void)
{
        g_autoptr(GString) help =
                g_string_new("usage: tigressctl VERB [OPTION...] [ARGUMENT...]\n");

        for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
                g_string_append_printf(
                        help, "  %-*s%s\n", NAME_COLUMNS, commands[i]->name, commands[i]->summary);
        g_string_append(
                help,
                "With every verb: --json, --no-ask (no dialog), --help. Also: --version.\n"
                "Example: printf %s \"$token\" | tigressctl share --title \"Deploy token\" -");
        tg_output_line(help->str);
}

static void
print_verb_help(const TgCommand *command)
{
        g_autoptr(GString) help = g_string_new(NULL);

        g_string_append_printf(help,
                               "usage: tigressctl %s [OPTION...]%s%s\n%s",
                               command->name,
                               *command->arguments ? " " : "",
                               command->arguments,
                               command->description);
        if (command->options)
                g_string_append_c(help, '\n');
        tg_option_help(command->options, help);
        g_string_append_printf(
                help, "With every verb: --json, --no-ask, --help.\nExample: %s", command->example);
        tg_output_line(help->str);
}

static const TgCommand *
find_command(const char *name)
{
        for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
                if (strcmp(commands[i]->name, name) == 0)
                        return commands[i];

        return NULL;
}

static int
run_command(const TgCommand *command, GPtrArray *arguments, GError **error)
{
        TgInvocation invocation = {
                .n_arguments = arguments->len,
                .may_ask = !general.is_silent,
        };

        if (arguments->len < command->min_arguments || arguments->len > command->max_arguments) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "%s\nusage: tigressctl %s %s",
                             arguments->len > command->max_arguments ? "too many arguments"
                                                                     : "an argument is missing",
                             command->name,
                             command->arguments);
                return -1;
        }

        g_ptr_array_add(arguments, NULL);
        invocation.arguments = (char **)arguments->pdata;

        return command->run(&invocation, error);
}

/* The verb is the first word that is no option: "tigressctl --json list" is fine. */
static const TgCommand *
take_command(GPtrArray *arguments, GError **error)
{
        for (guint i = 0; i < arguments->len; i++) {
                const char *word = g_ptr_array_index(arguments, i);
                const TgCommand *command;

                if (*word == '-')
                        continue;
                command = find_command(word);
                if (!command) {
                        tg_set_error(error,
                                     TG_ERROR_INVALID,
                                     "there is no such verb\nsee: tigressctl --help");
                        return NULL;
                }
                g_ptr_array_remove_index(arguments, i);
                return command;
        }

        return NULL;
}

static void
add_help_hint(const TgCommand *command, GError **error)
{
        g_autofree char *hint = g_strdup_printf(
                "see: tigressctl %s%s--help", command ? command->name : "", command ? " " : "");
        g_autofree char *full = tg_hint_add((*error)->message, hint);

        g_free((*error)->message);
        (*error)->message = g_steal_pointer(&full);
}

static int
run(GPtrArray *arguments, GError **error)
{
        GError *verb_error = NULL;
        const TgCommand *command = take_command(arguments, &verb_error);

        if (verb_error) {
                g_propagate_error(error, verb_error);
                return -1;
        }
        if (!tg_option_parse(
                    general_options, command ? command->options : NULL, arguments, error)) {
                add_help_hint(command, error);
                return -1;
        }

        tg_output_init(general.is_json);
        if (general.wants_version) {
                tg_output_line("tigressctl " PACKAGE_VERSION);
                return 0;
        }
        if (general.wants_help && command) {
                print_verb_help(command);
                return 0;
        }
        if (general.wants_help) {
                print_help();
                return 0;
        }
        if (!command) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "what is to be done?\nsee: tigressctl --help");
                return -1;
        }

        return run_command(command, arguments, error);
}

/* A descriptor that is closed at the start would be given to the bus next, and what is
 * said on stderr go there. These fail when they are used. */
static void
occupy_standard_descriptors(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0)
                        (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int
main(int argc, char **argv)
{
        g_autoptr(GPtrArray) arguments = g_ptr_array_new();
        g_autoptr(GError) error = NULL;
        int status;

        occupy_standard_descriptors();
        setlocale(LC_ALL, "");
        /* A reader that has gone is an error to be told, and perhaps a share to be
         * cancelled, not a reason to die. */
        signal(SIGPIPE, SIG_IGN);
        tg_interrupt_init();
        tg_output_init(FALSE);

        if (tg_secret_init(TG_SECURE_HEAP_BYTES) == TG_SECRET_HEAP_FAILED) {
                tg_output_note("error: there is no protected memory for secrets");
                return tg_error_exit_status(TG_ERROR_FAILED);
        }

        for (int i = 1; i < argc; i++)
                g_ptr_array_add(arguments, argv[i]);
        status = run(arguments, &error);
        if (status >= 0 && !tg_output_finish(&error))
                status = -1;
        if (status >= 0)
                return status;

        tg_output_progress_end();
        tg_output_error(error);
        return tg_error_exit_status(tg_error_code(error));
}
