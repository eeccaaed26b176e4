/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One job with NetworkManager: network-manager.c has the connection, the time and what all jobs
 * begin with, the list of profiles; network-manager-settings.c reads and writes settings. */

#include <systemd/sd-bus.h>

#include "daemon/network-manager.h"

#define TG_NM_SETTINGS_PATH "/org/freedesktop/NetworkManager/Settings"
#define TG_NM_SETTINGS_INTERFACE "org.freedesktop.NetworkManager.Settings"
#define TG_NM_WIFI "802-11-wireless"
#define TG_NM_WIFI_SECURITY "802-11-wireless-security"
#define TG_NM_WIREGUARD "wireguard"

/* What is looked at of a profile; all may be NULL. */
typedef struct {
        char *path;
        char *uuid;
        char *name;
        char *type;
        /* of Wi-Fi */
        GBytes *ssid;
        char *mode;
        gboolean is_hidden;
        char *key_management;
        guint32 password_flags;
        /* of WireGuard */
        GPtrArray *public_keys; /* of its peers */
        GPtrArray *addresses;
} TgNmProfile;

typedef struct TgNmJob TgNmJob;

/* What a job is for. */
typedef struct {
        void (*listed)(TgNmJob *job); /* the profiles are there */
        /* The end, whatever came: @error or NULL. Frees what is its own. */
        void (*ended)(TgNmJob *job, const GError *error);
} TgNmTask;

struct TgNmJob {
        const TgNmTask *task;
        gpointer data;       /* the task's */
        GPtrArray *profiles; /* of TgNmProfile: those that this user may see */

        sd_bus *bus;
        char *owner; /* who has answered first, and is asked on: paths are of no other's */
        GSource *bus_source;
        sd_bus_slot *slot;
        sd_bus_message_handler_t on_reply;
        guint patience;         /* source */
        const char *unanswered; /* of the call that is open: tg_nm_call_send() */
        guint n_read;           /* of profiles */
        GCancellable *cancellable;
        gulong cancelling;
};

/* Connects, and lists the profiles. */
void tg_nm_job_start(const TgNmTask *task, gpointer data, GCancellable *cancellable);
/* @error is taken; NULL: it went well. The job is gone afterwards. */
void tg_nm_job_end(TgNmJob *self, GError *error);

/* A call to NetworkManager, floating until it is sent; NULL: there is no memory or bus, and the job
 * has ended. */
sd_bus_message *
tg_nm_call_new(TgNmJob *self, const char *path, const char *interface, const char *method);
/* Takes @message. @on_reply gets the job, and a reply that is no error (else the job ends).
 * @unanswered, static: NetworkManager may ask a person, who gets the time for it, and this is said,
 * as TG_ERROR_DENIED, when it has passed: a dialog that was ignored is not to come again. NULL: it
 * asks nobody. */
void tg_nm_call_send(TgNmJob *self,
                     sd_bus_message *message,
                     const char *unanswered,
                     sd_bus_message_handler_t on_reply);

/* ---- network-manager-add.c ---- */

/* A kind of profile that is added. */
typedef struct {
        const char *type;
        /* Whether @profile, of this type, is for the same as @what: then none is added. */
        gboolean (*is_same)(gconstpointer what, const TgNmProfile *profile);
        /* What to call it, before others' names are looked at; new memory. */
        char *(*name)(gconstpointer what);
        gboolean has_interface; /* of its own, which wants a name */
        /* All settings but the first. What is secret comes as late as it can: sd-bus erases a
         * message where it lies at its end, and not where it lay before it had to move to grow.
         * A copy may stay in freed memory then, until something else is written there. */
        int (*fill)(sd_bus_message *message, gconstpointer what);
        GDestroyNotify destroy;
} TgNmAddition;

/* @what is taken. */
void tg_nm_add(const TgNmAddition *addition,
               gpointer what,
               GCancellable *cancellable,
               TgNmAddedFunc func,
               gpointer user_data);

/* ---- network-manager-settings.c ---- */

/* What is taken out of a{sa{sv}}; what is not in the table, or of another type, is left. */
typedef struct {
        const char *setting;
        const char *key;
        /* 's', 'b', 'u'; 'y': ay, to a GBytes; 'S': s, to a TgSecret; 'a': @inner, an s, of each
         * dictionary in an aa{sv}, to a GPtrArray */
        char type;
        const char *inner;
        gsize offset;
} TgNmField;

/* < 0: malformed, or no memory for secrets. */
int tg_nm_settings_read(sd_bus_message *message,
                        const TgNmField *fields,
                        guint n_fields,
                        gpointer target);

int tg_nm_open_setting(sd_bus_message *message, const char *name);
int tg_nm_close_setting(sd_bus_message *message);
/* @key → a variant of @contents, which is to follow. */
int tg_nm_open_value(sd_bus_message *message, const char *key, const char *contents);
int tg_nm_close_value(sd_bus_message *message);
/* @key → s, straight from the secret's memory into the message, which erases itself when it is
 * freed; what it grew out of it does not erase. */
int tg_nm_append_secret(sd_bus_message *message, const char *key, const char *text, gsize n_chars);
