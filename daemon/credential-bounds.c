/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What may be done with a credential now: the limits that came along with it, and what its vertical
 * and its giver have said since. All that hands its content out asks here.
 */

#include "daemon/credential.h"
#include "daemon/vertical.h"
#include "protocol/error.h"

static gint64
earlier(gint64 a_s, gint64 b_s)
{
        return a_s == 0 ? b_s : b_s == 0 ? a_s : MIN(a_s, b_s);
}

gint64
tg_credential_not_before_s(const TgCredential *self)
{
        return MAX(self->not_before_s, self->bounds.not_before_s);
}

gint64
tg_credential_not_after_s(const TgCredential *self)
{
        return earlier(self->not_after_s, self->bounds.not_after_s);
}

static gboolean
is_past(gint64 end_s, gint64 now_s)
{
        return end_s != 0 && now_s > end_s;
}

gboolean
tg_credential_is_expired(const TgCredential *self, gint64 now_s)
{
        return self->is_over || is_past(tg_credential_not_after_s(self), now_s);
}

gboolean
tg_credential_is_spent(const TgCredential *self, gint64 now_s)
{
        return self->is_over || is_past(self->bounds.not_after_s, now_s) ||
               (self->bounds.n_uses != 0 && self->n_uses_left == 0);
}

gboolean
tg_credential_may_reshare(const TgCredential *self)
{
        const TgVertical *vertical = tg_vertical_find(self->format);

        /* What was lent is for who has its key. */
        return !self->bounds.is_final && vertical != NULL &&
               !tg_vertical_has_kind(vertical, "lend");
}

static char *
moment(gint64 time_s)
{
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(time_s);

        return g_date_time_format(time, "%F %T UTC");
}

gboolean
tg_credential_judge(const TgCredential *self, gint64 now_s, GError **error)
{
        gint64 end_s = tg_credential_not_after_s(self);
        g_autofree char *begins = moment(self->bounds.not_before_s);
        g_autofree char *ends = moment(end_s);

        /* What its vertical says of its beginning is for who checks it, by his own clock. */
        if (self->is_revoked)
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the credential was revoked by who gave it: remove it, or ask for a "
                             "new one");
        else if (tg_credential_is_expired(self, now_s))
                tg_set_error(error,
                             TG_ERROR_EXPIRED,
                             "the credential was good until %s: ask for a new one",
                             end_s != 0 ? ends : "its end");
        else if (now_s < self->bounds.not_before_s)
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the credential is not to be used before %s",
                             begins);
        else if (self->bounds.n_uses != 0 && self->n_uses_left == 0)
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "the credential was to be used %u times, and was: ask for a new one",
                             self->bounds.n_uses);
        else
                return TRUE;
        return FALSE;
}

static gboolean
refuse(GError **error, TgError code, const char *why)
{
        tg_set_error(error, code, "%s", why);
        return FALSE;
}

gboolean
tg_credential_narrow(const TgCredential *self, TgBounds *wanted, gboolean is_compat, GError **error)
{
        const TgBounds *own = &self->bounds;

        if (own->is_final)
                return refuse(error,
                              TG_ERROR_DENIED,
                              "who gave this credential does not let it be shared on");
        if (tg_bounds_are_set(own) && is_compat)
                return refuse(error,
                              TG_ERROR_DENIED,
                              "the credential has limits, which other wallets do not keep to: "
                              "leave out \"compat\"");
        if (wanted->not_before_s != 0 && wanted->not_before_s < own->not_before_s)
                return refuse(error,
                              TG_ERROR_INVALID,
                              "\"not-before\" is earlier than the credential's own");
        if (own->not_after_s != 0 && wanted->not_after_s > own->not_after_s)
                return refuse(error,
                              TG_ERROR_INVALID,
                              "\"not-after\" is later than the credential's own");
        if (own->n_uses != 0 && (wanted->n_uses == 0 || wanted->n_uses > self->n_uses_left)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the credential may be used %u times more: say with \"uses\" how many "
                             "of them go along, they are taken from your own",
                             self->n_uses_left);
                return FALSE;
        }
        wanted->not_before_s = MAX(wanted->not_before_s, own->not_before_s);
        wanted->not_after_s = earlier(wanted->not_after_s, own->not_after_s);

        return tg_bounds_check(wanted, error);
}
