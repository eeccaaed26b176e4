/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/object.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/times.h"

static gboolean
is_used_up(const TgObject *credential)
{
        return tg_object_number(credential, "Uses") > 0 &&
               tg_object_number(credential, "UsesLeft") == 0;
}

static void
add_row(TgTable *table, const TgObject *credential, gsize n_id_chars)
{
        guint64 now = tg_times_now();
        g_autofree char *id = g_strndup(credential->id, n_id_chars);
        g_autofree char *received =
                tg_times_relative(tg_object_number(credential, "Received"), now);
        g_autofree char *valid = tg_times_relative(tg_object_number(credential, "NotAfter"), now);
        const char *cells[] = {
                id,
                tg_object_text(credential, "Kind"),
                tg_object_text(credential, "Title"),
                tg_object_text(credential, "Format"),
                received,
                tg_object_flag(credential, "Revoked")   ? "revoked"
                : tg_object_flag(credential, "Expired") ? "expired"
                : is_used_up(credential)                ? "used up"
                                                        : valid,
        };

        tg_table_add(table, cells);
}

static void
print_table(GPtrArray *credentials)
{
        static const char *const headings[] = {
                "ID", "KIND", "TITLE", "FORMAT", "RECEIVED", "ENDS", NULL};
        g_autoptr(TgTable) table = tg_table_new(headings, 2);
        gsize n_id_chars = tg_object_id_chars(credentials);

        for (guint i = 0; i < credentials->len; i++)
                add_row(table, g_ptr_array_index(credentials, i), n_id_chars);
        if (tg_table_n_rows(table) > 0)
                tg_table_print(table);
        else
                tg_output_note("no credentials have been accepted");
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client = tg_client_new(invocation->may_ask, error);
        g_autoptr(GPtrArray) credentials = NULL;

        if (client)
                credentials = tg_object_list(client, TG_OBJECT_CREDENTIAL, error);
        if (!credentials)
                return -1;
        if (!tg_output_is_json()) {
                print_table(credentials);
                return 0;
        }
        tg_object_print_json(credentials);
        return 0;
}

const TgCommand tg_command_credentials = {
        .name = "credentials",
        .arguments = "",
        .min_arguments = 0,
        .max_arguments = 0,
        .summary = "show the credentials that you have accepted",
        .description = "Shows the credentials that you have accepted, the newest last; what they\n"
                       "hold is in the keyring.\n",
        .example = "tigressctl credentials",
        .run = run,
};
