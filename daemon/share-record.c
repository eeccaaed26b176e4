/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A share as a row: what is in the clear, and the sealed record. */

#include <string.h>

#include "daemon/record.h"
#include "daemon/share-private.h"

/* Numbers are stored: never use one again for something else. */
enum {
        FIELD_FORMAT = 1,
        FIELD_RELAY = 2,
        FIELD_MODE = 3,
        FIELD_KIND = 4,
        FIELD_APPLICATION = 5,
        FIELD_TITLE = 6,
        FIELD_DESCRIPTION = 7,
        FIELD_FLAGS = 8,
        FIELD_FAILURE_CODE = 9,
        FIELD_FAILURE_TEXT = 10,
        FIELD_ENDED_BY = 11,
        FIELD_CREDENTIAL = 12,
        FIELD_KEY = 13,
        FIELD_INVITATION = 14,
        FIELD_CLAIM = 15,
        FIELD_MAILBOX = 17,
        FIELD_LETTER = 18,
        FIELD_DIGEST = 19,
        FIELD_ETAG = 20,
        FIELD_REQUEST = 21,
        FIELD_ERRAND = 22,
        FIELD_OUTCOME = 23,
        FIELD_STATE = 24,
        FIELD_EXPIRES = 25,
        FIELD_REASON = 26,
        FIELD_ITEM = 27,
        FIELD_ATTRIBUTES = 28,
        FIELD_IMAGE = 29,
        FIELD_LIFE = 30,
        FIELD_PIN_DIGITS = 31,
        FIELD_EXCHANGE = 32,
        FIELD_NAMES = 33,
        FIELD_TRANSPORT = 34,
        FIELD_DROP = 35,
        FIELD_TERMS = 36,
        FIELD_SUBJECT = 37,
        FIELD_VERTICAL_STATE = 38,
        FIELD_RECEIPT = 39,
        FIELD_DETAILS = 40,
        FIELD_STEPS = 41,
        FIELD_OVER = 42,
        FIELD_GRANT = 43,
        FIELD_PREDECESSOR = 44,
        FIELD_RENEWS = 45,
        FIELD_DUE = 46,
        FIELD_NEXT = 47,
        FIELD_HERITAGE = 48,
        FIELD_INHERITED = 49,
        FIELD_BOUNDS = 50,
        FIELD_PERSON = 51,
        FIELD_SAID_OUTCOME = 52,
        FIELD_SAID_AT = 53,
        FIELD_TRAVEL = 54,
        FIELD_SEQUELS_FAILED = 55,
};

enum {
        FLAG_TITLE_VERIFIED = 1 << 0,
        FLAG_TITLE_OWN = 1 << 1,
        FLAG_COMPAT = 1 << 2,
        FLAG_BOUND = 1 << 3,
        FLAG_ARRIVED = 1 << 4,
        FLAG_MESSAGE = 1 << 6,
        FLAG_CLOCK_CORRECTED = 1 << 7,
        FLAG_SHORTENED = 1 << 8,
        FLAG_PUBLIC_TITLE = 1 << 9,
        FLAG_WORK = 1 << 10,
        FLAG_SAID_LAST = 1 << 11,
        FLAG_MEANT = 1 << 16,
        FLAG_GIVEN = 1 << 17,
        FLAG_LAPSED = 1 << 18,
        FLAG_SAID_END = 1 << 19,
};

static guint64
flags_of(const TgShare *self)
{
        return (self->is_title_verified ? FLAG_TITLE_VERIFIED : 0) |
               (self->is_title_own ? FLAG_TITLE_OWN : 0) | (self->is_compat ? FLAG_COMPAT : 0) |
               (self->is_bound ? FLAG_BOUND : 0) | (self->has_arrived ? FLAG_ARRIVED : 0) |
               (self->has_message ? FLAG_MESSAGE : 0) |
               (self->is_clock_corrected ? FLAG_CLOCK_CORRECTED : 0) |
               (self->is_shortened ? FLAG_SHORTENED : 0) |
               (self->has_public_title ? FLAG_PUBLIC_TITLE : 0) | (self->has_work ? FLAG_WORK : 0) |
               (self->has_said_last ? FLAG_SAID_LAST : 0) | (self->is_meant ? FLAG_MEANT : 0) |
               (self->is_given ? FLAG_GIVEN : 0) | (self->is_lapsed ? FLAG_LAPSED : 0) |
               (self->said_end ? FLAG_SAID_END : 0);
}

