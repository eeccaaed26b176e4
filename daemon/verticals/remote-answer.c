/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The two dictionaries of org.tigress.Vertical1: what a handler is told, and what it answers. */

#include <string.h>

#include "daemon/verticals/remote.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

#define LAST_SECOND G_GINT64_CONSTANT(253402300799) /* of the year 9999 */
#define CONTENT_TYPE "application/octet-stream"

/* ---- what it is told ---- */

static int
append_bytes(sd_bus_message *call, const char *key, const void *bytes, gsize n_bytes)
{
        int r = sd_bus_message_open_container(call, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(call, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', bytes, n_bytes);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static int
append_secret(sd_bus_message *call, const char *key, const TgSecret *secret)
{
        gsize n_bytes;
        const void *bytes;

        if (secret == NULL)
                return 0;
        bytes = tg_secret_get(secret, &n_bytes);
        return append_bytes(call, key, bytes, n_bytes);
}

int
tg_remote_append_given(sd_bus_message *call, const TgStepContext *context)
{
        const TgProvision *provision = context->provision;
        int r = sd_bus_message_open_container(call, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(call, "{sv}", "role", "s", tg_role_name(context->role));
        if (r >= 0)
                r = append_secret(call, "content", context->given);
        if (r >= 0 && provision != NULL)
                r = append_secret(call, "content", provision->content);
        if (r >= 0 && context->message != NULL)
                r = append_bytes(
                        call, "message", context->message->text, context->message->n_chars);
        if (r >= 0)
                r = append_secret(call, "binding", context->binding);
        if (r >= 0)
                r = append_secret(call, "state", context->state);
        if (r >= 0)
                r = append_secret(call, "receipt", context->receipt);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* ---- what it answers ---- */

typedef struct {
        TgStep *step;
        TgSecret *message;
        TgSecret *keep;
        TgSecret *state;
        TgSecret *receipt;
        char *title;
        char *issuer;
        gint64 not_before_s;
        gint64 not_after_s;
        gboolean is_last;
        guint n_details;
} Answer;

static void
clear_answer(Answer *self)
{
        g_clear_pointer(&self->message, tg_secret_unref);
        g_clear_pointer(&self->keep, tg_secret_unref);
        g_clear_pointer(&self->state, tg_secret_unref);
        g_clear_pointer(&self->receipt, tg_secret_unref);
        g_clear_pointer(&self->title, g_free);
        g_clear_pointer(&self->issuer, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, clear_answer)

#define FOR(kind) (1u << (kind))
#define TALKS (FOR(TG_STEP_BEGIN) | FOR(TG_STEP_RECEIVE))

typedef enum {
        KEY_BYTES,
        KEY_TEXT,
        KEY_TIME,
        KEY_FLAG,
        KEY_DETAILS,
} KeyType;

static const char *const signatures[] = {
        [KEY_BYTES] = "ay",
        [KEY_TEXT] = "s",
        [KEY_TIME] = "t",
        [KEY_FLAG] = "b",
        [KEY_DETAILS] = "a(ss)",
};

static const struct {
        const char *name;
        guint steps;
        KeyType type;
        gsize offset;
        gsize n_max;
} keys[] = {
        {"message",                TALKS,                KEY_BYTES,     offsetof(Answer,                 message),                         TG_MAX_STEP_MESSAGE_BYTES},
        {"last",                        TALKS,                                       KEY_FLAG,                        offsetof(Answer,         is_last),   0},
        {"keep",                       FOR(TG_STEP_RECEIVE),                                           KEY_BYTES,                                                   offsetof(Answer,                                        keep),                   TG_MAX_CONTENT_BYTES},
        {"title",                   FOR(TG_STEP_RECEIVE),                   KEY_TEXT,                                offsetof(Answer,                  title),TG_MAX_TITLE_BYTES},
        {"issuer",         FOR(TG_STEP_RECEIVE),                       KEY_TEXT,offsetof(Answer, issuer),                                 TG_MAX_TITLE_BYTES},
        {"not-before",                FOR(TG_STEP_RECEIVE),KEY_TIME,                   offsetof(Answer,                                not_before_s),                                0},
        {"not-after",FOR(TG_STEP_RECEIVE),   KEY_TIME,offsetof(Answer,not_after_s),0},
        {"state",              TALKS,                          KEY_BYTES,                             offsetof(Answer,                                                               state),                                                                                                                  TG_MAX_STEP_STATE_BYTES},
        {"receipt",                        TALKS,                                      KEY_BYTES,                                 offsetof(Answer,                              receipt),                   TG_MAX_RECEIPT_BYTES},
        {"details", TALKS | FOR(TG_STEP_CHECK),                     KEY_DETAILS,                          0,                             0},
};

static gboolean
refuse(GError **error, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", what);
        return FALSE;
}

/* A limit before the locked heap: a flood is its author's fault, not a shortage of ours. */
static gboolean
read_bytes(sd_bus_message *reply, gsize n_max, TgSecret **ret, GError **error)
{
        const void *bytes;
        gsize n_bytes;

        if (sd_bus_message_read_array(reply, 'y', &bytes, &n_bytes) < 0)
                return refuse(error, "gave octets that cannot be read");
        if (n_bytes > n_max)
                return refuse(error, "gave an answer that is too large");
        *ret = tg_secret_new(n_bytes > 0 ? bytes : "", n_bytes, error);
        return *ret != NULL;
}

static gboolean
read_details(Answer *self, sd_bus_message *reply, GError **error)
{
        const char *name;
        const char *value;
        int r = sd_bus_message_enter_container(reply, 'a', "(ss)");

        while (r >= 0 && (r = sd_bus_message_read(reply, "(ss)", &name, &value)) > 0) {
                if (++self->n_details > TG_MAX_DETAILS)
                        return refuse(error, "gave too many details");
                tg_step_show(self->step, name, value);
        }
        if (r < 0 || sd_bus_message_exit_container(reply) < 0)
                return refuse(error, "gave details that cannot be read");
        return TRUE;
}

static gboolean
read_text(sd_bus_message *reply, gsize n_max, char **ret, GError **error)
{
        const char *text;

        if (sd_bus_message_read(reply, "s", &text) < 0)
                return refuse(error, "gave text that cannot be read");
        *ret = tg_text_clean(text, -1, n_max);
        return TRUE;
}

static gboolean
read_time(sd_bus_message *reply, gint64 *ret, GError **error)
{
        guint64 seconds;

        if (sd_bus_message_read(reply, "t", &seconds) < 0 || seconds > (guint64)LAST_SECOND)
                return refuse(error, "gave a time that is none");
        *ret = (gint64)seconds;
        return TRUE;
}

static gboolean
read_flag(sd_bus_message *reply, gboolean *ret, GError **error)
{
        int flag;

        if (sd_bus_message_read(reply, "b", &flag) < 0)
                return refuse(error, "gave a flag that is none");
        *ret = flag != 0;
        return TRUE;
}

static gboolean
read_value(Answer *self, sd_bus_message *reply, gsize i, GError **error)
{
        void *at = (char *)self + keys[i].offset;

        switch (keys[i].type) {
        case KEY_BYTES:
                return read_bytes(reply, keys[i].n_max, at, error);
        case KEY_TEXT:
                return read_text(reply, keys[i].n_max, at, error);
        case KEY_TIME:
                return read_time(reply, at, error);
        case KEY_FLAG:
                return read_flag(reply, at, error);
        case KEY_DETAILS:
                return read_details(self, reply, error);
        }
        return FALSE;
}

static gboolean
read_entry(Answer *self, sd_bus_message *reply, guint *has, GError **error)
{
        TgStepKind kind = tg_step_context(self->step)->kind;
        const char *name;

        if (sd_bus_message_read(reply, "s", &name) < 0)
                return refuse(error, "gave an answer that cannot be read");
        for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
                if (!g_str_equal(name, keys[i].name) || !(keys[i].steps & FOR(kind)))
                        continue;
                if (*has & (1u << i))
                        return refuse(error, "gave one key twice");
                *has |= 1u << i;
                if (sd_bus_message_enter_container(reply, 'v', signatures[keys[i].type]) <= 0)
                        return refuse(error, "gave a key of another type than is agreed");
                return read_value(self, reply, i, error) &&
                       (sd_bus_message_exit_container(reply) >= 0 ||
                        refuse(error, "gave an answer that cannot be read"));
        }
        return refuse(error, "gave a key that is out of place here");
}

static gboolean
read_answer(Answer *self, sd_bus_message *reply, GError **error)
{
        TgStepKind kind = tg_step_context(self->step)->kind;
        gboolean is_silent = kind == TG_STEP_PROVISION || kind == TG_STEP_REVOKE;
        guint has = 0;
        int r;

        if (!sd_bus_message_has_signature(reply, is_silent ? "" : "a{sv}"))
                return refuse(error, "gave an answer of another type than is agreed");
        if (is_silent)
                return TRUE;
        r = sd_bus_message_enter_container(reply, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                if (!read_entry(self, reply, &has, error))
                        return FALSE;
                r = sd_bus_message_exit_container(reply);
        }
        return r >= 0 || refuse(error, "gave an answer that cannot be read");
}

/* Of a car key nothing is known here but its three messages: the initiator's first, the
 * recipient's request, the initiator's answer. One answer, so one signature a share. */
static gboolean
is_car_keys_turn(const Answer *self, const TgStepContext *context)
{
        if (context->kind == TG_STEP_BEGIN)
                return !self->is_last;
        if (context->role == TG_ROLE_INITIATOR)
                return context->number == 1 && self->is_last;
        return context->number <= 1 && (self->keep != NULL) == (context->number == 1);
}

/* Which steps answer with what is checked by the step itself. */
static gboolean
is_consistent(const Answer *self, GError **error)
{
        const TgStepContext *context = tg_step_context(self->step);
        gboolean talks = FOR(context->kind) & TALKS;

        if (talks && (self->message == NULL) == (self->keep == NULL))
                return refuse(error, "gave neither a message nor what to keep, or both");
        if (self->is_last && (self->message == NULL || context->role != TG_ROLE_INITIATOR))
                return refuse(error, "called a message the last that is none of an initiator's");
        if (talks && g_str_equal(context->vertical->format, TG_CAR_KEY_FORMAT) &&
            !is_car_keys_turn(self, context))
                return refuse(error, "gave another message than a car key has here");
        return TRUE;
}

static void
answer_step(Answer *self)
{
        g_auto(TgProvision) provision = {};

        if (self->state != NULL)
                tg_step_set_state(self->step, self->state);
        if (self->receipt != NULL)
                tg_step_set_receipt(self->step, self->receipt);
        if (self->message != NULL) {
                tg_step_say(self->step, self->message, self->is_last);
                return;
        }
        if (self->keep == NULL) {
                if (tg_step_context(self->step)->kind == TG_STEP_CHECK)
                        tg_step_checked(self->step, NULL, NULL);
                else
                        tg_step_done(self->step);
                return;
        }
        provision.content = g_steal_pointer(&self->keep);
        provision.content_type = g_strdup(CONTENT_TYPE);
        provision.title = g_steal_pointer(&self->title);
        provision.issuer = g_steal_pointer(&self->issuer);
        provision.not_before_s = self->not_before_s;
        provision.not_after_s = self->not_after_s;
        tg_step_keep(self->step, &provision);
}

void
tg_remote_answer(TgStep *step, sd_bus_message *reply)
{
        g_auto(Answer) answer = {.step = step};
        GError *error = NULL;

        if (read_answer(&answer, reply, &error) && is_consistent(&answer, &error)) {
                answer_step(&answer);
                return;
        }
        g_prefix_error(&error, "the program for this kind of credential ");
        tg_step_fail(step, error);
}
