/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the loop (server.c) and the requests on it (server-request.c) share. For these, and for
 * wake-ups (server-push.c).
 */

#include <microhttpd.h>

#include "relay/body.h"
#include "relay/cork.h"
#include "relay/deadline.h"
#include "relay/door.h"
#include "relay/handshake.h"
#include "relay/held.h"
#include "relay/server.h"

/* What is known of a connection as long as it is there. */
typedef struct {
        TgDeadline deadline;
        TgHandshake handshake;
        TgCork cork;
        guint64 ticket; /* of its source's places; 0: none */
} TgServerConnection;

struct TgServer {
        TgServerOptions options;
        TgServerRules rules;
        GPtrArray *daemons;
        TgDoor *door; /* the library accepts nobody by itself */
        TgHeld *held;
        GArray *pending;  /* TgJob, for the writer at the end of this turn */
        GArray *finished; /* TgJob, scratch */
        TgDeadlines deadlines;
        TgHandshakes handshakes;
        TgCorks corks;
        GQueue requests; /* TgServerRequest: begun and not over */
        GQueue own;      /* TgApiCall of ours, which the writer has */
        TgBodies bodies;
        guint n_connections;
        guint n_waiting;       /* requests that are, or may come to be, held */
        gboolean is_run_again; /* the library, without waiting for its descriptor */
        gboolean is_reader_in_doubt;
        gboolean is_stopping;
        gint64 stop_us; /* then nobody is waited for any more */
        gint64 next_pulse_us;
        gint64 tidy_us; /* when what is over is to be overwritten; 0: nothing is */
};

/* One request, from its headers to its answer. */
typedef struct {
        TgServer *server;
        TgServerConnection *connection;
        gboolean is_kept;               /* the connection, for all that the client says */
        struct sockaddr_storage source; /* who asks */
        gboolean is_waiting;            /* has a place among those that wait … */
        guint64 ticket;                 /* … and among its source's */
        struct MHD_Connection *mhd;
        TgHttpRequest http;
        TgBody body;
        TgApiCall *call;
        gint64 complete_us; /* when all of it was here */
        gboolean is_answered;
        gboolean is_suspended;
        TgHeldRead read;
        GList link;
} TgServerRequest;

/* For libmicrohttpd. */
enum MHD_Result tg_server_on_request(void *user_data,
                                     struct MHD_Connection *mhd,
                                     const char *path,
                                     const char *method,
                                     const char *version,
                                     const char *upload,
                                     size_t *n_upload,
                                     void **request_context);
void tg_server_on_request_over(void *user_data,
                               struct MHD_Connection *mhd,
                               void **request_context,
                               enum MHD_RequestTerminationCode how);

/* What came of a change, once it is durable: whom to wake. */
void tg_server_note_woken(TgServer *self, TgApiCall *call);
/* A call of ours that the writer has finished. */
void tg_server_take_own(TgServer *self, TgApiCall *call);
/* Wake-ups whose time has come, and what has become of those under way. */
void tg_server_run_push(TgServer *self, gint64 now_us);
/* Once the writer is gone. */
void tg_server_drop_own(TgServer *self);

/* What the writer has finished, and who waited for it. */
void tg_server_take_finished(TgServer *self);
/* Reads whose time has come. */
void tg_server_wake_due(TgServer *self, gint64 now_us);
/* All that wait get what there is. */
void tg_server_end_waits(TgServer *self);
/* 503 for all that wait for the writer, which will not come back. */
void tg_server_drop_requests(TgServer *self);
