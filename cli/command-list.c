/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/command.h"
#include "cli/object.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/times.h"
#include "protocol/error.h"

static gboolean shows_all;
static gboolean shows_ended;

static const TgOption options[] = {
        {"all",                            TG_OPTION_FLAG, &shows_all, NULL, "those that have ended as well"},
        {"ended",                      TG_OPTION_FLAG, &shows_ended, NULL, "only those that have ended"},
        {                         },
};

static gboolean
is_wanted(const TgObject *share)
{
        return shows_all || tg_outcome_is_end(tg_object_text(share, "State")) == shows_ended;
}

/* "3 left": tries; "yes" when they do not matter any more. */
static char *
describe_pin(const TgObject *share)
{
        guint64 n_tries = tg_object_number(share, "PinAttemptsLeft");

        if (!tg_object_flag(share, "PinRequired"))
                return g_strdup("-");
        if (n_tries == 0)
                return g_strdup("yes");
        return g_strdup_printf("%" G_GUINT64_FORMAT " left", n_tries);
}

static void
add_row(TgTable *table, const TgObject *share, gsize n_id_chars)
{
        guint64 now = tg_times_now();
        gboolean is_end = tg_outcome_is_end(tg_object_text(share, "State"));
        const char *title = tg_object_text(share, "Title");
        gboolean is_verified = *title == '\0' || tg_object_flag(share, "TitleVerified");
        g_autofree char *id = g_strndup(share->id, n_id_chars);
        g_autofree char *shown = g_strconcat(title, is_verified ? NULL : " (unverified)", NULL);
        g_autofree char *pin = describe_pin(share);
        g_autofree char *created = tg_times_relative(tg_object_number(share, "Created"), now);
        g_autofree char *expires =
                tg_times_relative(is_end ? 0 : tg_object_number(share, "Expires"), now);
        const char *cells[] = {
                id,
                tg_object_text(share, "Role"),
                tg_object_text(share, "State"),
                pin,
                shown,
                created,
                expires,
        };

        tg_table_add(table, cells);
}

static void
print_table(GPtrArray *shares)
{
        static const char *const headings[] = {
                "ID", "ROLE", "STATE", "PIN", "TITLE", "BEGAN", "ENDS", NULL};
        g_autoptr(TgTable) table = tg_table_new(headings, 4);
        gsize n_id_chars = tg_object_id_chars(shares);

        for (guint i = 0; i < shares->len; i++)
                add_row(table, g_ptr_array_index(shares, i), n_id_chars);
        if (tg_table_n_rows(table) > 0)
                tg_table_print(table);
        else
                tg_output_note(shows_all     ? "there are no shares"
                               : shows_ended ? "no shares have ended"
                                             : "no shares are running");
}

/* What waits for a person, and how to end that. */
static void
print_hints(GPtrArray *shares)
{
        for (guint i = 0; i < shares->len; i++) {
                const TgObject *share = g_ptr_array_index(shares, i);

                if (strcmp(tg_object_text(share, "State"), "pin-needed") == 0)
                        tg_output_hint("this share waits for its PIN: tigressctl pin %s",
                                       share->id);
        }
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client = NULL;
        g_autoptr(GPtrArray) shares = NULL;

        if (shows_all && shows_ended) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "--all and --ended do not go together\ngive one");
                return -1;
        }
        client = tg_client_new(invocation->may_ask, error);
        if (client)
                shares = tg_object_list(client, TG_OBJECT_SHARE, error);
        if (!shares)
                return -1;

        tg_object_filter(shares, is_wanted);
        if (!tg_output_is_json()) {
                print_table(shares);
                print_hints(shares);
                return 0;
        }
        tg_object_print_json(shares);
        return 0;
}

const TgCommand tg_command_list = {
        .name = "list",
        .arguments = "",
        .min_arguments = 0,
        .max_arguments = 0,
        .summary = "show the shares that are running",
        .description = "Shows the shares that are running, the newest last.\n",
        .options = options,
        .example = "tigressctl list --all",
        .run = run,
};
