/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "cli/agent.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/invitation.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/secret-output.h"
#include "cli/share-request.h"
#include "cli/spoken-pin.h"
#include "cli/terminal.h"
#include "cli/wallet.h"
#include "cli/watch.h"
#include "dbus/names.h"
#include "protocol/error.h"

static TgShareRequest request;
static gboolean must_watch;
static gboolean leaves_early;
static int pin_fd = -1; /* of the new file for the PIN */
static gboolean is_link_out;

static const TgOption options[] = {
        {"content-file",                                 TG_OPTION_TEXT, &request.content_file, "FILE", NULL},
        {"content-fd",                         TG_OPTION_TEXT, &request.content_fd, "N", "content from there"},
        {"attribute",                                          TG_OPTION_TEXTS, &request.attributes, "NAME=VALUE", NULL},
        {"item",                                   TG_OPTION_TEXT, &request.item, "PATH", NULL},
        {"credential",                           TG_OPTION_TEXT, &request.credential, "ID", "of the keyring; accepted"},
        {"wifi",
         TG_OPTION_TEXT, &request.terms.connection,
         "PROFILE", "a Wi-Fi network saved by NetworkManager"},
        {"ca",                                    TG_OPTION_TEXT, &request.terms.ca, "FILE", NULL},
        {"principal",                           TG_OPTION_TEXTS, &request.terms.principals, "NAME", NULL},
        {"valid",                                          TG_OPTION_TEXT, &request.terms.valid, "TIME", "lend an SSH certificate"},
        {"term",
         TG_OPTION_TEXTS, &request.terms.more,
         "NAME=VALUE", "more of it: tigress-ssh(7), tigress-x509(7)"},
        {"format",                                 TG_OPTION_TEXT, &request.format, "FORMAT", NULL},
        {"kind",                                          TG_OPTION_TEXT, &request.kind, "KIND", "authorization token; copy or token"},
        {"travel",                                   TG_OPTION_TEXTS, &request.travel, "NAME", NULL},
        {"to",
         TG_OPTION_TEXT, &request.person,
         "NAME", "item's attribute to go along; whom, for history"},
        {"title",                    TG_OPTION_TEXT, &request.title, "TEXT", NULL},
        {"description",                                         TG_OPTION_TEXT, &request.description, "TEXT", NULL},
        {"image-url",                     TG_OPTION_TEXT, &request.image_url, "URL", "for the recipient"},
        {"public-title",
         TG_OPTION_FLAG, &request.is_public,
         NULL, "let the relay read these, for previews"},
        {"expires-in",
         TG_OPTION_TEXT, &request.expires_in,
         "TIME", "90s, 30m, 24h (default) ... 7d, with a PIN 2d"},
        {"not-before",                             TG_OPTION_TEXT, &request.limits.not_before, "TIME", NULL},
        {"not-after",                                          TG_OPTION_TEXT, &request.limits.not_after, "TIME", NULL},
        {"uses",                                    TG_OPTION_TEXT, &request.limits.uses, "N", NULL},
        {"no-reshare",                     TG_OPTION_FLAG, &request.limits.is_final, NULL, "limits of its use"},
        {"relay",                                          TG_OPTION_TEXT, &request.relay, "ORIGIN", NULL},
        {"transport",                                        TG_OPTION_TEXT, &request.transport, "HOW", NULL},
        {"template",                          TG_OPTION_TEXT, &request.template, "URL", "another; tdch: plain HTTP"},
        {"pin",                     TG_OPTION_FLAG, &request.with_pin, NULL, NULL},
        {"no-pin",
         TG_OPTION_FLAG, &request.without_pin,
         NULL, "with or without a spoken PIN (copies: with)"},
        {"pin-digits",                           TG_OPTION_TEXT, &request.pin_digits, "N", NULL},
        {"pin-output",
         TG_OPTION_TEXT, &request.pin_output,
         "FILE", "7 (default) ... 13; to a new file"},
        {"compat",
         TG_OPTION_FLAG, &request.is_compat,
         NULL, "for other wallets; no PIN, later readers may decrypt"},
        {"vertical-letter",
         TG_OPTION_TEXT, &request.vertical_letter,
         "LETTER", "put v=LETTER into the link"},
        {"no-wait",                                          TG_OPTION_FLAG, &leaves_early, NULL, NULL},
        {"watch",
         TG_OPTION_FLAG, &must_watch,
         NULL, "print the link and leave (in a pipe), or watch"},
        {         },
};

