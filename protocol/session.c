/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/session.h"

/* One letter each, so that a row of the table fits a line. */
#define I TG_ROLE_INITIATOR
#define R TG_ROLE_RECIPIENT

typedef struct {
        TgRole role;
        TgState state;
        TgEvent event;
        TgState next;
        TgAction action;
} Row;

/*
 * What is not here is refused.
 *
 * Reasons that the rows do not say. An initiator whose mailbox is gone counts as
 * completed where the credential has been in it (in modes P and T1 from the first, in T2
 * from ACCEPT on), for nobody else deletes; as declined before. While an answer is
 * judged nobody reads the mailbox, so there is no word of the other side. A recipient
 * that has begun to provision can no longer be stopped by anybody: what has been stored
 * is finished, or there would be a credential in the keyring whose share says otherwise.
 * A recipient who has not typed yet may see the next offer: somebody else has answered
 * the last, which takes the link and the relay's help. The PIN is asked for anew.
 * What was lent may be with the other side whatever the end is called, so from each end it can be
 * taken back; nothing of the exchange comes alive by that.
 */
/* clang-format off */
static const Row rows[] = {
        /* ---- initiator ---- */
        {I, TG_STATE_AUTHORIZING,   TG_EVENT_ALLOWED,        TG_STATE_UPLOADING,    TG_ACTION_CREATE},
        {I, TG_STATE_AUTHORIZING,   TG_EVENT_DENIED,         TG_STATE_REFUSED,      TG_ACTION_NONE},
        {I, TG_STATE_AUTHORIZING,   TG_EVENT_CANCEL,         TG_STATE_CANCELLED,    TG_ACTION_NONE},
        {I, TG_STATE_AUTHORIZING,   TG_EVENT_TIME_UP,        TG_STATE_EXPIRED,      TG_ACTION_NONE},
        {I, TG_STATE_AUTHORIZING,   TG_EVENT_BROKEN,         TG_STATE_FAILED,       TG_ACTION_NONE},

        {I, TG_STATE_UPLOADING,     TG_EVENT_UPLOADED,       TG_STATE_INVITED,      TG_ACTION_WATCH},
        {I, TG_STATE_UPLOADING,     TG_EVENT_CANCEL,         TG_STATE_CANCELLED,    TG_ACTION_DELETE},
        {I, TG_STATE_UPLOADING,     TG_EVENT_TIME_UP,        TG_STATE_EXPIRED,      TG_ACTION_DELETE},
        {I, TG_STATE_UPLOADING,     TG_EVENT_BROKEN,         TG_STATE_FAILED,       TG_ACTION_DELETE},

        {I, TG_STATE_INVITED,       TG_EVENT_PEER_COMPLETED, TG_STATE_COMPLETED,    TG_ACTION_DELETE},
        {I, TG_STATE_INVITED,       TG_EVENT_PEER_DECLINED,  TG_STATE_DECLINED,     TG_ACTION_DELETE},
        {I, TG_STATE_INVITED,       TG_EVENT_PEER_FAILED,    TG_STATE_FAILED,       TG_ACTION_DELETE},
        {I, TG_STATE_INVITED,       TG_EVENT_GONE,           TG_STATE_COMPLETED,    TG_ACTION_NONE},
        {I, TG_STATE_INVITED,       TG_EVENT_GONE_BEFORE,    TG_STATE_DECLINED,     TG_ACTION_NONE},
        {I, TG_STATE_INVITED,       TG_EVENT_ANSWERED,       TG_STATE_VERIFYING_PIN, TG_ACTION_CHARGE},
        {I, TG_STATE_INVITED,       TG_EVENT_MESSAGE,        TG_STATE_EXCHANGING,   TG_ACTION_WORK},
        {I, TG_STATE_INVITED,       TG_EVENT_CANCEL,         TG_STATE_CANCELLED,    TG_ACTION_DELETE},
        {I, TG_STATE_INVITED,       TG_EVENT_TIME_UP,        TG_STATE_EXPIRED,      TG_ACTION_DELETE},
        {I, TG_STATE_INVITED,       TG_EVENT_BROKEN,         TG_STATE_FAILED,       TG_ACTION_DELETE},

        {I, TG_STATE_VERIFYING_PIN, TG_EVENT_PROVED,         TG_STATE_EXCHANGING,   TG_ACTION_WRITE},
        {I, TG_STATE_VERIFYING_PIN, TG_EVENT_NOT_PROVED,     TG_STATE_INVITED,      TG_ACTION_WRITE},
        {I, TG_STATE_VERIFYING_PIN, TG_EVENT_BURNED,         TG_STATE_BURNED,       TG_ACTION_DELETE},
        {I, TG_STATE_VERIFYING_PIN, TG_EVENT_CANCEL,         TG_STATE_CANCELLED,    TG_ACTION_DELETE},
        {I, TG_STATE_VERIFYING_PIN, TG_EVENT_TIME_UP,        TG_STATE_EXPIRED,      TG_ACTION_DELETE},
        {I, TG_STATE_VERIFYING_PIN, TG_EVENT_BROKEN,         TG_STATE_FAILED,       TG_ACTION_DELETE},

        {I, TG_STATE_EXCHANGING,    TG_EVENT_PEER_COMPLETED, TG_STATE_COMPLETED,    TG_ACTION_DELETE},
        {I, TG_STATE_EXCHANGING,    TG_EVENT_PEER_DECLINED,  TG_STATE_DECLINED,     TG_ACTION_DELETE},
        {I, TG_STATE_EXCHANGING,    TG_EVENT_PEER_FAILED,    TG_STATE_FAILED,       TG_ACTION_DELETE},
        {I, TG_STATE_EXCHANGING,    TG_EVENT_GONE,           TG_STATE_COMPLETED,    TG_ACTION_NONE},
        {I, TG_STATE_EXCHANGING,    TG_EVENT_GONE_BEFORE,    TG_STATE_DECLINED,     TG_ACTION_NONE},
        {I, TG_STATE_EXCHANGING,    TG_EVENT_MESSAGE,        TG_STATE_EXCHANGING,   TG_ACTION_WORK},
        {I, TG_STATE_EXCHANGING,    TG_EVENT_REPLIED,        TG_STATE_EXCHANGING,   TG_ACTION_WRITE},
        {I, TG_STATE_EXCHANGING,    TG_EVENT_CANCEL,         TG_STATE_CANCELLED,    TG_ACTION_DELETE},
        {I, TG_STATE_EXCHANGING,    TG_EVENT_TIME_UP,        TG_STATE_EXPIRED,      TG_ACTION_DELETE},
        {I, TG_STATE_EXCHANGING,    TG_EVENT_BROKEN,         TG_STATE_FAILED,       TG_ACTION_DELETE},

        {I, TG_STATE_COMPLETED,     TG_EVENT_REVOKED,        TG_STATE_REVOKED,      TG_ACTION_NONE},
        {I, TG_STATE_CANCELLED,     TG_EVENT_REVOKED,        TG_STATE_REVOKED,      TG_ACTION_NONE},
        {I, TG_STATE_DECLINED,      TG_EVENT_REVOKED,        TG_STATE_REVOKED,      TG_ACTION_NONE},
        {I, TG_STATE_EXPIRED,       TG_EVENT_REVOKED,        TG_STATE_REVOKED,      TG_ACTION_NONE},
        {I, TG_STATE_FAILED,        TG_EVENT_REVOKED,        TG_STATE_REVOKED,      TG_ACTION_NONE},

        /* ---- recipient ---- */
        {R, TG_STATE_AUTHORIZING,   TG_EVENT_ALLOWED,        TG_STATE_CLAIMING,     TG_ACTION_CLAIM},
        {R, TG_STATE_AUTHORIZING,   TG_EVENT_DENIED,         TG_STATE_REFUSED,      TG_ACTION_NONE},
        {R, TG_STATE_AUTHORIZING,   TG_EVENT_CANCEL,         TG_STATE_DECLINED,     TG_ACTION_SAY_DECLINED},
        {R, TG_STATE_AUTHORIZING,   TG_EVENT_DECLINE,        TG_STATE_DECLINED,     TG_ACTION_SAY_DECLINED},
        {R, TG_STATE_AUTHORIZING,   TG_EVENT_TIME_UP,        TG_STATE_EXPIRED,      TG_ACTION_NONE},
        {R, TG_STATE_AUTHORIZING,   TG_EVENT_BROKEN,         TG_STATE_FAILED,       TG_ACTION_NONE},

        {R, TG_STATE_CLAIMING,      TG_EVENT_CLAIMED,        TG_STATE_EXCHANGING,   TG_ACTION_WATCH},
        {R, TG_STATE_CLAIMING,      TG_EVENT_OFFERED,        TG_STATE_EXCHANGING,   TG_ACTION_WRITE},
        {R, TG_STATE_CLAIMING,      TG_EVENT_PIN_ASKED,      TG_STATE_PIN_NEEDED,   TG_ACTION_WATCH},
        {R, TG_STATE_CLAIMING,      TG_EVENT_ALREADY_USED,   TG_STATE_FAILED,       TG_ACTION_NONE},
        {R, TG_STATE_CLAIMING,      TG_EVENT_NO_MAILBOX,     TG_STATE_FAILED,       TG_ACTION_NONE},
        {R, TG_STATE_CLAIMING,      TG_EVENT_GONE,           TG_STATE_CANCELLED,    TG_ACTION_NONE},
        {R, TG_STATE_CLAIMING,      TG_EVENT_CANCEL,         TG_STATE_DECLINED,     TG_ACTION_SAY_DECLINED},
        {R, TG_STATE_CLAIMING,      TG_EVENT_DECLINE,        TG_STATE_DECLINED,     TG_ACTION_SAY_DECLINED},
        {R, TG_STATE_CLAIMING,      TG_EVENT_TIME_UP,        TG_STATE_EXPIRED,      TG_ACTION_NONE},
        {R, TG_STATE_CLAIMING,      TG_EVENT_BROKEN,         TG_STATE_FAILED,       TG_ACTION_SAY_FAILED},

        {R, TG_STATE_PIN_NEEDED,    TG_EVENT_PIN_ASKED,      TG_STATE_PIN_NEEDED,   TG_ACTION_WATCH},
        {R, TG_STATE_PIN_NEEDED,    TG_EVENT_PIN_GIVEN,      TG_STATE_EXCHANGING,   TG_ACTION_WRITE},
        {R, TG_STATE_PIN_NEEDED,    TG_EVENT_GONE,           TG_STATE_CANCELLED,    TG_ACTION_NONE},
        {R, TG_STATE_PIN_NEEDED,    TG_EVENT_CANCEL,         TG_STATE_DECLINED,     TG_ACTION_SAY_DECLINED},
        {R, TG_STATE_PIN_NEEDED,    TG_EVENT_DECLINE,        TG_STATE_DECLINED,     TG_ACTION_SAY_DECLINED},
        {R, TG_STATE_PIN_NEEDED,    TG_EVENT_RELINQUISH,     TG_STATE_RELINQUISHED, TG_ACTION_LET_GO},
        {R, TG_STATE_PIN_NEEDED,    TG_EVENT_TIME_UP,        TG_STATE_EXPIRED,      TG_ACTION_DELETE},
        {R, TG_STATE_PIN_NEEDED,    TG_EVENT_BROKEN,         TG_STATE_FAILED,       TG_ACTION_SAY_FAILED},

        {R, TG_STATE_EXCHANGING,    TG_EVENT_OFFERED,        TG_STATE_EXCHANGING,   TG_ACTION_WRITE},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_PIN_ASKED,      TG_STATE_PIN_NEEDED,   TG_ACTION_WATCH},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_BURNED,         TG_STATE_FAILED,       TG_ACTION_NONE},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_MESSAGE,        TG_STATE_EXCHANGING,   TG_ACTION_WORK},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_REPLIED,        TG_STATE_EXCHANGING,   TG_ACTION_WRITE},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_RECEIVED,       TG_STATE_PROVISIONING, TG_ACTION_PROVISION},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_UNACCEPTABLE,   TG_STATE_FAILED,       TG_ACTION_SAY_FAILED},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_GONE,           TG_STATE_CANCELLED,    TG_ACTION_NONE},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_CANCEL,         TG_STATE_DECLINED,     TG_ACTION_SAY_DECLINED},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_DECLINE,        TG_STATE_DECLINED,     TG_ACTION_SAY_DECLINED},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_RELINQUISH,     TG_STATE_RELINQUISHED, TG_ACTION_LET_GO},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_TIME_UP,        TG_STATE_EXPIRED,      TG_ACTION_DELETE},
        {R, TG_STATE_EXCHANGING,    TG_EVENT_BROKEN,         TG_STATE_FAILED,       TG_ACTION_SAY_FAILED},

        {R, TG_STATE_PROVISIONING,  TG_EVENT_PROVISIONED,    TG_STATE_COMPLETED,    TG_ACTION_SAY_COMPLETED},
        {R, TG_STATE_PROVISIONING,  TG_EVENT_UNACCEPTABLE,   TG_STATE_FAILED,       TG_ACTION_SAY_FAILED},
        {R, TG_STATE_PROVISIONING,  TG_EVENT_BROKEN,         TG_STATE_FAILED,       TG_ACTION_SAY_FAILED},
};
/* clang-format on */

