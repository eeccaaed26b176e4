/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/log-book.h"

#include <string.h>

#include "dbus/names.h"
#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/limits.h"

#define MAX_ATTEMPTS 3 /* the oldest may be dropped while we read */
#define HINT                                                                                       \
        "somebody has changed the state file, or put an old one back: what the log says is not "   \
        "to be relied on"

/* ---- reading ---- */

static void
free_row(gpointer data)
{
        TgLogRow *row = data;

        tg_log_entry_clear(&row->entry);
        g_free(row);
}

void
tg_log_book_free(TgLogBook *self)
{
        if (!self)
                return;
        g_ptr_array_unref(self->rows);
        g_free(self);
}

static gboolean
take_hash(GVariant *value, guint8 ret_hash[TG_LOG_HASH_BYTES])
{
        gsize n_octets;
        const guint8 *octets = g_variant_get_fixed_array(value, &n_octets, 1);

        if (n_octets != TG_LOG_HASH_BYTES)
                return FALSE;
        memcpy(ret_hash, octets, n_octets);
        return TRUE;
}

static void
take_row(TgLogBook *self, GVariant *value)
{
        TgLogRow *row = g_new0(TgLogRow, 1);
        TgLogEntry *entry = &row->entry;
        g_autoptr(GVariant) hash = NULL;
        guint64 time_s;

        g_variant_get(value,
                      "(ttssssssss@ay)",
                      &entry->number,
                      &time_s,
                      &entry->act,
                      &entry->by,
                      &entry->share,
                      &entry->credential,
                      &entry->format,
                      &entry->title,
                      &entry->person,
                      &entry->text,
                      &hash);
        entry->time_s = (gint64)time_s;
        row->is_changed = !take_hash(hash, row->hash);
        g_ptr_array_add(self->rows, row);
}

static gboolean
take_place(GVariant *page, gsize index, TgLogPlace *ret_place)
{
        g_autoptr(GVariant) place = g_variant_get_child_value(page, index);
        g_autoptr(GVariant) hash = g_variant_get_child_value(place, 1);

        g_variant_get_child(place, 0, "t", &ret_place->number);
        return take_hash(hash, ret_place->hash);
}

static GVariant *
ask_page(TgClient *client, guint64 after, GError **error)
{
        const TgClientCall call = {
                .interface = TG_MANAGER_INTERFACE,
                .method = "GetLog",
                .arguments = g_variant_new("(tu)", after, (guint32)TG_MAX_LOG_PAGE),
        };
        g_autoptr(GVariant) page = tg_client_call(client, &call, error);

        if (page && !g_variant_is_of_type(page, G_VARIANT_TYPE("(a(ttssssssssay)(tay)(tay))"))) {
                tg_set_error(error, TG_ERROR_FAILED, "the wallet's answer is not as agreed");
                return NULL;
        }
        return g_steal_pointer(&page);
}

typedef enum { PAGE_FAILED, PAGE_MORE, PAGE_LAST, PAGE_ANEW } Page;

/* Whether there is more, and *after is then moved on. A wallet that says the same for ever is not
 * listened to. */
static Page
read_page(TgLogBook *self, TgClient *client, guint64 *after, GError **error)
{
        g_autoptr(GVariant) page = ask_page(client, *after, error);
        g_autoptr(GVariant) rows = NULL;
        guint64 before = *after;
        TgLogPlace base = {0};

        if (!page)
                return PAGE_FAILED;
        rows = g_variant_get_child_value(page, 0);
        if (!take_place(page, 1, &base) || !take_place(page, 2, &self->last)) {
                tg_set_error(error, TG_ERROR_FAILED, "the wallet's answer is not as agreed");
                return PAGE_FAILED;
        }
        if (self->rows->len == 0)
                self->base = base;
        else if (base.number > before)
                return PAGE_ANEW;

        for (gsize i = 0; i < g_variant_n_children(rows); i++) {
                g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
                guint64 number;

                g_variant_get_child(row, 0, "t", &number);
                *after = MAX(*after, number);
                take_row(self, row);
        }
        return *after > before && *after < self->last.number ? PAGE_MORE : PAGE_LAST;
}

