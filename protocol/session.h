/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state table of a share: what may happen when, and what is to be done then.
 * Read top to bottom it is the specification; what is not listed is refused.
 * No clock, no store, no bus: the daemon performs the actions and feeds back one
 * event for each outcome.
 */

#include <glib.h>

#include "protocol/envelope.h"
#include "protocol/error.h"

typedef enum {
        TG_STATE_AUTHORIZING,
        TG_STATE_UPLOADING,
        TG_STATE_INVITED,
        TG_STATE_VERIFYING_PIN,
        TG_STATE_CLAIMING,
        TG_STATE_PIN_NEEDED,
        TG_STATE_EXCHANGING,
        TG_STATE_PROVISIONING,
        /* ends */
        TG_STATE_COMPLETED,
        TG_STATE_CANCELLED,
        TG_STATE_DECLINED,
        TG_STATE_EXPIRED,
        TG_STATE_REFUSED,
        TG_STATE_BURNED,
        TG_STATE_FAILED,
        TG_STATE_REVOKED,
        TG_STATE_RELINQUISHED,
} TgState;
#define TG_N_STATES (TG_STATE_RELINQUISHED + 1)

typedef enum {
        TG_EVENT_ALLOWED,  /* the user meant it */
        TG_EVENT_DENIED,   /* no, dismissed, nobody to ask, caller gone, restarted while asking */
        TG_EVENT_UPLOADED, /* the relay has the mailbox; the link is known */
        TG_EVENT_CLAIMED,  /* the first read bound the mailbox */
        TG_EVENT_ALREADY_USED,   /* first read 401 */
        TG_EVENT_NO_MAILBOX,     /* first read 404 */
        TG_EVENT_RECEIVED,       /* the credential has arrived, is valid and stored */
        TG_EVENT_UNACCEPTABLE,   /* the vertical refuses what arrived */
        TG_EVENT_PROVISIONED,    /* the credential is in the keyring */
        TG_EVENT_PEER_COMPLETED, /* end message of the peer */
        TG_EVENT_PEER_DECLINED,
        TG_EVENT_PEER_FAILED,
        TG_EVENT_GONE,        /* the mailbox went before its time, no end message read */
        TG_EVENT_GONE_BEFORE, /* the same, before the credential was in it */
        TG_EVENT_ANSWERED,    /* initiator: an answer to its offer is stored, the try counted */
        TG_EVENT_PROVED,      /* initiator: the answer was right */
        TG_EVENT_NOT_PROVED,  /* initiator: it was wrong, and there is another try */
        TG_EVENT_BURNED,      /* the last try was wrong */
        TG_EVENT_OFFERED,     /* recipient: an offer has arrived that wants no PIN */
        TG_EVENT_PIN_ASKED,   /* recipient: an offer has arrived that wants one */
        TG_EVENT_PIN_GIVEN,   /* recipient: the user has typed it */
        TG_EVENT_TIME_UP,
        TG_EVENT_CANCEL, /* the user's word on this side */
        TG_EVENT_DECLINE,
        TG_EVENT_RELINQUISH,
        TG_EVENT_BROKEN,  /* cannot go on: key gone, store in doubt, relay refuses for good */
        TG_EVENT_MESSAGE, /* a message for the vertical has arrived and is stored */
        TG_EVENT_REPLIED, /* its reply is stored */
        TG_EVENT_REVOKED, /* what was lent has been taken back */
} TgEvent;
#define TG_N_EVENTS (TG_EVENT_REVOKED + 1)

/* What is to be done on entering the new state. */
typedef enum {
        TG_ACTION_NONE,
        TG_ACTION_CREATE,        /* make the message, store the request, send it */
        TG_ACTION_WATCH,         /* read and wait for the peer's next message */
        TG_ACTION_WRITE,         /* write the message that is stored, then watch */
        TG_ACTION_WORK,          /* hand the stored message to the vertical, and store its reply */
        TG_ACTION_CHARGE,        /* count the try where nothing undoes it, then judge */
        TG_ACTION_CLAIM,         /* read with a claim of our own: binds */
        TG_ACTION_PROVISION,     /* hand the stored content to the vertical and the keyring */
        TG_ACTION_DELETE,        /* end: delete the mailbox, repeat until done or expired */
        TG_ACTION_SAY_COMPLETED, /* end: write the end message (or delete, for an old peer) */
        TG_ACTION_SAY_DECLINED,
        TG_ACTION_SAY_FAILED,
        TG_ACTION_LET_GO, /* end: PATCH */
} TgAction;

/* FALSE, and nothing changed, when @event is not allowed in @*state. */
gboolean tg_session_step(TgRole role, TgState *state, TgEvent event, TgAction *ret_action);
gboolean tg_session_allows(TgRole role, TgState state, TgEvent event);

gboolean tg_state_is_end(TgState state);
const char *tg_state_name(TgState state); /* "invited"; as on the bus */
gboolean tg_state_from_name(const char *name, TgState *ret_state);
const char *tg_role_name(TgRole role); /* "initiator", "recipient" */

/* The shown name while the next step needs a keyring that is locked or silent. */
#define TG_STATE_NAME_WAITING_FOR_KEYRING "waiting-for-keyring"

/* TRUE for completed alone. */
gboolean tg_state_is_success(TgState state);
/* The code that an end other than completed stands for where the share's own
 * Failure names none (exit status of a watcher). */
TgError tg_state_error(TgState state);
