/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Being asked to stop: SIGINT, SIGTERM and SIGHUP become a descriptor that every
 * wait of the program polls, so that a share can be cancelled and a terminal be
 * put right before it leaves.
 */

#include <glib.h>

/* Once, first thing. A signal that was ignored at the start stays ignored. */
void tg_interrupt_init(void);

/* The signal that came and was not yet cleared, or 0. */
int tg_interrupt_signal(void);
/* From here on it is as if none had come: the next one counts anew. */
void tg_interrupt_clear(void);

/* Polls in the meaning of poll(2), and the interruption as well. Returns FALSE with
 * TG_ERROR_CANCELLED when one came; ret_is_ready (NULL allowed) is FALSE when
 * @timeout_ms (-1: none) passed. @fd -1 waits for the rest alone. */
gboolean
tg_interrupt_poll(int fd, short events, int timeout_ms, gboolean *ret_is_ready, GError **error);
