/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "cli/agent.h"
#include "cli/command.h"
#include "cli/inspection.h"
#include "cli/interrupt.h"
#include "cli/invitation.h"
#include "cli/output.h"
#include "cli/recipient.h"
#include "cli/secret-input.h"
#include "cli/spoken-pin.h"
#include "cli/terminal.h"
#include "cli/terms.h"
#include "dbus/names.h"
#include "protocol/error.h"
#include "protocol/limits.h"

static gboolean is_offline;
static gboolean is_agreed;
static gboolean leaves_early;
static TgTerms terms;
static const char *title;
static const char *person;
static const char *secret_file;
static const char *secret_fd;
static const char *pin_file;
static const char *pin_fd;

static const TgOption options[] = {
        {"yes",                                           TG_OPTION_FLAG, &is_agreed, NULL, "do not ask \"accept?\"; polkit may still ask"},
        {"no-fetch",                                     TG_OPTION_FLAG, &is_offline, NULL, "do not ask the relay what it is about"},
        {"title", TG_OPTION_TEXT, &title, "TEXT", "a label of your own for the credential"},
        {"from",                                      TG_OPTION_TEXT, &person, "NAME", "whom you have it from: for your history only"},
        {"secret-file",
         TG_OPTION_TEXT, &secret_file,
         "FILE", "the part after '#', if sent separately"},
        {"secret-fd",        TG_OPTION_TEXT, &secret_fd, "N", "the same from a descriptor"},
        {"pin-file",                                         TG_OPTION_TEXT, &pin_file, "FILE", "the PIN, for an invitation that has one"},
        {"pin-fd",                                         TG_OPTION_TEXT, &pin_fd, "N", "the same from a descriptor"},
        {"term",       TG_OPTION_TEXTS, &terms.more, "NAME=VALUE", "more about it: see tigress-ssh(7)"},
        {"no-wait",                                          TG_OPTION_FLAG, &leaves_early, NULL, "print the share's id and leave"},
        {},
};

/* What was given besides the link; may be nothing, then *ret_secret is NULL. */
static gboolean
read_secret(const TgInspection *inspection, TgSecret **ret_secret, GError **error)
{
        g_autoptr(TgSecret) input = NULL;

        if (secret_file)
                input = tg_secret_input_read_file(secret_file, "secret", TG_MAX_LINK_CHARS, error);
        else if (secret_fd)
                input = tg_secret_input_read_number(secret_fd, "secret", TG_MAX_LINK_CHARS, error);
        else if (tg_inspection_flag(inspection, "has-secret"))
                return TRUE;
        else if (tg_terminal_is_there())
                input = tg_terminal_ask_secret("Secret of the link (it is not shown): ", error);
        else
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the link is without its secret\ngive what you got by the other way: "
                             "--secret-file FILE or --secret-fd N");
        if (!input)
                return FALSE;

        *ret_secret = tg_secret_input_trim(input, "secret", error);
        return *ret_secret != NULL;
}

/* Whether to go on after what link and relay have said. */
static gboolean
consider(const TgInvocation *invocation, const TgInspection *inspection, GError **error)
{
        gboolean yes = FALSE;

        tg_inspection_show(inspection, tg_output_say_field);
        if (!tg_inspection_flag(inspection, "trusted")) {
                const char *relay = tg_inspection_text(inspection, "relay");

                tg_set_error(error,
                             TG_ERROR_UNTRUSTED_RELAY,
                             "you do not trust the relay %s; nothing was sent to it\nif you do: "
                             "tigressctl relays add %s",
                             relay,
                             relay);
                return FALSE;
        }
        if (inspection->fetch_error)
                tg_output_note("the relay cannot be reached now: it will be tried again");

        if (is_agreed || !invocation->may_ask || !tg_terminal_is_there())
                return TRUE;
        if (!tg_terminal_confirm("Accept it?", FALSE, &yes, error))
                return FALSE;
        if (!yes)
                tg_set_error(error, TG_ERROR_CANCELLED, "nothing was accepted");

        return yes;
}