static gboolean
check(const TgInvocation *invocation, GError **error)
{
        if (must_watch && leaves_early) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--watch and --no-wait do not go together\ngive one");
                return FALSE;
        }
        if (invocation->n_arguments > 0 && strcmp(invocation->arguments[0], "-") != 0) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "what is shared must not be an argument: every user of this machine "
                             "could read it there\npipe it in: tigressctl share -");
                return FALSE;
        }
        request.content_stdin = invocation->n_arguments > 0;
        /* What cat and others have taught. */
        if (!request.content_stdin && g_strcmp0(request.content_file, "-") == 0) {
                request.content_file = NULL;
                request.content_stdin = TRUE;
        }

        return tg_share_request_check(&request, error);
}

/* What a person leaves out is asked for; a script is told what is missing. */
static gboolean
complete(const TgInvocation *invocation, GError **error)
{
        gboolean is_guided = !tg_share_request_has_source(&request);

        if (is_guided && (!invocation->may_ask || !tg_terminal_is_there())) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "nothing says what is to be shared\npipe it in: tigressctl share -; "
                             "or see: "
                             "tigressctl share --help");
                return FALSE;
        }
        if (is_guided && !tg_share_request_ask(&request, error))
                return FALSE;

        return tg_share_request_read(&request, error);
}

static gboolean
explain(const TgInvocation *invocation, TgClient *client, gboolean is_guided, GError **error)
{
        g_auto(GStrv) relays = NULL;
        TgProtection protection;
        gboolean yes = FALSE;

        if (!invocation->may_ask || !tg_terminal_is_there()) {
                if (request.is_compat)
                        tg_output_note(
                                "--compat: no PIN; whoever gets the link later can read the "
                                "content with what the relay has kept; whoever learns the address "
                                "alone can block the link");
                return TRUE;
        }

        relays = tg_wallet_relays(client, error);
        if (!relays || !tg_share_request_protect(&request, client, is_guided, &protection, error))
                return FALSE;
        tg_share_request_explain(&request, protection, relays[0]);
        if (!is_guided)
                return TRUE;
        if (!tg_terminal_confirm("Share it?", TRUE, &yes, error))
                return FALSE;
        if (!yes)
                tg_set_error(error, TG_ERROR_CANCELLED, "nothing was shared");

        return yes;
}

/* Nobody has the link: a share that could not be told about must not live on. */
static void
abandon(TgClient *client, const char *path)
{
        const TgClientCall call = {
                .path = path,
                .interface = TG_SHARE_INTERFACE,
                .method = "Cancel",
                .arguments = g_variant_new("(s)", "given up before the link was printed"),
                .kind = TG_CALL_ASKS,
        };
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        tg_interrupt_clear();
        reply = tg_client_call(client, &call, &error);
        /* It may have ended by itself. */
        if (!reply && !g_error_matches(error, TG_ERROR, TG_ERROR_BAD_STATE)) {
                tg_output_error(error);
                tg_output_hint("to end the share: tigressctl cancel %s", path);
        }
}

/* Made before anybody is asked, so that a yes is not lost to a typing error. */
static gboolean
open_pin_output(GError **error)
{
        if (!request.pin_output)
                return TRUE;
        pin_fd = tg_secret_output_open(request.pin_output, "PIN", error);
        return pin_fd >= 0;
}

static void
close_pin_output(void)
{
        if (pin_fd < 0)
                return;
        close(pin_fd);
        if (!is_link_out)
                unlink(request.pin_output);
}

/* Where the PIN is to go: never beside the link, but to the terminal where somebody looks. */
static gboolean
is_pin_shown(const TgObject *share)
{
        return tg_object_flag(share, "PinRequired") && pin_fd < 0 && !tg_output_is_json() &&
               tg_terminal_is_there();
}

static gboolean
write_pin(TgClient *client, const TgObject *share, GError **error)
{
        g_autoptr(TgSecret) pin = NULL;

        if (pin_fd < 0)
                return TRUE;
        pin = tg_spoken_pin_get(client, share, error);
        return pin && tg_spoken_pin_write(pin_fd, pin, error);
}

