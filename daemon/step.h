/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One step of a vertical: what it is given, and what it answers with. A step may take long (an
 * agent, a token, a child process, another program on the bus): it is ended by one call below,
 * then or later, and each has a deadline of TG_STEP_DEADLINE_S. A step may come again with the
 * same number after a crash, or because what it needed was not there; it then has the same inputs,
 * and must answer as before, or at least change nothing that was done.
 *
 * What a vertical answers is stored before anything of it is sent, shown or provisioned.
 */

#include <gio/gio.h>

#include "daemon/keyring.h"
#include "daemon/provision.h"
#include "protocol/json.h"
#include "protocol/session.h"

typedef enum {
        TG_STEP_CHECK,     /* before the user is asked: is this something to consent to? */
        TG_STEP_BEGIN,     /* initiator: the first message */
        TG_STEP_RECEIVE,   /* either side: the other's message has arrived, and is stored */
        TG_STEP_PROVISION, /* recipient: it is in the keyring; is there more to be done? */
        TG_STEP_REVOKE,    /* initiator: take back what was lent */
        TG_STEP_USE,       /* whoever has it in his keyring: put it to use, as he has asked */
} TgStepKind;

typedef struct TgVertical TgVertical; /* vertical.h */

/* All that a vertical gets to see of a share. Lent for as long as the step lives. */
typedef struct {
        TgStepKind kind;
        const TgVertical *vertical; /* whose step it is: it lives as long as the process */
        const char *share_id;       /* in hex; NULL: there is no share (CHECK, USE) */
        TgRole role;
        guint number;          /* messages of the other side that were answered before */
        GVariant *terms;       /* a{sv}, what was consented to, and of a recipient what he said
                                * beforehand; NULL: nothing, and copies; USE: the options */
        TgSecret *binding;     /* 32 octets that are this share's alone; NULL: not to be had */
        TgSecret *state;       /* as the last step set it; NULL: nothing yet */
        TgSecret *receipt;     /* likewise */
        TgSecret *inherited;   /* RECEIVE, recipient: of the share before this one, if it has one */
        const TgJson *message; /* RECEIVE: the content object */
        const TgProvision *provision; /* PROVISION */
        /* BEGIN (and CHECK of TG_SOURCE_CONTENT), of what a caller handed over or a keyring item
         * holds; NULL: nothing. USE: the credential's content, and its title. */
        TgSecret *given;
        const char *label;
        const char *content_type;
        /* BEGIN, of an item: a{ss} that travel with it. USE: that came along. NULL: none */
        GVariant *attributes;
        TgKeyring *keyring;        /* USE: the user's */
        const char *credential_id; /* USE: the same each time, and nobody else's */
        gboolean is_sandboxed;     /* USE: who asks is not to hear what else the user has */
} TgStepContext;

typedef struct TgStep TgStep;

TgStep *tg_step_ref(TgStep *self);
void tg_step_unref(TgStep *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgStep, tg_step_unref)

const TgStepContext *tg_step_context(const TgStep *self);
/* Cancelled when nobody wants the answer any more: the share has ended, or time was up. */
GCancellable *tg_step_cancellable(TgStep *self);

/* ---- before the answer ---- */

/* What the next step is to know. Sealed at rest, and erased when the share ends. */
void tg_step_set_state(TgStep *self, TgSecret *state);
/* What revoking needs to know, which stays with the ended share: no secret. */
void tg_step_set_receipt(TgStep *self, TgSecret *receipt);
/* Initiator: what is given with this step, or in CHECK what is to be, is over by itself at @over_s,
 * and needs no revoking then. */
void tg_step_set_over(TgStep *self, guint64 over_s);
/* RECEIVE, recipient, with tg_step_keep(): what the share that follows this one (sequel.h) must
 * know, to hold the other side to what was accepted here. Without it none follows. */
void tg_step_bequeath(TgStep *self, TgSecret *heritage);
/* One line for people of what is given here, and under which limits; replaces what was shown by
 * earlier steps. Both are cleaned. */
void tg_step_show(TgStep *self, const char *name, const char *value);
/* The same of a moment, in Unix seconds. */
void tg_step_show_time(TgStep *self, const char *name, guint64 time_s);

/* CHECK, BEGIN: what it is called where the user gives it no name. Cleaned. */
void tg_step_name(TgStep *self, const char *name);

/* ---- the answer: the first counts, and a step that was given up hears of no error ---- */

/* CHECK: @terms (a{sv}, floating or not) as they are to be consented to, with all defaults;
 * @subject names what is given, for counting wrong PINs. NULL, both: the content says it. */
void tg_step_checked(TgStep *self, GVariant *terms, const char *subject);
/* BEGIN, RECEIVE: a content object for the other side. @is_last: with this one it has all that it
 * takes to use the credential; what it says afterwards is heard no more. */
void tg_step_say(TgStep *self, TgSecret *content, gboolean is_last);
/* RECEIVE: what was set with tg_step_set_state() is stored, and the step comes again with it. For
 * what must not be done a second time, whatever happens to this process meanwhile. */
void tg_step_note(TgStep *self);
/* RECEIVE, recipient: it is whole, and right. @provision is taken and cleared. */
void tg_step_keep(TgStep *self, TgProvision *provision);
/* PROVISION, REVOKE */
void tg_step_done(TgStep *self);
/* USE: @result (a{sv} of s, b, u and t, floating or not) says what was changed, for programs. */
void tg_step_used(TgStep *self, GVariant *result);
/* @error is taken. TG_ERROR_INVALID, _TAMPERED and _NOT_FOUND are findings about what was given:
 * they end the share, and an initiator's stays at home. All else is a shortage: the step comes
 * again. */
void tg_step_fail(TgStep *self, GError *error);

/* ---- for the owner ---- */

typedef enum {
        TG_ANSWER_NONE,
        TG_ANSWER_CHECKED,
        TG_ANSWER_SAY,
        TG_ANSWER_NOTED,
        TG_ANSWER_KEEP,
        TG_ANSWER_DONE,
        TG_ANSWER_USED,
        TG_ANSWER_FAILED,
} TgAnswerKind;

typedef struct {
        TgAnswerKind kind;
        GVariant *terms;
        GVariant *result;
        char *subject;
        TgSecret *content;
        gboolean is_last;
        TgProvision provision;
        TgSecret *state;    /* NULL: as it was */
        TgSecret *receipt;  /* NULL: as it was */
        TgSecret *heritage; /* NULL: as it was */
        gint64 over_s;      /* 0: as it was */
        GVariant *details;  /* a(ss); NULL: as they were */
        char *name;         /* NULL: none */
        GError *error;
} TgStepAnswer;

void tg_step_answer_clear(TgStepAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgStepAnswer, tg_step_answer_clear)

typedef void (*TgStepRun)(TgStep *step);
/* Called once, from the loop and never from inside tg_step_start(). */
typedef void (*TgStepFunc)(TgStepAnswer *answer, gpointer user_data);

/* Copies @context. An answer that does not fit the step, or is too large, is a failure. */
TgStep *
tg_step_start(TgStepRun run, const TgStepContext *context, TgStepFunc func, gpointer user_data);
/* No callback arrives afterwards. Takes the reference that tg_step_start() gave. */
void tg_step_cancel(TgStep *self);
/* A step that is known to answer before it returns. */
void tg_step_run(TgStepRun run, const TgStepContext *context, TgStepAnswer *ret_answer);
