/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What has gone out by a share, to whom, and until when it is good there.
 */

#include "daemon/clock.h"
#include "daemon/share-private.h"

/* It can be taken back, or ends by itself: not a copy, which is given for good. */
static gboolean
is_loan(const TgShare *self)
{
        const TgVertical *vertical = tg_vertical_find(self->format);

        return self->over_s != 0 || (vertical != NULL && vertical->revoke != NULL);
}

static gboolean
is_over(const TgShare *self)
{
        return self->is_lapsed || (self->over_s != 0 && tg_clock_now_s() >= self->over_s);
}

const char *
tg_share_lent(const TgShare *self)
{
        if (self->role != TG_ROLE_INITIATOR || self->is_sealed || !self->is_meant)
                return "";
        if (self->state == TG_STATE_REVOKED)
                return "revoked";
        if (!self->is_given)
                /* One that renews is nothing new that is offered. */
                return !tg_share_is_ended(self) && is_loan(self) && self->grant[0] == '\0'
                               ? "pending"
                               : "";
        if (!is_loan(self))
                return "given";
        return is_over(self) ? "expired" : "active";
}

gboolean
tg_share_is_out(const TgShare *self)
{
        return self->is_given && g_str_equal(tg_share_lent(self), "active");
}

const char *
tg_share_person(const TgShare *self)
{
        return self->person != NULL ? self->person : "";
}

gint64
tg_share_lapse_s(const TgShare *self)
{
        return self->role == TG_ROLE_INITIATOR && !self->is_sealed && self->is_given &&
                               !self->is_lapsed && self->state != TG_STATE_REVOKED
                       ? self->over_s
                       : 0;
}

static gboolean
save_lapsed(TgShare *self, GError **error)
{
        TgStore *store = self->wallet->store;

        if (!tg_store_begin(store, error))
                return FALSE;
        if (tg_share_enter(self, TG_ACT_LAPSED, "", error) && tg_share_save(self, NULL, error))
                return tg_store_commit(store, error);
        tg_store_rollback(store);
        return FALSE;
}

void
tg_share_check_lapse(TgShare *self, gint64 now_s)
{
        g_autoptr(GError) error = NULL;
        guint64 version = self->version;
        gint64 lapse_s = tg_share_lapse_s(self);

        if (lapse_s == 0 || now_s < lapse_s || !tg_store_has_key(self->wallet->store))
                return;
        self->is_lapsed = TRUE;
        if (save_lapsed(self, &error)) {
                tg_share_tell(self, TG_SHARE_LENT);
                return;
        }
        /* The alarm comes again. */
        self->is_lapsed = FALSE;
        self->version = version;
        g_warning("share %.8s: %s", self->id, error->message);
}