TgLogBook *
tg_log_book_read(TgClient *client, GError **error)
{
        for (guint n_attempts = 1;; n_attempts++) {
                g_autoptr(TgLogBook) self = g_new0(TgLogBook, 1);
                guint64 after = 0;
                Page page;

                self->rows = g_ptr_array_new_with_free_func(free_row);
                do
                        page = read_page(self, client, &after, error);
                while (page == PAGE_MORE);
                if (page == PAGE_LAST)
                        return g_steal_pointer(&self);
                if (page == PAGE_ANEW && n_attempts < MAX_ATTEMPTS)
                        continue;
                if (page == PAGE_ANEW)
                        tg_set_error(error,
                                     TG_ERROR_FAILED,
                                     "the log changes faster than it can be read\ntry again");
                return NULL;
        }
}

/* ---- checking ---- */

static gboolean
is_wrong(guint64 number, const char *why, GError **error)
{
        tg_set_error(
                error, TG_ERROR_TAMPERED, "entry %" G_GUINT64_FORMAT " %s\n" HINT, number, why);
        return FALSE;
}

static gboolean
check_row(const TgLogRow *row, TgLogPlace *at, GError **error)
{
        TgLogPlace next = {.number = at->number + 1};

        if (row->entry.number > next.number)
                return is_wrong(next.number, "is missing", error);
        if (row->entry.number < next.number)
                return is_wrong(row->entry.number, "is out of its place", error);
        if (row->is_changed)
                return is_wrong(next.number, "was changed: the wallet cannot open it", error);

        tg_log_entry_hash(&row->entry, at->hash, next.hash);
        if (memcmp(next.hash, row->hash, sizeof next.hash) != 0)
                return is_wrong(
                        next.number, "does not follow from the one before it by its hash", error);
        *at = next;
        return TRUE;
}

gboolean
tg_log_book_check(const TgLogBook *self, GError **error)
{
        static const guint8 none[TG_LOG_HASH_BYTES];
        TgLogPlace at = self->base;

        if (at.number == 0 && memcmp(at.hash, none, sizeof none) != 0)
                return is_wrong(0, "is none, and has a hash", error);
        for (guint i = 0; i < self->rows->len; i++)
                if (!check_row(g_ptr_array_index(self->rows, i), &at, error))
                        return FALSE;
        if (at.number < self->last.number)
                return is_wrong(at.number + 1, "is missing", error);
        if (at.number > self->last.number)
                return is_wrong(at.number, "is behind the end of the log", error);
        if (memcmp(at.hash, self->last.hash, sizeof at.hash) != 0)
                return is_wrong(at.number, "is not the one that the wallet wrote last", error);
        return TRUE;
}

/* ---- places that somebody has noted ---- */

gboolean
tg_log_place_parse(const char *text, TgLogPlace *ret_place, GError **error)
{
        const char *colon = strchr(text, ':');
        g_autofree char *number = colon ? g_strndup(text, (gsize)(colon - text)) : NULL;
        g_autoptr(GBytes) hash = colon ? tg_hex_decode(colon + 1) : NULL;
        gsize n_octets = 0;
        const void *octets = hash ? g_bytes_get_data(hash, &n_octets) : NULL;

        if (!number || n_octets != TG_LOG_HASH_BYTES ||
            !g_ascii_string_to_unsigned(number, 10, 1, G_MAXINT64, &ret_place->number, NULL)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "this is no entry's number and hash\ngive what \"tigressctl log "
                             "--verify\" printed: NUMBER:HASH");
                return FALSE;
        }
        memcpy(ret_place->hash, octets, n_octets);
        return TRUE;
}

char *
tg_log_place_text(const TgLogPlace *place)
{
        g_autofree char *hash = tg_hex_encode(place->hash, sizeof place->hash);

        return g_strdup_printf("%" G_GUINT64_FORMAT ":%s", place->number, hash);
}

gboolean
tg_log_book_has(const TgLogBook *self, const TgLogPlace *place, GError **error)
{
        const TgLogRow *row;
        const guint8 *hash = self->base.hash;

        if (place->number < self->base.number) {
                tg_set_error(error,
                             TG_ERROR_NOT_FOUND,
                             "the entry that you noted is so old that it was dropped\nnote the "
                             "last one now and then");
                return FALSE;
        }
        if (place->number > self->last.number)
                return is_wrong(place->number, "is the one that you noted, and is missing", error);
        if (place->number > self->base.number) {
                row = g_ptr_array_index(self->rows, place->number - self->base.number - 1);
                hash = row->hash;
        }
        return memcmp(hash, place->hash, TG_LOG_HASH_BYTES) == 0 ||
               is_wrong(place->number, "is not the one that you noted", error);
}
