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
 *      pin=DIGITS      the share has a PIN: one that begins with 0 is mistyped, any other wrong,
 *                      and the third wrong one ends the share
 *      pin-says=TEXT   what GetPin answers, in place of it
 *      rule=RULE       of PinRules, for all formats (default: optional)
 *      role=ROLE       of the share, before it is accepted (default: initiator)
 *      wrong=N         so many wrong PINs come by the link before its outcome
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
#define MAX_SECRET_BYTES 255
#define LINK "https://relay.example/v1/m/51f9ca0c-bb35-4ba3-9aeb-0f6f8e1b7f3b#c2VjcmV0"

static const char *error_name, *outcome = "completed", *stay, *failure = "", *hang, *text = "Title";
static const char *role = "initiator";
static const char *state = "invited";
static const char *pin, *pin_says, *rule = "optional";
static unsigned n_tries, n_wrong;

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
                                     16,
                                     "Lent",
                                     "s",
                                     "active",
                                     "Person",
                                     "s",
                                     text,
                                     "TitleVerified",
                                     "b",
                                     pin != NULL,
                                     "Mode",
                                     "s",
                                     pin ? "t2-pin" : "t2",
                                     "PinRequired",
                                     "b",
                                     pin != NULL,
                                     "PinAttemptsLeft",
                                     "u",
                                     n_tries,
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
                                     4,
                                     "PinRules",
                                     "a(sss)",
                                     2,
                                     "digitalwallet.generic.authorizationToken",
                                     "token",
                                     rule,
                                     "org.tigress.secret.item",
                                     "copy",
                                     rule,
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
                                     7,
                                     "pin-required",
                                     "b",
                                     pin != NULL,
                                     "relay",
                                     "s",
                                     "https://relay.example",
                                     "trusted",
                                     "b",
                                     1,
                                     "mode",
                                     "s",
                                     pin ? "t2-pin" : "t1",
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
                           4,
                           "Failure",
                           "(ss)",
                           failure,
                           *failure ? text : "",
                           "PinAttemptsLeft",
                           "u",
                           n_tries,
                           "State",
                           "s",
                           state,
                           "Credential",
                           "o",
                           strcmp(state, "completed") == 0 ? CREDENTIAL_PATH : "/",
                           0);
}

/* What it was is in ret_text, of 256 octets. */
static void
print_secret(sd_bus_message *message, const char *signature, char *ret_text)
{
        char *buffer = ret_text;
        ssize_t n_read;
        int fd;

        *buffer = '\0';
        if (sd_bus_message_enter_container(message, 'v', "h") <= 0 ||
            sd_bus_message_read_basic(message, 'h', &fd) <= 0) {
                printf(" %s-is-no-descriptor", signature);
                return;
        }
        n_read = read(fd, buffer, MAX_SECRET_BYTES);
        buffer[n_read > 0 ? n_read : 0] = '\0';
        printf(" [%s]", buffer);
        sd_bus_message_exit_container(message);
}

/* Options that the tests ask for. */
static void
print_options(sd_bus_message *message)
{
        char secret[MAX_SECRET_BYTES + 1];
        const char *key;
        uint32_t number;
        int flag;

        sd_bus_message_enter_container(message, 'a', "{sv}");
        while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
                sd_bus_message_read(message, "s", &key);
                if (sd_bus_message_enter_container(message, 'v', "b") > 0) {
                        sd_bus_message_read(message, "b", &flag);
                        printf(" %s=%s", key, flag ? "true" : "false");
                        sd_bus_message_exit_container(message);
                } else if (sd_bus_message_enter_container(message, 'v', "u") > 0) {
                        sd_bus_message_read(message, "u", &number);
                        printf(" %s=%u", key, number);
                        sd_bus_message_exit_container(message);
                } else if (strcmp(key, "pin") == 0 || strcmp(key, "secret") == 0) {
                        printf(" %s", key);
                        print_secret(message, key, secret);
                } else {
                        sd_bus_message_skip(message, "v");
                }
                sd_bus_message_exit_container(message);
        }
        sd_bus_message_exit_container(message);
}

/* The content of CreateShare, the link of the other two, a PIN. The last is in ret_text. */
static void
print_call(sd_bus_message *message, char *ret_text)
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
                        print_secret(message, key, ret_text);
                        sd_bus_message_exit_container(message);
                }
                sd_bus_message_exit_container(message);
                print_options(message);
        }
        if (strstr(member, "Invitation") && strcmp(member, "GetInvitation") != 0) {
                print_secret(message, "link", ret_text);
                print_options(message);
        }
        if (strcmp(member, "ProvidePin") == 0)
                print_secret(message, "pin", ret_text);
        printf("\n");
        fflush(stdout);
        sd_bus_message_rewind(message, 1);
}

