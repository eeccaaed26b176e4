/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The head of the store: which version of which running share is the present
 * one, how many tries of its PIN were used, a count that only grows, and where the log begins and
 * ends. Knows neither file nor key; what it writes is sealed by the store in the same transaction
 * as the rows that it speaks of.
 */

#include <glib.h>

#include "protocol/log-entry.h"
#include "protocol/secret.h"

typedef struct TgStoreHead TgStoreHead;

TgStoreHead *tg_store_head_new(void);
TgStoreHead *tg_store_head_copy(const TgStoreHead *self);
void tg_store_head_free(TgStoreHead *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgStoreHead, tg_store_head_free)

guint64 tg_store_head_count(const TgStoreHead *self);
void tg_store_head_set_count(TgStoreHead *self, guint64 count);

/* The last entry of the log that was dropped, and the last that is there; number 0: none. */
typedef struct {
        guint64 number;
        guint8 hash[TG_LOG_HASH_BYTES];
} TgLogMark;

TgLogMark *tg_store_head_log_base(TgStoreHead *self);
TgLogMark *tg_store_head_log_last(TgStoreHead *self);

/* @id: 32 characters of hex, everywhere here. @body_version 0: no body. @tries: how many tries
 * of its PIN were used, -1: none is asked for. */
void tg_store_head_put(
        TgStoreHead *self, const char *id, guint64 version, guint64 body_version, int tries);
gboolean tg_store_head_get(const TgStoreHead *self,
                           const char *id,
                           guint64 *ret_version,
                           guint64 *ret_body_version);
void tg_store_head_remove(TgStoreHead *self, const char *id);
guint tg_store_head_size(const TgStoreHead *self);
/* The entry at @index, in no order that means anything. @ret_id is the caller's. */
void tg_store_head_nth(const TgStoreHead *self, guint index, char **ret_id, guint64 *ret_version);
int tg_store_head_tries(const TgStoreHead *self, guint index); /* as put */

TgSecret *tg_store_head_write(const TgStoreHead *self, GError **error);
/* NULL and TG_ERROR_TAMPERED for what tg_store_head_write() cannot have made. */
TgStoreHead *tg_store_head_read(const TgSecret *octets, GError **error);