/* What the request will be made of, once the keyring lets us read the item. */
static void
write_offer(TgRecord *record, const TgShare *self)
{
        g_autoptr(GByteArray) attributes = g_byte_array_new();
        GHashTableIter iter;
        gpointer name, value;

        g_autoptr(GVariant) travel = NULL;

        if (self->travel != NULL)
                travel = g_variant_ref_sink(
                        g_variant_new_strv((const char *const *)self->travel, -1));
        tg_record_put_variant(record, FIELD_TRAVEL, travel);
        tg_record_put_text(record, FIELD_ITEM, self->item_path);
        tg_record_put_text(record, FIELD_IMAGE, self->image_url);
        tg_record_put_number(record, FIELD_LIFE, self->life_s);
        tg_record_put_number(record, FIELD_PIN_DIGITS, self->pin_digits);
        if (self->attributes == NULL)
                return;

        g_hash_table_iter_init(&iter, self->attributes);
        while (g_hash_table_iter_next(&iter, &name, &value)) {
                g_byte_array_append(attributes, name, (guint)strlen(name) + 1);
                g_byte_array_append(attributes, value, (guint)strlen(value) + 1);
        }
        tg_record_put_bytes(record, FIELD_ATTRIBUTES, attributes->data, attributes->len);
}

static void
write_vertical(TgRecord *record, const TgShare *self)
{
        g_autofree char *bounds = tg_bounds_write(&self->bounds);

        tg_record_put_text(record, FIELD_BOUNDS, bounds);
        tg_record_put_variant(record, FIELD_TERMS, self->terms);
        tg_record_put_variant(record, FIELD_DETAILS, self->details);
        tg_record_put_text(record, FIELD_SUBJECT, self->subject);
        tg_record_put_secret(record, FIELD_VERTICAL_STATE, self->vertical_state);
        tg_record_put_secret(record, FIELD_RECEIPT, self->receipt);
        if (self->n_steps > 0)
                tg_record_put_number(record, FIELD_STEPS, self->n_steps);
}

static void
put_time(TgRecord *record, guint8 field, gint64 time_s)
{
        if (time_s != 0)
                tg_record_put_number(record, field, (guint64)time_s);
}

static void
write_grant(TgRecord *record, const TgShare *self)
{
        put_time(record, FIELD_OVER, self->over_s);
        if (self->n_sequels_failed > 0)
                tg_record_put_number(record, FIELD_SEQUELS_FAILED, self->n_sequels_failed);
        if (self->grant[0] != '\0') {
                tg_record_put_text(record, FIELD_GRANT, self->grant);
                tg_record_put_text(record, FIELD_PREDECESSOR, self->predecessor);
        }
        tg_record_put_text(record, FIELD_RENEWS, self->renews);
        if (tg_share_is_ended(self))
                return;
        put_time(record, FIELD_DUE, self->due_s);
        tg_record_put_secret(record, FIELD_NEXT, self->next);
        tg_record_put_secret(record, FIELD_HERITAGE, self->heritage);
        tg_record_put_secret(record, FIELD_INHERITED, self->inherited);
}

/* What the history shows. */
static void
write_history(TgRecord *record, const TgShare *self)
{
        tg_record_put_text(record, FIELD_PERSON, self->person);
        if (!self->said_end)
                return;
        tg_record_put_number(record, FIELD_SAID_OUTCOME, self->said_outcome);
        tg_record_put_number(record, FIELD_SAID_AT, (guint64)self->said_end_s);
}

