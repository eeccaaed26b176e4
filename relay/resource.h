/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A resource of the plain-HTTP transport (draft-rescorla-tigress-http-00) as a store keeps it:
 * octets at a location, written once, for one reader. Who may read is a rule on what is stored,
 * and each of the three transitions is one operation of the store.
 */

#include <glib.h>

#include "protocol/bytes.h"
#include "protocol/digest.h"

#define TG_LOCATION_BYTES 32
#define TG_LOCATION_CHARS 43
#define TG_RESOURCE_ID_BYTES TG_SHA256_BYTES

typedef struct {
        guint8 id[TG_RESOURCE_ID_BYTES]; /* digest of its location, which is not kept */
        gint64 expires_s;
        gboolean is_lock_required; /* without a claim there is nothing here, from the start */
        gboolean has_request;
        guint8 request[TG_UUID_BYTES]; /* id of the request that made it */
        const guint8 *octets;
        gsize n_octets;
} TgResource;

typedef enum {
        TG_PUT_MADE,
        TG_PUT_REPEATED, /* by this very request, before: nothing was changed */
        TG_PUT_TAKEN,    /* by another: nothing was changed */
        TG_PUT_NO_ROOM,  /* nothing was changed */
} TgPut;

typedef enum {
        TG_GET_NOTHING,
        TG_GET_FOUND,
        TG_GET_WRITE, /* a reading handle cannot lock it: ask a writing one */
} TgGet;

/* Whom it is for. */
typedef struct {
        gboolean is_required;
        gboolean is_locked;
        guint8 reader[TG_SHA256_BYTES]; /* digest of the claim that it is locked to */
} TgResourceLock;

typedef enum {
        TG_LOCK_REFUSES,
        TG_LOCK_OPENS,
        TG_LOCK_TAKES, /* opens, and is to be locked to this claim if it is read */
} TgLockAnswer;

/* @claim NULL: none was given. */
static inline TgLockAnswer
tg_resource_lock_ask(const TgResourceLock *lock, const guint8 *claim)
{
        if (lock->is_locked)
                return claim && tg_bytes_equal(lock->reader, claim, sizeof lock->reader)
                               ? TG_LOCK_OPENS
                               : TG_LOCK_REFUSES;
        if (claim)
                return TG_LOCK_TAKES;

        return lock->is_required ? TG_LOCK_REFUSES : TG_LOCK_OPENS;
}