/* What goes to the wallet in descriptors. */
typedef struct {
        const TgSecret *link;
        TgSecret *secret; /* NULL: it is in the link */
        TgSecret *pin;    /* NULL: it comes later, or there is none */
} Given;

static void
given_clear(Given *given)
{
        g_clear_pointer(&given->secret, tg_secret_unref);
        g_clear_pointer(&given->pin, tg_secret_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Given, given_clear)

static gboolean
read_pin(TgSecret **ret_pin, GError **error)
{
        const gsize max_bytes = TG_MAX_PIN_INPUT_BYTES;
        g_autoptr(TgSecret) input = NULL;

        if (!pin_file && !pin_fd)
                return TRUE;
        input = pin_file ? tg_secret_input_read_file(pin_file, "PIN", max_bytes, error)
                         : tg_secret_input_read_number(pin_fd, "PIN", max_bytes, error);
        *ret_pin = input ? tg_secret_input_trim(input, "PIN", error) : NULL;

        return *ret_pin && tg_spoken_pin_check(*ret_pin, error);
}

/* Told before anything is claimed, not when the share waits already. */
static gboolean
check_pin(const TgInvocation *invocation,
          const TgInspection *inspection,
          const Given *given,
          GError **error)
{
        if (!tg_inspection_flag(inspection, "pin-required") || given->pin || leaves_early ||
            (invocation->may_ask && tg_terminal_is_there()))
                return TRUE;

        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "this invitation has a PIN, and there is nobody to ask for it\ngive it: "
                     "--pin-file FILE or --pin-fd N; or leave with --no-wait, and give it later: "
                     "tigressctl pin ID");
        return FALSE;
}

/* Another handle for one more secret, or nothing. */
static void
add_handle(GVariantBuilder *values, const char *name, const TgSecret *secret, gint32 *n_handles)
{
        if (secret)
                g_variant_builder_add(values, "{sv}", name, g_variant_new_handle((*n_handles)++));
}

static char *
call_accept(TgClient *client, TgClientCall *call, const Given *given, GError **error)
{
        GVariantBuilder values = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        g_autoptr(GVariant) reply = NULL;
        gint32 n_handles = 1;
        char *path = NULL;

        g_variant_builder_add(&values, "{sv}", "wait", g_variant_new_boolean(TRUE));
        if (title)
                g_variant_builder_add(&values, "{sv}", "title", g_variant_new_string(title));
        if (terms.more)
                g_variant_builder_add(&values, "{sv}", "terms", tg_terms_build(&terms));
        if (person)
                g_variant_builder_add(&values, "{sv}", "from", g_variant_new_string(person));
        add_handle(&values, "secret", given->secret, &n_handles);
        add_handle(&values, "pin", given->pin, &n_handles);
        call->arguments = g_variant_new("(va{sv})", g_variant_new_handle(0), &values);
        reply = tg_client_call(client, call, error);
        if (reply)
                g_variant_get(reply, "(o)", &path);

        return path;
}

/* The path of the share. */
static char *
accept_link(TgClient *client, TgCallKind kind, const Given *given, GError **error)
{
        const TgSecret *secrets[] = {given->link, given->secret, given->pin};
        int fds[G_N_ELEMENTS(secrets)];
        TgClientCall call = {
                .interface = TG_MANAGER_INTERFACE,
                .method = "AcceptInvitation",
                .fds = fds,
                .kind = kind,
        };
        gboolean is_complete = TRUE;
        char *path = NULL;

        for (gsize i = 0; i < G_N_ELEMENTS(secrets) && is_complete; i++) {
                if (!secrets[i])
                        continue;
                fds[call.n_fds] = tg_secret_input_to_memfd(secrets[i], error);
                is_complete = fds[call.n_fds] >= 0;
                call.n_fds += is_complete ? 1 : 0;
        }
        if (is_complete)
                path = call_accept(client, &call, given, error);
        for (gsize i = 0; i < call.n_fds; i++)
                close(fds[i]);

        return path;
}

/* The relay refuses. It may be that the link was accepted here before, which gives the
 * same credential again; nobody is to be asked for what can only fail otherwise. */
