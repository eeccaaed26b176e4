/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/log-entry.h"

#include <string.h>

#define LABEL "tigress log 1"
#define N_TEXTS 8
#define NUMBER_BYTES 8
#define LENGTH_BYTES 4

/* Names are hashed: never change one. */
static const char *const act_names[] = {
        [TG_ACT_SHARED] = "shared",       [TG_ACT_ACCEPTED] = "accepted",
        [TG_ACT_GIVEN] = "given",         [TG_ACT_WRONG_PIN] = "wrong-pin",
        [TG_ACT_RECEIVED] = "received",   [TG_ACT_COMPLETED] = "completed",
        [TG_ACT_DECLINED] = "declined",   [TG_ACT_FAILED] = "failed",
        [TG_ACT_CANCELLED] = "cancelled", [TG_ACT_RELINQUISHED] = "relinquished",
        [TG_ACT_EXPIRED] = "expired",     [TG_ACT_BURNED] = "burned",
        [TG_ACT_REVOKED] = "revoked",     [TG_ACT_LAPSED] = "lapsed",
        [TG_ACT_REVEALED] = "revealed",   [TG_ACT_USED] = "used",
        [TG_ACT_ERASED] = "erased",       [TG_ACT_IMPORTED] = "imported",
        [TG_ACT_REMOVED] = "removed",     [TG_ACT_FORGOTTEN] = "forgotten",
        [TG_ACT_RESTORED] = "restored",   [TG_ACT_BEGUN] = "begun",
};
G_STATIC_ASSERT(G_N_ELEMENTS(act_names) == TG_N_LOG_ACTS);

const char *
tg_log_act_name(TgLogAct act)
{
        g_return_val_if_fail((guint)act < TG_N_LOG_ACTS, "");

        return act_names[act];
}

gboolean
tg_log_act_is_name(const char *name)
{
        for (gsize i = 0; i < G_N_ELEMENTS(act_names); i++)
                if (g_strcmp0(name, act_names[i]) == 0)
                        return TRUE;
        return FALSE;
}

void
tg_log_entry_clear(TgLogEntry *entry)
{
        g_clear_pointer(&entry->act, g_free);
        g_clear_pointer(&entry->by, g_free);
        g_clear_pointer(&entry->share, g_free);
        g_clear_pointer(&entry->credential, g_free);
        g_clear_pointer(&entry->format, g_free);
        g_clear_pointer(&entry->title, g_free);
        g_clear_pointer(&entry->person, g_free);
        g_clear_pointer(&entry->text, g_free);
}

static void
list_texts(TgLogEntry *entry, char **ret_texts[N_TEXTS])
{
        char **texts[N_TEXTS] = {
                &entry->act,
                &entry->by,
                &entry->share,
                &entry->credential,
                &entry->format,
                &entry->title,
                &entry->person,
                &entry->text,
        };

        memcpy(ret_texts, texts, sizeof texts);
}

static void
put_number(GByteArray *octets, guint64 number)
{
        guint64 ordered = GUINT64_TO_BE(number);

        g_byte_array_append(octets, (const guint8 *)&ordered, NUMBER_BYTES);
}

static void
put_text(GByteArray *octets, const char *text)
{
        gsize n_chars = text ? strlen(text) : 0;
        guint32 ordered = GUINT32_TO_BE((guint32)n_chars);

        g_byte_array_append(octets, (const guint8 *)&ordered, LENGTH_BYTES);
        if (n_chars > 0)
                g_byte_array_append(octets, (const guint8 *)text, (guint)n_chars);
}

static void
append(GByteArray *octets, const TgLogEntry *entry)
{
        TgLogEntry borrowed = *entry;
        char **texts[N_TEXTS];

        list_texts(&borrowed, texts);
        put_number(octets, entry->number);
        put_number(octets, (guint64)entry->time_s);
        for (gsize i = 0; i < N_TEXTS; i++)
                put_text(octets, *texts[i]);
}

GBytes *
tg_log_entry_write(const TgLogEntry *entry)
{
        GByteArray *octets = g_byte_array_new();

        append(octets, entry);
        return g_byte_array_free_to_bytes(octets);
}

/* ---- reading ---- */

typedef struct {
        const guint8 *at;
        gsize n_left;
} Reader;

static gboolean
take(Reader *reader, gsize n_octets, const guint8 **ret_octets)
{
        if (reader->n_left < n_octets)
                return FALSE;
        *ret_octets = reader->at;
        reader->at += n_octets;
        reader->n_left -= n_octets;
        return TRUE;
}

static gboolean
take_number(Reader *reader, guint64 *ret_number)
{
        const guint8 *octets;

        if (!take(reader, NUMBER_BYTES, &octets))
                return FALSE;
        memcpy(ret_number, octets, NUMBER_BYTES);
        *ret_number = GUINT64_FROM_BE(*ret_number);
        return TRUE;
}

static gboolean
take_text(Reader *reader, char **ret_text)
{
        const guint8 *octets;
        guint32 n_octets;

        if (!take(reader, LENGTH_BYTES, &octets))
                return FALSE;
        memcpy(&n_octets, octets, LENGTH_BYTES);
        n_octets = GUINT32_FROM_BE(n_octets);
        if (!take(reader, n_octets, &octets) ||
            !g_utf8_validate_len((const char *)octets, n_octets, NULL))
                return FALSE;
        *ret_text = g_strndup((const char *)octets, n_octets);
        return TRUE;
}

gboolean
tg_log_entry_read(const guint8 *octets, gsize n_octets, TgLogEntry *ret_entry)
{
        g_auto(TgLogEntry) entry = {0};
        Reader reader = {.at = octets, .n_left = n_octets};
        char **texts[N_TEXTS];
        guint64 time_s;

        if (!take_number(&reader, &entry.number) || !take_number(&reader, &time_s))
                return FALSE;
        entry.time_s = (gint64)time_s;
        list_texts(&entry, texts);
        for (gsize i = 0; i < N_TEXTS; i++)
                if (!take_text(&reader, texts[i]))
                        return FALSE;
        if (reader.n_left > 0)
                return FALSE;

        *ret_entry = entry;
        entry = (TgLogEntry){0};
        return TRUE;
}

void
tg_log_entry_hash(const TgLogEntry *entry,
                  const guint8 before[TG_LOG_HASH_BYTES],
                  guint8 ret_hash[TG_LOG_HASH_BYTES])
{
        g_autoptr(GByteArray) octets = g_byte_array_new();

        g_byte_array_append(octets, (const guint8 *)LABEL, strlen(LABEL));
        g_byte_array_append(octets, before, TG_LOG_HASH_BYTES);
        append(octets, entry);
        tg_sha256(octets->data, octets->len, ret_hash);
}
