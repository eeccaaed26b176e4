/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/step.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

struct TgStep {
        guint n_refs;
        TgStepContext context;
        char *share_id;
        TgSecret *message_text; /* what context.message looks at */
        TgJson message;
        char *label;
        char *content_type;
        char *credential_id;
        TgProvision provision;
        GCancellable *cancellable;
        TgStepFunc func; /* NULL: nobody waits for it any more, or it is run at once */
        gpointer user_data;
        guint deadline;
        guint idle;
        GPtrArray *details; /* name, value, name, … */
        TgStepAnswer answer;
};

void
tg_step_answer_clear(TgStepAnswer *answer)
{
        g_clear_pointer(&answer->terms, g_variant_unref);
        g_clear_pointer(&answer->result, g_variant_unref);
        g_clear_pointer(&answer->subject, g_free);
        g_clear_pointer(&answer->content, tg_secret_unref);
        tg_provision_clear(&answer->provision);
        g_clear_pointer(&answer->state, tg_secret_unref);
        g_clear_pointer(&answer->receipt, tg_secret_unref);
        g_clear_pointer(&answer->heritage, tg_secret_unref);
        g_clear_pointer(&answer->details, g_variant_unref);
        g_clear_pointer(&answer->name, g_free);
        g_clear_error(&answer->error);
        answer->kind = TG_ANSWER_NONE;
}

/* ---- the object ---- */

static TgSecret *
ref_or_null(TgSecret *secret)
{
        return secret != NULL ? tg_secret_ref(secret) : NULL;
}

static TgStep *
new_step(const TgStepContext *context)
{
        TgStep *self = g_new0(TgStep, 1);

        self->n_refs = 1;
        self->context = *context;
        self->context.share_id = self->share_id = g_strdup(context->share_id);
        self->context.label = self->label = g_strdup(context->label);
        self->context.content_type = self->content_type = g_strdup(context->content_type);
        self->context.credential_id = self->credential_id = g_strdup(context->credential_id);
        if (context->terms != NULL)
                g_variant_ref(context->terms);
        if (context->attributes != NULL)
                g_variant_ref(context->attributes);
        ref_or_null(context->binding);
        ref_or_null(context->state);
        ref_or_null(context->receipt);
        ref_or_null(context->inherited);
        ref_or_null(context->given);
        if (context->provision != NULL) {
                tg_provision_copy(context->provision, &self->provision);
                self->context.provision = &self->provision;
        }
        self->cancellable = g_cancellable_new();

        return self;
}

TgStep *
tg_step_ref(TgStep *self)
{
        self->n_refs++;
        return self;
}

void
tg_step_unref(TgStep *self)
{
        if (--self->n_refs > 0)
                return;
        g_clear_handle_id(&self->deadline, g_source_remove);
        g_clear_handle_id(&self->idle, g_source_remove);
        g_clear_pointer(&self->context.terms, g_variant_unref);
        g_clear_pointer(&self->context.attributes, g_variant_unref);
        g_clear_pointer(&self->context.binding, tg_secret_unref);
        g_clear_pointer(&self->context.state, tg_secret_unref);
        g_clear_pointer(&self->context.receipt, tg_secret_unref);
        g_clear_pointer(&self->context.inherited, tg_secret_unref);
        g_clear_pointer(&self->context.given, tg_secret_unref);
        g_clear_pointer(&self->message_text, tg_secret_unref);
        g_clear_pointer(&self->details, g_ptr_array_unref);
        tg_provision_clear(&self->provision);
        g_clear_object(&self->cancellable);
        tg_step_answer_clear(&self->answer);
        g_free(self->share_id);
        g_free(self->label);
        g_free(self->content_type);
        g_free(self->credential_id);
        g_free(self);
}

const TgStepContext *
tg_step_context(const TgStep *self)
{
        return &self->context;
}

GCancellable *
tg_step_cancellable(TgStep *self)
{
        return self->cancellable;
}

/* ---- what it says on the way ---- */

void
tg_step_set_state(TgStep *self, TgSecret *state)
{
        g_clear_pointer(&self->answer.state, tg_secret_unref);
        self->answer.state = tg_secret_ref(state);
}

void
tg_step_set_receipt(TgStep *self, TgSecret *receipt)
{
        g_clear_pointer(&self->answer.receipt, tg_secret_unref);
        self->answer.receipt = tg_secret_ref(receipt);
}

void
tg_step_set_over(TgStep *self, guint64 over_s)
{
        self->answer.over_s = (gint64)MIN(over_s, G_MAXINT64);
}

void
tg_step_bequeath(TgStep *self, TgSecret *heritage)
{
        g_clear_pointer(&self->answer.heritage, tg_secret_unref);
        self->answer.heritage = tg_secret_ref(heritage);
}

