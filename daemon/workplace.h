/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A private folder for one step of a vertical, in memory ($XDG_RUNTIME_DIR, 0700), and the programs
 * that are run in it: keys are handed to them as files there, never in an argument or a variable of
 * the environment.
 */

#include <gio/gio.h>

#include "protocol/secret.h"

typedef struct TgWorkplace TgWorkplace;

/* TG_ERROR_FAILED where there is no place in memory. */
TgWorkplace *tg_workplace_new(GError **error);
/* Erases all that is in it. */
void tg_workplace_free(TgWorkplace *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgWorkplace, tg_workplace_free)

const char *tg_workplace_path(const TgWorkplace *self);
gboolean tg_workplace_write(TgWorkplace *self, const char *name, const char *text, GError **error);
gboolean tg_workplace_write_secret(TgWorkplace *self,
                                   const char *name,
                                   const TgSecret *secret,
                                   GError **error);
/* Of at most @n_max octets. TG_ERROR_NOT_FOUND is never the error: it would say something about
 * what was given. */
TgSecret *
tg_workplace_read_secret(TgWorkplace *self, const char *name, gsize n_max, GError **error);
char *tg_workplace_read(TgWorkplace *self, const char *name, gsize n_max, GError **error);

/* At the start of the process: what a former life has left. */
void tg_workplace_clean(void);

/* @output is what it has printed, NULL with @error: TG_ERROR_FAILED with the last line of what it
 * said, cleaned. Called once, from the loop. */
typedef void (*TgToolFunc)(const char *output, const GError *error, gpointer user_data);

/* Runs @argv in the folder, with @input (NULL: nothing) at its door and no terminal. @agent: socket
 * of an ssh-agent, NULL: none. Times are UTC to it. Killed when @cancellable is cancelled. */
void tg_workplace_run(TgWorkplace *self,
                      const char *const *argv,
                      const char *input,
                      const char *agent,
                      GCancellable *cancellable,
                      TgToolFunc func,
                      gpointer user_data);
/* The same, with nothing at its door and no agent, for a program of OpenSSH that loads a token's
 * library: the first that asks for the token's PIN is given @pin, by a pipe; nobody else is. */
void tg_workplace_run_with_pin(TgWorkplace *self,
                               const char *const *argv,
                               const TgSecret *pin,
                               GCancellable *cancellable,
                               TgToolFunc func,
                               gpointer user_data);
