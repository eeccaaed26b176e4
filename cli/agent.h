/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * polkit's text agent, pkttyagent, for those who have a terminal and no desktop to
 * ask them: a child of ours that answers for this process alone.
 */

#include <glib.h>

typedef struct TgAgent TgAgent;

/* Starts it and waits until it has registered. NULL, silently, where none is wanted: no
 * terminal, root, in the background; or none is to be had: polkit's answer will say what
 * follows from that. @stdin_is_input: stdin was read as the secret or the link, so that
 * it is no terminal says nothing about whether a person is there. */
TgAgent *tg_agent_open(gboolean stdin_is_input);
/* Ends it, and puts the terminal right if it died in the middle of a password. */
void tg_agent_close(TgAgent *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgAgent, tg_agent_close)

/* Whether this process belongs to a session of logind, whose desktop may have an agent;
 * ret_id (NULL allowed) is its id, new memory. */
gboolean tg_agent_in_session(char **ret_id);
