/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "cli/agent.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/object.h"
#include "cli/output.h"
#include "cli/secret-input.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "dbus/names.h"
#include "protocol/cxf.h"
#include "protocol/error.h"
#include "protocol/limits.h"

static gboolean is_list;
static gboolean is_agreed;
static GPtrArray *numbers;

static const TgOption options[] = {
        {"item",                            TG_OPTION_TEXTS, &numbers, "N", "only the item with this number"},
        {"list",                         TG_OPTION_FLAG, &is_list, NULL, "show what is in the file, and import nothing"},
        {"yes", TG_OPTION_FLAG, &is_agreed, NULL, "do not ask \"import?\"; polkit still asks"},
        {                        },
};

typedef struct {
        const TgInvocation *invocation;
        TgCxfDocument document;
        GArray *chosen; /* of guint: places in it */
        TgClient *client;
        TgAgent *agent;
        guint n_imported;
        GError *first; /* of the items that could not be imported */
} Import;

static const TgCxfItem *
item_at(const Import *self, guint place)
{
        return &g_array_index(self->document.items, TgCxfItem, place);
}

/* ---- what is to be imported ---- */

static TgSecret *
read_document(const char *file, GError **error)
{
        if (strcmp(file, "-") != 0)
                return tg_secret_input_read_file(file, "document", TG_MAX_CXF_BYTES, error);
        if (!isatty(STDIN_FILENO))
                return tg_secret_input_read(STDIN_FILENO, "document", TG_MAX_CXF_BYTES, error);

        tg_set_error(error, TG_ERROR_INVALID, "\"-\" is for a document that is piped in");
        return NULL;
}

static gboolean
is_chosen(const Import *self, guint place)
{
        for (guint i = 0; i < self->chosen->len; i++)
                if (g_array_index(self->chosen, guint, i) == place)
                        return TRUE;

        return FALSE;
}

static gboolean
choose_number(Import *self, const char *text, GError **error)
{
        guint64 number;
        guint place;

        if (self->document.items->len == 0 ||
            !g_ascii_string_to_unsigned(text, 10, 1, self->document.items->len, &number, NULL)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--item wants the number of an item, at most %u\nsee them with --list",
                             self->document.items->len);
                return FALSE;
        }
        place = (guint)number - 1;
        if (!is_chosen(self, place))
                g_array_append_val(self->chosen, place);

        return TRUE;
}

static gboolean
choose(Import *self, GError **error)
{
        for (guint i = 0; numbers && i < numbers->len; i++)
                if (!choose_number(self, g_ptr_array_index(numbers, i), error))
                        return FALSE;
        for (guint i = 0; !numbers && i < self->document.items->len; i++)
                g_array_append_val(self->chosen, i);

        return TRUE;
}

/* ---- --list ---- */

static void
list_as_json(const TgCxfItem *item, guint number)
{
        TgJsonLine *line = tg_json_line_begin();

        tg_json_line_string(line, "type", "item");
        tg_json_line_number(line, "number", number);
        tg_json_line_string(line, "title", item->title);
        tg_json_line_string(line, "holds", item->holds);
        tg_json_line_string(line, "account", item->account);
        tg_json_line_string(line, "site", item->site);
        tg_json_line_end(line);
}

static void
list(const Import *self)
{
        static const char *const headings[] = {"ITEM", "TITLE", "HOLDS", "ACCOUNT", "SITE", NULL};
        g_autoptr(TgTable) table = tg_table_new(headings, 1);

        for (guint i = 0; i < self->chosen->len; i++) {
                guint place = g_array_index(self->chosen, guint, i);
                const TgCxfItem *item = item_at(self, place);
                g_autofree char *number = g_strdup_printf("%u", place + 1);
                const char *cells[] = {number,
                                       item->title,
                                       item->holds,
                                       item->account ? item->account : "",
                                       item->site ? item->site : ""};

                if (tg_output_is_json())
                        list_as_json(item, place + 1);
                else
                        tg_table_add(table, cells);
        }
        if (tg_table_n_rows(table) > 0)
                tg_table_print(table);
}

/* ---- one item, one yes ---- */

static gboolean
is_wanted(const Import *self, guint place, gboolean *ret_wanted, GError **error)
{
        const TgCxfItem *item = item_at(self, place);
        g_autofree char *whose = NULL;
        g_autofree char *question = NULL;

        *ret_wanted = TRUE;
        if (is_agreed)
                return TRUE;
        whose = g_strdup_printf("%s%s%s%s",
                                item->account ? "; " : "",
                                item->account ? item->account : "",
                                item->site ? "; " : "",
                                item->site ? item->site : "");
        question = g_strdup_printf(
                "Import item %u, \"%s\" (%s%s)?", place + 1, item->title, item->holds, whose);

        return tg_terminal_confirm(question, FALSE, ret_wanted, error);
}

