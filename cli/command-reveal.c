/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "cli/agent.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/escape.h"
#include "cli/object.h"
#include "cli/output.h"
#include "cli/revelation.h"
#include "cli/secret-input.h"
#include "cli/secret-output.h"
#include "cli/terminal.h"
#include "protocol/error.h"

#define MAX_PASSPHRASE_BYTES 256

static const char *output_file;
static gboolean as_pkcs12;
static const char *passphrase_file;
static const char *passphrase_fd;

static const TgOption options[] = {
        {"output",                                  TG_OPTION_TEXT, &output_file, "FILE", "into a new file that only you may read"},
        {"pkcs12",                             TG_OPTION_FLAG, &as_pkcs12, NULL, "for a browser, under a passphrase"},
        {"passphrase-file", TG_OPTION_TEXT, &passphrase_file, "FILE", "the passphrase is in it"},
        {"passphrase-fd",                                  TG_OPTION_TEXT, &passphrase_fd, "N", "or in this descriptor"},
        {     },
};

/* A line feed at its end is the editor's. */
static TgSecret *
read_passphrase(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgSecret) text = NULL;

        if (passphrase_file)
                text = tg_secret_input_read_file(
                        passphrase_file, "passphrase", MAX_PASSPHRASE_BYTES, error);
        else if (passphrase_fd)
                text = tg_secret_input_read_number(
                        passphrase_fd, "passphrase", MAX_PASSPHRASE_BYTES, error);
        else if (invocation->may_ask)
                return tg_terminal_ask_secret("Passphrase for the file (it is not shown): ", error);
        else
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--pkcs12 needs a passphrase\nname its file: --passphrase-file");

        return text ? tg_secret_input_trim(text, "passphrase", error) : NULL;
}

static gboolean
check_options(GError **error)
{
        const char *why = NULL;

        if (passphrase_file && passphrase_fd)
                why = "there is one passphrase\ngive one of --passphrase-file and --passphrase-fd";
        else if ((passphrase_file || passphrase_fd) && !as_pkcs12)
                why = "a passphrase is for --pkcs12 alone";
        else if (as_pkcs12 && !output_file && isatty(STDOUT_FILENO))
                why = "PKCS#12 is nothing to be read\nname a file: --output FILE";
        if (!why)
                return TRUE;

        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

static TgSecret *
reveal(const TgInvocation *invocation,
       TgClient *client,
       const TgObject *credential,
       const TgSecret *passphrase,
       GError **error)
{
        G_GNUC_UNUSED g_autoptr(TgAgent) agent = invocation->may_ask ? tg_agent_open(FALSE) : NULL;

        return tg_revelation_get(
                client, credential, as_pkcs12 ? "pkcs12" : NULL, passphrase, error);
}

/* A terminal acts on what it is sent: there the content is shown, elsewhere it is given. */
static gboolean
show(const TgSecret *content, GError **error)
{
        g_autoptr(TgSecret) shown = NULL;
        gsize n_bytes;
        const char *text = (const char *)tg_secret_get(content, &n_bytes);
        gsize n_shown = tg_escape_to(TG_ESCAPE_LINES, text, n_bytes, NULL);
        guint8 *buffer;

        shown = tg_secret_new_blank(n_shown, &buffer, error);
        if (!shown)
                return FALSE;
        tg_escape_to(TG_ESCAPE_LINES, text, n_bytes, (char *)buffer);

        return tg_output_secret(shown, error);
}

static gboolean
give(const TgObject *credential, const TgSecret *content, int fd, GError **error)
{
        TgJsonLine *line;

        if (fd != STDOUT_FILENO)
                return tg_secret_output_write(fd, content, "output", error);
        if (tg_output_is_json()) {
                line = tg_json_line_begin();
                tg_json_line_string(line, "type", "content");
                tg_json_line_string(line, "id", credential->id);
                return tg_json_line_end_with_secret(line, "octets", content, TRUE, error);
        }
        if (isatty(fd))
                return show(content, error);

        return tg_secret_input_write(fd, content, error);
}

static void
print_file(const TgObject *credential)
{
        TgJsonLine *line;

        if (!tg_output_is_json())
                return;

        line = tg_json_line_begin();
        tg_json_line_string(line, "type", "content");
        tg_json_line_string(line, "id", credential->id);
        tg_json_line_string(line, "file", output_file);
        tg_json_line_end(line);
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client =
                check_options(error) ? tg_client_new(invocation->may_ask, error) : NULL;
        g_autoptr(TgObject) credential = NULL;
        g_autoptr(TgSecret) passphrase = NULL;
        g_autoptr(TgSecret) content = NULL;
        gboolean is_given = FALSE;
        int fd = -1;

        if (client && as_pkcs12) {
                passphrase = read_passphrase(invocation, error);
                if (!passphrase)
                        return -1;
        }
        if (client)
                credential = tg_object_find(
                        client, TG_OBJECT_CREDENTIAL, invocation->arguments[0], error);
        if (credential)
                fd = output_file ? tg_secret_output_open(output_file, "output", error)
                                 : STDOUT_FILENO;
        if (fd < 0)
                return -1;

        content = reveal(invocation, client, credential, passphrase, error);
        if (content)
                is_given = give(credential, content, fd, error);
        if (!output_file)
                return is_given ? 0 : -1;

        close(fd);
        if (!is_given) {
                unlink(output_file);
                return -1;
        }
        print_file(credential);
        return 0;
}

const TgCommand tg_command_reveal = {
        .name = "reveal",
        .arguments = "ID",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "print what a credential holds, after asking you",
        .description =
                "Prints what a credential holds, after asking you: the octets exactly as they\n"
                "came. On a terminal, control characters are shown as escapes.\n"
                "An X.509 certificate with its key can also be had as PKCS#12.\n",
        .options = options,
        .example = "tigressctl reveal 9b07c6d1 --output token.txt",
        .run = run,
};
