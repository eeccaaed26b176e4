/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How the states of mailboxes and resources are written in Redis, and read again: strictly, for
 * whatever else has access to it may have written them.
 *
 * Integers are big-endian. Every state begins with a format octet and the expiry, which the
 * scripts read (data/redis).
 */

#include "relay/redis-pipe.h"
#include "relay/store.h"

#define TG_TOLD_BYTES 16 /* of a claim's digest, kept after the end */
#define TG_MAILBOX_STATE_BYTES 166
#define TG_RESOURCE_STATE_BYTES 59
#define TG_END_BYTES (10 + TG_N_SIDES * TG_TOLD_BYTES)

/* What stays of a mailbox. While it is there, word is NONE and at_s its expiry. */
typedef struct {
        TgEnd word;
        gint64 at_s;
        guint8 claims[TG_N_SIDES][TG_TOLD_BYTES]; /* zeros: nobody */
} TgEndRecord;

/* A resource without its octets. */
typedef struct {
        gint64 expires_s;
        TgResourceLock lock;
        gboolean has_request;
        guint8 request[TG_UUID_BYTES];
} TgResourceState;

/* Each writes exactly as many octets as its size above says, and reads no others. */
void tg_mailbox_state_write(const TgMailbox *mailbox, guint8 ret[TG_MAILBOX_STATE_BYTES]);
gboolean tg_mailbox_state_read(const TgReply *reply, TgMailbox *ret); /* id and row are not in it */
void tg_resource_state_write(const TgResourceState *state, guint8 ret[TG_RESOURCE_STATE_BYTES]);
gboolean tg_resource_state_read(const TgReply *reply, TgResourceState *ret);
void tg_end_record_write(const TgEndRecord *record, guint8 ret[TG_END_BYTES]);
gboolean tg_end_record_read(const TgReply *reply, TgEndRecord *ret);

/* UTF-8 without zeros, at most @max_bytes; NULL for anything else. */
char *tg_record_dup_text(const TgReply *reply, gsize max_bytes);
/* The same, and a JSON object. */
char *tg_record_dup_payload(const TgReply *reply);
