/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/command.h"
#include "cli/object.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/times.h"

static gboolean shows_all;

static const TgOption options[] = {
        {"all",                                             TG_OPTION_FLAG, &shows_all, NULL, "what is over as well, and copies that you gave"},
        {},
};

static gboolean
is_wanted(const TgObject *share)
{
        const char *lent = tg_object_text(share, "Lent");

        return strcmp(lent, "pending") == 0 || strcmp(lent, "active") == 0 ||
               (shows_all && *lent != '\0');
}

static void
add_row(TgTable *table, const TgObject *share, gsize n_id_chars)
{
        const char *person = tg_object_text(share, "Person");
        g_autofree char *id = g_strndup(share->id, n_id_chars);
        g_autofree char *until =
                tg_times_relative(tg_object_number(share, "GrantedUntil"), tg_times_now());
        const char *cells[] = {
                id,
                tg_object_text(share, "Lent"),
                *person ? person : "-",
                tg_object_text(share, "Title"),
                tg_object_text(share, "Format"),
                until,
        };

        tg_table_add(table, cells);
}

static void
print_table(GPtrArray *shares)
{
        static const char *const headings[] = {
                "ID", "STATE", "TO", "TITLE", "FORMAT", "UNTIL", NULL};
        g_autoptr(TgTable) table = tg_table_new(headings, 3);
        gsize n_id_chars = tg_object_id_chars(shares);

        for (guint i = 0; i < shares->len; i++)
                add_row(table, g_ptr_array_index(shares, i), n_id_chars);
        if (tg_table_n_rows(table) > 0)
                tg_table_print(table);
        else
                tg_output_note(shows_all ? "nothing was lent or given" : "nothing is lent");
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client = tg_client_new(invocation->may_ask, error);
        g_autoptr(GPtrArray) shares = NULL;

        if (client)
                shares = tg_object_list(client, TG_OBJECT_SHARE, error);
        if (!shares)
                return -1;

        tg_object_filter(shares, is_wanted);
        if (!tg_output_is_json()) {
                print_table(shares);
                return 0;
        }
        tg_object_print_json(shares);
        return 0;
}

const TgCommand tg_command_lent = {
        .name = "lent",
        .arguments = "",
        .min_arguments = 0,
        .max_arguments = 0,
        .summary = "show what you have lent, to whom, and until when",
        .description =
                "Shows what is lent, the newest last: to whom (share --to), and until when. What\n"
                "is active can be taken back: tigressctl revoke ID. It stays in the history\n"
                "until you forget the share.\n",
        .options = options,
        .example = "tigressctl lent --all",
        .run = run,
};