void
tg_step_show(TgStep *self, const char *name, const char *value)
{
        if (self->details == NULL)
                self->details = g_ptr_array_new_with_free_func(g_free);
        if (self->details->len >= 2 * TG_MAX_DETAILS)
                return;
        g_ptr_array_add(self->details, tg_text_clean(name, -1, TG_MAX_DETAIL_NAME_BYTES));
        g_ptr_array_add(self->details, tg_text_clean(value, -1, TG_MAX_DETAIL_BYTES));
}

void
tg_step_show_time(TgStep *self, const char *name, guint64 time_s)
{
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc((gint64)time_s);
        g_autofree char *text = g_date_time_format(time, "%F %T UTC");

        tg_step_show(self, name, text);
}

void
tg_step_name(TgStep *self, const char *name)
{
        g_free(self->answer.name);
        self->answer.name = name != NULL ? tg_text_clean(name, -1, TG_MAX_TITLE_BYTES) : NULL;
}

static GVariant *
take_details(TgStep *self)
{
        GVariantBuilder builder;

        if (self->details == NULL)
                return NULL;
        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ss)"));
        for (guint i = 0; i + 1 < self->details->len; i += 2)
                g_variant_builder_add(
                        &builder, "(ss)", self->details->pdata[i], self->details->pdata[i + 1]);
        return g_variant_ref_sink(g_variant_builder_end(&builder));
}

/* ---- the answer ---- */

static gboolean
fits(const TgStep *self, TgAnswerKind kind)
{
        switch (self->context.kind) {
        case TG_STEP_CHECK:
                return kind == TG_ANSWER_CHECKED;
        case TG_STEP_BEGIN:
                return kind == TG_ANSWER_SAY;
        case TG_STEP_RECEIVE:
                return kind == TG_ANSWER_SAY ||
                       (kind == TG_ANSWER_NOTED && self->answer.state != NULL) ||
                       (kind == TG_ANSWER_KEEP && self->context.role == TG_ROLE_RECIPIENT);
        case TG_STEP_PROVISION:
        case TG_STEP_REVOKE:
                return kind == TG_ANSWER_DONE;
        case TG_STEP_USE:
                return kind == TG_ANSWER_USED;
        }
        return FALSE;
}

static gboolean
is_larger(const TgSecret *secret, gsize n_max)
{
        return secret != NULL && tg_secret_size(secret) > n_max;
}

static gboolean
is_long(GVariant *dictionary)
{
        return dictionary != NULL && g_variant_get_size(dictionary) > TG_MAX_TERMS_BYTES;
}

/* A handler of another program is believed in nothing. */
static void
check_answer(TgStep *self, TgAnswerKind kind)
{
        TgStepAnswer *answer = &self->answer;
        const char *why = NULL;
        TgJson json;
        gsize n_bytes;
        const char *text;

        if (!fits(self, kind)) {
                why = "an answer that is out of place";
        } else if (is_larger(answer->content, TG_MAX_STEP_MESSAGE_BYTES) ||
                   is_larger(answer->state, TG_MAX_STEP_STATE_BYTES) ||
                   is_larger(answer->receipt, TG_MAX_RECEIPT_BYTES) ||
                   is_larger(answer->heritage, TG_MAX_RECEIPT_BYTES) ||
                   is_larger(answer->provision.content, TG_MAX_PLAINTEXT_BYTES) ||
                   is_long(answer->terms) || is_long(answer->result)) {
                why = "an answer that is too large";
        } else if (kind == TG_ANSWER_SAY) {
                text = (const char *)tg_secret_get(answer->content, &n_bytes);
                if (!tg_json_parse(text, n_bytes, TG_MAX_STEP_MESSAGE_BYTES, &json, NULL) ||
                    json.type != TG_JSON_OBJECT || json.n_chars != n_bytes)
                        why = "a message that is not one JSON object and nothing else";
                else if (!tg_json_fits_inside(&json))
                        why = "a message that is nested too deep";
        }
        if (why == NULL)
                return;

        tg_step_answer_clear(answer);
        answer->kind = TG_ANSWER_FAILED;
        answer->error = tg_error_new(
                TG_ERROR_INVALID, "the program for this kind of credential gave %s", why);
}

static gboolean
on_answered(gpointer user_data)
{
        g_autoptr(TgStep) self = user_data; /* the owner's reference */
        TgStepFunc func = g_steal_pointer(&self->func);

        self->idle = 0;
        if (func != NULL)
                func(&self->answer, self->user_data);
        return G_SOURCE_REMOVE;
}

static gboolean
is_answered(const TgStep *self)
{
        return self->answer.kind != TG_ANSWER_NONE;
}

