/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One job: it begins in a turn of the loop of its own, waits until the state is
 * known, then for the session, then runs its step; its deadline runs all the while.
 * Calls under way hold a reference, so an answer that comes after the end is
 * dropped in peace.
 */

#include "daemon/keyring-private.h"
#include "protocol/limits.h"

void
tg_keyring_job_unref(TgKeyringJob *job)
{
        if (!g_atomic_int_dec_and_test(&job->n_refs))
                return;

        g_clear_object(&job->cancellable);
        g_clear_pointer(&job->attributes, g_variant_unref);
        g_clear_pointer(&job->properties, g_variant_unref);
        g_clear_pointer(&job->own_attributes, g_variant_unref);
        g_clear_pointer(&job->found, g_ptr_array_unref);
        g_clear_pointer(&job->secret, tg_secret_unref);
        g_clear_pointer(&job->path, g_free);
        g_clear_pointer(&job->label, g_free);
        g_clear_pointer(&job->content_type, g_free);
        g_free(job);
}

/* Takes the job out of the keyring: nothing calls it any more. */
static void
detach(TgKeyringJob *job)
{
        TgKeyring *keyring = g_steal_pointer(&job->keyring);

        g_cancellable_cancel(job->cancellable);
        g_clear_handle_id(&job->deadline, g_source_remove);
        g_clear_handle_id(&job->starting, g_source_remove);
        tg_keyring_job_drop_prompt(job, keyring);
        g_queue_unlink(&keyring->jobs, &job->in_jobs);
}

void
tg_keyring_job_cancel(TgKeyringJob *job)
{
        if (!job)
                return;

        detach(job);
        tg_keyring_job_unref(job);
}

void
tg_keyring_job_finish(TgKeyringJob *job, const GError *error)
{
        detach(job);
        if (error)
                job->func(NULL, NULL, NULL, error, job->user_data);
        else
                job->func(job->secret, job->label, job->content_type, NULL, job->user_data);
        tg_keyring_job_unref(job);
}

void
tg_keyring_job_fail(TgKeyringJob *job, TgError code, const char *sentence)
{
        g_autoptr(GError) error = tg_error_new(code, "%s", sentence);

        tg_keyring_job_finish(job, error);
}

static gboolean
is_named(const char *name, const char *const *names)
{
        return name && g_strv_contains(names, name);
}

void
tg_keyring_job_fail_for(TgKeyringJob *job, const GError *error)
{
        static const char *const locked[] = {"org.freedesktop.Secret.Error.IsLocked", NULL};
        static const char *const missing[] = {
                "org.freedesktop.Secret.Error.NoSuchObject",
                "org.freedesktop.DBus.Error.UnknownObject",
                "org.freedesktop.DBus.Error.UnknownMethod",
                "org.freedesktop.DBus.Error.UnknownInterface",
                NULL,
        };
        static const char *const session[] = {"org.freedesktop.Secret.Error.NoSession", NULL};
        static const char *const gone[] = {
                "org.freedesktop.DBus.Error.NameHasNoOwner",
                "org.freedesktop.DBus.Error.ServiceUnknown",
                "org.freedesktop.DBus.Error.NoReply",
                "org.freedesktop.DBus.Error.Disconnected",
                NULL,
        };
        g_autofree char *name = g_dbus_error_get_remote_error(error);
        TgError code = TG_ERROR_KEYRING_UNAVAILABLE;

        if (is_named(name, locked)) {
                tg_keyring_probe(job->keyring);
                tg_keyring_job_fail(job, code, TG_KEYRING_IS_LOCKED);
        } else if (is_named(name, missing) && job->is_user_item) {
                tg_keyring_job_fail(job,
                                    TG_ERROR_NOT_FOUND,
                                    "there is no such item in the keyring: check its path");
        } else if (is_named(name, missing)) {
                tg_keyring_probe(job->keyring);
                tg_keyring_job_fail(job, code, "the keyring has no default collection: make one");
        } else if (is_named(name, session)) {
                tg_keyring_drop_session(job->keyring);
                tg_keyring_job_fail(job, code, TG_KEYRING_IS_GONE);
        } else if (is_named(name, gone) || g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED)) {
                tg_keyring_job_fail(job, code, TG_KEYRING_IS_GONE);
        } else {
                tg_keyring_job_fail(job,
                                    code,
                                    "the keyring could not do it: see whether the disk is full, "
                                    "and try again");
        }
}

/* ---- beginning ---- */

static void
run_step(TgKeyringJob *job)
{
        job->epoch = job->keyring->epoch;
        job->step(job);
}

static void
begin(TgKeyringJob *job)
{
        TgKeyring *keyring = job->keyring;

        switch (keyring->state) {
        case TG_KEYRING_ABSENT:
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_ABSENT);
                return;
        case TG_KEYRING_SILENT:
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_SILENT);
                return;
        case TG_KEYRING_LOCKED:
                /* Which collection is the default one may have changed without a signal. */
                if (!job->was_seen_locked) {
                        job->was_seen_locked = TRUE;
                        job->is_waiting = TRUE;
                        tg_keyring_probe(keyring);
                        return;
                }
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_LOCKED);
                return;
        case TG_KEYRING_UNLOCKED:
                break;
        }

        if (keyring->service) {
                run_step(job);
        } else {
                job->is_opening = TRUE;
                tg_keyring_open_session(keyring);
        }
}