static char *
send(Import *self, const TgCxfItem *item, GError **error)
{
        g_autoptr(TgSecret) text = tg_secret_new(item->json.text, item->json.n_chars, error);
        int fd = text ? tg_secret_input_to_memfd(text, error) : -1;
        TgClientCall call = {
                .interface = TG_MANAGER_INTERFACE,
                .method = "Import",
                .kind = TG_CALL_ASKS,
                .fds = &fd,
                .n_fds = 1,
        };
        g_autoptr(GVariant) reply = NULL;
        char *path = NULL;

        if (fd < 0)
                return NULL;
        call.arguments = g_variant_new("(v@a{sv})",
                                       g_variant_new_handle(0),
                                       g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0));
        reply = tg_client_call(self->client, &call, error);
        close(fd);
        if (reply && g_variant_is_of_type(reply, G_VARIANT_TYPE("(o)")))
                g_variant_get(reply, "(o)", &path);
        else if (reply)
                tg_set_error(error, TG_ERROR_FAILED, "the wallet's answer cannot be read");

        return path;
}

static gboolean
import_item(Import *self, guint place, GError **error)
{
        const TgCxfItem *item = item_at(self, place);
        g_autofree char *path = NULL;
        g_autoptr(TgObject) credential = NULL;

        if (item->json.n_chars > TG_MAX_CONTENT_BYTES) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "it is larger than %d octets, more than a credential may have",
                             TG_MAX_CONTENT_BYTES);
                return FALSE;
        }
        path = send(self, item, error);
        if (!path)
                return FALSE;
        self->n_imported++;
        credential = tg_object_load(self->client, path, error);
        if (!credential)
                return FALSE;
        tg_output_note("%s: imported item %u, \"%s\"", credential->id, place + 1, item->title);
        if (tg_output_is_json()) {
                TgJsonLine *line = tg_json_line_begin();

                tg_object_to_json(credential, line);
                tg_json_line_end(line);
        }

        return TRUE;
}

/* What is wrong with one item says nothing about the others; who interrupts, or says no to polkit
 * or the keyring, means all, and is not asked about each. */
static gboolean
note_failure(Import *self, guint place, GError *failure)
{
        TgError code = tg_error_code(failure);
        gboolean is_last = code == TG_ERROR_CANCELLED || code == TG_ERROR_DENIED ||
                           code == TG_ERROR_KEYRING_UNAVAILABLE;

        g_prefix_error(&failure, "item %u: ", place + 1);
        if (!self->first)
                self->first = failure;
        else {
                tg_output_error(failure);
                g_error_free(failure);
        }

        return !is_last;
}

static gboolean
import_items(Import *self)
{
        for (guint i = 0; i < self->chosen->len; i++) {
                guint place = g_array_index(self->chosen, guint, i);
                GError *failure = NULL;
                gboolean wanted;

                if (!is_wanted(self, place, &wanted, &failure) ||
                    (wanted && !import_item(self, place, &failure))) {
                        if (!note_failure(self, place, failure))
                                break;
                }
        }

        return self->first == NULL;
}

static void
introduce(const Import *self)
{
        if (*self->document.exporter)
                tg_output_note("\"%s\" has written this file: %u items",
                               self->document.exporter,
                               self->document.items->len);
        if (self->document.n_collections > 0)
                tg_output_note("the folders of the file are left out");
}

static int
import_chosen(Import *self, GError **error)
{
        gboolean is_fine;

        if (!is_agreed && (!self->invocation->may_ask || !tg_terminal_is_there())) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "each item is asked about, and there is no terminal to ask on\n"
                             "agree to all that are chosen: --yes; see them: --list");
                return -1;
        }
        self->client = tg_client_new(self->invocation->may_ask, error);
        if (!self->client)
                return -1;
        introduce(self);
        if (self->invocation->may_ask)
                self->agent = tg_agent_open(strcmp(self->invocation->arguments[0], "-") == 0);
        is_fine = import_items(self);
        g_clear_pointer(&self->agent, tg_agent_close);
        tg_output_note("%u of %u items imported; the file still holds them all in the clear",
                       self->n_imported,
                       self->chosen->len);
        if (is_fine)
                return 0;

        g_propagate_error(error, g_steal_pointer(&self->first));
        return -1;
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgSecret) text = read_document(invocation->arguments[0], error);
        Import self = {.invocation = invocation,
                       .chosen = g_array_new(FALSE, FALSE, sizeof(guint))};
        int status = -1;

        if (text && tg_cxf_document_parse(text, &self.document, error) && choose(&self, error)) {
                if (is_list)
                        list(&self);
                status = is_list ? 0 : import_chosen(&self, error);
        }
        g_clear_pointer(&self.client, tg_client_free);
        tg_cxf_document_clear(&self.document);
        g_array_unref(self.chosen);

        return status;
}

const TgCommand tg_command_import = {
        .name = "import",
        .arguments = "FILE|-",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "take credentials out of a password manager's export",
        .description =
                "Takes credentials out of a file of the Credential Exchange Format (CXF), as\n"
                "password managers export it: asks about each item, and then you by polkit.\n",
        .options = options,
        .example = "tigressctl import export.json",
        .run = run,
};
