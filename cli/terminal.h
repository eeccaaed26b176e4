/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Talking with a person: questions and secrets on /dev/tty, never on stdout. What
 * is typed as a secret is not echoed, and echo comes back whatever ends the
 * program (but SIGKILL, which nobody can prepare for).
 */

#include <glib.h>

#include "protocol/secret.h"

/* A person is there: stderr is a terminal and this process may read from /dev/tty. */
gboolean tg_terminal_is_there(void);

/* One line, with echo, ends trimmed; @preset when it is empty (NULL: ""). An end of
 * input is TG_ERROR_CANCELLED. */
char *tg_terminal_ask(const char *question, const char *preset, GError **error);

/* "question [y/N] ", asked again until it is answered. */
gboolean
tg_terminal_confirm(const char *question, gboolean preset, gboolean *ret_yes, GError **error);

/* One line without echo, as it was typed, without the line feed. Empty: TG_ERROR_CANCELLED. */
TgSecret *tg_terminal_ask_secret(const char *question, GError **error);

/* The same, given up (NULL without @error set) when @goes_on, which is called about every second
 * while nothing is typed, says FALSE: what is asked for may not be wanted any more. */
typedef gboolean (*TgTerminalGoesOn)(gpointer user_data);
TgSecret *tg_terminal_ask_secret_while(const char *question,
                                       TgTerminalGoesOn goes_on,
                                       gpointer user_data,
                                       GError **error);

/* @before, the secret and @after, on the terminal alone: not on stdout or stderr, which may go
 * to a file. */
gboolean tg_terminal_show_secret(const char *before,
                                 const TgSecret *secret,
                                 const char *after,
                                 GError **error);