static TgSecret *
write_detail(const TgShare *self, GError **error)
{
        g_autoptr(TgRecord) record = tg_record_new();
        g_autoptr(TgSecret) exchange = NULL;
        g_autoptr(TgSecret) drop = NULL;

        tg_record_put_text(record, FIELD_FORMAT, self->format);
        tg_record_put_text(record, FIELD_RELAY, self->relay);
        tg_record_put_text(record, FIELD_MODE, self->mode);
        tg_record_put_text(record, FIELD_KIND, self->kind);
        tg_record_put_text(record, FIELD_TRANSPORT, self->carrier->transport);
        tg_record_put_text(record, FIELD_APPLICATION, self->application);
        tg_record_put_text(record, FIELD_TITLE, self->title);
        tg_record_put_text(record, FIELD_DESCRIPTION, self->description);
        tg_record_put_number(record, FIELD_FLAGS, flags_of(self));
        if (self->has_failure) {
                tg_record_put_number(record, FIELD_FAILURE_CODE, self->failure_code);
                tg_record_put_text(record, FIELD_FAILURE_TEXT, self->failure_text);
        }
        tg_record_put_number(record, FIELD_ENDED_BY, self->ended_by);
        tg_record_put_text(record, FIELD_CREDENTIAL, self->credential_id);
        tg_record_put_secret(record, FIELD_KEY, self->key);
        tg_record_put_secret(record, FIELD_INVITATION, self->invitation);
        tg_record_put_secret(record, FIELD_CLAIM, self->claim);
        if (self->exchange != NULL) {
                exchange = tg_exchange_save(self->exchange, error);
                if (exchange == NULL)
                        return NULL;
                tg_record_put_secret(record, FIELD_EXCHANGE, exchange);
        }
        if (self->drop != NULL) {
                drop = tg_drop_state_save(self->drop, error);
                if (drop == NULL)
                        return NULL;
                tg_record_put_secret(record, FIELD_DROP, drop);
        }
        if (self->names != NULL && !tg_share_is_ended(self))
                tg_record_put_bytes(record,
                                    FIELD_NAMES,
                                    g_bytes_get_data(self->names, NULL),
                                    g_bytes_get_size(self->names));
        write_vertical(record, self);
        write_grant(record, self);
        write_history(record, self);
        tg_record_put_text(record, FIELD_MAILBOX, self->mailbox_url);
        tg_record_put_number(record, FIELD_LETTER, (guint64)(guchar)self->letter);
        if (self->has_digest)
                tg_record_put_bytes(record, FIELD_DIGEST, self->digest, sizeof self->digest);
        tg_record_put_text(record, FIELD_ETAG, self->etag);
        tg_record_put_text(record, FIELD_REQUEST, self->request_id);
        tg_record_put_number(record, FIELD_ERRAND, self->errand);
        tg_record_put_number(record, FIELD_OUTCOME, self->outcome);
        tg_record_put_text(record, FIELD_REASON, self->reason);
        if (self->state == TG_STATE_UPLOADING && self->request_id == NULL)
                write_offer(record, self);
        tg_record_put_number(record, FIELD_STATE, self->state);
        tg_record_put_number(record, FIELD_EXPIRES, (guint64)self->expires_s);

        return tg_record_write(record, error);
}

/* Whose tries the head of the store is to count. */
static gboolean
asks_for_pin(const TgShare *self)
{
        return self->role == TG_ROLE_INITIATOR && tg_share_has_pin(self) &&
               !tg_share_is_ended(self);
}

gboolean
tg_share_save(TgShare *self, TgSecret *body, GError **error)
{
        TgStore *store = self->wallet->store;
        g_autoptr(TgSecret) detail = NULL;
        /* Borrowed: the row does not outlive this call. */
        TgShareRow row = {
                .id = self->id,
                .role = self->role,
                .state = self->state,
                .created_s = self->created_s,
                .expires_s = self->expires_s,
                .ended_s = self->ended_s,
                .is_busy = tg_share_is_busy(self),
                .version = self->version,
                .has_pin = asks_for_pin(self),
                .n_tries = self->exchange != NULL ? tg_exchange_attempts_used(self->exchange) : 0,
        };

        if (self->is_sealed) {
                /* The key is not there: an end can be written all the same. */
                if (!tg_store_end_share(store, &row, error))
                        return FALSE;
        } else {
                /* Before the user has said yes nothing is kept of what was asked. */
                if (tg_store_has_key(store) && self->state != TG_STATE_AUTHORIZING) {
                        detail = write_detail(self, error);
                        if (detail == NULL)
                                return FALSE;
                }
                if (!tg_store_save_share(store, &row, detail, detail != NULL ? body : NULL, error))
                        return FALSE;
        }

        self->version = row.version;
        return TRUE;
}

static const char *
get_interned(const TgSecret *detail, guint8 field)
{
        g_autofree char *text = tg_record_get_text(detail, field);

        return text != NULL ? g_intern_string(text) : "";
}

static void
replace(char **text, char *with)
{
        g_free(*text);
        *text = with;
}

static void
read_offer(TgShare *self, TgSecret *detail)
{
        const guint8 *bytes;
        gsize n_bytes;

        g_autoptr(GVariant) travel =
                tg_record_get_variant(detail, FIELD_TRAVEL, G_VARIANT_TYPE("as"));

        if (travel != NULL)
                self->travel = g_variant_dup_strv(travel, NULL);
        self->item_path = tg_record_get_text(detail, FIELD_ITEM);
        self->image_url = tg_record_get_text(detail, FIELD_IMAGE);
        self->life_s = (guint)tg_record_get_number(detail, FIELD_LIFE, 0);
        self->pin_digits = (guint)tg_record_get_number(detail, FIELD_PIN_DIGITS, 0);
        if (!tg_record_get_slice(detail, FIELD_ATTRIBUTES, &bytes, &n_bytes))
                return;

        self->attributes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        for (const char *at = (const char *)bytes, *end = at + n_bytes; at < end;) {
                const char *value = at + strlen(at) + 1;

                g_hash_table_replace(self->attributes, g_strdup(at), g_strdup(value));
                at = value + strlen(value) + 1;
        }
}