static void
answered(TgStep *self, TgAnswerKind kind)
{
        g_clear_handle_id(&self->deadline, g_source_remove);
        self->answer.kind = kind;
        if (kind != TG_ANSWER_FAILED) {
                self->answer.details = take_details(self);
                check_answer(self, kind);
        }
        if (self->func != NULL)
                self->idle = g_idle_add_full(G_PRIORITY_DEFAULT, on_answered, self, NULL);
}

void
tg_step_checked(TgStep *self, GVariant *terms, const char *subject)
{
        g_autoptr(GVariant) taken = terms != NULL ? g_variant_ref_sink(terms) : NULL;

        if (is_answered(self))
                return;
        self->answer.terms = g_steal_pointer(&taken);
        self->answer.subject = g_strdup(subject);
        answered(self, TG_ANSWER_CHECKED);
}

void
tg_step_say(TgStep *self, TgSecret *content, gboolean is_last)
{
        if (is_answered(self))
                return;
        self->answer.content = tg_secret_ref(content);
        self->answer.is_last = is_last;
        answered(self, TG_ANSWER_SAY);
}

void
tg_step_note(TgStep *self)
{
        if (!is_answered(self))
                answered(self, TG_ANSWER_NOTED);
}

void
tg_step_keep(TgStep *self, TgProvision *provision)
{
        g_auto(TgProvision) taken = *provision;

        *provision = (TgProvision){};
        if (is_answered(self))
                return;
        self->answer.provision = taken;
        taken = (TgProvision){};
        answered(self, TG_ANSWER_KEEP);
}

void
tg_step_done(TgStep *self)
{
        if (!is_answered(self))
                answered(self, TG_ANSWER_DONE);
}

void
tg_step_used(TgStep *self, GVariant *result)
{
        g_autoptr(GVariant) taken = g_variant_ref_sink(result);

        if (is_answered(self))
                return;
        self->answer.result = g_steal_pointer(&taken);
        answered(self, TG_ANSWER_USED);
}

void
tg_step_fail(TgStep *self, GError *error)
{
        g_autoptr(GError) taken = error;

        if (is_answered(self))
                return;
        self->answer.error = g_steal_pointer(&taken);
        answered(self, TG_ANSWER_FAILED);
}

/* ---- the owner ---- */

static gboolean
on_deadline(gpointer user_data)
{
        TgStep *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgStep) alive = tg_step_ref(self);

        self->deadline = 0;
        tg_step_fail(self,
                     tg_error_new(TG_ERROR_UNREACHABLE,
                                  "what this kind of credential needs did not answer within %d "
                                  "seconds",
                                  TG_STEP_DEADLINE_S));
        g_cancellable_cancel(self->cancellable);
        return G_SOURCE_REMOVE;
}

/* The step may outlive what its owner has read the message from. */
static gboolean
take_message(TgStep *self, const TgJson *message)
{
        gsize n_bytes;
        const char *text;

        if (message == NULL)
                return TRUE;
        self->message_text = tg_secret_new(message->text, message->n_chars, &self->answer.error);
        if (self->message_text == NULL)
                return FALSE;
        text = (const char *)tg_secret_get(self->message_text, &n_bytes);
        self->context.message = &self->message;

        return tg_json_parse(
                text, n_bytes, TG_MAX_PLAINTEXT_BYTES, &self->message, &self->answer.error);
}

TgStep *
tg_step_start(TgStepRun run, const TgStepContext *context, TgStepFunc func, gpointer user_data)
{
        TgStep *self = new_step(context);

        self->func = func;
        self->user_data = user_data;
        if (!take_message(self, context->message)) {
                answered(self, TG_ANSWER_FAILED);
                return self;
        }
        self->deadline = g_timeout_add_seconds(TG_STEP_DEADLINE_S, on_deadline, self);
        tg_step_ref(self);
        run(self);
        tg_step_unref(self);

        return self;
}

void
tg_step_cancel(TgStep *self)
{
        G_GNUC_UNUSED g_autoptr(TgStep) owned = self;

        self->func = NULL;
        g_clear_handle_id(&self->idle, g_source_remove);
        g_clear_handle_id(&self->deadline, g_source_remove);
        if (!is_answered(self))
                self->answer.kind = TG_ANSWER_DONE; /* nothing that comes later counts */
        g_cancellable_cancel(self->cancellable);
}

void
tg_step_run(TgStepRun run, const TgStepContext *context, TgStepAnswer *ret_answer)
{
        g_autoptr(TgStep) self = new_step(context);

        run(self);
        g_assert(is_answered(self));
        *ret_answer = self->answer;
        self->answer = (TgStepAnswer){};
}
