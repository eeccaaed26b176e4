/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The inside of a share, for the files that make it up: share.c (the
 * object), share-event.c (one event, one step), share-user.c (what the user may do), share-resume.c
 * (how it goes on), share-log.c (what is entered in the log), share-lent.c (what is out),
 * share-vertical.c (steps of its kind of credential), share-record.c (to and from the store),
 * share-request.c, share-create.c and share-receive.c (what goes out first and comes in first),
 * share-errand.c (what is still to be sent after its end), share-exchange.c (what the exchange of
 * messages says), share-charge.c (the initiator's verdict on a PIN), share-pin.c (a PIN is shown or
 * typed).
 */

#include "daemon/carrier.h"
#include "daemon/drop.h"
#include "daemon/share.h"
#include "daemon/transport-tdch.h"
#include "daemon/transport.h"
#include "protocol/bytes.h"
#include "protocol/exchange.h"

/* What is still to be sent after an end. */
typedef enum {
        TG_ERRAND_NONE,
        TG_ERRAND_DELETE,
        TG_ERRAND_SAY, /* write the end message; to a peer that reads none: delete */
        TG_ERRAND_LET_GO,
        TG_ERRAND_FIND, /* learn the mailbox's address, which never arrived; then delete */
} TgErrand;

typedef struct TgRevocation TgRevocation;

struct TgShare {
        guint n_refs;
        TgWallet *wallet;
        const TgShareOwner *owner;
        gpointer owner_data;

        /* the row */
        char id[TG_ID_CHARS + 1];
        TgRole role;
        TgState state;
        gint64 created_s;
        gint64 expires_s; /* 0: not known yet */
        gint64 ended_s;
        guint64 version;

        /* shown; sealed at rest */
        const char *format;      /* interned */
        const char *relay;       /* interned origin */
        const char *mode;        /* interned */
        const char *kind;        /* interned */
        const char *application; /* interned */
        char *title;
        char *description;
        gboolean is_title_verified;
        gboolean is_title_own; /* the user's own label */
        gboolean has_failure;
        TgError failure_code;
        char *failure_text;
        TgEndedBy ended_by;
        char *credential_id; /* drawn before the keyring item is made */
        char *person;        /* as the user calls the other side; NULL: he has not said */
        gboolean is_meant;   /* the user has said yes */
        gboolean is_given;   /* initiator: all that it takes has gone out */
        gboolean said_end;   /* the other side's own word of its end was read */
        TgOutcome said_outcome;
        gint64 said_end_s;
        gboolean is_lapsed; /* that was entered in the log */

        /* the exchange; sealed, and erased when nothing needs it any more */
        const TgCarrier *carrier;
        TgDropState *drop;    /* plain HTTP: what its carrier keeps */
        TgSecret *key;        /* the link's secret */
        TgSecret *invitation; /* initiator: the whole link */
        TgSecret *claim;      /* UUID text: a bearer token */
        TgExchange *exchange;
        /* The exchange, and what its carrier keeps, as they are stored, while a step that changes
         * them is under way. */
        TgSecret *undo;
        TgSecret *drop_undo;
        GBytes *names;     /* initiator with PIN: digests of what is shared, 32 octets each */
        char *mailbox_url; /* plain HTTP: the URI template */
        char letter;       /* the link's v */
        gboolean is_compat;
        gboolean is_bound;    /* recipient: a read has bound the mailbox to our claim */
        gboolean has_arrived; /* recipient: the body is the provision that has arrived */
        gboolean has_work;    /* the body is a message that waits for the vertical */
        gboolean has_digest;
        guint8 digest[32];
        char *etag;
        char *request_id; /* of the writing request that is under way */
        TgErrand errand;
        TgOutcome outcome;    /* of TG_ERRAND_SAY */
        char *reason;         /* for it; NULL: none */
        gboolean has_message; /* the body is the update request of the end message */
        gboolean is_clock_corrected;
        gboolean is_shortened; /* initiator: the relay names an earlier end than was asked for */

        /* of its vertical; sealed */
        GVariant *terms; /* initiator: a{sv} that was consented to, NULL: a copy; recipient: what
                          * he said beforehand, with `format`, or NULL */
        char *subject;   /* initiator: what the vertical calls what is given; NULL: a copy */
        TgSecret *vertical_state; /* erased with the exchange's secrets */
        TgSecret *receipt;        /* stays after the end, for revoking */
        GVariant *details;        /* a(ss) for people */
        TgBounds bounds;          /* what the initiator lets be done with what he gives */
        guint n_steps;            /* messages made and answered */
        gboolean has_said_last;   /* our last message is made: with it the other side has all */
        gint64 over_s;            /* what was given is over by itself; 0: never, or not known */

