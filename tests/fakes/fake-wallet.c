/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A wallet that lies: for what tigressctl has to stand and the real one never does.
 *
 *      fake-wallet [KNOB=VALUE]…
 *
 *      error=NAME      its own methods answer with this error of the wallet's
 *      outcome=STATE   how the share ends once its link was got, or once it was accepted
 *      stay=STATE      the share stays in this state
 *      failure=NAME    in the share's Failure
 *      hang=METHOD     is not answered, until SIGUSR1 comes
 *      text=TEXT       stands wherever a stranger's text can, uncleaned
 *
 * It prints a line a call: its name, whether it may ask, and what stood in the secrets.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "dbus/names.h"

#define SHARE_PATH TG_SHARE_PREFIX "/0123456789abcdef0123456789abcdef"
#define CREDENTIAL_PATH TG_CREDENTIAL_PREFIX "/fedcba9876543210fedcba9876543210"
#define LINK "https://relay.example/v1/m/51f9ca0c-bb35-4ba3-9aeb-0f6f8e1b7f3b#c2VjcmV0"

static const char *error_name, *outcome = "completed", *stay, *failure = "", *hang, *text = "Title";
static const char *role = "initiator";
static const char *state = "invited";

static const char *
knob(int argc, char **argv, const char *name, const char *preset)
{
        size_t n_chars = strlen(name);

        for (int i = 1; i < argc; i++)
                if (strncmp(argv[i], name, n_chars) == 0 && argv[i][n_chars] == '=')
                        return argv[i] + n_chars + 1;

        return preset;
}

static int
append_share(sd_bus_message *reply)
{
        return sd_bus_message_append(reply,
                                     "a{sv}",
                                     10,
                                     "Role",
                                     "s",
                                     role,
                                     "State",
                                     "s",
                                     state,
                                     "Title",
                                     "s",
                                     text,
                                     "Description",
                                     "s",
                                     text,
                                     "Relay",
                                     "s",
                                     text,
                                     "Application",
                                     "s",
                                     text,
                                     "Format",
                                     "s",
                                     text,
                                     "Expires",
                                     "t",
                                     (uint64_t)time(NULL) + 7200,
                                     "Failure",
                                     "(ss)",
                                     failure,
                                     *failure ? text : "",
                                     "Credential",
                                     "o",
                                     strcmp(state, "completed") == 0 ? CREDENTIAL_PATH : "/");
}

static int
append_credential(sd_bus_message *reply)
{
        return sd_bus_message_append(reply,
                                     "a{sv}",
                                     6,
                                     "Title",
                                     "s",
                                     text,
                                     "Description",
                                     "s",
                                     text,
                                     "Format",
                                     "s",
                                     text,
                                     "Issuer",
                                     "s",
                                     text,
                                     "Kind",
                                     "s",
                                     "copy",
                                     "Share",
                                     "o",
                                     SHARE_PATH);
}

static int
append_manager(sd_bus_message *reply)
{
        return sd_bus_message_append(reply,
                                     "a{sv}",
                                     3,
                                     "Version",
                                     "s",
                                     text,
                                     "Relays",
                                     "as",
                                     2,
                                     "https://relay.example",
                                     text,
                                     "KeyringState",
                                     "s",
                                     "unlocked");
}

static int
append_all(sd_bus_message *reply, const char *interface)
{
        if (strcmp(interface, TG_SHARE_INTERFACE) == 0)
                return append_share(reply);
        if (strcmp(interface, TG_CREDENTIAL_INTERFACE) == 0)
                return append_credential(reply);

        return append_manager(reply);
}

static int
append_object(sd_bus_message *reply, const char *path, const char *interface)
{
        int r = sd_bus_message_open_container(reply, 'e', "oa{sa{sv}}");

        if (r >= 0)
                r = sd_bus_message_append(reply, "o", path);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sa{sv}}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", interface);
        if (r >= 0)
                r = append_all(reply, interface);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);

        return r;
}

static int
append_objects(sd_bus_message *reply)
{
        int r = sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}");

        if (r >= 0)
                r = append_object(reply, SHARE_PATH, TG_SHARE_INTERFACE);
        if (r >= 0)
                r = append_object(reply, CREDENTIAL_PATH, TG_CREDENTIAL_INTERFACE);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);

        return r;
}

static int
append_content(sd_bus_message *reply)
{
        int fd = memfd_create("content", MFD_CLOEXEC);
        int r;

        if (fd < 0 || write(fd, text, strlen(text)) < 0)
                return -1;
        r = sd_bus_message_append(reply, "v", "h", fd);
        close(fd);

        return r;
}

static int
append_facts(sd_bus_message *reply)
{
        return sd_bus_message_append(reply,
                                     "a{sv}",
                                     6,
                                     "relay",
                                     "s",
                                     "https://relay.example",
                                     "trusted",
                                     "b",
                                     1,
                                     "mode",
                                     "s",
                                     "t1",
                                     "has-secret",
                                     "b",
                                     1,
                                     "title",
                                     "s",
                                     text,
                                     "description",
                                     "s",
                                     text);
}

/* The share takes @new_state and says so. */
static void
change(sd_bus *bus, const char *new_state)
{
        state = new_state;
        sd_bus_emit_signal(bus,
                           SHARE_PATH,
                           "org.freedesktop.DBus.Properties",
                           "PropertiesChanged",
                           "sa{sv}as",
                           TG_SHARE_INTERFACE,
                           2,
                           "State",
                           "s",
                           state,
                           "Credential",
                           "o",
                           strcmp(state, "completed") == 0 ? CREDENTIAL_PATH : "/",
                           0);
}

