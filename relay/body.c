/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/body.h"

#include "protocol/limits.h"

/* A connection that is closed on octets still coming takes the answer with it. */
#define MAX_DROPPED_BYTES (16 * 1024 * 1024)
/* 512 of the largest */
#define USUAL_ALL_BYTES (64 * 1024 * 1024)

gboolean
tg_body_add(TgBody *self, TgBodies *all, const char *bytes, gsize n_bytes)
{
        gsize max_bytes = all->max_bytes ? all->max_bytes : USUAL_ALL_BYTES;

        self->n_received += n_bytes;
        if (self->n_received > MAX_DROPPED_BYTES)
                return FALSE;
        if (self->n_received > TG_MAX_BODY_BYTES)
                self->is_too_large = TRUE;
        else if (all->n_bytes + n_bytes > max_bytes)
                self->is_starved = TRUE;
        if (self->is_too_large || self->is_starved) {
                tg_body_drop(self, all);
                return TRUE;
        }

        if (!self->bytes)
                self->bytes = g_byte_array_sized_new((guint)n_bytes);
        g_byte_array_append(self->bytes, (const guint8 *)bytes, (guint)n_bytes);
        all->n_bytes += n_bytes;

        return TRUE;
}

void
tg_body_drop(TgBody *self, TgBodies *all)
{
        if (self->bytes)
                all->n_bytes -= self->bytes->len;
        g_clear_pointer(&self->bytes, g_byte_array_unref);
}

gboolean
tg_body_expect(TgBody *self, const char *content_length)
{
        guint64 n_bytes;

        if (!content_length)
                return TRUE;
        /* What is no number, libmicrohttpd has refused. */
        if (!g_ascii_string_to_unsigned(content_length, 10, 0, G_MAXUINT64, &n_bytes, NULL))
                n_bytes = G_MAXUINT64;
        self->is_too_large = n_bytes > TG_MAX_BODY_BYTES;

        return n_bytes <= MAX_DROPPED_BYTES;
}