static char *
accept_again(TgClient *client, const TgInspection *inspection, const TgSecret *link, GError **error)
{
        const Given given = {.link = link};
        char *path = accept_link(client, TG_CALL_SLOW, &given, NULL);

        if (!path && error)
                *error = g_error_copy(inspection->fetch_error);
        return path;
}

static char *
accept_first(const TgInvocation *invocation,
             TgClient *client,
             const TgInspection *inspection,
             const TgSecret *link,
             gboolean from_stdin,
             TgSecret **ret_pin,
             GError **error)
{
        g_auto(Given) given = {.link = link};
        g_autoptr(TgAgent) agent = NULL;
        char *path;

        if (!read_pin(&given.pin, error) || !check_pin(invocation, inspection, &given, error) ||
            !consider(invocation, inspection, error) ||
            !read_secret(inspection, &given.secret, error))
                return NULL;
        if (invocation->may_ask)
                agent = tg_agent_open(from_stdin);

        path = accept_link(client, TG_CALL_ASKS, &given, error);
        if (path)
                *ret_pin = g_steal_pointer(&given.pin);
        return path;
}

static int
start(const TgInvocation *invocation,
      TgClient *client,
      const TgSecret *link,
      gboolean from_stdin,
      GError **error)
{
        TgReception reception = {.may_ask = invocation->may_ask};
        g_autoptr(TgInspection) inspection = tg_inspection_new(client, link, !is_offline, error);
        g_autoptr(TgSecret) pin = NULL;
        g_autofree char *path = NULL;

        if (!inspection)
                return -1;
        /* One that cannot be reached now will be tried again by the wallet. */
        if (inspection->fetch_error &&
            !g_error_matches(inspection->fetch_error, TG_ERROR, TG_ERROR_UNREACHABLE))
                path = accept_again(client, inspection, link, error);
        else
                path = accept_first(invocation, client, inspection, link, from_stdin, &pin, error);
        if (!path)
                return -1;
        reception.pin = pin;
        reception.came_with_pin = pin != NULL;
        if (!leaves_early)
                return tg_recipient_follow(&reception, client, path, error);

        if (tg_inspection_flag(inspection, "pin-required") && !pin)
                tg_output_hint("to give the PIN: tigressctl pin %s", strrchr(path, '/') + 1);
        return tg_recipient_print_share(client, path, error);
}

/* Each secret has one source. */
static gboolean
check(GError **error)
{
        if (secret_file && secret_fd)
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--secret-file and --secret-fd do not go together\ngive one");
        else if (pin_file && pin_fd)
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--pin-file and --pin-fd do not go together\ngive one");
        else
                return tg_terms_check(&terms, error);

        return FALSE;
}

static int
run(const TgInvocation *invocation, GError **error)
{
        gboolean from_stdin = FALSE;
        g_autoptr(TgSecret) link = NULL;
        g_autoptr(TgClient) client = NULL;
        int status = -1;

        if (!check(error))
                return -1;
        link = tg_invitation_read(invocation, &from_stdin, error);
        if (link)
                client = tg_client_new(invocation->may_ask, error);
        if (client)
                status = start(invocation, client, link, from_stdin, error);
        if (status < 0 && tg_interrupt_signal() != 0) {
                g_clear_error(error);
                tg_set_error(error, TG_ERROR_CANCELLED, "interrupted; nothing was accepted");
        }

        return status;
}

const TgCommand tg_command_accept = {
        .name = "accept",
        .arguments = "[-]",
        .min_arguments = 0,
        .max_arguments = 1,
        .summary = "accept an invitation: the link comes from the terminal or stdin",
        .description =
                "Accepts an invitation, after showing what it is about, asks for its PIN if it\n"
                "has one, and prints the id of the credential when it is in your keyring. The\n"
                "link is read from the terminal or from stdin, never from an argument, where\n"
                "everybody on this machine could read it; nor is the PIN.\n",
        .options = options,
        .example = "tigressctl accept < link.txt",
        .run = run,
};
