/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * keyring-unlock: unlocks the login collection of the keyring on the session
 * bus with the password on stdin, as the login screen would, without a prompt.
 *
 * gnome-keyring has a private call for it. The password goes in the clear over
 * a session of the kind "plain", which lives as long as the connection: so a
 * one-shot client will not do.
 */

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define SECRETS "org.freedesktop.secrets"
#define SECRETS_PATH "/org/freedesktop/secrets"
#define LOGIN_PATH SECRETS_PATH "/collection/login"

static int
open_session(sd_bus *bus, sd_bus_error *error, char **ret_session)
{
        const char *path;
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_call_method(bus,
                               SECRETS,
                               SECRETS_PATH,
                               "org.freedesktop.Secret.Service",
                               "OpenSession",
                               error,
                               &reply,
                               "sv",
                               "plain",
                               "s",
                               "");
        if (r < 0)
                return r;

        r = sd_bus_message_skip(reply, "v");
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r >= 0)
                *ret_session = g_strdup(path);
        sd_bus_message_unref(reply);
        return r;
}

static int
unlock(sd_bus *bus, sd_bus_error *error, const char *session, const char *password)
{
        sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(
                bus,
                &call,
                SECRETS,
                SECRETS_PATH,
                "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface",
                "UnlockWithMasterPassword");
        if (r >= 0)
                r = sd_bus_message_append(call, "o", LOGIN_PATH);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'r', "oayays");
        if (r >= 0)
                r = sd_bus_message_append(call, "o", session);
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', "", 0);
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', password, strlen(password));
        if (r >= 0)
                r = sd_bus_message_append(call, "s", "text/plain");
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r >= 0)
                r = sd_bus_call(bus, call, 0, error, NULL);
        sd_bus_message_unref(call);
        return r;
}

int
main(void)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        g_autofree char *session = NULL;
        char password[256] = "";
        sd_bus *bus = NULL;
        int r;

        if (fgets(password, sizeof password, stdin) == NULL)
                return 2;
        password[strcspn(password, "\n")] = '\0';

        r = sd_bus_open_user(&bus);
        if (r >= 0)
                r = open_session(bus, &error, &session);
        if (r >= 0)
                r = unlock(bus, &error, session, password);
        if (r < 0)
                fprintf(stderr,
                        "keyring-unlock: %s\n",
                        error.message != NULL ? error.message : g_strerror(-r));
        sd_bus_error_free(&error);
        sd_bus_flush_close_unref(bus);
        return r < 0 ? 1 : 0;
}
