/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Shares that follow one another (sequel.h). The initiator makes the next one when the message that
 * he is to answer last is there, and answers once its mailbox is: then its link is in the answer.
 * The recipient keeps the link with the message, and has the next share from the transaction that
 * keeps the credential. Both hold its message until it is due, and watch its mailbox: who takes the
 * grant back deletes it.
 */

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/limits.h"

#define MAX_FAILED_SEQUELS 2 /* with the longest life, with that of the share before */

/* ---- what it is ---- */

const char *
tg_share_grant(const TgShare *self)
{
        return self->grant;
}

const char *
tg_share_predecessor(const TgShare *self)
{
        return self->predecessor;
}

const char *
tg_share_renews(const TgShare *self)
{
        return self->renews;
}

gboolean
tg_share_has_link(const TgShare *self)
{
        return self->invitation != NULL;
}

gboolean
tg_share_has_lent(const TgShare *self)
{
        return self->role == TG_ROLE_INITIATOR && self->has_said_last && self->receipt != NULL &&
               self->state != TG_STATE_REVOKED;
}

gint64
tg_share_over_s(const TgShare *self)
{
        return self->over_s;
}

void
tg_share_forget_next(TgShare *self)
{
        g_clear_pointer(&self->next, tg_secret_unref);
        g_clear_pointer(&self->heritage, tg_secret_unref);
        g_clear_pointer(&self->inherited, tg_secret_unref);
}

/* ---- making it ---- */

static TgShare *
new_after(TgShare *after, TgState state)
{
        TgShare *self =
                tg_share_new_blank(after->wallet, after->owner, after->owner_data, after->role);

        self->state = state;
        self->created_s = tg_clock_now_s();
        self->format = after->format;
        self->relay = after->relay;
        self->mode = "t2";
        self->kind = after->kind;
        self->application = after->application;
        self->letter = after->letter;
        self->bounds = after->bounds;
        g_free(self->title);
        self->title = g_strdup(after->title);
        g_free(self->description);
        self->description = g_strdup(after->description);
        self->is_title_verified = TRUE;
        self->is_title_own = TRUE;
        self->person = g_strdup(after->person);
        self->is_meant = after->is_meant;
        g_strlcpy(self->grant,
                  after->grant[0] != '\0' ? after->grant : after->id,
                  sizeof self->grant);
        g_strlcpy(self->predecessor, after->id, sizeof self->predecessor);

        return self;
}

TgShare *
tg_share_new_sequel(TgShare *after, const TgSequel *sequel, guint life_s, GError **error)
{
        g_autoptr(TgShare) self = new_after(after, TG_STATE_UPLOADING);

        self->terms = g_variant_ref(sequel->terms);
        self->subject = g_strdup(after->subject);
        self->due_s = sequel->from_s;
        self->life_s = life_s;
        if (sequel->until_s - self->created_s < life_s)
                self->life_s = (guint)MAX(sequel->until_s - self->created_s, TG_MIN_LIFE_S);
        self->expires_s = self->created_s + self->life_s;
        if (!tg_share_save(self, NULL, error))
                return NULL;
        return g_steal_pointer(&self);
}

TgShare *
tg_share_new_renewal(TgShare *after, GError **error)
{
        g_autoptr(TgShare) self = NULL;
        g_autoptr(TgLink) link = NULL;
        gint64 from_s;

        if (after->next == NULL || after->heritage == NULL || after->credential_id == NULL)
                return NULL;
        link = tg_sequel_read(after->next, after->relay, &from_s, error);
        if (link == NULL)
                return NULL;
        self = new_after(after, TG_STATE_CLAIMING);
        self->letter = link->vertical;
        self->mailbox_url = g_strdup(link->mailbox_url);
        self->key = tg_secret_ref(link->secret);
        self->renews = g_strdup(after->credential_id);
        self->inherited = tg_secret_ref(after->heritage);
        self->due_s = tg_sequel_due(self->created_s, from_s, after->not_after_s);
        if (!tg_share_save(self, NULL, error))
                return NULL;
        return g_steal_pointer(&self);
}

/* ---- the initiator's side ---- */

static guint
life_of(const TgShare *self)
{
        return (guint)CLAMP(self->expires_s - self->created_s, TG_MIN_LIFE_S, TG_MAX_LIFE_S);
}

/* Only where the last answer can be read by its recipient alone, and a mailbox tells both that it
 * is gone. */
