/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/authority.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "daemon/bus-source.h"
#include "daemon/verdict.h"
#include "protocol/error.h"
#include "protocol/limits.h"

/*
 * A check lives through
 *
 *      tg_authority_check   refused at once (in the next turn), or queued, or sent
 *      check_send           CheckAuthorization is on its way; a person may be typing
 *      on_answer            judged strictly: a yes for a caller that still lives, or no
 *      check_finish         out of its queue, the next one is sent, then the callback
 *
 * and at any moment the caller's leaving (denied) or tg_authority_check_cancel().
 */

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define ALLOW_USER_INTERACTION 1u

struct TgAuthority {
        sd_bus *bus; /* NULL until the first check and when it was lost */
        GSource *bus_source;
        GHashTable *queues; /* who is asked → Queue */
        GQueue sent;        /* TgAuthorityCheck that wait for polkit */
};

/* One a program, not one a connection: text agents serve one dialog at a time and fail
 * the second, and a program does not get more dialogs by connecting twice. */
typedef struct {
        char *key;
        TgAuthorityCheck *open; /* the one whose dialog may be on the screen */
        GQueue waiting;
        guint n_checks; /* all of them, those that ask nobody too */
} Queue;

struct TgAuthorityCheck {
        TgAuthority *authority;
        Queue *queue; /* NULL: refused because the queue is full */
        TgCaller *caller;
        guint caller_watch;
        char *action;
        gboolean is_interactive;
        char *cancellation_id; /* set while polkit has it */
        sd_bus_slot *slot;
        guint failing_source;
        GError *failure;
        TgAuthorityFunc func;
        gpointer user_data;
};

static void check_send(TgAuthorityCheck *self);

/* ---- queues ---- */

static Queue *
queue_of(TgAuthority *self, TgCaller *caller)
{
        g_autofree char *key = tg_caller_program(caller);
        Queue *queue = g_hash_table_lookup(self->queues, key);

        if (queue)
                return queue;

        queue = g_new0(Queue, 1);
        g_queue_init(&queue->waiting);
        queue->key = g_steal_pointer(&key);
        g_hash_table_insert(self->queues, queue->key, queue);
        return queue;
}

static void
queue_free(gpointer data)
{
        Queue *queue = data;

        g_queue_clear(&queue->waiting);
        g_free(queue->key);
        g_free(queue);
}

/* Takes @check out, wherever in the queue it stands, and lets the next one ask. */
static void
queue_remove(TgAuthority *self, TgAuthorityCheck *check)
{
        Queue *queue = g_steal_pointer(&check->queue);

        if (!queue)
                return;

        g_queue_remove(&queue->waiting, check);
        queue->n_checks--;
        if (queue->open == check) {
                queue->open = g_queue_pop_head(&queue->waiting);
                if (queue->open)
                        check_send(queue->open);
        }

        if (queue->n_checks == 0)
                g_hash_table_remove(self->queues, queue->key);
}

/* ---- a check's end ---- */