static void
read_exchange(TgShare *self, TgSecret *detail)
{
        g_autoptr(TgSecret) exchange = NULL;
        g_autoptr(TgSecret) drop = NULL;
        g_autoptr(GError) failure = NULL;
        const guint8 *bytes;
        gsize n_bytes;

        tg_share_forget_secrets(self);
        g_clear_pointer(&self->claim, tg_secret_unref);
        self->key = tg_record_get_secret(detail, FIELD_KEY);
        self->invitation = tg_record_get_secret(detail, FIELD_INVITATION);
        self->claim = tg_record_get_secret(detail, FIELD_CLAIM);
        exchange = tg_record_get_secret(detail, FIELD_EXCHANGE);
        if (exchange != NULL)
                self->exchange = tg_exchange_load(exchange, &failure);
        self->must_reload = self->exchange == NULL &&
                            tg_record_get_slice(detail, FIELD_EXCHANGE, &bytes, &n_bytes) &&
                            (failure == NULL || tg_error_code(failure) == TG_ERROR_LIMIT_REACHED);
        g_clear_pointer(&self->drop, tg_drop_state_free);
        drop = tg_record_get_secret(detail, FIELD_DROP);
        if (drop != NULL)
                self->drop = tg_drop_state_load(drop, NULL);
        self->must_reload |=
                self->drop == NULL && tg_record_get_slice(detail, FIELD_DROP, &bytes, &n_bytes);
        g_clear_pointer(&self->names, g_bytes_unref);
        if (tg_record_get_slice(detail, FIELD_NAMES, &bytes, &n_bytes))
                self->names = g_bytes_new(bytes, n_bytes);
        self->has_digest = tg_record_get_slice(detail, FIELD_DIGEST, &bytes, &n_bytes) &&
                           n_bytes == sizeof self->digest;
        if (self->has_digest)
                memcpy(self->digest, bytes, sizeof self->digest);
        replace(&self->mailbox_url, tg_record_get_text(detail, FIELD_MAILBOX));
        replace(&self->etag, tg_record_get_text(detail, FIELD_ETAG));
        replace(&self->request_id, tg_record_get_text(detail, FIELD_REQUEST));
        self->letter = (char)tg_record_get_number(detail, FIELD_LETTER, 0);
        self->errand = (TgErrand)tg_record_get_number(detail, FIELD_ERRAND, TG_ERRAND_NONE);
        self->outcome = (TgOutcome)tg_record_get_number(detail, FIELD_OUTCOME, 0);
        replace(&self->reason, tg_record_get_text(detail, FIELD_REASON));
        /* A write of a former life may have been done. */
        self->is_write_doubtful = TRUE;
        if (self->request_id == NULL)
                read_offer(self, detail);
}

static gboolean
has_field(const TgSecret *detail, guint8 field)
{
        const guint8 *bytes;
        gsize n_bytes;

        return tg_record_get_slice(detail, field, &bytes, &n_bytes);
}

/* After the exchange, whose secrets go together with what is the vertical's own. */
static void
read_vertical(TgShare *self, TgSecret *detail)
{
        g_autofree char *bounds = tg_record_get_text(detail, FIELD_BOUNDS);

        /* What cannot be read is not taken for no limit. */
        self->must_reload |= !tg_bounds_parse(bounds, &self->bounds, NULL);
        g_clear_pointer(&self->details, g_variant_unref);
        g_clear_pointer(&self->receipt, tg_secret_unref);
        self->terms = tg_record_get_variant(detail, FIELD_TERMS, G_VARIANT_TYPE_VARDICT);
        self->details = tg_record_get_variant(detail, FIELD_DETAILS, G_VARIANT_TYPE("a(ss)"));
        self->subject = tg_record_get_text(detail, FIELD_SUBJECT);
        self->vertical_state = tg_record_get_secret(detail, FIELD_VERTICAL_STATE);
        self->receipt = tg_record_get_secret(detail, FIELD_RECEIPT);
        self->n_steps = (guint)tg_record_get_number(detail, FIELD_STEPS, 0);
        self->n_sequels_failed = (guint)tg_record_get_number(detail, FIELD_SEQUELS_FAILED, 0);
        self->must_reload |=
                (self->vertical_state == NULL && has_field(detail, FIELD_VERTICAL_STATE)) ||
                (self->receipt == NULL && has_field(detail, FIELD_RECEIPT));
}