static void
print_secret(sd_bus_message *message, const char *signature)
{
        char buffer[256];
        ssize_t n_read;
        int fd;

        if (sd_bus_message_enter_container(message, 'v', "h") <= 0 ||
            sd_bus_message_read_basic(message, 'h', &fd) <= 0) {
                printf(" %s-is-no-descriptor", signature);
                return;
        }
        n_read = read(fd, buffer, sizeof buffer);
        printf(" [%.*s]", n_read > 0 ? (int)n_read : 0, buffer);
        sd_bus_message_exit_container(message);
}

/* The content of CreateShare, the link of the other two. */
static void
print_call(sd_bus_message *message)
{
        const char *member = sd_bus_message_get_member(message);
        const char *key;

        printf("%s%s",
               member,
               sd_bus_message_get_allow_interactive_authorization(message) > 0 ? " may-ask" : "");
        if (strcmp(member, "CreateShare") == 0) {
                sd_bus_message_skip(message, "s");
                sd_bus_message_enter_container(message, 'a', "{sv}");
                while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
                        sd_bus_message_read(message, "s", &key);
                        print_secret(message, key);
                        sd_bus_message_exit_container(message);
                }
        }
        if (strstr(member, "Invitation") && strcmp(member, "GetInvitation") != 0)
                print_secret(message, "link");
        printf("\n");
        fflush(stdout);
        sd_bus_message_rewind(message, 1);
}

static int
fill_reply(sd_bus_message *message, sd_bus_message *reply)
{
        const char *member = sd_bus_message_get_member(message);
        const char *interface;

        if (strcmp(member, "GetAll") == 0) {
                sd_bus_message_read(message, "s", &interface);
                return append_all(reply, interface);
        }
        if (strcmp(member, "GetManagedObjects") == 0)
                return append_objects(reply);
        if (strcmp(member, "GetInvitation") == 0)
                return sd_bus_message_append(reply, "s", LINK);
        if (strcmp(member, "Reveal") == 0)
                return append_content(reply);
        if (strcmp(member, "InspectInvitation") == 0)
                return append_facts(reply);
        if (strcmp(member, "CheckRelay") == 0)
                return sd_bus_message_append(reply, "a{sv}", 1, "relay", "s", text);
        if (strcmp(member, "CreateShare") == 0 || strcmp(member, "AcceptInvitation") == 0 ||
            strcmp(member, "Share") == 0)
                return sd_bus_message_append(reply, "o", SHARE_PATH);

        return 0;
}

/* Blocked from the start, so that it may come before as well. */
static void
wait_for_signal(void)
{
        sigset_t signals;
        int number;

        sigemptyset(&signals);
        sigaddset(&signals, SIGUSR1);
        sigwait(&signals, &number);
}

static int
is_known(const char *path)
{
        return strcmp(path, TG_ROOT_PATH) == 0 || strcmp(path, SHARE_PATH) == 0 ||
               strcmp(path, CREDENTIAL_PATH) == 0;
}

static int
on_call(sd_bus_message *message, void *user_data, sd_bus_error *unused)
{
        sd_bus *bus = sd_bus_message_get_bus(message);
        sd_bus_message *reply = NULL;
        const char *member = sd_bus_message_get_member(message);
        int is_accept = strcmp(member, "AcceptInvitation") == 0;
        int r;

        print_call(message);
        if (hang && strcmp(member, hang) == 0)
                wait_for_signal();
        if (error_name && strstr(sd_bus_message_get_interface(message), TG_BUS_NAME))
                return sd_bus_reply_method_errorf(message, error_name, "%s", text);

        if (!is_known(sd_bus_message_get_path(message)))
                return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_UNKNOWN_OBJECT, "none");

        if (is_accept)
                role = "recipient";
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = fill_reply(message, reply);
        if (r >= 0)
                r = sd_bus_send(bus, reply, NULL);
        sd_bus_message_unref(reply);
        if (!stay && (is_accept || strcmp(member, "GetInvitation") == 0))
                change(bus, outcome);
        if (strcmp(member, "Cancel") == 0)
                change(bus, "cancelled");

        return r < 0 ? r : 1;
}

int
main(int argc, char **argv)
{
        char name[128];
        sd_bus *bus = NULL;
        const char *wanted = knob(argc, argv, "error", NULL);
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGUSR1);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        if (wanted) {
                snprintf(name, sizeof name, "%s%s", TG_ERROR_PREFIX, wanted);
                error_name = name;
        }
        outcome = knob(argc, argv, "outcome", outcome);
        stay = knob(argc, argv, "stay", NULL);
        failure = knob(argc, argv, "failure", failure);
        hang = knob(argc, argv, "hang", NULL);
        text = knob(argc, argv, "text", text);
        if (stay)
                state = stay;

        if (sd_bus_open_user(&bus) < 0 ||
            sd_bus_add_fallback(bus, NULL, TG_ROOT_PATH, on_call, NULL) < 0 ||
            sd_bus_request_name(bus, TG_BUS_NAME, 0) < 0)
                return 1;
        printf("ready\n");
        fflush(stdout);

        for (;;) {
                int r = sd_bus_process(bus, NULL);

                if (r < 0 || (r == 0 && sd_bus_wait(bus, UINT64_MAX) < 0))
                        return 0;
        }
}