/* The digits of what was typed are PIN's. */
static int
is_right(const char *typed)
{
        const char *wanted = pin;

        for (; *typed; typed++)
                if (*typed != '-' && *typed != ' ' && *typed != *wanted++)
                        return 0;

        return *wanted == '\0';
}

/* Judged later, as the real one does: after the answer. */
static void
judge(sd_bus *bus, const char *typed)
{
        change(bus, "exchanging");
        if (is_right(typed)) {
                change(bus, outcome);
                return;
        }
        n_tries--;
        failure = "WrongPin";
        change(bus, n_tries == 0 ? "failed" : "pin-needed");
}

/* An initiator's share: what happens once its link is out. */
static void
go_on(sd_bus *bus)
{
        for (; n_wrong > 0; n_wrong--) {
                n_tries--;
                change(bus, "verifying-pin");
                if (n_tries > 0)
                        change(bus, "invited");
        }
        if (!stay)
                change(bus, pin && n_tries == 0 ? "burned" : outcome);
}

/* One entry, whose hash is none. */
static int
append_log(sd_bus_message *reply)
{
        static const uint8_t hash[32];

        sd_bus_message_open_container(reply, 'a', "(ttssssssssay)");
        sd_bus_message_open_container(reply, 'r', "ttssssssssay");
        sd_bus_message_append(reply,
                              "ttssssssss",
                              (uint64_t)1,
                              (uint64_t)time(NULL),
                              "given",
                              "self",
                              text,
                              text,
                              text,
                              text,
                              text,
                              text);
        sd_bus_message_append_array(reply, 'y', hash, sizeof hash);
        sd_bus_message_close_container(reply);
        sd_bus_message_close_container(reply);
        for (uint64_t number = 0; number < 2; number++) {
                sd_bus_message_open_container(reply, 'r', "tay");
                sd_bus_message_append(reply, "t", number);
                sd_bus_message_append_array(reply, 'y', hash, sizeof hash);
                sd_bus_message_close_container(reply);
        }
        return 0;
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
        if (strcmp(member, "GetPin") == 0)
                return sd_bus_message_append(reply, "s", pin_says ? pin_says : pin ? pin : "");
        if (strcmp(member, "Reveal") == 0)
                return append_content(reply);
        if (strcmp(member, "Use") == 0)
                return sd_bus_message_append(reply, "a{sv}", 1, "agent", "s", text);
        if (strcmp(member, "InspectInvitation") == 0)
                return append_facts(reply);
        if (strcmp(member, "GetLog") == 0)
                return append_log(reply);
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
        int is_pin = strcmp(member, "ProvidePin") == 0;
        char secret[MAX_SECRET_BYTES + 1] = "";
        int r;

        print_call(message, secret);
        if (hang && strcmp(member, hang) == 0)
                wait_for_signal();
        if (error_name && strstr(sd_bus_message_get_interface(message), TG_BUS_NAME))
                return sd_bus_reply_method_errorf(message, error_name, "%s", text);

        if (!is_known(sd_bus_message_get_path(message)))
                return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_UNKNOWN_OBJECT, "none");

        if (is_pin && strcmp(state, "pin-needed") != 0)
                return sd_bus_reply_method_errorf(
                        message, TG_ERROR_PREFIX "BadState", "it waits for no pin");
        if (is_pin && *secret == '0')
                return sd_bus_reply_method_errorf(
                        message, TG_ERROR_PREFIX "Invalid", "it was mistyped");

        if (is_accept)
                role = "recipient";
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = fill_reply(message, reply);
        if (r >= 0)
                r = sd_bus_send(bus, reply, NULL);
        sd_bus_message_unref(reply);
        if (is_pin)
                judge(bus, secret);
        else if (is_accept && pin)
                change(bus, "pin-needed");
        else if (is_accept && !stay)
                change(bus, outcome);
        if (strcmp(member, pin ? "GetPin" : "GetInvitation") == 0)
                go_on(bus);
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
        pin = knob(argc, argv, "pin", NULL);
        pin_says = knob(argc, argv, "pin-says", NULL);
        rule = knob(argc, argv, "rule", rule);
        n_tries = pin ? 3 : 0;
        n_wrong = (unsigned)atoi(knob(argc, argv, "wrong", "0"));
        role = knob(argc, argv, "role", role);
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
