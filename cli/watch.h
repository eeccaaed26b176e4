/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Follows one share: shows on stderr what it waits for, prints each of its states as
 * a JSON line where that is wanted, and lives through a restart of the wallet.
 */

#include <glib.h>

#include "cli/client.h"
#include "cli/object.h"

typedef struct TgWatch TgWatch;

/* Takes the one watch of @client. */
TgWatch *tg_watch_new(TgClient *client, const char *path, GError **error);
void tg_watch_free(TgWatch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgWatch, tg_watch_free)

const TgObject *tg_watch_share(const TgWatch *self);

/* Until the share has left the states before its invitation, or has ended. */
gboolean tg_watch_until_invited(TgWatch *self, GError **error);
/* Until it has ended. TRUE is not success: see tg_outcome_check(). */
gboolean tg_watch_until_end(TgWatch *self, GError **error);

/* Until a recipient's share needs a PIN (again), or has ended. */
gboolean tg_watch_until_pin(TgWatch *self, GError **error);
gboolean tg_watch_is_pin_needed(const TgWatch *self);
/* A PIN is about to be given: until it was judged none is needed. FALSE: it was not. */
void tg_watch_expect_verdict(TgWatch *self, gboolean is_pin_given);

/* Takes in what has arrived, without waiting. FALSE: it cannot go on. */
gboolean tg_watch_look(TgWatch *self);

/* What to say and return (128 and the signal's number, as shells have it) when somebody
 * has stopped the watching: the share lives on. @verb ends it: "cancel". */
int tg_watch_interrupted(const TgWatch *self, const char *verb);
