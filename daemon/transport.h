/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a share needs of a transport: put a message there, read, wait, write,
 * delete, let go. A question is made of stored octets, so that after a crash the
 * same one goes out again; the answer is sorted into the few cases that a share
 * tells apart. Knows nothing of states.
 */

#include <glib.h>

#include "daemon/http.h"

typedef enum {
        TG_ASK_CREATE,
        TG_ASK_READ,
        TG_ASK_WRITE,
        TG_ASK_DELETE,
        TG_ASK_LET_GO,
        TG_ASK_PREVIEW,
} TgAskKind;

typedef struct {
        TgAskKind kind;
        const char *target;     /* origin (create), mailbox URL (all others) */
        const char *claim;      /* UUID text; NULL for a preview */
        const char *request_id; /* UUID text; NULL where it has none */
        const char *etag;       /* read: only if it differs; write: only if it is the same */
        const char *proof;      /* create: verifier; read: proof; NULL: none */
        guint wait_s;           /* read: how long the answer may be held */
        GBytes *body;
} TgAsk;

typedef enum {
        TG_REPLY_DONE,         /* also when it had been done before */
        TG_REPLY_NOTHING_NEW,  /* read: still the same */
        TG_REPLY_CHANGED,      /* write: somebody wrote in between */
        TG_REPLY_UNAUTHORIZED, /* claim or right refused */
        TG_REPLY_GONE,         /* no such mailbox (any more) */
        TG_REPLY_REFUSED,      /* malformed, too large, forbidden: repeating is useless */
        TG_REPLY_LATER,        /* network, limits, a store in doubt: repeating may help */
} TgReplyKind;

typedef struct {
        TgReplyKind kind;
        const char *etag;     /* NULL: none */
        gint64 retry_after_s; /* -1: not said */
        gint64 clock_skew_s;  /* relay's clock minus ours; 0 when not said */
        GBytes *body;         /* never NULL */
        gboolean is_json;
        const char *word;           /* of a problem document; NULL */
        gboolean is_repeat;         /* 201: it had been done before */
        gboolean wants_attestation; /* preview: creates need what this wallet has not */
        const GError *error;        /* set for UNAUTHORIZED … LATER */
        gboolean
                is_guarded; /* plain HTTP: the server knows request ids, and so the reader's lock */
} TgReply;

/* Called once, from the loop, never from inside tg_transport_ask(). */
typedef void (*TgReplyFunc)(const TgReply *reply, gpointer user_data);

typedef struct TgAsking TgAsking;
TgAsking *
tg_transport_ask(TgHttpContext *context, const TgAsk *ask, TgReplyFunc func, gpointer user_data);
void tg_asking_cancel(TgAsking *asking);
