/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/object.h"
#include "cli/output.h"
#include "cli/recipient.h"
#include "cli/secret-input.h"
#include "cli/spoken-pin.h"
#include "protocol/error.h"

static gboolean leaves_early;

static const TgOption options[] = {
        {"no-wait",
         TG_OPTION_FLAG, &leaves_early,
         NULL, "do not wait for the verdict: print the share's id"},
        {},
};

/* States in which a PIN is needed now, or may be soon. */
static gboolean
may_need_pin(const TgObject *share)
{
        static const char *const states[] = {
                "pin-needed", "claiming", "authorizing", "waiting-for-keyring"};
        const char *state = tg_object_text(share, "State");

        for (gsize i = 0; i < G_N_ELEMENTS(states); i++)
                if (strcmp(state, states[i]) == 0)
                        return TRUE;

        return FALSE;
}

static gboolean
check(const TgObject *share, GError **error)
{
        if (strcmp(tg_object_text(share, "Role"), "initiator") == 0) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "you are the sender of this share\nthe PIN to tell the recipient, if "
                             "there is one: tigressctl show --pin %s",
                             share->id);
                return FALSE;
        }
        if (may_need_pin(share))
                return TRUE;

        tg_set_error(error,
                     TG_ERROR_BAD_STATE,
                     "the share does not wait for a PIN\n\"tigressctl show %s\" tells how things "
                     "stand",
                     share->id);
        return FALSE;
}

/* NULL without @error set: a person is to be asked. */
static TgSecret *
read_pin(GError **error)
{
        g_autoptr(TgSecret) input = NULL;

        if (isatty(STDIN_FILENO))
                return NULL;
        input = tg_secret_input_read(STDIN_FILENO, "PIN", TG_MAX_PIN_INPUT_BYTES, error);

        return input ? tg_secret_input_trim(input, "PIN", error) : NULL;
}

static int
give(const TgInvocation *invocation, TgClient *client, const TgObject *share, GError **error)
{
        TgReception reception = {.may_ask = invocation->may_ask};
        g_autoptr(GError) local = NULL;
        g_autoptr(TgSecret) pin = read_pin(&local);

        if (local) {
                g_propagate_error(error, g_steal_pointer(&local));
                return -1;
        }
        reception.pin = pin;
        if (!leaves_early)
                return tg_recipient_follow(&reception, client, share->path, error);
        if (!tg_recipient_give_pin(&reception, client, share->path, error))
                return -1;

        return tg_recipient_print_share(client, share->path, error);
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client = tg_client_new(invocation->may_ask, error);
        g_autoptr(TgObject) share = NULL;

        if (client)
                share = tg_object_find(client, TG_OBJECT_SHARE, invocation->arguments[0], error);
        if (!share || !check(share, error))
                return -1;

        return give(invocation, client, share, error);
}

const TgCommand tg_command_pin = {
        .name = "pin",
        .arguments = "ID",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "give the PIN of an invitation that waits for it",
        .description =
                "Gives the PIN that the sender has told you to an invitation that waits for it,\n"
                "and goes on as \"accept\" does: prints the id of the credential when it is in\n"
                "your keyring. The PIN is read from the terminal, without echo, or from stdin.\n"
                "Type it for its own link only, whatever you are told.\n",
        .options = options,
        .example = "tigressctl pin 4f1d22a9",
        .run = run,
};