/* As on the bus. */
static const char *const state_names[] = {
        [TG_STATE_AUTHORIZING] = "authorizing",
        [TG_STATE_UPLOADING] = "uploading",
        [TG_STATE_INVITED] = "invited",
        [TG_STATE_VERIFYING_PIN] = "verifying-pin",
        [TG_STATE_CLAIMING] = "claiming",
        [TG_STATE_PIN_NEEDED] = "pin-needed",
        [TG_STATE_EXCHANGING] = "exchanging",
        [TG_STATE_PROVISIONING] = "provisioning",
        [TG_STATE_COMPLETED] = "completed",
        [TG_STATE_CANCELLED] = "cancelled",
        [TG_STATE_DECLINED] = "declined",
        [TG_STATE_EXPIRED] = "expired",
        [TG_STATE_REFUSED] = "refused",
        [TG_STATE_BURNED] = "burned",
        [TG_STATE_FAILED] = "failed",
        [TG_STATE_REVOKED] = "revoked",
        [TG_STATE_RELINQUISHED] = "relinquished",
};
G_STATIC_ASSERT(G_N_ELEMENTS(state_names) == TG_N_STATES);

static const Row *
find_row(TgRole role, TgState state, TgEvent event)
{
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
                if (rows[i].role == role && rows[i].state == state && rows[i].event == event)
                        return &rows[i];

        return NULL;
}

