/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "cli/agent.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/invitation.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/share-request.h"
#include "cli/terminal.h"
#include "cli/wallet.h"
#include "cli/watch.h"
#include "dbus/names.h"
#include "protocol/error.h"

static TgShareRequest request;
static gboolean must_watch;
static gboolean leaves_early;

static const TgOption options[] = {
        {"content-file",                                  TG_OPTION_TEXT, &request.content_file, "FILE", "content from a file"},
        {"content-fd",                          TG_OPTION_TEXT, &request.content_fd, "N", "content from a descriptor"},
        {"attribute",
         TG_OPTION_TEXTS, &request.attributes,
         "NAME=VALUE", "the keyring item that this finds"},
        {"item",                                    TG_OPTION_TEXT, &request.item, "PATH", "the keyring item at this path"},
        {"credential",                            TG_OPTION_TEXT, &request.credential, "ID", "one that you have accepted"},
        {"format",
         TG_OPTION_TEXT, &request.format,
         "FORMAT", "of the content; default: authorization token"},
        {"kind",                                     TG_OPTION_TEXT, &request.kind, "KIND", "copy or token, where the format has both"},
        {"title",                            TG_OPTION_TEXT, &request.title, "TEXT", "what the recipient reads"},
        {"description",             TG_OPTION_TEXT, &request.description, "TEXT", "more of that"},
        {"image-url",                                          TG_OPTION_TEXT, &request.image_url, "URL", "a picture for the recipient"},
        {"public-title",
         TG_OPTION_FLAG, &request.is_public,
         NULL, "let the relay read these, for previews"},
        {"expires-in",
         TG_OPTION_TEXT, &request.expires_in,
         "TIME", "90s, 30m, 24h (default) ... 7d"},
        {"relay",                                    TG_OPTION_TEXT, &request.relay, "ORIGIN", "another trusted relay"},
        {"compat",
         TG_OPTION_FLAG, &request.is_compat,
         NULL, "for other wallets; costs the proof of the link"},
        {"vertical-letter",
         TG_OPTION_TEXT, &request.vertical_letter,
         "LETTER", "put v=LETTER into the link"},
        {"no-wait",
         TG_OPTION_FLAG, &leaves_early,
         NULL, "print the link and leave (default in a pipe)"},
        {"watch",
         TG_OPTION_FLAG, &must_watch,
         NULL, "print the link and watch (default on a terminal)"},
        {                                         },
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
        gboolean yes = FALSE;

        if (!invocation->may_ask || !tg_terminal_is_there()) {
                if (request.is_compat)
                        tg_output_note(
                                "--compat: whoever learns the address alone can block the link");
                return TRUE;
        }

        relays = tg_wallet_relays(client, error);
        if (!relays)
                return FALSE;
        tg_share_request_explain(&request, relays[0]);
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

static gboolean
print_link(TgClient *client, TgWatch *watch, GError **error)
{
        g_autoptr(TgSecret) link = NULL;
        const TgObject *share = tg_watch_share(watch);

        if (!tg_watch_until_invited(watch, error))
                return FALSE;
        share = tg_watch_share(watch);
        if (tg_outcome_is_end(tg_object_text(share, "State")) && !tg_outcome_check(share, error))
                return FALSE;

        link = tg_invitation_get(client, share, error);
        return link && tg_invitation_print(share, link, error);
}

static int
follow(TgWatch *watch, GError **error)
{
        gboolean is_watched = must_watch || (!leaves_early && isatty(STDOUT_FILENO));

        if (!is_watched)
                return 0;
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

        if (check(invocation, error)) {
                is_guided = !tg_share_request_has_source(&request);
                if (complete(invocation, error))
                        client = tg_client_new(invocation->may_ask, error);
        }
        if (client)
                status = start(invocation, client, is_guided, error);
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
