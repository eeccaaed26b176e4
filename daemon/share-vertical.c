/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A share and its vertical: steps are started with what is stored, and what they answer is stored
 * before anything of it is sent.
 */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/crypto.h"
#include "protocol/limits.h"

static TgSecret *
ref_or_null(TgSecret *secret)
{
        return secret != NULL ? tg_secret_ref(secret) : NULL;
}

void
tg_share_step_context(TgShare *self, TgStepKind kind, TgStepContext *ret_context)
{
        *ret_context = (TgStepContext){
                .kind = kind,
                .vertical = tg_vertical_find(self->format),
                .share_id = self->id,
                .role = self->role,
                .number = self->n_steps,
                .terms = self->terms,
                .state = self->vertical_state,
                .receipt = self->receipt,
                .inherited = self->inherited,
        };
}

static void
start(TgShare *self, TgStepRun run, const TgStepContext *context, TgStepFunc func)
{
        g_clear_pointer(&self->step, tg_step_cancel);
        self->step = tg_step_start(run, context, func, self);
}

/* ---- what an answer changes, and how it was ---- */

typedef struct {
        guint n_steps;
        gboolean has_work;
        gboolean has_said_last;
        TgSecret *vertical_state;
        TgSecret *receipt;
        TgSecret *heritage;
        gint64 over_s;
        GVariant *details;
} Progress;

static void
remember(const TgShare *self, Progress *ret_progress)
{
        *ret_progress = (Progress){
                .n_steps = self->n_steps,
                .has_work = self->has_work,
                .has_said_last = self->has_said_last,
                .vertical_state = ref_or_null(self->vertical_state),
                .receipt = ref_or_null(self->receipt),
                .heritage = ref_or_null(self->heritage),
                .over_s = self->over_s,
                .details = self->details != NULL ? g_variant_ref(self->details) : NULL,
        };
}

