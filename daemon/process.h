/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What /proc tells about a process: when it started, which program it is, the
 * sandbox it sits in. Knows nothing of buses. Everything is read below one
 * directory descriptor of /proc/PID, so that all of it is about one process even
 * when the number is given to another meanwhile; who needs to know that the
 * process still lived at the end asks its pidfd afterwards.
 */

#include <glib.h>

typedef struct {
        guint64 start_time; /* clock ticks since boot: field 22 of stat */
        gboolean is_sandboxed;
        char *application; /* cleaned: the sandbox's id, or "NAME (unverified)" */
} TgProcess;

/* @proc_fd: /proc/PID, opened with O_PATH or O_RDONLY. FALSE when the start time
 * cannot be read: the process has gone or is hidden from us. What cannot be found
 * out about the sandbox counts as sandboxed. */
gboolean tg_process_read(int proc_fd, TgProcess *ret_process);
void tg_process_clear(TgProcess *self);
