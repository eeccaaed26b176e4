/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/spoken-pin.h"

#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/secret-input.h"
#include "cli/secret-output.h"
#include "cli/terminal.h"
#include "protocol/error.h"
#include "protocol/pin.h"

/* What the wallet takes. */
#define MAX_TYPED_BYTES 64

TgSecret *
tg_spoken_pin_get(TgClient *client, const TgObject *share, GError **error)
{
        const TgClientCall call = {
                .path = share->path,
                .interface = tg_object_interface(share),
                .method = "GetPin",
                .kind = TG_CALL_ASKS,
        };
        g_autoptr(TgSecret) answer = tg_client_call_secret(client, &call, error);
        g_autoptr(TgSecret) digits = NULL;

        if (!answer)
                return NULL;
        /* Nothing but digits goes to a terminal. */
        digits = tg_pin_parse(answer, 0, NULL);
        if (!digits) {
                tg_set_error(error, TG_ERROR_FAILED, "the wallet's answer is no PIN");
                return NULL;
        }

        return tg_pin_format(digits, error);
}

gboolean
tg_spoken_pin_show(const TgObject *share, const TgSecret *pin, GError **error)
{
        if (!tg_terminal_show_secret("\n    PIN: ", pin, "\n\n", error))
                return FALSE;

        tg_output_say(
                "Tell the PIN to the recipient by telephone or in person, when you know that it is "
                "him.");
        tg_output_say("Never send it the way the link goes, and never use it for anything else.");
        tg_output_say("To see it again: tigressctl show --pin %s", share->id);
        return TRUE;
}

gboolean
tg_spoken_pin_print(const TgObject *share, const TgSecret *pin, GError **error)
{
        TgJsonLine *line;

        if (!tg_output_is_json())
                return tg_output_secret(pin, error);

        line = tg_json_line_begin();
        tg_json_line_string(line, "type", "pin");
        tg_json_line_string(line, "id", share->id);
        tg_json_line_string(line, "path", share->path);

        return tg_json_line_end_with_secret(line, "pin", pin, FALSE, error);
}

gboolean
tg_spoken_pin_write(int fd, const TgSecret *pin, GError **error)
{
        g_autoptr(TgSecret) line = NULL;
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(pin, &n_bytes);
        guint8 *buffer;

        line = tg_secret_new_blank(n_bytes + 1, &buffer, error);
        if (!line)
                return FALSE;
        memcpy(buffer, bytes, n_bytes);
        buffer[n_bytes] = '\n';

        return tg_secret_output_write(fd, line, "PIN", error);
}

gboolean
tg_spoken_pin_check(const TgSecret *typed, GError **error)
{
        if (tg_secret_size(typed) <= MAX_TYPED_BYTES)
                return TRUE;

        tg_set_error(error, TG_ERROR_INVALID, "that is too long to be a PIN: type what was said");
        return FALSE;
}

gboolean
tg_spoken_pin_give(TgClient *client, const TgObject *share, const TgSecret *pin, GError **error)
{
        TgClientCall call = {
                .path = share->path,
                .interface = tg_object_interface(share),
                .method = "ProvidePin",
                .arguments = g_variant_new("(v)", g_variant_new_handle(0)),
                .n_fds = 1,
                .kind = TG_CALL_ASKS,
        };
        g_autoptr(GVariant) reply = NULL;
        int fd = tg_spoken_pin_check(pin, error) ? tg_secret_input_to_memfd(pin, error) : -1;

        if (fd < 0) {
                g_variant_unref(g_variant_ref_sink(call.arguments));
                return FALSE;
        }
        call.fds = &fd;
        reply = tg_client_call(client, &call, error);
        close(fd);

        return reply != NULL;
}
