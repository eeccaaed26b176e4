/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who is calling: the connection on the session bus, its process (pid, start
 * time, uid as the bus tells, pidfd), the sandbox it sits in, and word of when it
 * leaves. One object a connection, shared by all its calls.
 */

#include <glib.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

typedef struct TgCallers TgCallers; /* the registry; one a bus */
typedef struct TgCaller TgCaller;

TgCallers *tg_callers_new(sd_bus *bus);
void tg_callers_free(TgCallers *self);

/* The sender of @message: a new reference. TG_ERROR_DENIED when it runs under
 * another uid, has left meanwhile, or cannot be identified. Asks the bus
 * (synchronously, tens of µs) the first time only, and checks afterwards that the
 * name still has the same pid. */
TgCaller *tg_callers_get(TgCallers *self, sd_bus_message *message, GError **error);

TgCaller *tg_caller_ref(TgCaller *self);
void tg_caller_unref(TgCaller *self);

const char *tg_caller_bus_name(const TgCaller *self); /* ":1.42" */
pid_t tg_caller_pid(const TgCaller *self);
uid_t tg_caller_uid(const TgCaller *self);
guint64 tg_caller_start_time(const TgCaller *self); /* clock ticks, field 22 of stat */

/* What counts as one program where limits are kept: the process, or all processes of a
 * sandboxed application. In new memory. */
char *tg_caller_program(const TgCaller *self);
/* TRUE for a Flatpak (PID/root/.flatpak-info), a snap (label), or when that
 * cannot be found out although the process lives: default deny. */
gboolean tg_caller_is_sandboxed(const TgCaller *self);

/* What is shown as Share.Application: the sandbox's id, else the program's file
 * name with " (unverified)"; cleaned text. */
const char *tg_caller_application(const TgCaller *self);

/* Still on the bus, and the process still the one that was looked at. Call before
 * acting on an answer that took time. */
gboolean tg_caller_is_alive(const TgCaller *self);

/* Calls @func once when the connection leaves the bus. The watch is dropped with
 * tg_caller_unwatch(); after it no callback arrives. */
typedef void (*TgCallerFunc)(TgCaller *caller, gpointer user_data);
guint tg_caller_watch(TgCaller *self, TgCallerFunc func, gpointer user_data);
void tg_caller_unwatch(TgCaller *self, guint id);

/* Unanswered calls of this connection: FALSE when it has TG_MAX_UNANSWERED_CALLS
 * already. Kept by TgCall. */
gboolean tg_caller_enter(TgCaller *self);
void tg_caller_leave(TgCaller *self);
/* Locked memory for what its program hands over, see allowance.h. Kept by TgCall. */
gboolean tg_caller_hold(TgCaller *self, gsize n_before, gsize n_after, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgCaller, tg_caller_unref)