static void
read_id(TgSecret *detail, guint8 field, char *ret_id)
{
        g_autofree char *id = tg_record_get_text(detail, field);

        g_strlcpy(ret_id, id != NULL ? id : "", TG_ID_CHARS + 1);
}

static TgSecret *
read_secret(TgShare *self, TgSecret *detail, guint8 field)
{
        TgSecret *secret = tg_record_get_secret(detail, field);

        self->must_reload |= secret == NULL && has_field(detail, field);
        return secret;
}

static void
read_grant(TgShare *self, TgSecret *detail)
{
        tg_share_forget_next(self);
        self->over_s = (gint64)tg_record_get_number(detail, FIELD_OVER, 0);
        read_id(detail, FIELD_GRANT, self->grant);
        read_id(detail, FIELD_PREDECESSOR, self->predecessor);
        replace(&self->renews, tg_record_get_text(detail, FIELD_RENEWS));
        self->due_s = (gint64)tg_record_get_number(detail, FIELD_DUE, 0);
        self->next = read_secret(self, detail, FIELD_NEXT);
        self->heritage = read_secret(self, detail, FIELD_HERITAGE);
        self->inherited = read_secret(self, detail, FIELD_INHERITED);
}

static void
read_history(TgShare *self, TgSecret *detail, guint64 flags)
{
        self->is_meant = (flags & FLAG_MEANT) != 0;
        self->is_given = (flags & FLAG_GIVEN) != 0;
        self->is_lapsed = (flags & FLAG_LAPSED) != 0;
        self->said_end = (flags & FLAG_SAID_END) != 0;
        replace(&self->person, tg_record_get_text(detail, FIELD_PERSON));
        self->said_outcome = (TgOutcome)tg_record_get_number(detail, FIELD_SAID_OUTCOME, 0);
        self->said_end_s = (gint64)tg_record_get_number(detail, FIELD_SAID_AT, 0);
}

void
tg_share_read_detail(TgShare *self, TgSecret *detail)
{
        guint64 flags = tg_record_get_number(detail, FIELD_FLAGS, 0);
        const char *format = get_interned(detail, FIELD_FORMAT);
        const TgCarrier *carrier = tg_carrier_find(get_interned(detail, FIELD_TRANSPORT));

        self->format = format[0] != '\0' ? format : NULL;
        self->relay = get_interned(detail, FIELD_RELAY);
        self->mode = get_interned(detail, FIELD_MODE);
        self->kind = get_interned(detail, FIELD_KIND);
        if (carrier != NULL)
                self->carrier = carrier;
        self->application = get_interned(detail, FIELD_APPLICATION);
        replace(&self->title, tg_record_get_text(detail, FIELD_TITLE));
        if (self->title == NULL)
                self->title = g_strdup("");
        replace(&self->description, tg_record_get_text(detail, FIELD_DESCRIPTION));
        if (self->description == NULL)
                self->description = g_strdup("");

        self->is_title_verified = (flags & FLAG_TITLE_VERIFIED) != 0;
        self->is_title_own = (flags & FLAG_TITLE_OWN) != 0;
        self->is_compat = (flags & FLAG_COMPAT) != 0;
        self->is_bound = (flags & FLAG_BOUND) != 0;
        self->has_arrived = (flags & FLAG_ARRIVED) != 0;
        self->has_message = (flags & FLAG_MESSAGE) != 0;
        self->is_clock_corrected = (flags & FLAG_CLOCK_CORRECTED) != 0;
        self->is_shortened = (flags & FLAG_SHORTENED) != 0;
        self->has_public_title = (flags & FLAG_PUBLIC_TITLE) != 0;
        self->has_work = (flags & FLAG_WORK) != 0;
        self->has_said_last = (flags & FLAG_SAID_LAST) != 0;
        read_history(self, detail, flags);

        replace(&self->failure_text, tg_record_get_text(detail, FIELD_FAILURE_TEXT));
        self->has_failure = self->failure_text != NULL;
        self->failure_code = (TgError)tg_record_get_number(detail, FIELD_FAILURE_CODE, 0);
        self->ended_by = (TgEndedBy)tg_record_get_number(detail, FIELD_ENDED_BY, TG_ENDED_NOT);
        replace(&self->credential_id, tg_record_get_text(detail, FIELD_CREDENTIAL));
        self->expires_s =
                (gint64)tg_record_get_number(detail, FIELD_EXPIRES, (guint64)self->expires_s);
        self->state = (TgState)tg_record_get_number(detail, FIELD_STATE, self->state);
        read_exchange(self, detail);
        read_vertical(self, detail);
        read_grant(self, detail);
}
