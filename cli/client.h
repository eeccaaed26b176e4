/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls to other programs on a bus, in values of GLib. Every call can be
 * interrupted; a call that asks a person has no time-out. Only client.c and
 * client-message.c know sd-bus.
 */

#include <glib.h>

#include "protocol/secret.h"

typedef struct TgClient TgClient;

/* The session bus, for the wallet. @may_ask: whether a call may make a dialog appear. */
TgClient *tg_client_new(gboolean may_ask, GError **error);
/* The system bus. */
TgClient *tg_client_new_system(GError **error);
void tg_client_free(TgClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgClient, tg_client_free)

typedef enum {
        TG_CALL_QUICK, /* answered by the program itself: 25 s */
        TG_CALL_SLOW,  /* a network is asked: 2 minutes */
        TG_CALL_ASKS,  /* a person is asked: no time-out */
} TgCallKind;

typedef struct {
        const char *destination; /* NULL: the wallet */
        const char *path;        /* NULL: the wallet's root */
        const char *interface;
        const char *method;
        GVariant *arguments; /* a tuple, taken if floating; NULL: none. An h in it is an
                                index of fds */
        const int *fds;      /* borrowed */
        gsize n_fds;
        TgCallKind kind;
} TgClientCall;

/* The answer's values as a tuple. An error of the wallet keeps its code and gets a hint. */
GVariant *tg_client_call(TgClient *self, const TgClientCall *call, GError **error);

/* For answers that are one a{sv}: that. */
GVariant *tg_client_call_for_dict(TgClient *self, const TgClientCall *call, GError **error);

/* For answers that are one secret: s, or v of s, ay or h. The message is wiped. */
TgSecret *tg_client_call_secret(TgClient *self, const TgClientCall *call, GError **error);

/* All properties of an interface of the wallet, a{sv}. */
GVariant *
tg_client_get_all(TgClient *self, const char *path, const char *interface, GError **error);

typedef struct {
        const char *path;
        const char *interface;
        const char *member;
        GVariant *body;
} TgClientSignal;

typedef void (*TgClientSignalFunc)(const TgClientSignal *signal, gpointer user_data);

/* Signals of the wallet from @path and below, and of the bus about the wallet's name
 * (NameOwnerChanged). They arrive in tg_client_turn() and in calls. One watch a client
 * at a time. */
gboolean tg_client_watch(TgClient *self,
                         const char *path,
                         TgClientSignalFunc func,
                         gpointer user_data,
                         GError **error);

void tg_client_unwatch(TgClient *self);

/* Takes in what has arrived, waiting for it up to @timeout_ms (-1: for ever). FALSE with
 * TG_ERROR_CANCELLED when interrupted, TG_ERROR_FAILED when the bus is gone. */
gboolean tg_client_turn(TgClient *self, int timeout_ms, GError **error);

/* Whether somebody owns @name now; starts nobody. */
gboolean tg_client_has_owner(TgClient *self, const char *name, gboolean *ret_has, GError **error);