        /* of a grant: shares that follow one another; sealed */
        char grant[TG_ID_CHARS + 1]; /* the first; "": it is this one, or there are no others */
        char predecessor[TG_ID_CHARS + 1]; /* the one before */
        char *renews;                      /* recipient: the credential that gets a new content */
        gint64 due_s;           /* no message is handed to the vertical before; 0: at once */
        TgSecret *next;         /* recipient: the invitation to what follows */
        TgSecret *heritage;     /* recipient: what its vertical leaves to that */
        TgSecret *inherited;    /* recipient: and was left */
        guint n_sequels_failed; /* initiator: what was to follow, and came to nothing */

        /* what was consented to, until it is in a request; sealed too while it waits for
         * the item to be read */
        char *image_url;
        char *item_path;
        GHashTable *attributes;
        char **travel; /* names of the item's attributes; NULL: none */
        guint life_s;
        guint pin_digits; /* 0: no PIN */
        gboolean has_public_title;

        /* only in memory */
        char *starter;
        char *source_id; /* initiator, until he has said yes: of the credential shared on */
        TgSecret *content;
        char *content_type;
        char *label;
        GVariant *item_attributes; /* a{ss}: initiator, those that travel; recipient, that came */
        TgSecret *first_message;   /* initiator, until the first request is made */
        char *issuer;              /* of what is being provisioned */
        gint64 not_before_s;
        gint64 not_after_s;
        gboolean is_interactive;
        TgSecret *given_pin; /* recipient: typed before it was asked for */

        TgSecret *ended_link;    /* declined while there was no key for its digest */
        GBytes *unsaved_message; /* the end message, where there is no key to save it under */

        /* under way */
        gboolean is_waiting_for_keyring;
        gboolean is_end_noted;   /* its end is on its way into the log */
        const char *log_text;    /* to be entered with what happens now; NULL: what there is */
        gboolean is_sealed;      /* stored, but the detail has not been read yet */
        gboolean is_busy_sealed; /* ended, and what is still to be sent is in there */
        gboolean is_stopped;
        gboolean is_held;     /* its message waits for its time */
        gboolean must_reload; /* no memory to read the exchange: nothing is done before */
        TgHttpContext *context;
        TgAsking *asking;
        TgDrop *dropping;
        TgTurn *turn;
        TgKeyringJob *job;
        TgStep *step;
        GError *refusal; /* the vertical's, while the keyring item goes */
        TgRevocation *revocation;
        guint n_revokings; /* of its whole grant, that have not come to their end */
        TgVaultWait *count_wait;
        guint timer;
        guint n_failures;           /* in a row, for the back-off */
        guint n_ignored;            /* payloads in a row */
        gboolean is_write_doubtful; /* a write has gone out whose answer we do not have */
        gint64 asked_at_us;
        guint held_s; /* for so long the answer awaited was asked to be held; 0: not */
};

/* ---- share.c ---- */

/* An object with a new id, and nothing else. */
TgShare *
tg_share_new_blank(TgWallet *wallet, const TgShareOwner *owner, gpointer owner_data, TgRole role);

void tg_share_set_failure(TgShare *self, const GError *error); /* NULL: none */
void tg_share_set_waiting(TgShare *self, gboolean is_waiting);
void tg_share_tell(TgShare *self, TgShareChange changes);
/* What is under way and what waits; the connection stays. */
void tg_share_drop_pending(TgShare *self);
void tg_share_disconnect(TgShare *self); /* all of it */
void tg_share_forget_secrets(TgShare *self);
/* Refused, failed or run out before the claim, a link has not ended: it may be opened again. */
gboolean tg_share_is_link_used(const TgShare *self);

/* The other side is there: not one of the many that only wait for somebody to come. */
gboolean tg_share_is_exchanging(const TgShare *self);

/* ---- share-event.c ---- */

/* Steps the session: sets the state, saves with @body (see tg_store_save_share), tells, and
 * performs the action. On failure nothing has changed. */
gboolean tg_share_event(TgShare *self, TgEvent event, TgSecret *body, GError **error);
/* The same where there is nobody to tell: a failure to save goes back to what is stored, and
 * tries again later. */
void tg_share_happens(TgShare *self, TgEvent event, TgSecret *body);
/* An end with its reason; @error NULL keeps the failure as it is. */
void tg_share_ends(TgShare *self, TgEvent event, TgEndedBy by, const GError *error);

