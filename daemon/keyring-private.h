/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The inside of the keyring, for the files that make it up: keyring.c (the
 * service: owner, state, session), keyring-job.c (one job: deadline, calls, errors),
 * keyring-item.c (what jobs do with items), keyring-unlock.c.
 *
 * Calls go to the unique name of the service's present owner, without starting
 * anything: what is not there any more cannot be started by a mere look. libsecret
 * holds the session and encrypts; its own chains of calls would ask for more, and
 * may prompt.
 */

#include <gio/gio.h>

#include "daemon/keyring.h"
#include "protocol/error.h"

#define SECRET_API_SUBJECT_TO_CHANGE
#include <libsecret/secret.h>

#define TG_SECRETS_NAME "org.freedesktop.secrets"
#define TG_SECRETS_PATH "/org/freedesktop/secrets"
#define TG_SECRETS_DEFAULT "/org/freedesktop/secrets/aliases/default"
#define TG_SECRETS_NO_OBJECT "/"
#define TG_SECRETS_SERVICE "org.freedesktop.Secret.Service"
#define TG_SECRETS_COLLECTION "org.freedesktop.Secret.Collection"
#define TG_SECRETS_ITEM "org.freedesktop.Secret.Item"
#define TG_SECRETS_PROMPT "org.freedesktop.Secret.Prompt"
#define TG_DBUS_PROPERTIES "org.freedesktop.DBus.Properties"

struct TgKeyring {
        void (*on_changed)(TgKeyring *self, gpointer user_data);
        gpointer user_data;

        struct TgKeyringOpening *connecting;
        GDBusConnection *connection;
        guint name_watch;
        guint signals[2];
        char *owner;      /* unique name; NULL: absent */
        char *collection; /* the default one; NULL: there is none */

        TgKeyringState state;
        gboolean is_known;     /* or else the first answer is awaited */
        guint epoch;           /* grows with each change, so that a job can tell */
        GCancellable *probing; /* NULL: nobody is asking */
        guint probe_deadline;

        SecretService *service; /* holds the session; NULL: none yet */
        struct TgKeyringOpening *opening;

        GQueue jobs;
};

typedef void (*TgKeyringStep)(TgKeyringJob *job);

struct TgKeyringJob {
        gint n_refs;
        TgKeyring *keyring; /* NULL when it is over */
        GList in_jobs;
        TgKeyringFunc func;
        gpointer user_data;
        GCancellable *cancellable;
        guint deadline;
        guint starting; /* idle source */

        TgKeyringStep step;       /* what it does once it may */
        gboolean is_bare;         /* it may in any state, and without a session */
        gboolean is_waiting;      /* for the state to be known */
        gboolean is_opening;      /* waits for the session */
        gboolean was_seen_locked; /* and asked again since */
        guint epoch;

        /* what it is about */
        GVariant *attributes; /* a{ss} to search for */
        char *path;           /* an item */
        GVariant *properties; /* of an item to be made */
        gboolean is_replacing;
        gboolean is_user_item; /* one that the user shares */
        gboolean is_removing;
        GVariant *own_attributes; /* a{ss} of what was found */
        GPtrArray *found;         /* paths */
        guint n_awaited;
        guint n_searched; /* of the attributes of an item that is to be added */
        guint64 oldest;

        /* unlocking */
        gboolean was_started;
        char *prompt;
        guint prompt_signal;

        /* the result; the secret also to be stored */
        TgSecret *secret;
        char *label;
        char *content_type;
};

/* ---- keyring.c ---- */

/* Asks for the state again; jobs that are waiting go on when it is known. */
void tg_keyring_probe(TgKeyring *self);
/* A call was not answered in time. */
void tg_keyring_fell_silent(TgKeyring *self);
/* Opens the session, if it must; the steps of jobs that wait for it follow. */
void tg_keyring_open_session(TgKeyring *self);
void tg_keyring_drop_session(TgKeyring *self);

/* ---- keyring-job.c ---- */

/* A job that runs @step when the keyring is unlocked and a session is there. */
TgKeyringJob *
tg_keyring_job_new(TgKeyring *keyring, TgKeyringStep step, TgKeyringFunc func, gpointer user_data);
/* One that runs @step as soon as the state is known, whatever it is. */
TgKeyringJob *tg_keyring_job_new_bare(TgKeyring *keyring,
                                      TgKeyringStep step,
                                      TgKeyringFunc func,
                                      gpointer user_data);
void tg_keyring_job_set_deadline(TgKeyringJob *job, guint seconds);
/* Has @step run when the state is known (again). */
void tg_keyring_job_wait(TgKeyringJob *job, TgKeyringStep step);
/* The state is known. */
void tg_keyring_job_go_on(TgKeyringJob *job);
/* The session is there, or not. */
void tg_keyring_job_opened(TgKeyringJob *job);
void tg_keyring_job_unref(TgKeyringJob *job);

/* Ends the job; @error NULL on success. */
void tg_keyring_job_finish(TgKeyringJob *job, const GError *error);
void tg_keyring_job_fail(TgKeyringJob *job, TgError code, const char *sentence);
/* Ends it for an error of the bus or of the service. */
void tg_keyring_job_fail_for(TgKeyringJob *job, const GError *error);

/* Calls a method of the service. @on_reply gets either; it is not called when the job
 * has ended. @parameters floating or NULL. */
typedef void (*TgKeyringReply)(TgKeyringJob *job, GVariant *reply, const GError *error);
void tg_keyring_job_call(TgKeyringJob *job,
                         const char *path,
                         const char *interface,
                         const char *method,
                         GVariant *parameters,
                         const char *reply_type,
                         TgKeyringReply on_reply);
/* A prompt that we did not ask for: dismissed, and the job fails. TRUE if there was one. */
gboolean tg_keyring_job_refuses_prompt(TgKeyringJob *job, const char *prompt);

/* ---- keyring-item.c ---- */

/* Makes the item of job->properties, and ends the job. */
void tg_keyring_job_create(TgKeyringJob *job);

/* ---- keyring-unlock.c ---- */

/* Listens no more to the dialog of a job that has been taken out of @keyring. */
void tg_keyring_job_drop_prompt(TgKeyringJob *job, TgKeyring *keyring);

/* ---- sentences ---- */

#define TG_KEYRING_IS_LOCKED "the keyring is locked: unlock it and try again"
#define TG_KEYRING_IS_ABSENT                                                                       \
        "there is no keyring: install and start a Secret Service, such as gnome-keyring"
#define TG_KEYRING_IS_SILENT "the keyring does not answer: end it and log in again"
#define TG_KEYRING_IS_GONE "the keyring went away in between: try again"
