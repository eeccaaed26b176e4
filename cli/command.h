/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A verb of tigressctl. Each has a file command-NAME.c with its row for the table in
 * main.c.
 */

#include <glib.h>

#include "cli/option.h"

typedef struct {
        char **arguments; /* what is left after the options, NULL-terminated */
        guint n_arguments;
        gboolean may_ask; /* not --no-ask */
} TgInvocation;

typedef struct {
        const char *name;
        const char *arguments; /* "ID...", for the line of usage */
        guint min_arguments;
        guint max_arguments;
        const char *summary;     /* after "tigressctl NAME", in the list of verbs */
        const char *description; /* lines of text for --help, each with its line feed */
        const TgOption *options; /* ends in {}; may be NULL */
        const char *example;
        /* The exit status; -1 with @error set for that error's. */
        int (*run)(const TgInvocation *invocation, GError **error);
} TgCommand;

extern const TgCommand tg_command_share;
extern const TgCommand tg_command_accept;
extern const TgCommand tg_command_pin;
extern const TgCommand tg_command_inspect;
extern const TgCommand tg_command_list;
extern const TgCommand tg_command_show;
extern const TgCommand tg_command_cancel;
extern const TgCommand tg_command_decline;
extern const TgCommand tg_command_relinquish;
extern const TgCommand tg_command_revoke;
extern const TgCommand tg_command_lent;
extern const TgCommand tg_command_log;
extern const TgCommand tg_command_credentials;
extern const TgCommand tg_command_reveal;
extern const TgCommand tg_command_use;
extern const TgCommand tg_command_remove;
extern const TgCommand tg_command_import;
extern const TgCommand tg_command_export;
extern const TgCommand tg_command_forget;
extern const TgCommand tg_command_monitor;
extern const TgCommand tg_command_relays;
extern const TgCommand tg_command_doctor;