static void
forget_progress(Progress *progress)
{
        g_clear_pointer(&progress->vertical_state, tg_secret_unref);
        g_clear_pointer(&progress->receipt, tg_secret_unref);
        g_clear_pointer(&progress->heritage, tg_secret_unref);
        g_clear_pointer(&progress->details, g_variant_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Progress, forget_progress)

static void
put_back(TgShare *self, Progress *progress)
{
        self->n_steps = progress->n_steps;
        self->has_work = progress->has_work;
        self->has_said_last = progress->has_said_last;
        g_clear_pointer(&self->vertical_state, tg_secret_unref);
        self->vertical_state = g_steal_pointer(&progress->vertical_state);
        g_clear_pointer(&self->receipt, tg_secret_unref);
        self->receipt = g_steal_pointer(&progress->receipt);
        g_clear_pointer(&self->heritage, tg_secret_unref);
        self->heritage = g_steal_pointer(&progress->heritage);
        self->over_s = progress->over_s;
        g_clear_pointer(&self->details, g_variant_unref);
        self->details = g_steal_pointer(&progress->details);
}

static void
take(TgShare *self, TgStepAnswer *answer)
{
        if (answer->state != NULL) {
                g_clear_pointer(&self->vertical_state, tg_secret_unref);
                self->vertical_state = g_steal_pointer(&answer->state);
        }
        if (answer->receipt != NULL) {
                g_clear_pointer(&self->receipt, tg_secret_unref);
                self->receipt = g_steal_pointer(&answer->receipt);
        }
        if (answer->heritage != NULL) {
                g_clear_pointer(&self->heritage, tg_secret_unref);
                self->heritage = g_steal_pointer(&answer->heritage);
        }
        if (answer->over_s != 0)
                self->over_s = answer->over_s;
        if (answer->details != NULL) {
                g_clear_pointer(&self->details, g_variant_unref);
                self->details = g_steal_pointer(&answer->details);
                tg_share_tell(self, TG_SHARE_DETAILS);
        }
        self->has_said_last |= answer->is_last;
        self->n_steps++;
        self->has_work = FALSE;
}

gboolean
tg_share_is_given(const TgShare *self)
{
        return self->exchange != NULL && self->has_said_last &&
               tg_exchange_is_given(self->exchange);
}

/* ---- the first message ---- */

void
tg_share_set_absent(GError **error)
{
        tg_set_error(
                error, TG_ERROR_FAILED, "the program for this kind of credential is not there");
}

gboolean
tg_share_is_slow(const TgShare *self)
{
        const TgVertical *vertical = tg_vertical_find(self->format);

        return vertical == NULL || !vertical->is_prompt || self->terms != NULL;
}

void
tg_share_not_done(TgShare *self, const GError *error)
{
        if (!tg_share_is_passing(error)) {
                tg_share_ends(self,
                              self->role == TG_ROLE_RECIPIENT ? TG_EVENT_UNACCEPTABLE
                                                              : TG_EVENT_BROKEN,
                              TG_ENDED_SELF,
                              error);
                return;
        }
        tg_share_set_failure(self, error);
        tg_share_later(self, -1);
}

static void
on_begun(TgStepAnswer *answer, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->step = NULL;
        if (answer->kind != TG_ANSWER_SAY) {
                tg_share_not_done(self, answer->error);
                return;
        }
        self->n_failures = 0;
        tg_share_set_failure(self, NULL);
        self->first_message = g_steal_pointer(&answer->content);
        self->n_steps = 0; /* of the one that counts: it may have been made before */
        take(self, answer);
        tg_share_create(self);
}

gboolean
tg_share_begin_vertical(TgShare *self, GError **error)
{
        const TgVertical *vertical = tg_vertical_find(self->format);
        g_auto(TgStepAnswer) answer = {};
        TgStepContext context;

        if (self->first_message != NULL)
                return TRUE;
        if (vertical == NULL) {
                tg_share_set_absent(error);
                return FALSE;
        }
        tg_share_step_context(self, TG_STEP_BEGIN, &context);
        context.given = self->content;
        context.label = self->label;
        context.content_type = self->content_type;
        context.attributes = self->item_attributes;
        if (tg_share_is_slow(self)) {
                start(self, vertical->begin, &context, on_begun);
                return FALSE;
        }

        tg_step_run(vertical->begin, &context, &answer);
        if (answer.kind != TG_ANSWER_SAY) {
                g_propagate_error(error, g_steal_pointer(&answer.error));
                return FALSE;
        }
        self->first_message = g_steal_pointer(&answer.content);
        take(self, &answer);
        return TRUE;
}

/* ---- an answer to a message ---- */

static gboolean
reply(TgShare *self, TgStepAnswer *answer, GError **error)
{
        g_autoptr(TgSecret) nothing = tg_secret_new("", 0, error);
        g_autoptr(GError) failure = NULL;
        g_auto(TgOutput) output = {0};
        g_auto(TgHeader) header = {0};
        TgInput input = {
                .kind = TG_INPUT_SAY,
                .format = self->format,
                .content = answer->content,
                .header = &header,
        };

        if (answer->is_last)
                header.next = tg_share_sequel_invitation(self, &failure);
        if (failure != NULL) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return FALSE;
        }
        if (nothing == NULL || !tg_share_dispatch(self, &input, &output, error))
                return FALSE;
        g_free(self->request_id);
        self->request_id = tg_share_new_request_id();
        take(self, answer);
        return tg_share_event(self, TG_EVENT_REPLIED, nothing, error);
}

static gboolean
keep(TgShare *self, TgStepAnswer *answer, GError **error)
{
        g_autoptr(TgSecret) saved = tg_provision_save(&answer->provision, error);
        gboolean is_unlocked = tg_keyring_state(self->wallet->keyring) == TG_KEYRING_UNLOCKED;
        guint8 id[TG_ID_CHARS / 2];

        if (saved == NULL)
                return FALSE;
        tg_random(id, sizeof id);
        g_free(self->credential_id);
        self->credential_id =
                self->renews != NULL ? g_strdup(self->renews) : tg_hex_encode(id, sizeof id);
        self->has_arrived = TRUE;
        self->over_s = answer->provision.not_after_s;
        if (self->over_s == 0)
                self->over_s = self->bounds.not_after_s;
        tg_share_take_title(self, answer->provision.title);
        take(self, answer);
        if (is_unlocked)
                return tg_share_event(self, TG_EVENT_RECEIVED, saved, error);

        /* It may still be declined until there is a keyring to put it into. */
        if (!tg_share_save(self, saved, error))
                return FALSE;
        tg_share_settle(self);
        tg_share_tell(self, TG_SHARE_STATE);
        tg_share_provision(self);
        return TRUE;
}

gboolean
tg_share_take_answer(TgShare *self, TgStepAnswer *answer, GError **error)
{
        g_auto(Progress) before = {};

        remember(self, &before);
        if (answer->kind == TG_ANSWER_SAY ? reply(self, answer, error) : keep(self, answer, error))
                return TRUE;

        put_back(self, &before);
        self->has_arrived = FALSE;
        return FALSE;
}