gboolean
tg_session_step(TgRole role, TgState *state, TgEvent event, TgAction *ret_action)
{
        const Row *row = find_row(role, *state, event);

        if (!row)
                return FALSE;
        *state = row->next;
        *ret_action = row->action;

        return TRUE;
}

gboolean
tg_session_allows(TgRole role, TgState state, TgEvent event)
{
        return find_row(role, state, event) != NULL;
}

gboolean
tg_state_is_end(TgState state)
{
        return state >= TG_STATE_COMPLETED && state < TG_N_STATES;
}

const char *
tg_state_name(TgState state)
{
        g_return_val_if_fail((guint)state < TG_N_STATES, "failed");

        return state_names[state];
}

gboolean
tg_state_from_name(const char *name, TgState *ret_state)
{
        for (gsize i = 0; i < TG_N_STATES; i++) {
                if (g_strcmp0(name, state_names[i]) != 0)
                        continue;
                *ret_state = (TgState)i;
                return TRUE;
        }

        return FALSE;
}

const char *
tg_role_name(TgRole role)
{
        return role == TG_ROLE_INITIATOR ? "initiator" : "recipient";
}

gboolean
tg_state_is_success(TgState state)
{
        return state == TG_STATE_COMPLETED;
}

TgError
tg_state_error(TgState state)
{
        switch ((int)state) {
        case TG_STATE_CANCELLED:
        case TG_STATE_RELINQUISHED:
                return TG_ERROR_CANCELLED;
        case TG_STATE_DECLINED:
                return TG_ERROR_DECLINED;
        case TG_STATE_EXPIRED:
                return TG_ERROR_EXPIRED;
        case TG_STATE_REFUSED:
                return TG_ERROR_DENIED;
        case TG_STATE_BURNED:
                return TG_ERROR_WRONG_PIN;
        default: /* failed has its own in the share's Failure */
                return TG_ERROR_FAILED;
        }
}
