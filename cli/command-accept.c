/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "cli/agent.h"
#include "cli/command.h"
#include "cli/inspection.h"
#include "cli/interrupt.h"
#include "cli/invitation.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/secret-input.h"
#include "cli/terminal.h"
#include "cli/watch.h"
#include "dbus/names.h"
#include "protocol/error.h"
#include "protocol/limits.h"

static gboolean is_offline;
static gboolean is_agreed;
static gboolean leaves_early;
static const char *title;
static const char *secret_file;
static const char *secret_fd;

static const TgOption options[] = {
        {"yes",                                           TG_OPTION_FLAG, &is_agreed, NULL, "do not ask \"accept?\"; polkit may still ask"},
        {"no-fetch",                                     TG_OPTION_FLAG, &is_offline, NULL, "do not ask the relay what it is about"},
        {"title", TG_OPTION_TEXT, &title, "TEXT", "a label of your own for the credential"},
        {"secret-file",
         TG_OPTION_TEXT, &secret_file,
         "FILE", "the part after '#', if sent separately"},
        {"secret-fd",                                    TG_OPTION_TEXT, &secret_fd, "N", "the same from a descriptor"},
        {"no-wait",        TG_OPTION_FLAG, &leaves_early, NULL, "print the share's id and leave"},
        {                                        },
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

static char *
call_accept(TgClient *client, TgCallKind kind, const int *fds, gsize n_fds, GError **error)
{
        TgClientCall call = {
                .interface = TG_MANAGER_INTERFACE,
                .method = "AcceptInvitation",
                .fds = fds,
                .n_fds = n_fds,
                .kind = kind,
        };
        GVariantBuilder values = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        g_autoptr(GVariant) reply = NULL;
        char *path = NULL;

        g_variant_builder_add(&values, "{sv}", "wait", g_variant_new_boolean(TRUE));
        if (title)
                g_variant_builder_add(&values, "{sv}", "title", g_variant_new_string(title));
        if (n_fds > 1)
                g_variant_builder_add(&values, "{sv}", "secret", g_variant_new_handle(1));
        call.arguments = g_variant_new("(va{sv})", g_variant_new_handle(0), &values);
        reply = tg_client_call(client, &call, error);
        if (reply)
                g_variant_get(reply, "(o)", &path);

        return path;
}

/* The path of the share. */
static char *
accept_link(TgClient *client,
            TgCallKind kind,
            const TgSecret *link,
            const TgSecret *secret,
            GError **error)
{
        int fds[2] = {-1, -1};
        char *path = NULL;

        fds[0] = tg_secret_input_to_memfd(link, error);
        if (fds[0] >= 0 && secret)
                fds[1] = tg_secret_input_to_memfd(secret, error);
        if (fds[0] >= 0 && (fds[1] >= 0 || !secret))
                path = call_accept(client, kind, fds, secret ? 2 : 1, error);
        for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
                if (fds[i] >= 0)
                        close(fds[i]);

        return path;
}

static int
follow(TgClient *client, const char *path, GError **error)
{
        g_autoptr(TgWatch) watch = tg_watch_new(client, path, error);
        const TgObject *share;
        const char *credential;

        if (!watch)
                return -1;
        if (!tg_watch_until_end(watch, error)) {
                if (tg_interrupt_signal() == 0)
                        return -1;
                g_clear_error(error);
                return tg_watch_interrupted(watch, "decline");
        }

        share = tg_watch_share(watch);
        if (!tg_outcome_check(share, error))
                return -1;
        credential = tg_object_reference(share, "Credential");
        if (*credential == '\0') {
                tg_set_error(error,
                             TG_ERROR_NOT_FOUND,
                             "this invitation was accepted before, and its credential removed\nask "
                             "the sender for a new one");
                return -1;
        }
        tg_output_note("accepted: it is in your keyring");
        if (!tg_output_is_json())
                tg_output_line(credential);

        return 0;
}

static int
print_id(TgClient *client, const char *path, GError **error)
{
        g_autoptr(TgObject) share = tg_object_load(client, path, error);
        TgJsonLine *line;

        if (!share)
                return -1;
        if (!tg_output_is_json()) {
                tg_output_line(share->id);
                return 0;
        }

        line = tg_json_line_begin();
        tg_object_to_json(share, line);
        tg_json_line_end(line);
        return 0;
}

/* The relay refuses. It may be that the link was accepted here before, which gives the
 * same credential again; nobody is to be asked for what can only fail otherwise. */
static char *
accept_again(TgClient *client, const TgInspection *inspection, const TgSecret *link, GError **error)
{
        char *path = accept_link(client, TG_CALL_SLOW, link, NULL, NULL);

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
             GError **error)
{
        g_autoptr(TgSecret) secret = NULL;
        g_autoptr(TgAgent) agent = NULL;

        if (!consider(invocation, inspection, error) || !read_secret(inspection, &secret, error))
                return NULL;
        if (invocation->may_ask)
                agent = tg_agent_open(from_stdin);

        return accept_link(client, TG_CALL_ASKS, link, secret, error);
}

static int
start(const TgInvocation *invocation,
      TgClient *client,
      const TgSecret *link,
      gboolean from_stdin,
      GError **error)
{
        g_autoptr(TgInspection) inspection = tg_inspection_new(client, link, !is_offline, error);
        g_autofree char *path = NULL;

        if (!inspection)
                return -1;
        /* One that cannot be reached now will be tried again by the wallet. */
        if (inspection->fetch_error &&
            !g_error_matches(inspection->fetch_error, TG_ERROR, TG_ERROR_UNREACHABLE))
                path = accept_again(client, inspection, link, error);
        else
                path = accept_first(invocation, client, inspection, link, from_stdin, error);
        if (!path)
                return -1;

        return leaves_early ? print_id(client, path, error) : follow(client, path, error);
}

static int
run(const TgInvocation *invocation, GError **error)
{
        gboolean from_stdin = FALSE;
        g_autoptr(TgSecret) link = NULL;
        g_autoptr(TgClient) client = NULL;
        int status = -1;

        if (secret_file && secret_fd) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--secret-file and --secret-fd do not go together\ngive one");
                return -1;
        }
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
                "Accepts an invitation, after showing what it is about, and prints the id of\n"
                "the credential when it is in your keyring. The link is read from the\n"
                "terminal or from stdin; as an argument everybody on this machine could read it.\n",
        .options = options,
        .example = "tigressctl accept < link.txt",
        .run = run,
};