void
tg_keyring_job_opened(TgKeyringJob *job)
{
        job->is_opening = FALSE;
        if (job->keyring->service)
                run_step(job);
        else
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_GONE);
}

void
tg_keyring_job_go_on(TgKeyringJob *job)
{
        job->is_waiting = FALSE;
        if (job->is_bare)
                run_step(job);
        else
                begin(job);
}

void
tg_keyring_job_wait(TgKeyringJob *job, TgKeyringStep step)
{
        job->step = step;
        job->is_waiting = TRUE;
}

static gboolean
on_starting(gpointer user_data)
{
        TgKeyringJob *job = user_data;

        job->starting = 0;
        if (job->keyring->is_known)
                tg_keyring_job_go_on(job);
        else
                job->is_waiting = TRUE;
        return G_SOURCE_REMOVE;
}

static gboolean
on_deadline(gpointer user_data)
{
        TgKeyringJob *job = user_data;
        TgKeyring *keyring = job->keyring;

        job->deadline = 0;
        if (job->prompt) {
                tg_keyring_job_fail(job,
                                    TG_ERROR_KEYRING_UNAVAILABLE,
                                    "nobody unlocked the keyring: unlock it and try again");
                return G_SOURCE_REMOVE;
        }

        /* First the state, so that whoever asks in the callback is told. */
        g_atomic_int_inc(&job->n_refs);
        tg_keyring_fell_silent(keyring);
        if (job->keyring)
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_SILENT);
        tg_keyring_job_unref(job);
        return G_SOURCE_REMOVE;
}

void
tg_keyring_job_set_deadline(TgKeyringJob *job, guint seconds)
{
        g_clear_handle_id(&job->deadline, g_source_remove);
        job->deadline = g_timeout_add_seconds(seconds, on_deadline, job);
}

TgKeyringJob *
tg_keyring_job_new(TgKeyring *keyring, TgKeyringStep step, TgKeyringFunc func, gpointer user_data)
{
        TgKeyringJob *job = g_new0(TgKeyringJob, 1);

        job->n_refs = 1;
        job->keyring = keyring;
        job->in_jobs.data = job;
        job->step = step;
        job->func = func;
        job->user_data = user_data;
        job->cancellable = g_cancellable_new();
        tg_keyring_job_set_deadline(job, TG_KEYRING_DEADLINE_S);
        job->starting = g_idle_add_full(G_PRIORITY_DEFAULT, on_starting, job, NULL);
        g_queue_push_tail_link(&keyring->jobs, &job->in_jobs);
        return job;
}

TgKeyringJob *
tg_keyring_job_new_bare(TgKeyring *keyring,
                        TgKeyringStep step,
                        TgKeyringFunc func,
                        gpointer user_data)
{
        TgKeyringJob *job = tg_keyring_job_new(keyring, step, func, user_data);

        job->is_bare = TRUE;
        return job;
}

/* ---- calls ---- */

typedef struct {
        TgKeyringJob *job;
        TgKeyringReply on_reply;
} Call;

static void
on_called(GObject *source, GAsyncResult *result, gpointer user_data)
{
        g_autofree Call *call = user_data;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
                g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

        if (call->job->keyring)
                call->on_reply(call->job, reply, error);
        tg_keyring_job_unref(call->job);
}

void
tg_keyring_job_call(TgKeyringJob *job,
                    const char *path,
                    const char *interface,
                    const char *method,
                    GVariant *parameters,
                    const char *reply_type,
                    TgKeyringReply on_reply)
{
        Call *call = g_new(Call, 1);

        call->job = job;
        call->on_reply = on_reply;
        g_atomic_int_inc(&job->n_refs);
        g_dbus_connection_call(job->keyring->connection,
                               job->keyring->owner,
                               path,
                               interface,
                               method,
                               parameters,
                               G_VARIANT_TYPE(reply_type),
                               G_DBUS_CALL_FLAGS_NO_AUTO_START,
                               G_MAXINT,
                               job->cancellable,
                               on_called,
                               call);
}

/* Nobody waits for the answer. */
static void
dismiss(TgKeyring *keyring, const char *prompt)
{
        if (!keyring->owner)
                return;

        g_dbus_connection_call(keyring->connection,
                               keyring->owner,
                               prompt,
                               TG_SECRETS_PROMPT,
                               "Dismiss",
                               NULL,
                               NULL,
                               G_DBUS_CALL_FLAGS_NO_AUTO_START,
                               G_MAXINT,
                               NULL,
                               NULL,
                               NULL);
}

gboolean
tg_keyring_job_refuses_prompt(TgKeyringJob *job, const char *prompt)
{
        if (g_str_equal(prompt, TG_SECRETS_NO_OBJECT))
                return FALSE;

        dismiss(job->keyring, prompt);
        tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_LOCKED);
        return TRUE;
}