static gboolean
can_have_sequel(const TgShare *self, const TgVertical *vertical)
{
        return self->role == TG_ROLE_INITIATOR && vertical != NULL && vertical->sequel != NULL &&
               self->terms != NULL && tg_share_exchange_mode(self) != TG_MODE_T1 &&
               !self->carrier->is_read_once && self->n_sequels_failed < MAX_FAILED_SEQUELS;
}

gboolean
tg_share_has_sequel(TgShare *self)
{
        const TgVertical *vertical = tg_vertical_find(self->format);
        g_auto(TgSequel) sequel = {};
        g_autoptr(GError) error = NULL;
        TgShare *next;

        if (!can_have_sequel(self, vertical))
                return TRUE;
        next = self->owner->find_sequel(self, self->owner_data);
        if (next != NULL)
                return tg_share_has_link(next);
        if (!vertical->sequel(self->terms, tg_clock_now_s(), &sequel))
                return TRUE;
        /* As long as a relay may keep it, for somebody may be away; else for as long as this one
         * did. */
        if (!self->owner->make_sequel(self,
                                      &sequel,
                                      self->n_sequels_failed == 0 ? TG_MAX_LIFE_S : life_of(self),
                                      &error,
                                      self->owner_data))
                tg_share_not_done(self, error);
        return FALSE;
}

void
tg_share_sequel_failed(TgShare *self, gboolean is_final)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(GError) error = NULL;

        if (self->role != TG_ROLE_INITIATOR || !self->has_work || tg_share_is_ended(self))
                return;
        self->n_sequels_failed = is_final ? MAX_FAILED_SEQUELS : self->n_sequels_failed + 1;
        if (self->n_sequels_failed >= MAX_FAILED_SEQUELS)
                g_warning("share %.8s: what was to follow it cannot be made: it is the last",
                          self->id);
        /* Or one that the user has cancelled would be made again after a crash. */
        if (!tg_share_save(self, NULL, &error))
                g_warning("share %.8s: %s", self->id, error->message);
        tg_share_later_ms(self, 0);
}

TgSecret *
tg_share_sequel_invitation(TgShare *self, GError **error)
{
        TgShare *next = NULL;

        if (can_have_sequel(self, tg_vertical_find(self->format)))
                next = self->owner->find_sequel(self, self->owner_data);
        if (next == NULL || next->invitation == NULL)
                return NULL;
        return tg_sequel_write(next->invitation, next->due_s, error);
}

/* ---- the recipient's side ---- */

gboolean
tg_share_take_next(TgShare *self, const TgHeader *header, GError **error)
{
        g_autoptr(TgLink) link = NULL;
        g_autoptr(GError) refusal = NULL;
        gint64 from_s;

        if (self->role != TG_ROLE_RECIPIENT || header->next == NULL ||
            self->carrier->is_read_once || tg_share_exchange_mode(self) == TG_MODE_T1)
                return TRUE;
        link = tg_sequel_read(header->next, self->relay, &from_s, &refusal);
        if (link == NULL && tg_share_is_passing(refusal)) {
                g_propagate_error(error, g_steal_pointer(&refusal));
                return FALSE;
        }
        if (link == NULL) {
                g_warning("share %.8s: %s: nothing follows", self->id, refusal->message);
                return TRUE;
        }
        g_clear_pointer(&self->next, tg_secret_unref);
        self->next = tg_secret_ref(header->next);
        return TRUE;
}

/* ---- until it is due ---- */

/* A mailbox that the relay keeps for less time is not waited for until it has gone. */
static gint64
due_s(const TgShare *self)
{
        gint64 late_s = self->expires_s - (self->expires_s - self->created_s) / 4;

        if (self->role == TG_ROLE_INITIATOR || self->expires_s == 0)
                return self->due_s;
        return MAX(MIN(self->due_s, late_s), self->created_s + TG_SEQUEL_MIN_PAUSE_S);
}

gint64
tg_share_held_until_s(const TgShare *self)
{
        return self->is_held ? due_s(self) : 0;
}

gboolean
tg_share_hold(TgShare *self)
{
        self->is_held = self->due_s != 0 && tg_clock_now_s() < due_s(self);
        if (!self->is_held)
                return FALSE;
        tg_share_tell(self, TG_SHARE_EXPIRES); /* there is another time to be woken at */
        if (!tg_share_is_asking(self) && self->turn == NULL)
                self->carrier->watch(self);
        return TRUE;
}
