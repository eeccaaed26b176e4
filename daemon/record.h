/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A sealed row's plaintext: numbered fields of octets, read and written in secret
 * memory. A field that is absent reads as absent; an unknown one is skipped.
 */

#include <glib.h>

#include "protocol/secret.h"

typedef struct TgRecord TgRecord; /* being written */

TgRecord *tg_record_new(void);
void tg_record_free(TgRecord *self);
void tg_record_put_secret(TgRecord *self, guint8 field, TgSecret *value); /* NULL: absent */
void tg_record_put_text(TgRecord *self, guint8 field, const char *value); /* NULL: absent */
void tg_record_put_bytes(TgRecord *self, guint8 field, const void *bytes, gsize n_bytes);
void tg_record_put_variant(TgRecord *self, guint8 field, GVariant *value); /* NULL: absent */
void tg_record_put_number(TgRecord *self, guint8 field, guint64 value);
TgSecret *tg_record_write(TgRecord *self, GError **error);

/* Reading: @plaintext as tg_record_write() made it. */
gboolean tg_record_is_valid(const TgSecret *plaintext);
gboolean tg_record_get_slice(const TgSecret *plaintext,
                             guint8 field,
                             const guint8 **ret_bytes,
                             gsize *ret_n_bytes);
TgSecret *tg_record_get_secret(const TgSecret *plaintext, guint8 field); /* NULL: absent */
char *tg_record_get_text(const TgSecret *plaintext, guint8 field);       /* NULL: absent */
/* NULL: absent, or not of @type. */
GVariant *tg_record_get_variant(const TgSecret *plaintext, guint8 field, const GVariantType *type);
guint64 tg_record_get_number(const TgSecret *plaintext, guint8 field, guint64 otherwise);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgRecord, tg_record_free)
