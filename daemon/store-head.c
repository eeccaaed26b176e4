/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/store-head.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"

#define ID_BYTES 16
#define FORMAT 3

/* On disk: format (1), count (8), the log's base and last as number (8) and hash (32) each, then
 * for each share id (16), version (8), body's version (8), tries (1: how many were used, NO_PIN
 * where no PIN is asked for); numbers in big-endian order. */
#define MARK_BYTES (8 + TG_LOG_HASH_BYTES)
#define PREFIX_BYTES (9 + 2 * MARK_BYTES)
#define ENTRY_BYTES (ID_BYTES + 17)
#define NO_PIN 0xff

typedef struct {
        guint8 id[ID_BYTES];
        guint64 version;
        guint64 body_version;
        int tries; /* -1: no PIN is asked for */
} Entry;

struct TgStoreHead {
        guint64 count;
        TgLogMark log_base;
        TgLogMark log_last;
        GArray *entries; /* by id */
};

static void
id_from_text(const char *text, guint8 ret_id[ID_BYTES])
{
        g_autoptr(GBytes) id = tg_hex_decode(text);

        g_assert(id && g_bytes_get_size(id) == ID_BYTES);
        memcpy(ret_id, g_bytes_get_data(id, NULL), ID_BYTES);
}

/* TRUE when @id is there; *ret_index is where it is or would be. */
static gboolean
find(const TgStoreHead *self, const guint8 id[ID_BYTES], guint *ret_index)
{
        guint low = 0;
        guint high = self->entries->len;

        while (low < high) {
                guint middle = low + (high - low) / 2;
                int order = memcmp(g_array_index(self->entries, Entry, middle).id, id, ID_BYTES);

                if (order == 0) {
                        *ret_index = middle;
                        return TRUE;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }

        *ret_index = low;
        return FALSE;
}

TgStoreHead *
tg_store_head_new(void)
{
        TgStoreHead *self = g_new0(TgStoreHead, 1);

        self->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
        return self;
}

TgStoreHead *
tg_store_head_copy(const TgStoreHead *self)
{
        TgStoreHead *copy = g_new0(TgStoreHead, 1);

        copy->count = self->count;
        copy->log_base = self->log_base;
        copy->log_last = self->log_last;
        copy->entries = g_array_copy(self->entries);
        return copy;
}

void
tg_store_head_free(TgStoreHead *self)
{
        if (!self)
                return;
        g_array_unref(self->entries);
        g_free(self);
}

guint64
tg_store_head_count(const TgStoreHead *self)
{
        return self->count;
}

void
tg_store_head_set_count(TgStoreHead *self, guint64 count)
{
        self->count = count;
}

TgLogMark *
tg_store_head_log_base(TgStoreHead *self)
{
        return &self->log_base;
}

TgLogMark *
tg_store_head_log_last(TgStoreHead *self)
{
        return &self->log_last;
}

void
tg_store_head_put(
        TgStoreHead *self, const char *id, guint64 version, guint64 body_version, int tries)
{
        Entry entry = {.version = version, .body_version = body_version, .tries = tries};
        guint index;

        id_from_text(id, entry.id);
        if (find(self, entry.id, &index))
                g_array_index(self->entries, Entry, index) = entry;
        else
                g_array_insert_val(self->entries, index, entry);
}

gboolean
tg_store_head_get(const TgStoreHead *self,
                  const char *id,
                  guint64 *ret_version,
                  guint64 *ret_body_version)
{
        guint8 octets[ID_BYTES];
        const Entry *entry;
        guint index;

        id_from_text(id, octets);
        if (!find(self, octets, &index))
                return FALSE;

        entry = &g_array_index(self->entries, Entry, index);
        *ret_version = entry->version;
        *ret_body_version = entry->body_version;
        return TRUE;
}

void
tg_store_head_remove(TgStoreHead *self, const char *id)
{
        guint8 octets[ID_BYTES];
        guint index;

        id_from_text(id, octets);
        if (find(self, octets, &index))
                g_array_remove_index(self->entries, index);
}

guint
tg_store_head_size(const TgStoreHead *self)
{
        return self->entries->len;
}

void
tg_store_head_nth(const TgStoreHead *self, guint index, char **ret_id, guint64 *ret_version)
{
        const Entry *entry = &g_array_index(self->entries, Entry, index);

        *ret_id = tg_hex_encode(entry->id, ID_BYTES);
        *ret_version = entry->version;
}

int
tg_store_head_tries(const TgStoreHead *self, guint index)
{
        return g_array_index(self->entries, Entry, index).tries;
}

static guint8 *
put_number(guint8 *at, guint64 number)
{
        guint64 octets = GUINT64_TO_BE(number);

        memcpy(at, &octets, sizeof octets);
        return at + sizeof octets;
}

static guint64
get_number(const guint8 *at)
{
        guint64 octets;

        memcpy(&octets, at, sizeof octets);
        return GUINT64_FROM_BE(octets);
}

static guint8 *
put_mark(guint8 *at, const TgLogMark *mark)
{
        at = put_number(at, mark->number);
        memcpy(at, mark->hash, sizeof mark->hash);
        return at + sizeof mark->hash;
}

static void
get_mark(const guint8 *at, TgLogMark *ret_mark)
{
        ret_mark->number = get_number(at);
        memcpy(ret_mark->hash, at + 8, sizeof ret_mark->hash);
}

TgSecret *
tg_store_head_write(const TgStoreHead *self, GError **error)
{
        gsize n_bytes = PREFIX_BYTES + (gsize)self->entries->len * ENTRY_BYTES;
        TgSecret *octets;
        guint8 *at;

        octets = tg_secret_new_blank(n_bytes, &at, error);
        if (!octets)
                return NULL;

        *at++ = FORMAT;
        at = put_number(at, self->count);
        at = put_mark(at, &self->log_base);
        at = put_mark(at, &self->log_last);
        for (guint i = 0; i < self->entries->len; i++) {
                const Entry *entry = &g_array_index(self->entries, Entry, i);

                memcpy(at, entry->id, ID_BYTES);
                at = put_number(at + ID_BYTES, entry->version);
                at = put_number(at, entry->body_version);
                *at++ = entry->tries < 0 ? NO_PIN : (guint8)MIN(entry->tries, NO_PIN - 1);
        }

        return octets;
}

TgStoreHead *
tg_store_head_read(const TgSecret *octets, GError **error)
{
        gsize n_bytes;
        const guint8 *at = tg_secret_get(octets, &n_bytes);
        g_autoptr(TgStoreHead) self = tg_store_head_new();

        if (n_bytes < PREFIX_BYTES || (n_bytes - PREFIX_BYTES) % ENTRY_BYTES != 0 ||
            at[0] != FORMAT) {
                tg_set_error(error, TG_ERROR_TAMPERED, "the head of the store cannot be read");
                return NULL;
        }

        self->count = get_number(at + 1);
        get_mark(at + 9, &self->log_base);
        get_mark(at + 9 + MARK_BYTES, &self->log_last);
        at += PREFIX_BYTES;
        for (gsize n = (n_bytes - PREFIX_BYTES) / ENTRY_BYTES; n > 0; n--, at += ENTRY_BYTES) {
                Entry entry = {.version = get_number(at + ID_BYTES),
                               .body_version = get_number(at + ID_BYTES + 8),
                               .tries = at[ID_BYTES + 16] == NO_PIN ? -1 : at[ID_BYTES + 16]};

                memcpy(entry.id, at, ID_BYTES);
                g_array_append_val(self->entries, entry);
        }

        return g_steal_pointer(&self);
}
