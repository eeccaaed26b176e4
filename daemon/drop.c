/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/drop.h"

#include "daemon/record.h"
#include "protocol/error.h"

#define SEAL_BYTES 32

/* Numbers are stored: never use one again for something else. */
enum {
        FIELD_SUITE = 1,
        FIELD_TDCH = 2,
        FIELD_SEAL = 3,
        FIELD_PUT_URL = 4,
        FIELD_PUT_OCTETS = 5,
        FIELD_CLAIM = 6, /* and the next, one a place */
        FIELD_GOT = 8,
        FIELD_GOT_AT = 9,
        FIELD_FLAGS = 10,
        FIELD_BACK_CLAIM = 11,
};
G_STATIC_ASSERT(FIELD_CLAIM + TG_N_PLACES == FIELD_GOT);

enum {
        FLAG_UNGUARDED = 1 << 0,
        FLAG_TAKEN_BACK = 1 << 1,
        FLAG_GIVEN = 1 << 2,
};

TgDropState *
tg_drop_state_new(guint16 suite, GError **error)
{
        g_autoptr(TgDropState) self = g_new0(TgDropState, 1);

        self->suite = suite;
        self->seal = tg_secret_new_random(SEAL_BYTES, error);

        return self->seal != NULL ? g_steal_pointer(&self) : NULL;
}

void
tg_drop_state_erase(TgDropState *self)
{
        g_clear_pointer(&self->tdch, tg_tdch_free);
        g_clear_pointer(&self->seal, tg_secret_unref);
        g_clear_pointer(&self->got, g_bytes_unref);
        for (guint i = 0; i < TG_N_PLACES; i++)
                g_clear_pointer(&self->claims[i], tg_secret_unref);
}

void
tg_drop_state_free(TgDropState *self)
{
        if (self == NULL)
                return;
        tg_drop_state_erase(self);
        g_clear_pointer(&self->back_claim, tg_secret_unref);
        g_clear_pointer(&self->put_octets, g_bytes_unref);
        g_free(self->put_url);
        g_free(self);
}

/* ---- to and from the store ---- */

static void
put_octets(TgRecord *record, guint8 field, GBytes *octets)
{
        gsize n_bytes;
        gconstpointer bytes;

        if (octets == NULL)
                return;
        bytes = g_bytes_get_data(octets, &n_bytes);
        tg_record_put_bytes(record, field, bytes, n_bytes);
}

TgSecret *
tg_drop_state_save(const TgDropState *self, GError **error)
{
        g_autoptr(TgRecord) record = tg_record_new();
        g_autoptr(TgSecret) tdch = NULL;

        if (self->tdch != NULL) {
                tdch = tg_tdch_save(self->tdch, error);
                if (tdch == NULL)
                        return NULL;
        }
        tg_record_put_number(record, FIELD_SUITE, self->suite);
        tg_record_put_secret(record, FIELD_TDCH, tdch);
        tg_record_put_secret(record, FIELD_SEAL, self->seal);
        tg_record_put_text(record, FIELD_PUT_URL, self->put_url);
        put_octets(record, FIELD_PUT_OCTETS, self->put_octets);
        for (guint8 i = 0; i < TG_N_PLACES; i++)
                tg_record_put_secret(record, FIELD_CLAIM + i, self->claims[i]);
        put_octets(record, FIELD_GOT, self->got);
        tg_record_put_number(record, FIELD_GOT_AT, self->got_at);
        tg_record_put_number(record,
                             FIELD_FLAGS,
                             (self->is_unguarded ? FLAG_UNGUARDED : 0) |
                                     (self->is_taken_back ? FLAG_TAKEN_BACK : 0) |
                                     (self->was_given ? FLAG_GIVEN : 0));
        tg_record_put_secret(record, FIELD_BACK_CLAIM, self->back_claim);

        return tg_record_write(record, error);
}

static GBytes *
get_octets(const TgSecret *saved, guint8 field)
{
        const guint8 *bytes;
        gsize n_bytes;

        return tg_record_get_slice(saved, field, &bytes, &n_bytes) ? g_bytes_new(bytes, n_bytes)
                                                                   : NULL;
}

TgDropState *
tg_drop_state_load(const TgSecret *saved, GError **error)
{
        g_autoptr(TgDropState) self = g_new0(TgDropState, 1);
        g_autoptr(TgSecret) tdch = NULL;
        guint64 flags;

        if (!tg_record_is_valid(saved)) {
                tg_set_error(error, TG_ERROR_FAILED, "the stored share is incomplete");
                return NULL;
        }
        self->suite = (guint16)tg_record_get_number(saved, FIELD_SUITE, TG_DROP_SUITE);
        tdch = tg_record_get_secret(saved, FIELD_TDCH);
        if (tdch != NULL) {
                self->tdch = tg_tdch_load(tdch, error);
                if (self->tdch == NULL)
                        return NULL;
        }
        self->seal = tg_record_get_secret(saved, FIELD_SEAL);
        self->put_url = tg_record_get_text(saved, FIELD_PUT_URL);
        self->put_octets = get_octets(saved, FIELD_PUT_OCTETS);
        for (guint8 i = 0; i < TG_N_PLACES; i++)
                self->claims[i] = tg_record_get_secret(saved, FIELD_CLAIM + i);
        self->got = get_octets(saved, FIELD_GOT);
        self->got_at =
                tg_record_get_number(saved, FIELD_GOT_AT, TG_TDCH_IN_FORCE) == TG_TDCH_EXPECTED
                        ? TG_TDCH_EXPECTED
                        : TG_TDCH_IN_FORCE;
        flags = tg_record_get_number(saved, FIELD_FLAGS, 0);
        self->is_unguarded = (flags & FLAG_UNGUARDED) != 0;
        self->is_taken_back = (flags & FLAG_TAKEN_BACK) != 0;
        self->was_given = (flags & FLAG_GIVEN) != 0;
        self->back_claim = tg_record_get_secret(saved, FIELD_BACK_CLAIM);

        return g_steal_pointer(&self);
}