static void
note(TgShare *self, TgStepAnswer *answer)
{
        g_autoptr(TgSecret) before = g_steal_pointer(&self->vertical_state);
        g_autoptr(GError) error = NULL;

        self->vertical_state = g_steal_pointer(&answer->state);
        if (tg_share_save(self, NULL, &error)) {
                tg_share_work(self);
                return;
        }
        tg_secret_unref(self->vertical_state);
        self->vertical_state = g_steal_pointer(&before);
        tg_share_go_back(self, error);
}

static void
on_worked(TgStepAnswer *answer, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(GError) error = NULL;

        self->step = NULL;
        if (answer->kind == TG_ANSWER_FAILED) {
                tg_share_not_done(self, answer->error);
                return;
        }
        if (answer->kind == TG_ANSWER_NOTED) {
                note(self, answer);
                return;
        }
        self->n_failures = 0;
        tg_share_set_failure(self, NULL);
        if (!tg_share_take_answer(self, answer, &error))
                tg_share_go_back(self, error);
}

/* The message that waits in the store. */
static gboolean
read_message(TgShare *self, TgSecret **ret_text, TgJson *ret_message, GError **error)
{
        g_autoptr(TgSecret) text = tg_store_load_body(self->wallet->store, self->id, error);
        gsize n_bytes;
        const char *chars;

        if (text == NULL)
                return FALSE;
        chars = (const char *)tg_secret_get(text, &n_bytes);
        if (!tg_json_parse(chars, n_bytes, TG_MAX_PLAINTEXT_BYTES, ret_message, error))
                return FALSE;
        *ret_text = g_steal_pointer(&text);
        return TRUE;
}

static TgSecret *
binding_of(TgShare *self, GError **error)
{
        return self->exchange != NULL ? tg_exchange_binding(self->exchange, self->format, error)
                                      : NULL;
}

/* Two that answer each other for ever end while they can still tell each other so. */
static gboolean
has_room(const TgShare *self, GError **error)
{
        if (self->n_steps < TG_MAX_STEPS_PER_SHARE)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "a share has at most %d messages of each side",
                     TG_MAX_STEPS_PER_SHARE);
        return FALSE;
}

void
tg_share_work(TgShare *self)
{
        const TgVertical *vertical = tg_vertical_find(self->format);
        g_autoptr(TgSecret) text = NULL;
        g_autoptr(TgSecret) binding = NULL;
        g_autoptr(GError) error = NULL;
        TgStepContext context;
        TgJson message;

        /* Nothing is signed or asked for after the end in time, whatever the alarm does. */
        tg_share_check_time(self, tg_clock_now_s());
        if (tg_share_is_ended(self) || self->step != NULL || tg_share_hold(self) ||
            (vertical != NULL && !tg_share_has_sequel(self)))
                return;
        if (vertical == NULL)
                tg_share_set_absent(&error);
        else if (has_room(self, &error) && read_message(self, &text, &message, &error))
                binding = binding_of(self, &error);
        if (g_error_matches(error, TG_ERROR, TG_ERROR_BAD_STATE))
                error->code = TG_ERROR_INVALID; /* which will not change */
        if (error != NULL) {
                tg_share_not_done(self, error);
                return;
        }

        tg_share_step_context(self, TG_STEP_RECEIVE, &context);
        context.binding = binding;
        context.message = &message;
        start(self, vertical->receive, &context, on_worked);
}

gboolean
tg_share_receive_at_once(TgShare *self,
                         const TgVertical *vertical,
                         const TgJson *message,
                         TgStepAnswer *ret_answer,
                         GError **error)
{
        TgStepContext context;

        tg_share_step_context(self, TG_STEP_RECEIVE, &context);
        context.message = message;
        tg_step_run(vertical->receive, &context, ret_answer);
        if (ret_answer->kind != TG_ANSWER_FAILED)
                return TRUE;
        g_propagate_error(error, g_steal_pointer(&ret_answer->error));
        return FALSE;
}

/* ---- after the keyring ---- */

/* All or nothing: what has no use is not left in the keyring. */
static void
on_taken_out(TgSecret *secret,
             const char *label,
             const char *content_type,
             const GError *error,
             gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(GError) refusal = g_steal_pointer(&self->refusal);

        self->job = NULL;
        tg_share_not_done(self, error != NULL ? error : refusal);
}

