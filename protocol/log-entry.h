/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An entry of a wallet's log: an act that mattered, bound to the entry before it by SHA-256. The
 * wallet keeps the chain, everybody who has the entries can check it. Knows neither file nor clock.
 *
 *      hash(0) = 32 zero octets
 *      hash(n) = SHA-256("tigress log 1" | hash(n - 1) | canonical octets of entry n)
 *
 * Canonical octets: number (8), time (8), then act, by, share, credential, format, title, person
 * and text, each as length (4) and UTF-8; all numbers in big-endian order.
 */

#include <glib.h>

#include "protocol/digest.h"

typedef enum {
        TG_ACT_SHARED,    /* initiator: the user meant it */
        TG_ACT_ACCEPTED,  /* recipient: likewise */
        TG_ACT_GIVEN,     /* initiator: all that it takes to use the credential goes out */
        TG_ACT_WRONG_PIN, /* initiator: somebody answered with a wrong PIN */
        TG_ACT_RECEIVED,  /* recipient: it is in the keyring */
        TG_ACT_COMPLETED, /* initiator, as the ends below: `by` tells whose word it is */
        TG_ACT_DECLINED,
        TG_ACT_FAILED,
        TG_ACT_CANCELLED,
        TG_ACT_RELINQUISHED,
        TG_ACT_EXPIRED,
        TG_ACT_BURNED,
        TG_ACT_REVOKED,   /* what was lent was taken back */
        TG_ACT_LAPSED,    /* what was lent is past its time */
        TG_ACT_REVEALED,  /* the content was about to be handed out */
        TG_ACT_USED,      /* the content was about to be put to use; `text` says where */
        TG_ACT_ERASED,    /* the content of a credential whose limits are over */
        TG_ACT_IMPORTED,  /* a credential, out of another program's export */
        TG_ACT_REMOVED,   /* a credential */
        TG_ACT_FORGOTTEN, /* a share that had ended */
        TG_ACT_RESTORED,  /* the state file was put back from an older copy */
        TG_ACT_BEGUN,     /* the log begins anew, for the key of what was there is gone */
} TgLogAct;
#define TG_N_LOG_ACTS (TG_ACT_BEGUN + 1)

/* As in the log and on the bus. */
const char *tg_log_act_name(TgLogAct act);
gboolean tg_log_act_is_name(const char *name);

#define TG_LOG_HASH_BYTES TG_SHA256_BYTES

/* Texts are never NULL in an entry that was read; NULL stands for "" in one that is written. */
typedef struct {
        guint64 number; /* from 1, without a gap */
        gint64 time_s;  /* when it was written */
        char *act;      /* a word that is not known is none of this version */
        char *by;       /* "self", "peer", "relay", "time"; "": nobody's word is needed */
        char *share;    /* id; "": none */
        char *credential;
        char *format;
        char *title;
        char *person; /* whom the user named as the other side */
        char *text;   /* for people */
} TgLogEntry;

void tg_log_entry_clear(TgLogEntry *entry);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgLogEntry, tg_log_entry_clear)

/* Canonical octets, in new memory. */
GBytes *tg_log_entry_write(const TgLogEntry *entry);
/* FALSE for what tg_log_entry_write() cannot have made. */
gboolean tg_log_entry_read(const guint8 *octets, gsize n_octets, TgLogEntry *ret_entry);

/* @before: of the entry before, zeros before the first. */
void tg_log_entry_hash(const TgLogEntry *entry,
                       const guint8 before[TG_LOG_HASH_BYTES],
                       guint8 ret_hash[TG_LOG_HASH_BYTES]);