/* Tells polkit to take the dialog away. Nobody waits for the answer. */
static void
withdraw_question(TgAuthorityCheck *self)
{
        g_autofree char *id = g_steal_pointer(&self->cancellation_id);
        sd_bus_message *message = NULL;
        int r;

        if (self->slot) {
                g_queue_remove(&self->authority->sent, self);
                self->slot = sd_bus_slot_unref(self->slot);
        }
        if (!id || !self->authority->bus)
                return;

        r = sd_bus_message_new_method_call(self->authority->bus,
                                           &message,
                                           POLKIT_NAME,
                                           POLKIT_PATH,
                                           POLKIT_INTERFACE,
                                           "CancelCheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(message, "s", id);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(message, 0);
        if (r >= 0)
                r = sd_bus_send(self->authority->bus, message, NULL);
        if (r < 0)
                g_debug("cannot withdraw a question to polkit: %s", g_strerror(-r));
        sd_bus_message_unref(message);
}

static void
check_free(TgAuthorityCheck *self)
{
        g_clear_handle_id(&self->failing_source, g_source_remove);
        if (self->caller_watch != 0)
                tg_caller_unwatch(self->caller, self->caller_watch);
        withdraw_question(self);
        queue_remove(self->authority, self);
        g_clear_error(&self->failure);
        tg_caller_unref(self->caller);
        g_free(self->action);
        g_free(self);
}

/* The check is gone before its function runs, which may do anything: start another
 * check, or free the authority. */
static void
check_finish(TgAuthorityCheck *self, GError *error)
{
        g_autoptr(GError) owned_error = error;
        TgAuthorityFunc func = self->func;
        gpointer user_data = self->user_data;

        check_free(self);
        func(owned_error, user_data);
}

static gboolean
on_failing(gpointer user_data)
{
        TgAuthorityCheck *self = user_data;

        self->failing_source = 0;
        check_finish(self, g_steal_pointer(&self->failure));
        return G_SOURCE_REMOVE;
}

/* A refusal that needs no answer: still told from the loop. Takes @error over. */
static void
check_fail_soon(TgAuthorityCheck *self, GError *error)
{
        self->failure = error;
        self->failing_source = g_idle_add(on_failing, self);
}

static GError *
error_of_leaving(void)
{
        return tg_error_new(TG_ERROR_DENIED, "the caller left before permission was given");
}

static void
on_caller_left(TgCaller *caller, gpointer user_data)
{
        TgAuthorityCheck *self = user_data;

        self->caller_watch = 0;
        check_finish(self, error_of_leaving());
}

/* ---- the answer ---- */

static int
on_answer(sd_bus_message *reply, void *user_data, sd_bus_error *ret_error)
{
        TgAuthorityCheck *self = user_data;
        GError *error;

        /* Polkit is done with it: nothing is left to withdraw. */
        g_clear_pointer(&self->cancellation_id, g_free);

        error = tg_verdict_judge(reply, self->action, self->is_interactive);
        if (!error && !tg_caller_is_alive(self->caller))
                error = error_of_leaving();

        check_finish(self, error);
        return 0;
}

/* ---- asking ---- */

static void
drop_bus(TgAuthority *self)
{
        TgAuthorityCheck *check;

        /* sd-bus answers open questions by itself when a connection ends, but not when
         * it is we who end it, nor when the bus refused us. */
        while ((check = g_queue_pop_head(&self->sent))) {
                check->slot = sd_bus_slot_unref(check->slot);
                g_clear_pointer(&check->cancellation_id, g_free);
                check_fail_soon(check, tg_verdict_none());
        }

        if (self->bus_source) {
                g_source_destroy(self->bus_source);
                g_clear_pointer(&self->bus_source, g_source_unref);
        }
        self->bus = sd_bus_close_unref(self->bus);
}

static void
on_bus_closed(sd_bus *bus, int r, gpointer user_data)
{
        TgAuthority *self = user_data;

        g_info("the system bus has gone: %s", g_strerror(-r));
        drop_bus(self);
}

/* Does not wait: the handshake goes on in the loop, and what is sent meanwhile is kept. */
static int
ensure_bus(TgAuthority *self)
{
        int r;

        if (self->bus && sd_bus_is_open(self->bus) > 0)
                return 0;

        drop_bus(self);
        r = sd_bus_open_system_with_description(&self->bus, "polkit");
        if (r < 0)
                return r;

        self->bus_source = tg_bus_source_attach(self->bus, on_bus_closed, self);
        return 0;
}

/* No details: polkit refuses them from a program that is not root's. */
static int
make_question(TgAuthorityCheck *self, sd_bus_message **ret_message)
{
        sd_bus_message *message = NULL;
        int r;

        r = sd_bus_message_new_method_call(self->authority->bus,
                                           &message,
                                           POLKIT_NAME,
                                           POLKIT_PATH,
                                           POLKIT_INTERFACE,
                                           "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(message,
                                          "(sa{sv})sa{ss}us",
                                          "unix-process",
                                          3,
                                          "pid",
                                          "u",
                                          (guint32)tg_caller_pid(self->caller),
                                          "start-time",
                                          "t",
                                          tg_caller_start_time(self->caller),
                                          "uid",
                                          "i",
                                          (gint32)tg_caller_uid(self->caller),
                                          self->action,
                                          0,
                                          self->is_interactive ? ALLOW_USER_INTERACTION : 0u,
                                          self->cancellation_id);
        if (r < 0) {
                sd_bus_message_unref(message);
                return r;
        }

        *ret_message = message;
        return 0;
}

static void
check_send(TgAuthorityCheck *self)
{
        sd_bus_message *message = NULL;
        int r = ensure_bus(self->authority);

        if (r >= 0) {
                self->cancellation_id = g_uuid_string_random();
                r = make_question(self, &message);
        }
        /* A person takes any time; without one 25 seconds (0: the default) are plenty. */
        if (r >= 0)
                r = sd_bus_call_async(self->authority->bus,
                                      &self->slot,
                                      message,
                                      on_answer,
                                      self,
                                      self->is_interactive ? UINT64_MAX : 0);
        sd_bus_message_unref(message);
        if (r >= 0) {
                g_queue_push_tail(&self->authority->sent, self);
                return;
        }

        g_clear_pointer(&self->cancellation_id, g_free);
        check_fail_soon(self,
                        tg_error_new(TG_ERROR_DENIED,
                                     "permission cannot be asked for, because the system bus "
                                     "cannot be reached (%s): start dbus and polkitd",
                                     g_strerror(-r)));
}

/* ---- the public part ---- */

TgAuthority *
tg_authority_new(void)
{
        TgAuthority *self = g_new0(TgAuthority, 1);

        self->queues = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, queue_free);
        g_queue_init(&self->sent);

        return self;
}

