/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/provision.h"

#include "daemon/record.h"
#include "protocol/error.h"

/* Numbers are stored: never use one again for something else. */
enum {
        FIELD_CONTENT = 1,
        FIELD_CONTENT_TYPE = 2,
        FIELD_TITLE = 3,
        FIELD_ISSUER = 4,
        FIELD_NOT_BEFORE = 5,
        FIELD_NOT_AFTER = 6,
        FIELD_ITEM_ATTRIBUTES = 7,
};

void
tg_provision_copy(const TgProvision *provision, TgProvision *ret_copy)
{
        *ret_copy = (TgProvision){
                .content = tg_secret_ref(provision->content),
                .content_type = g_strdup(provision->content_type),
                .title = g_strdup(provision->title),
                .issuer = g_strdup(provision->issuer),
                .attributes =
                        provision->attributes != NULL ? g_variant_ref(provision->attributes) : NULL,
                .not_before_s = provision->not_before_s,
                .not_after_s = provision->not_after_s,
        };
}

void
tg_provision_clear(TgProvision *provision)
{
        g_clear_pointer(&provision->content, tg_secret_unref);
        g_clear_pointer(&provision->content_type, g_free);
        g_clear_pointer(&provision->title, g_free);
        g_clear_pointer(&provision->issuer, g_free);
        g_clear_pointer(&provision->attributes, g_variant_unref);
}

TgSecret *
tg_provision_save(const TgProvision *provision, GError **error)
{
        g_autoptr(TgRecord) record = tg_record_new();

        tg_record_put_secret(record, FIELD_CONTENT, provision->content);
        tg_record_put_text(record, FIELD_CONTENT_TYPE, provision->content_type);
        tg_record_put_text(record, FIELD_TITLE, provision->title);
        tg_record_put_text(record, FIELD_ISSUER, provision->issuer);
        tg_record_put_variant(record, FIELD_ITEM_ATTRIBUTES, provision->attributes);
        tg_record_put_number(record, FIELD_NOT_BEFORE, (guint64)provision->not_before_s);
        tg_record_put_number(record, FIELD_NOT_AFTER, (guint64)provision->not_after_s);

        return tg_record_write(record, error);
}

gboolean
tg_provision_load(const TgSecret *saved, TgProvision *ret_provision, GError **error)
{
        const guint8 *bytes;
        gsize n_bytes;

        if (!tg_record_is_valid(saved) ||
            !tg_record_get_slice(saved, FIELD_CONTENT, &bytes, &n_bytes)) {
                tg_set_error(error, TG_ERROR_INVALID, "what has arrived cannot be read any more");
                return FALSE;
        }

        *ret_provision = (TgProvision){
                .content = tg_secret_new(bytes, n_bytes, error),
                .content_type = tg_record_get_text(saved, FIELD_CONTENT_TYPE),
                .title = tg_record_get_text(saved, FIELD_TITLE),
                .issuer = tg_record_get_text(saved, FIELD_ISSUER),
                .attributes = tg_record_get_variant(
                        saved, FIELD_ITEM_ATTRIBUTES, G_VARIANT_TYPE("a{ss}")),
                .not_before_s = (gint64)tg_record_get_number(saved, FIELD_NOT_BEFORE, 0),
                .not_after_s = (gint64)tg_record_get_number(saved, FIELD_NOT_AFTER, 0),
        };
        if (ret_provision->content != NULL)
                return TRUE;
        tg_provision_clear(ret_provision);

        return FALSE;
}
