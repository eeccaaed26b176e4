/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * polkit: did the user mean it? Asked over the system bus for the subject
 * unix-process (pid, start time, uid) of the caller, without details and without
 * a time-out; no polkit, no answer, an unreadable answer: denied, with a
 * sentence that says what to do. Never remembers an answer.
 *
 * One dialog at a time a caller, which is here a process, or a sandboxed application
 * with all its processes: connecting twice gives no second dialog.
 * TG_MAX_WAITING_DIALOGS wait, then TG_ERROR_LIMIT_REACHED.
 */

#include <glib.h>

#include "daemon/caller.h"

typedef struct TgAuthority TgAuthority;
typedef struct TgAuthorityCheck TgAuthorityCheck;

/* Connects to the system bus on first use, and again when it was lost. */
TgAuthority *tg_authority_new(void);
/* Its checks are cancelled, or have ended, before. */
void tg_authority_free(TgAuthority *self);

/* @error NULL: allowed, and the caller still lives. Called once, from the loop and
 * never from inside tg_authority_check(); the check is gone afterwards. */
typedef void (*TgAuthorityFunc)(const GError *error, gpointer user_data);

/* Starts a check. The caller's leaving ends it as denied. Dropping it with
 * tg_authority_check_cancel() cancels the dialog and the callback. */
TgAuthorityCheck *tg_authority_check(TgAuthority *self,
                                     TgCaller *caller,
                                     const char *action,
                                     gboolean is_interactive,
                                     TgAuthorityFunc func,
                                     gpointer user_data);
void tg_authority_check_cancel(TgAuthorityCheck *check);

/* FALSE with TG_ERROR_LIMIT_REACHED where the next check of @caller would fail so: for those
 * who make something before they ask. */
gboolean tg_authority_has_room(TgAuthority *self, TgCaller *caller, GError **error);