static void
on_provisioned(TgStepAnswer *answer, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->step = NULL;
        if (answer->kind == TG_ANSWER_DONE) {
                tg_share_provisioned(self);
        } else if (tg_share_is_passing(answer->error) || self->renews != NULL) {
                /* What it has replaced is of use no more, and its place is the credential's. */
                tg_share_not_done(self, answer->error);
        } else {
                g_clear_error(&self->refusal);
                self->refusal = g_steal_pointer(&answer->error);
                self->job = tg_keyring_remove_credential(
                        self->wallet->keyring, self->credential_id, on_taken_out, self);
        }
}

void
tg_share_provision_vertical(TgShare *self, const TgProvision *provision)
{
        const TgVertical *vertical = tg_vertical_find(self->format);
        g_autoptr(GError) error = NULL;
        TgStepContext context;

        if (vertical == NULL) {
                tg_share_set_absent(&error);
                tg_share_not_done(self, error);
                return;
        }
        if (vertical->provision == NULL) {
                tg_share_provisioned(self);
                return;
        }
        tg_share_step_context(self, TG_STEP_PROVISION, &context);
        context.provision = provision;
        start(self, vertical->provision, &context, on_provisioned);
}

/* ---- taking back ---- */

struct TgRevocation {
        TgStep *step;
        TgRevokedFunc func;
        gpointer user_data;
        GDestroyNotify destroy;
};

void
tg_share_drop_revocation(TgShare *self)
{
        TgRevocation *revocation = g_steal_pointer(&self->revocation);

        if (revocation == NULL)
                return;
        g_clear_pointer(&revocation->step, tg_step_cancel);
        revocation->destroy(revocation->user_data);
        g_free(revocation);
}

void
tg_share_begin_revoking(TgShare *self)
{
        self->n_revokings++;
}

void
tg_share_end_revoking(TgShare *self)
{
        self->n_revokings--;
}

/* Not by way of an end's errand: what of it still runs, runs on. */
static gboolean
save_revoked(TgShare *self, GError **error)
{
        TgState before = self->state;
        guint64 version = self->version;
        TgAction action;

        if (!tg_session_step(self->role, &self->state, TG_EVENT_REVOKED, &action)) {
                tg_set_error(error, TG_ERROR_BAD_STATE, "the share can no longer be revoked");
                return FALSE;
        }
        if (tg_share_save_event(self, TG_EVENT_REVOKED, NULL, error)) {
                tg_share_tell(self, TG_SHARE_STATE | TG_SHARE_LENT);
                tg_vault_push_count(self->wallet->vault);
                return TRUE;
        }
        self->version = version;
        self->state = before;
        return FALSE;
}

static void
on_revoked(TgStepAnswer *answer, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        TgRevocation *revocation = self->revocation;
        g_autoptr(GError) error = NULL;

        revocation->step = NULL;
        if (answer->kind == TG_ANSWER_DONE)
                save_revoked(self, &error);
        else
                error = g_steal_pointer(&answer->error);
        revocation->func(error, revocation->user_data);
        tg_share_drop_revocation(self);
}

static gboolean
may_revoke(const TgShare *self, const TgVertical *vertical, GError **error)
{
        if (self->is_sealed)
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the keyring is locked: unlock it to revoke");
        else if (self->role != TG_ROLE_INITIATOR || vertical == NULL || vertical->revoke == NULL)
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "what was given as a copy or token cannot be taken back");
        else if (!tg_session_allows(self->role, self->state, TG_EVENT_REVOKED))
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the share is in state %s: there is nothing to be revoked%s",
                             tg_share_state_name(self),
                             tg_share_is_ended(self) ? "" : " yet; cancel it instead");
        else if (!self->has_said_last)
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "nothing was given with this share: there is nothing to be revoked");
        else if (self->revocation != NULL)
                tg_set_error(error, TG_ERROR_BAD_STATE, "it is being revoked already");
        else
                return TRUE;
        return FALSE;
}

void
tg_share_revoke(TgShare *self, TgRevokedFunc func, gpointer user_data, GDestroyNotify destroy)
{
        const TgVertical *vertical = tg_vertical_find(self->format);
        g_autoptr(GError) error = NULL;
        TgStepContext context;

        if (!may_revoke(self, vertical, &error)) {
                func(error, user_data);
                destroy(user_data);
                return;
        }
        self->revocation = g_new0(TgRevocation, 1);
        self->revocation->func = func;
        self->revocation->user_data = user_data;
        self->revocation->destroy = destroy;
        tg_share_step_context(self, TG_STEP_REVOKE, &context);
        self->revocation->step = tg_step_start(vertical->revoke, &context, on_revoked, self);
}