gboolean tg_share_needs_vault(TgShare *self); /* TRUE: it has been asked for; come back */
void tg_share_later(TgShare *self, gint64 retry_after_s); /* tg_share_go_on() after the back-off */
void tg_share_later_ms(TgShare *self, guint ms);
/* Whether it may pass by itself (no memory, a full disk), or is a finding about the data. */
gboolean tg_share_is_passing(const GError *error);
/* Something could not be saved: what is stored is the truth. */
void tg_share_go_back(TgShare *self, const GError *error);
/* The parts of a step, for those who take it without the table's action. */
gboolean
tg_share_step(TgShare *self, TgEvent event, TgSecret *body, const char *reason, GError **error);
/* The user's own word may not be undone by an old state file: it counts. */
gboolean tg_share_event_counts(TgEvent event);
TgSecret *tg_share_plan_errand(TgShare *self, TgAction action, const char *reason);
gboolean tg_share_save_event(TgShare *self, TgEvent event, TgSecret *body, GError **error);
void tg_share_end_secrets(TgShare *self);

/* ---- share-user.c ---- */

/* What an end is called that came in state @from without a word of the other side's;
 * NULL where it says enough by itself. */
GError *tg_share_sentence_of(const TgShare *self, TgState from, TgEvent event);

/* ---- share-resume.c ---- */

void tg_share_time_is_up(TgShare *self);

/* ---- share-log.c ---- */

/* Enters an act in the transaction that is open. @text NULL: what the end was for. */
gboolean tg_share_enter(const TgShare *self, TgLogAct act, const char *text, GError **error);
/* The same of what @event is, where it is worth it. */
gboolean tg_share_log_event(TgShare *self, TgEvent event, GError **error);
/* Its end came while its row could not be read, and waits to be entered. */
gboolean tg_share_was_noted(const TgShare *self);
/* The end message of the other side, and no less than that. */
void tg_share_take_receipt(TgShare *self, TgOutcome outcome);

/* ---- share-lent.c ---- */

/* When tg_share_check_lapse() is to be called; 0: never. */
gint64 tg_share_lapse_s(const TgShare *self);
void tg_share_check_lapse(TgShare *self, gint64 now_s);

/* ---- share-record.c ---- */

/* Saves in one transaction of its own, or in the one that is open. */
gboolean tg_share_save(TgShare *self, TgSecret *body, GError **error);
void tg_share_read_detail(TgShare *self, TgSecret *detail);

/* ---- share-exchange.c ---- */

TgLinkMode tg_share_link_mode(const TgShare *self);
TgMode tg_share_exchange_mode(const TgShare *self);
/* Makes the exchange; claim, key and mode are there, and a recipient's mailbox. */
gboolean tg_share_begin_exchange(TgShare *self, const TgSecret *pin, GError **error);
/* Feeds @input to the exchange and remembers how it was: what is not saved has not happened. */
gboolean tg_share_dispatch(TgShare *self, const TgInput *input, TgOutput *output, GError **error);
/* The exchange as it was before the step, where there is one under way. */
void tg_share_undo(TgShare *self);
/* It is saved, or has changed nothing. */
void tg_share_settle(TgShare *self);
void tg_share_judge(TgShare *self, const TgJson *payload, gboolean is_first_tag);
/* Nothing that counts as news: the relay is asked less and less often. */
void tg_share_ignored(TgShare *self, const GError *error);
void tg_share_take_display(TgShare *self, const TgHeader *display);
/* The limits that came with it, where there are any; else they stay. TG_ERROR_INVALID for such as
 * could not be kept to. */
gboolean tg_share_take_bounds(TgShare *self, const TgHeader *display, GError **error);
/* What is next in the exchange: something is written, judged or waited for. */
void tg_share_go_on_exchanging(TgShare *self);

/* ---- share-charge.c ---- */

/* Remembers what is shared, and refuses it when too many shares of it were burned. */
gboolean tg_share_note_names(TgShare *self, GError **error);
gboolean tg_share_add_burns(TgShare *self, GError **error);
/* Counts the try where nothing undoes it, then judges. */
void tg_share_charge(TgShare *self);

/* ---- share-pin.c ---- */

void tg_share_ask_pin(TgShare *self, gboolean is_again);
/* All is well but for what is to be said of a wrong PIN. */
void tg_share_is_well(TgShare *self);

/* ---- share-request.c ---- */

TgHttpContext *tg_share_context(TgShare *self);
char *tg_share_new_request_id(void);
TgSecret *tg_share_draw_claim(GError **error);
const char *tg_share_claim_text(const TgShare *self);
/* The proof that a binding read carries, or the verifier that the relay keeps. */
char *tg_share_proof(TgShare *self, gboolean is_verifier);
void tg_share_note_clock(TgShare *self, const TgReply *reply);
void tg_share_note_expiration(TgShare *self, gint64 expiration_s, gint64 clock_skew_s);
/* A request is under way. */
gboolean tg_share_is_asking(const TgShare *self);
gboolean tg_share_is_offline(TgShare *self, const char *url);
void tg_share_came_through(TgShare *self);
void tg_share_try_later(TgShare *self, const TgReply *reply);
/* Draws what the first request is made of, to be saved with the event that allows it;
 * *ret_body is NULL where there is none, or where the content must be fetched first. */
