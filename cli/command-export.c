/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "cli/agent.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/object.h"
#include "cli/output.h"
#include "cli/revelation.h"
#include "cli/secret-input.h"
#include "cli/secret-output.h"
#include "cli/times.h"
#include "protocol/cxf.h"
#include "protocol/error.h"

static const char *output_file;

static const TgOption options[] = {
        {"output",                                  TG_OPTION_TEXT, &output_file, "FILE", "into a new file that only you may read"},
        {},
};

static gboolean
check(GError **error)
{
        const char *why = NULL;

        if (!output_file && tg_output_is_json())
                why = "the document is JSON of its own\nname a file for it: --output FILE";
        else if (!output_file && isatty(STDOUT_FILENO))
                why = "the document is nothing to be shown\nname a file for it: --output FILE";
        if (!why)
                return TRUE;

        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

/* All of them, before anybody is asked about one. */
static GPtrArray *
find_credentials(const TgInvocation *invocation, TgClient *client, GError **error)
{
        g_autoptr(GPtrArray) credentials =
                g_ptr_array_new_with_free_func((GDestroyNotify)tg_object_free);

        for (guint i = 0; i < invocation->n_arguments; i++) {
                TgObject *credential = tg_object_find(
                        client, TG_OBJECT_CREDENTIAL, invocation->arguments[i], error);

                if (!credential)
                        return NULL;
                g_ptr_array_add(credentials, credential);
        }

        return g_steal_pointer(&credentials);
}

static GPtrArray *
get_items(const TgInvocation *invocation, TgClient *client, GPtrArray *credentials, GError **error)
{
        g_autoptr(GPtrArray) items =
                g_ptr_array_new_with_free_func((GDestroyNotify)tg_secret_unref);
        G_GNUC_UNUSED g_autoptr(TgAgent) agent = invocation->may_ask ? tg_agent_open(FALSE) : NULL;

        for (guint i = 0; i < credentials->len; i++) {
                const TgObject *credential = g_ptr_array_index(credentials, i);
                TgSecret *item;

                tg_output_note("%s: \"%s\" is asked for",
                               credential->id,
                               tg_object_text(credential, "Title"));
                item = tg_revelation_get(client, credential, "cxf", NULL, error);
                if (!item) {
                        g_prefix_error(error, "%s: ", credential->id);
                        return NULL;
                }
                g_ptr_array_add(items, item);
        }

        return g_steal_pointer(&items);
}

static TgSecret *
make_document(const TgInvocation *invocation, TgClient *client, int *ret_fd, GError **error)
{
        g_autoptr(GPtrArray) credentials = find_credentials(invocation, client, error);
        g_autoptr(GPtrArray) items = NULL;

        if (!credentials)
                return NULL;
        *ret_fd = output_file ? tg_secret_output_open(output_file, "output", error) : STDOUT_FILENO;
        if (*ret_fd >= 0)
                items = get_items(invocation, client, credentials, error);

        return items ? tg_cxf_document_write((const TgSecret *const *)items->pdata,
                                             items->len,
                                             (gint64)tg_times_now(),
                                             error)
                     : NULL;
}

static gboolean
write_document(int fd, const TgSecret *document, GError **error)
{
        if (!document)
                return FALSE;
        return output_file ? tg_secret_output_write(fd, document, "output", error)
                           : tg_secret_input_write(fd, document, error);
}

static void
report(guint n_items)
{
        TgJsonLine *line;

        tg_output_note("%u credentials exported: whoever reads the file has them", n_items);
        if (!tg_output_is_json())
                return;
        line = tg_json_line_begin();
        tg_json_line_string(line, "type", "document");
        tg_json_line_string(line, "file", output_file);
        tg_json_line_number(line, "items", n_items);
        tg_json_line_end(line);
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client =
                check(error) ? tg_client_new(invocation->may_ask, error) : NULL;
        g_autoptr(TgSecret) document = NULL;
        gboolean is_written = FALSE;
        int fd = -1;

        if (client)
                document = make_document(invocation, client, &fd, error);
        is_written = write_document(fd, document, error);
        if (output_file && fd >= 0) {
                close(fd);
                if (!is_written)
                        unlink(output_file);
        }
        if (!is_written)
                return -1;

        report(invocation->n_arguments);
        return 0;
}

const TgCommand tg_command_export = {
        .name = "export",
        .arguments = "ID...",
        .min_arguments = 1,
        .max_arguments = G_MAXUINT,
        .summary = "write credentials for a password manager",
        .description =
                "Writes credentials as a document of the Credential Exchange Format (CXF), which\n"
                "password managers import, after asking you about each. It is not encrypted.\n",
        .options = options,
        .example = "tigressctl export 9b07c6d1 a43f77e0 --output export.json",
        .run = run,
};
