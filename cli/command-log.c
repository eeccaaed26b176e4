/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/json-line.h"
#include "cli/log-book.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/times.h"
#include "protocol/bytes.h"
#include "protocol/error.h"

static const char *since;
static const char *noted;
static gboolean must_verify;

static const TgOption options[] = {
        {"since",
         TG_OPTION_TEXT, &since,
         "TIME", "only what was entered in the last 90s, 30m, 24h, 7d"},
        {"verify",
         TG_OPTION_FLAG, &must_verify,
         NULL, "check that no entry was changed or taken out"},
        {"noted", TG_OPTION_TEXT, &noted, "NUMBER:HASH", "with --verify: this one is there, too"},
        {                                         },
};

/* ---- showing ---- */

static char *
describe_time(gint64 time_s)
{
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(time_s);

        return time ? g_date_time_format(time, "%Y-%m-%d %H:%M") : g_strdup("-");
}

static char *
describe_what(const TgLogEntry *entry)
{
        const char *title = *entry->title ? entry->title : entry->format;
        gboolean has_both = *title && *entry->text;

        return g_strconcat(title, has_both ? ": " : "", entry->text, NULL);
}

static void
add_row(TgTable *table, const TgLogRow *row)
{
        const TgLogEntry *entry = &row->entry;
        g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, entry->number);
        g_autofree char *time = row->is_changed ? g_strdup("-") : describe_time(entry->time_s);
        g_autofree char *what = describe_what(entry);
        const char *cells[] = {
                number,
                time,
                row->is_changed ? "(changed)" : entry->act,
                *entry->by ? entry->by : "-",
                *entry->person ? entry->person : "-",
                row->is_changed ? "somebody has changed this entry in the state file" : what,
        };

        tg_table_add(table, cells);
}

static void
print_row_json(const TgLogRow *row)
{
        const TgLogEntry *entry = &row->entry;
        const struct {
                const char *key;
                const char *value;
        } texts[] = {
                {"act",        entry->act       },
                {"by",         entry->by        },
                {"share",      entry->share     },
                {"credential", entry->credential},
                {"format",     entry->format    },
                {"title",      entry->title     },
                {"person",     entry->person    },
                {"text",       entry->text      },
        };
        g_autofree char *hash = row->is_changed ? NULL : tg_hex_encode(row->hash, sizeof row->hash);
        TgJsonLine *line = tg_json_line_begin();

        tg_json_line_string(line, "type", "entry");
        tg_json_line_number(line, "number", (gint64)entry->number);
        tg_json_line_time(line, "time", (guint64)MAX(entry->time_s, 0));
        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
                tg_json_line_string(line, texts[i].key, *texts[i].value ? texts[i].value : NULL);
        tg_json_line_string(line, "hash", hash);
        tg_json_line_end(line);
}

static void
show(const TgLogBook *book, guint64 from_s)
{
        static const char *const headings[] = {
                "NUMBER", "TIME", "ACT", "WORD", "WITH", "WHAT", NULL};
        g_autoptr(TgTable) table = tg_table_new(headings, 5);

        for (guint i = 0; i < book->rows->len; i++) {
                const TgLogRow *row = g_ptr_array_index(book->rows, i);

                if (!row->is_changed && row->entry.time_s < (gint64)from_s)
                        continue;
                if (tg_output_is_json())
                        print_row_json(row);
                else
                        add_row(table, row);
        }
        if (tg_output_is_json())
                return;
        if (tg_table_n_rows(table) > 0)
                tg_table_print(table);
        else
                tg_output_note(since ? "nothing was entered in that time" : "the log is empty");
}

/* ---- checking ---- */

static gboolean
verify(const TgLogBook *book, const TgLogPlace *place, GError **error)
{
        g_autofree char *last = tg_log_place_text(&book->last);
        TgJsonLine *line;

        if (!tg_log_book_check(book, error) || (place && !tg_log_book_has(book, place, error)))
                return FALSE;
        if (!tg_output_is_json()) {
                tg_output_note("%u entries, each as it was written; the last one:",
                               book->rows->len);
                tg_output_line(last);
                return TRUE;
        }
        line = tg_json_line_begin();
        tg_json_line_string(line, "type", "verified");
        tg_json_line_number(line, "first", (gint64)book->base.number + 1);
        tg_json_line_number(line, "count", book->rows->len);
        tg_json_line_string(line, "last", last);
        tg_json_line_end(line);
        return TRUE;
}

static gboolean
check_options(guint32 *ret_seconds, TgLogPlace *ret_place, GError **error)
{
        if (since && must_verify) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--since and --verify do not go together\nthe chain is checked whole");
                return FALSE;
        }
        if (noted && !must_verify) {
                tg_set_error(error, TG_ERROR_INVALID, "--noted goes with --verify\ngive both");
                return FALSE;
        }
        if (since && !tg_times_parse_duration(since, ret_seconds, error)) {
                g_prefix_error(error, "--since: ");
                return FALSE;
        }
        return !noted || tg_log_place_parse(noted, ret_place, error);
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client = NULL;
        g_autoptr(TgLogBook) book = NULL;
        TgLogPlace place;
        guint32 seconds = 0;

        if (!check_options(&seconds, &place, error))
                return -1;
        client = tg_client_new(invocation->may_ask, error);
        if (client)
                book = tg_log_book_read(client, error);
        if (!book)
                return -1;
        if (must_verify)
                return verify(book, noted ? &place : NULL, error) ? 0 : -1;
        show(book, since ? tg_times_now() - seconds : 0);
        return 0;
}

const TgCommand tg_command_log = {
        .name = "log",
        .arguments = "",
        .min_arguments = 0,
        .max_arguments = 0,
        .summary = "show what was done with shares and credentials",
        .description =
                "Shows what was done here, the newest last, and on whose word. Each entry is\n"
                "bound to the one before it: --verify finds what was changed since, and\n"
                "prints number and hash of the last one, which you may note.\n",
        .options = options,
        .example = "tigressctl log --since 7d",
        .run = run,
};