gboolean tg_share_prepare(TgShare *self, TgSecret **ret_body, GError **error);
/* The same, saved at once: where the vault was opened only after the user had said yes. */
gboolean tg_share_prepare_now(TgShare *self);

/* ---- share-create.c ---- */

void tg_share_create(TgShare *self);
/* The first message, made ready to be saved. */
TgSecret *tg_share_make_first(TgShare *self, GError **error);

/* ---- share-receive.c ---- */

void tg_share_claim(TgShare *self);
gboolean tg_share_prepare_claim(TgShare *self, GError **error);
/* The credential has arrived: checked wholly, then stored before anything else. FALSE where
 * something passing is in the way: then it has to be read again. */
gboolean tg_share_arrived(TgShare *self, const TgOutput *output);
void tg_share_provision(TgShare *self);
/* All of it is done: it is completed. */
void tg_share_provisioned(TgShare *self);
/* What has arrived is not taken, and the other side is told. */
void tg_share_refuse(TgShare *self, const GError *error);
/* A name that the content brings along, where nothing better is known. */
void tg_share_take_title(TgShare *self, const char *title);

/* ---- share-vertical.c ---- */

void tg_share_step_context(TgShare *self, TgStepKind kind, TgStepContext *ret_context);
/* A shortage: its vertical may come back, as when a package is upgraded and its files are gone. */
void tg_share_set_absent(GError **error);
/* A finding about what was given ends the share, a shortage passes. */
void tg_share_not_done(TgShare *self, const GError *error);
/* Its first message is made in a step of its own. */
gboolean tg_share_is_slow(const TgShare *self);
/* The first message is there. FALSE without @error: it is being made, and tg_share_create() is
 * called then. */
gboolean tg_share_begin_vertical(TgShare *self, GError **error);
/* Hands the stored message to the vertical. */
void tg_share_work(TgShare *self);
/* What a prompt vertical makes of a message that is not stored. */
gboolean tg_share_receive_at_once(TgShare *self,
                                  const TgVertical *vertical,
                                  const TgJson *message,
                                  TgStepAnswer *ret_answer,
                                  GError **error);
/* Stores the answer to a message, and goes on with it. FALSE: nothing of it has happened. */
gboolean tg_share_take_answer(TgShare *self, TgStepAnswer *answer, GError **error);
/* It is in the keyring; then tg_share_provisioned(). */
void tg_share_provision_vertical(TgShare *self, const TgProvision *provision);
/* Nobody waits for it any more. */
void tg_share_drop_revocation(TgShare *self);
/* All that it takes to use the credential has left this initiator. */
gboolean tg_share_is_given(const TgShare *self);

/* ---- share-sequel.c ---- */

/* TRUE: the message that is stored is not to be answered yet; meanwhile the mailbox is watched. */
gboolean tg_share_hold(TgShare *self);
/* When the message is due; 0: none waits. */
gint64 tg_share_held_until_s(const TgShare *self);
/* Initiator: what follows this share has a link, or nothing follows. FALSE: it is being made, and
 * tg_share_go_on() is called then. */
gboolean tg_share_has_sequel(TgShare *self);
/* The invitation to it, for the last answer; NULL without @error: nothing follows. */
TgSecret *tg_share_sequel_invitation(TgShare *self, GError **error);
/* Recipient: the invitation that came with a message; one that is not as it must be is dropped.
 * FALSE: that cannot be told just now. */
gboolean tg_share_take_next(TgShare *self, const TgHeader *header, GError **error);
/* Ended, and saved: nothing is to be learnt from it. */
void tg_share_forget_next(TgShare *self);

/* ---- share-errand.c ---- */

void tg_share_run_errand(TgShare *self);
/* Nothing is left to be sent. */
void tg_share_errand_done(TgShare *self);
/* What the end message is made of is kept: it may have to be made anew. */
gboolean tg_share_may_say_again(const TgShare *self);
/* Outcome and reason of the end message that @action is to say. @reason: the user's, or NULL. */
void tg_share_note_end(TgShare *self, TgAction action, const char *reason);
/* Writes what is changed about the errand, before it is sent. FALSE: it is tried later. */
gboolean tg_share_errand_keep(TgShare *self, TgSecret *body);
void tg_share_errand_later(TgShare *self, const TgReply *reply);
gint64 tg_share_errand_deadline_s(const TgShare *self);