void
tg_authority_free(TgAuthority *self)
{
        if (!self)
                return;

        g_return_if_fail(g_hash_table_size(self->queues) == 0);

        drop_bus(self);
        g_hash_table_unref(self->queues);
        g_free(self);
}

gboolean
tg_authority_has_room(TgAuthority *self, TgCaller *caller, GError **error)
{
        g_autofree char *key = tg_caller_program(caller);
        const Queue *queue = g_hash_table_lookup(self->queues, key);

        if (!queue || queue->n_checks <= TG_MAX_WAITING_DIALOGS)
                return TRUE;

        tg_set_error(error,
                     TG_ERROR_LIMIT_REACHED,
                     "this program has %d questions for permission open: answer them first",
                     TG_MAX_WAITING_DIALOGS + 1);
        return FALSE;
}

TgAuthorityCheck *
tg_authority_check(TgAuthority *self,
                   TgCaller *caller,
                   const char *action,
                   gboolean is_interactive,
                   TgAuthorityFunc func,
                   gpointer user_data)
{
        TgAuthorityCheck *check = g_new0(TgAuthorityCheck, 1);
        GError *full = NULL;

        check->authority = self;
        check->caller = tg_caller_ref(caller);
        check->action = g_strdup(action);
        check->is_interactive = is_interactive;
        check->func = func;
        check->user_data = user_data;

        if (!tg_authority_has_room(self, caller, &full)) {
                check_fail_soon(check, full);
                return check;
        }

        check->queue = queue_of(self, caller);
        check->queue->n_checks++;
        check->caller_watch = tg_caller_watch(caller, on_caller_left, check);

        if (!tg_caller_is_alive(caller)) {
                check_fail_soon(check, error_of_leaving());
        } else if (!is_interactive) {
                check_send(check);
        } else if (!check->queue->open) {
                check->queue->open = check;
                check_send(check);
        } else {
                g_queue_push_tail(&check->queue->waiting, check);
        }

        return check;
}

void
tg_authority_check_cancel(TgAuthorityCheck *check)
{
        if (check)
                check_free(check);
}