/* The share has its link, which may be on its way already: nothing here ends it any more. */
static void
show_pin(TgClient *client, const TgObject *share)
{
        g_autoptr(TgSecret) pin = NULL;
        g_autoptr(GError) error = NULL;

        if (is_pin_shown(share))
                pin = tg_spoken_pin_get(client, share, &error);
        if (pin && tg_spoken_pin_show(share, pin, &error))
                return;

        if (error)
                tg_output_error(error);
        if (pin_fd < 0 && tg_object_flag(share, "PinRequired"))
                tg_output_hint("the link opens nothing without its PIN: tigressctl show --pin %s",
                               share->id);
}

static gboolean
print_link(TgClient *client, TgWatch *watch, GError **error)
{
        g_autoptr(TgSecret) link = NULL;
        const TgObject *share;

        if (!tg_watch_until_invited(watch, error))
                return FALSE;
        share = tg_watch_share(watch);
        if (tg_outcome_is_end(tg_object_text(share, "State")) && !tg_outcome_check(share, error))
                return FALSE;

        link = tg_invitation_get(client, share, error);
        if (!link || !write_pin(client, share, error) || !tg_invitation_print(share, link, error))
                return FALSE;

        is_link_out = TRUE;
        show_pin(client, share);
        return TRUE;
}

static int
follow(TgWatch *watch, GError **error)
{
        gboolean is_watched = must_watch || (!leaves_early && isatty(STDOUT_FILENO));

        if (!is_watched)
                return 0;
        if (!tg_object_flag(tg_watch_share(watch), "PinRequired"))
                tg_output_note("send this link to the recipient by a way that nobody else reads");
        if (!tg_watch_until_end(watch, error)) {
                if (tg_interrupt_signal() == 0)
                        return -1;
                g_clear_error(error);
                return tg_watch_interrupted(watch, "cancel");
        }
        if (!tg_outcome_check(tg_watch_share(watch), error))
                return -1;

        tg_output_note("completed: the recipient has it");
        return 0;
}

static int
start(const TgInvocation *invocation, TgClient *client, gboolean is_guided, GError **error)
{
        g_autoptr(TgAgent) agent = NULL;
        g_autoptr(TgWatch) watch = NULL;
        g_autofree char *path = NULL;
        gboolean was_interrupted;

        if (!explain(invocation, client, is_guided, error))
                return -1;
        if (invocation->may_ask)
                agent = tg_agent_open(request.content_stdin);
        path = tg_share_request_send(&request, client, error);
        g_clear_pointer(&agent, tg_agent_close);
        if (!path)
                return -1;
        watch = tg_watch_new(client, path, error);
        if (watch && print_link(client, watch, error))
                return follow(watch, error);

        was_interrupted = tg_interrupt_signal() != 0;
        abandon(client, path);
        if (was_interrupted) {
                g_clear_error(error);
                tg_set_error(error, TG_ERROR_CANCELLED, "cancelled before the link was there");
        }
        return -1;
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client = NULL;
        gboolean is_guided = FALSE;
        int status = -1;

        if (check(invocation, error) && open_pin_output(error)) {
                is_guided = !tg_share_request_has_source(&request);
                if (complete(invocation, error))
                        client = tg_client_new(invocation->may_ask, error);
        }
        if (client)
                status = start(invocation, client, is_guided, error);
        close_pin_output();
        tg_share_request_clear(&request);
        if (status < 0 && tg_interrupt_signal() != 0) {
                g_clear_error(error);
                tg_set_error(error, TG_ERROR_CANCELLED, "interrupted; nothing was shared");
        }

        return status;
}

const TgCommand tg_command_share = {
        .name = "share",
        .arguments = "[-]",
        .min_arguments = 0,
        .max_arguments = 1,
        .summary = "share a credential: prints a link for the recipient",
        .description =
                "Shares a credential: prints a link for the recipient. \"-\" takes it from stdin;\n"
                "without anything you are asked.\n",
        .options = options,
        .example = "tigressctl share --title \"Deploy token\" --content-file token.txt",
        .run = run,
};
