/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/sequel.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/limits.h"

#define BEFORE "{\"link\":\""

void
tg_sequel_clear(TgSequel *self)
{
        g_clear_pointer(&self->terms, g_variant_unref);
}

/* Somewhere in the second quarter of what is left. */
gint64
tg_sequel_due(gint64 now_s, gint64 from_s, gint64 over_s)
{
        gint64 begins_s = CLAMP(from_s, now_s, MAX(now_s, over_s));
        gint64 quarter_s = (over_s - begins_s) / 4;
        gint64 due_s = begins_s;

        if (quarter_s > 0)
                due_s += quarter_s + g_random_int_range(0, (gint32)MIN(quarter_s, G_MAXINT32));
        return MAX(due_s, now_s + TG_SEQUEL_MIN_PAUSE_S);
}

TgSecret *
tg_sequel_write(const TgSecret *link, gint64 from_s, GError **error)
{
        g_autofree char *after = g_strdup_printf("\",\"from\":%" G_GINT64_FORMAT "}", from_s);
        gsize n_link;
        const guint8 *octets = tg_secret_get(link, &n_link);
        TgSecret *text;
        guint8 *at;

        text = tg_secret_new_blank(strlen(BEFORE) + n_link + strlen(after), &at, error);
        if (text == NULL)
                return NULL;
        memcpy(at, BEFORE, strlen(BEFORE));
        at += strlen(BEFORE);
        memcpy(at, octets, n_link); /* of characters that JSON has no other way to write */
        memcpy(at + n_link, after, strlen(after));
        return text;
}

static gboolean
take_time(const TgJson *object, gint64 *ret_time_s)
{
        g_autofree char *text = NULL;
        guint64 time_s;
        TgJson value;

        if (!tg_json_get_typed(object, "from", TG_JSON_NUMBER, &value))
                return FALSE;
        text = g_strndup(value.text, value.n_chars);
        if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &time_s, NULL))
                return FALSE;
        *ret_time_s = (gint64)time_s;
        return TRUE;
}

TgLink *
tg_sequel_read(const TgSecret *next, const char *origin, gint64 *ret_from_s, GError **error)
{
        g_autoptr(TgLink) link = NULL;
        g_autoptr(GError) refusal = NULL;
        gsize n_bytes;
        const char *octets = (const char *)tg_secret_get(next, &n_bytes);
        TgJson object;
        TgJson value;
        const char *text;
        gsize n_chars;

        if (tg_json_parse(octets, n_bytes, TG_MAX_NEXT_CHARS, &object, NULL) &&
            tg_json_get_typed(&object, "link", TG_JSON_STRING, &value) &&
            tg_json_string_raw(&value, &text, &n_chars) && take_time(&object, ret_from_s))
                link = tg_link_parse(text, n_chars, FALSE, &refusal);
        if (link != NULL && link->mode == TG_LINK_T2 && g_strcmp0(link->origin, origin) == 0)
                return g_steal_pointer(&link);
        if (tg_error_code(refusal) == TG_ERROR_LIMIT_REACHED) { /* which passes */
                g_propagate_error(error, g_steal_pointer(&refusal));
                return NULL;
        }
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "what is to follow this share is not at its relay, or not as it must be");
        return NULL;
}
