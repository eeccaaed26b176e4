/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/credential.h"

#include "daemon/record.h"

/* Numbers are stored: never use one again for something else. */
enum {
        FIELD_FORMAT = 1,
        FIELD_KIND = 2,
        FIELD_TITLE = 3,
        FIELD_DESCRIPTION = 4,
        FIELD_ISSUER = 5,
        FIELD_NOT_BEFORE = 6,
        FIELD_NOT_AFTER = 7,
        FIELD_REVOKED = 8,
        FIELD_DETAILS = 9,
        FIELD_CAME_BY = 10,
        FIELD_UNFINISHED = 11,
        FIELD_BOUNDS = 12,
        FIELD_USES_LEFT = 13,
        FIELD_OVER = 14,
        FIELD_EMPTY = 15,
        FIELD_ITEM_ATTRIBUTES = 16,
};

TgCredential *
tg_credential_new(const char *id,
                  const char *share_id,
                  gint64 received_s,
                  const char *format,
                  const char *title,
                  const char *description,
                  const char *kind)
{
        TgCredential *self = g_new0(TgCredential, 1);

        self->id = g_strdup(id);
        self->share_id = g_strdup(share_id);
        self->received_s = received_s;
        self->format = g_intern_string(format);
        self->title = g_strdup(title);
        self->description = g_strdup(description);
        self->kind = g_intern_string(kind);
        self->issuer = g_strdup("");
        self->came_by = g_strdup(share_id);
        self->has_content = TRUE;

        return self;
}

TgCredential *
tg_credential_new_stored(const TgCredentialRow *row, TgSecret *detail)
{
        TgCredential *self =
                tg_credential_new(row->id, row->share_id, row->received_s, "", "", "", "");

        tg_credential_read_detail(self, detail);
        return self;
}

static char *
get_text(TgSecret *detail, guint8 field)
{
        char *text = tg_record_get_text(detail, field);

        return text != NULL ? text : g_strdup("");
}

/* What cannot be read is not taken for no limit. */
static void
read_bounds(TgCredential *self, TgSecret *detail)
{
        g_autofree char *bounds = tg_record_get_text(detail, FIELD_BOUNDS);

        self->is_over = tg_record_get_number(detail, FIELD_OVER, 0) != 0;
        if (!tg_bounds_parse(bounds, &self->bounds, NULL))
                self->is_over = TRUE;
        self->n_uses_left = (guint32)tg_record_get_number(detail, FIELD_USES_LEFT, 0);
        self->has_content = tg_record_get_number(detail, FIELD_EMPTY, 0) == 0;
}

void
tg_credential_read_detail(TgCredential *self, TgSecret *detail)
{
        g_autofree char *format = NULL;
        g_autofree char *kind = NULL;

        if (detail == NULL)
                return;
        format = get_text(detail, FIELD_FORMAT);
        kind = get_text(detail, FIELD_KIND);
        self->format = g_intern_string(format);
        self->kind = g_intern_string(kind);
        g_free(self->title);
        self->title = get_text(detail, FIELD_TITLE);
        g_free(self->description);
        self->description = get_text(detail, FIELD_DESCRIPTION);
        g_free(self->issuer);
        self->issuer = get_text(detail, FIELD_ISSUER);
        g_free(self->came_by);
        self->came_by = get_text(detail, FIELD_CAME_BY);
        self->not_before_s = (gint64)tg_record_get_number(detail, FIELD_NOT_BEFORE, 0);
        self->not_after_s = (gint64)tg_record_get_number(detail, FIELD_NOT_AFTER, 0);
        read_bounds(self, detail);
        self->is_revoked = tg_record_get_number(detail, FIELD_REVOKED, 0) != 0;
        self->is_unfinished = tg_record_get_number(detail, FIELD_UNFINISHED, 0) != 0;
        g_clear_pointer(&self->details, g_variant_unref);
        self->details = tg_record_get_variant(detail, FIELD_DETAILS, G_VARIANT_TYPE("a(ss)"));
        g_clear_pointer(&self->attributes, g_variant_unref);
        self->attributes =
                tg_record_get_variant(detail, FIELD_ITEM_ATTRIBUTES, G_VARIANT_TYPE("a{ss}"));
}

/* Borrowed: it lives as long as @self. */
static TgCredentialRow
row_of(const TgCredential *self)
{
        return (TgCredentialRow){
                .id = self->id,
                .share_id = self->share_id,
                .received_s = self->received_s,
        };
}

static TgSecret *
write_detail(const TgCredential *self, GError **error)
{
        g_autoptr(TgRecord) record = tg_record_new();
        g_autofree char *bounds = tg_bounds_write(&self->bounds);

        tg_record_put_text(record, FIELD_FORMAT, self->format);
        tg_record_put_text(record, FIELD_KIND, self->kind);
        tg_record_put_text(record, FIELD_TITLE, self->title);
        tg_record_put_text(record, FIELD_DESCRIPTION, self->description);
        tg_record_put_text(record, FIELD_ISSUER, self->issuer);
        tg_record_put_text(record, FIELD_CAME_BY, self->came_by);
        tg_record_put_number(record, FIELD_NOT_BEFORE, (guint64)self->not_before_s);
        tg_record_put_number(record, FIELD_NOT_AFTER, (guint64)self->not_after_s);
        tg_record_put_text(record, FIELD_BOUNDS, bounds);
        tg_record_put_number(record, FIELD_USES_LEFT, self->n_uses_left);
        tg_record_put_number(record, FIELD_OVER, self->is_over ? 1 : 0);
        tg_record_put_number(record, FIELD_EMPTY, self->has_content ? 0 : 1);
        tg_record_put_number(record, FIELD_REVOKED, self->is_revoked ? 1 : 0);
        tg_record_put_variant(record, FIELD_DETAILS, self->details);
        tg_record_put_variant(record, FIELD_ITEM_ATTRIBUTES, self->attributes);
        tg_record_put_number(record, FIELD_UNFINISHED, self->is_unfinished ? 1 : 0);
        return tg_record_write(record, error);
}

gboolean
tg_credential_save(const TgCredential *self, TgStore *store, GError **error)
{
        g_autoptr(TgSecret) detail = write_detail(self, error);
        TgCredentialRow row = row_of(self);

        return detail != NULL && tg_store_save_credential(store, &row, detail, error);
}

TgCredential *
tg_credential_copy(const TgCredential *self, GError **error)
{
        g_autoptr(TgSecret) detail = write_detail(self, error);
        TgCredentialRow row = row_of(self);

        return detail != NULL ? tg_credential_new_stored(&row, detail) : NULL;
}

void
tg_credential_free(TgCredential *self)
{
        if (self == NULL)
                return;
        g_free(self->id);
        g_free(self->share_id);
        g_free(self->title);
        g_free(self->description);
        g_free(self->came_by);
        g_free(self->issuer);
        g_clear_pointer(&self->details, g_variant_unref);
        g_clear_pointer(&self->attributes, g_variant_unref);
        g_free(self);
}
