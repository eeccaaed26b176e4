/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/held.h"

#include <string.h>

/* The list is looked through when the earliest time in it has come, not before:
 * the two times noted here may be too early, never too late. */
struct TgHeld {
        GHashTable *by_mailbox; /* id → first TgHeldRead; the key is the read's */
        GQueue all;
        gint64 next_us;
        gint64 next_wall_us;
};

/* Ids are random: any four octets are a hash. */
static guint
hash_id(gconstpointer id)
{
        guint hash;

        memcpy(&hash, id, sizeof hash);
        return hash;
}

static gboolean
equal_id(gconstpointer a, gconstpointer b)
{
        return memcmp(a, b, TG_ID_BYTES) == 0;
}

TgHeld *
tg_held_new(void)
{
        TgHeld *self = g_new0(TgHeld, 1);

        self->by_mailbox = g_hash_table_new(hash_id, equal_id);
        self->next_us = self->next_wall_us = G_MAXINT64;

        return self;
}

void
tg_held_free(TgHeld *self)
{
        if (!self)
                return;
        g_assert(self->all.length == 0);
        g_hash_table_destroy(self->by_mailbox);
        g_free(self);
}

/* The table's key lives in the first read, so it changes with it. */
static void
set_first(TgHeld *self, const guint8 id[TG_ID_BYTES], TgHeldRead *first)
{
        if (first)
                g_hash_table_replace(self->by_mailbox, first->id, first);
        else
                g_hash_table_remove(self->by_mailbox, id);
}

TgHeldRead *
tg_held_add(TgHeld *self, TgHeldRead *read)
{
        TgHeldRead *first = g_hash_table_lookup(self->by_mailbox, read->id);
        TgHeldRead *older = first;

        while (older && memcmp(older->claim, read->claim, sizeof read->claim) != 0)
                older = older->next;
        if (older) {
                tg_held_remove(self, older);
                first = g_hash_table_lookup(self->by_mailbox, read->id);
        }

        read->next = first;
        set_first(self, read->id, read);
        read->link = (GList){.data = read};
        g_queue_push_tail_link(&self->all, &read->link);
        read->is_held = TRUE;
        self->next_us = MIN(self->next_us, read->wait_until_us);
        self->next_wall_us = MIN(self->next_wall_us, read->expires_us);

        return older;
}

void
tg_held_remove(TgHeld *self, TgHeldRead *read)
{
        TgHeldRead *first;

        if (!read->is_held)
                return;
        first = g_hash_table_lookup(self->by_mailbox, read->id);
        if (first == read) {
                set_first(self, read->id, read->next);
        } else {
                while (first->next != read)
                        first = first->next;
                first->next = read->next;
        }
        read->next = NULL;
        g_queue_unlink(&self->all, &read->link);
        read->is_held = FALSE;
}

TgHeldRead *
tg_held_take(TgHeld *self, const guint8 id[TG_ID_BYTES])
{
        TgHeldRead *read = g_hash_table_lookup(self->by_mailbox, id);

        if (read)
                tg_held_remove(self, read);

        return read;
}

TgHeldRead *
tg_held_take_any(TgHeld *self)
{
        TgHeldRead *read = g_queue_peek_head(&self->all);

        if (read)
                tg_held_remove(self, read);

        return read;
}

TgHeldRead *
tg_held_take_due(TgHeld *self, gint64 now_us, gint64 wall_us)
{
        if (now_us < self->next_us && wall_us < self->next_wall_us)
                return NULL;

        self->next_us = self->next_wall_us = G_MAXINT64;
        for (GList *at = self->all.head; at; at = at->next) {
                TgHeldRead *read = at->data;

                if (now_us >= read->wait_until_us || wall_us >= read->expires_us) {
                        self->next_us = self->next_wall_us = G_MININT64; /* there may be more */
                        tg_held_remove(self, read);
                        return read;
                }
                self->next_us = MIN(self->next_us, read->wait_until_us);
                self->next_wall_us = MIN(self->next_wall_us, read->expires_us);
        }

        return NULL;
}

guint
tg_held_count(const TgHeld *self)
{
        return self->all.length;
}

gint64
tg_held_next_us(TgHeld *self, gint64 now_us, gint64 wall_us)
{
        if (self->all.length == 0)
                return -1;

        return MAX(0, MIN(self->next_us - now_us, self->next_wall_us - wall_us));
}
