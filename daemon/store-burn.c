/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/store-private.h"
#include "protocol/crypto.h"
#include "protocol/error.h"
#include "protocol/limits.h"

/*
 * Burned PIN shares are counted per thing, in the table of keyed digests that ended links are
 * in: burn number i of a thing is the HMAC of its digest and i. They run out by
 * themselves, and forgetting a share does not touch them.
 */

gboolean
tg_store_burn_digest(TgStore *self, const TgSecret *name, guint8 ret_digest[32], GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(name, &n_bytes);

        if (!self->head || !self->burn_key) {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "what is shared cannot be looked up without the state key: unlock "
                             "the keyring");
                return FALSE;
        }

        tg_hmac_sha256(self->burn_key, bytes, n_bytes, ret_digest);
        return TRUE;
}

static gboolean
digest_of_burn(const TgStore *self, const guint8 digest[32], guint8 number, guint8 ret_digest[32])
{
        guint8 octets[33];

        if (!self->burn_key)
                return FALSE;
        memcpy(octets, digest, 32);
        octets[32] = number;
        tg_hmac_sha256(self->burn_key, octets, sizeof octets, ret_digest);
        return TRUE;
}

/* 0: it does not count (any more); G_MAXINT64: nobody knows. */
static gint64
burn_until(TgStore *self, const guint8 digest[32], guint8 number, gint64 now_s)
{
        sqlite3_stmt *statement = self->statements[TG_STORE_LINK_UNTIL];
        gint64 until_s = G_MAXINT64;
        guint8 burn[32];
        int result;

        if (!digest_of_burn(self, digest, number, burn))
                return G_MAXINT64;

        sqlite3_bind_blob(statement, 1, burn, sizeof burn, SQLITE_STATIC);
        tg_store_bind_number(self, TG_STORE_LINK_UNTIL, 2, now_s);
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW)
                until_s = sqlite3_column_int64(statement, 0);
        else if (result == SQLITE_DONE)
                until_s = 0;
        tg_store_reset(self, TG_STORE_LINK_UNTIL);
        return until_s;
}

gboolean
tg_store_add_burn(
        TgStore *self, const guint8 digest[32], gint64 now_s, gint64 life_s, GError **error)
{
        guint8 number = 0;
        guint8 burn[32];

        /* The first that is free; with none it is the last again, for longer. */
        while (number < TG_MAX_BURNS - 1 && burn_until(self, digest, number, now_s) != 0)
                number++;
        if (!digest_of_burn(self, digest, number, burn)) {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "a burned share cannot be counted without the state key");
                return FALSE;
        }
        return tg_store_add_link(self, burn, now_s + life_s, error);
}

gint64
tg_store_burned_until(TgStore *self, const guint8 digest[32], gint64 now_s)
{
        gint64 first_s = G_MAXINT64;

        for (guint8 number = 0; number < TG_MAX_BURNS; number++) {
                gint64 until_s = burn_until(self, digest, number, now_s);

                if (until_s == 0)
                        return 0;
                first_s = MIN(first_s, until_s);
        }
        return first_s;
}
