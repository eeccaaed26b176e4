/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/invitation.h"

#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/secret-input.h"
#include "cli/terminal.h"
#include "protocol/error.h"
#include "protocol/limits.h"

/* Room for the white space that mail and chat put around a link. */
#define MAX_INPUT_BYTES (TG_MAX_LINK_CHARS + 1024)

static gboolean
check_arguments(const TgInvocation *invocation, GError **error)
{
        if (invocation->n_arguments == 0 || strcmp(invocation->arguments[0], "-") == 0)
                return TRUE;

        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "a link must not be an argument: every user of this machine could read it "
                     "there\nleave it out and paste it when asked, or pipe it in; if others use "
                     "this machine, ask the sender for a new one");
        return FALSE;
}

TgSecret *
tg_invitation_read(const TgInvocation *invocation, gboolean *ret_from_stdin, GError **error)
{
        g_autoptr(TgSecret) input = NULL;
        gboolean is_piped;

        if (!check_arguments(invocation, error))
                return NULL;

        is_piped = !isatty(STDIN_FILENO);
        if (is_piped)
                input = tg_secret_input_read(STDIN_FILENO, "link", MAX_INPUT_BYTES, error);
        else
                input = tg_terminal_ask_secret("Invitation link (it is not shown): ", error);
        if (!input)
                return NULL;

        *ret_from_stdin = is_piped;
        return tg_secret_input_trim(input, "link", error);
}

TgSecret *
tg_invitation_get(TgClient *client, const TgObject *share, GError **error)
{
        const TgClientCall call = {
                .path = share->path,
                .interface = tg_object_interface(share),
                .method = "GetInvitation",
                .kind = TG_CALL_ASKS,
        };

        return tg_client_call_secret(client, &call, error);
}

/* The wallet made it from what a relay said; nothing but the characters of an address
 * goes to a terminal or a script. */
static gboolean
check_link(const TgSecret *link, GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(link, &n_bytes);

        for (gsize i = 0; i < n_bytes; i++) {
                if (bytes[i] > 0x20 && bytes[i] < 0x7f)
                        continue;
                tg_set_error(
                        error, TG_ERROR_TAMPERED, "the link has characters that none may have");
                return FALSE;
        }

        return TRUE;
}

gboolean
tg_invitation_print(const TgObject *share, const TgSecret *link, GError **error)
{
        TgJsonLine *line;

        if (!check_link(link, error))
                return FALSE;
        if (!tg_output_is_json())
                return tg_output_secret(link, error);

        line = tg_json_line_begin();
        tg_json_line_string(line, "type", "invitation");
        tg_json_line_string(line, "id", share->id);
        tg_json_line_string(line, "path", share->path);
        tg_json_line_time(line, "expires", tg_object_number(share, "Expires"));

        return tg_json_line_end_with_secret(line, "link", link, FALSE, error);
}
