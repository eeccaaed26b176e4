/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Unlocking, which is the one thing here that may ask a person:
 *
 *      begin       start the service, where there is none and the bus can
 *      ask         Unlock, or CreateCollection where there is no default one yet
 *      prompt      show the service's own dialog and wait for its end
 *      check       look whether it is unlocked now
 */

#include "daemon/keyring-private.h"
#include "protocol/limits.h"

#define NOT_UNLOCKED                                                                               \
        "the keyring was not unlocked: the dialog was dismissed, or there is none here; unlock "   \
        "it "                                                                                      \
        "otherwise and try again"

static void begin(TgKeyringJob *job);

static void
check(TgKeyringJob *job)
{
        if (job->keyring->state == TG_KEYRING_UNLOCKED)
                tg_keyring_job_finish(job, NULL);
        else
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, NOT_UNLOCKED);
}

static void
check_later(TgKeyringJob *job)
{
        tg_keyring_job_set_deadline(job, TG_KEYRING_DEADLINE_S);
        tg_keyring_job_wait(job, check);
        tg_keyring_probe(job->keyring);
}

/* ---- prompt ---- */

static void
forget_prompt(TgKeyringJob *job, TgKeyring *keyring)
{
        if (job->prompt_signal)
                g_dbus_connection_signal_unsubscribe(keyring->connection, job->prompt_signal);
        job->prompt_signal = 0;
        g_clear_pointer(&job->prompt, g_free);
}

/* A dialog that is open stays: gnome-keyring aborts when it is asked to dismiss one
 * (42.1, "perform_next_unlock: assertion failed"), and the keyring of the whole session goes
 * with it. Whoever unlocks it after all does no harm. */
void
tg_keyring_job_drop_prompt(TgKeyringJob *job, TgKeyring *keyring)
{
        if (job->prompt)
                forget_prompt(job, keyring);
}

static void
on_prompt_completed(GDBusConnection *connection,
                    const char *sender,
                    const char *path,
                    const char *interface,
                    const char *signal,
                    GVariant *parameters,
                    gpointer user_data)
{
        TgKeyringJob *job = user_data;
        gboolean is_dismissed = TRUE;

        if (g_variant_is_of_type(parameters, G_VARIANT_TYPE("(bv)")))
                g_variant_get_child(parameters, 0, "b", &is_dismissed);

        forget_prompt(job, job->keyring);
        if (is_dismissed)
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, NOT_UNLOCKED);
        else
                check_later(job);
}

static void
on_prompt_shown(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        /* The dialog's end is what counts; it may have come already. */
        if (error && job->prompt) {
                forget_prompt(job, job->keyring);
                tg_keyring_job_fail_for(job, error);
        }
}

/* The signal first: it may come before the answer. */
static void
show_prompt(TgKeyringJob *job, const char *prompt)
{
        TgKeyring *keyring = job->keyring;

        job->prompt = g_strdup(prompt);
        job->prompt_signal = g_dbus_connection_signal_subscribe(keyring->connection,
                                                                keyring->owner,
                                                                TG_SECRETS_PROMPT,
                                                                "Completed",
                                                                prompt,
                                                                NULL,
                                                                G_DBUS_SIGNAL_FLAGS_NONE,
                                                                on_prompt_completed,
                                                                job,
                                                                NULL);
        tg_keyring_job_set_deadline(job, TG_KEYRING_UNLOCK_DEADLINE_S);
        tg_keyring_job_call(job,
                            prompt,
                            TG_SECRETS_PROMPT,
                            "Prompt",
                            g_variant_new("(s)", ""),
                            "()",
                            on_prompt_shown);
}

/* ---- asking ---- */

static void
take_answer(TgKeyringJob *job, const char *prompt)
{
        if (g_str_equal(prompt, TG_SECRETS_NO_OBJECT))
                check_later(job);
        else
                show_prompt(job, prompt);
}

static void
on_unlock_asked(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        const char *prompt;

        if (error) {
                tg_keyring_job_fail_for(job, error);
                return;
        }

        g_variant_get(reply, "(@ao&o)", NULL, &prompt);
        take_answer(job, prompt);
}

static void
on_collection_asked(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        const char *prompt;

        if (error) {
                tg_keyring_job_fail_for(job, error);
                return;
        }

        g_variant_get(reply, "(&o&o)", NULL, &prompt);
        take_answer(job, prompt);
}

/* The person chooses the password in the service's dialog. */
static void
ask_collection(TgKeyringJob *job)
{
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{sv}"));

        g_variant_builder_add(&builder,
                              "{sv}",
                              TG_SECRETS_COLLECTION ".Label",
                              g_variant_new_string("Default keyring"));
        tg_keyring_job_call(job,
                            TG_SECRETS_PATH,
                            TG_SECRETS_SERVICE,
                            "CreateCollection",
                            g_variant_new("(a{sv}s)", &builder, "default"),
                            "(oo)",
                            on_collection_asked);
}

static void
ask_unlock(TgKeyringJob *job)
{
        const char *paths[] = {job->keyring->collection};

        tg_keyring_job_call(job,
                            TG_SECRETS_PATH,
                            TG_SECRETS_SERVICE,
                            "Unlock",
                            g_variant_new("(@ao)", g_variant_new_objv(paths, 1)),
                            "(aoo)",
                            on_unlock_asked);
}

/* ---- beginning ---- */

static void
on_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
        TgKeyringJob *job = user_data;
        g_autoptr(GVariant) reply =
                g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

        /* On success the name has appeared, or is about to: the probe goes on from there. */
        if (job->keyring && !reply)
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_ABSENT);
        tg_keyring_job_unref(job);
}

static void
start_service(TgKeyringJob *job)
{
        TgKeyring *keyring = job->keyring;

        if (!keyring->connection || job->was_started) {
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_ABSENT);
                return;
        }

        job->was_started = TRUE;
        tg_keyring_job_wait(job, begin);
        g_atomic_int_inc(&job->n_refs);
        g_dbus_connection_call(keyring->connection,
                               "org.freedesktop.DBus",
                               "/org/freedesktop/DBus",
                               "org.freedesktop.DBus",
                               "StartServiceByName",
                               g_variant_new("(su)", TG_SECRETS_NAME, 0),
                               G_VARIANT_TYPE("(u)"),
                               G_DBUS_CALL_FLAGS_NONE,
                               G_MAXINT,
                               job->cancellable,
                               on_started,
                               job);
}

/* The state may be of a while ago: it is asked for once before anybody is bothered. */
static void
begin(TgKeyringJob *job)
{
        TgKeyring *keyring = job->keyring;

        if (keyring->state == TG_KEYRING_UNLOCKED) {
                tg_keyring_job_finish(job, NULL);
        } else if (keyring->state == TG_KEYRING_ABSENT) {
                start_service(job);
        } else if (!job->was_seen_locked) {
                job->was_seen_locked = TRUE;
                tg_keyring_job_wait(job, begin);
                tg_keyring_probe(keyring);
        } else if (keyring->state == TG_KEYRING_SILENT) {
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_SILENT);
        } else if (keyring->collection) {
                ask_unlock(job);
        } else {
                ask_collection(job);
        }
}

TgKeyringJob *
tg_keyring_unlock(TgKeyring *self, TgKeyringFunc func, gpointer user_data)
{
        return tg_keyring_job_new_bare(self, begin, func, user_data);
}
