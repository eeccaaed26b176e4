/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A call that starts a share:
 *
 *      tg_consent_ask   polkit is asked, the clock for the answer runs
 *      on_decided       no: the share is told, the call fails
 *      go_ahead         yes, and the state key is there if it can be had: the share is told,
 *                       the call is answered with its path
 *      on_patience_over the call is answered while the share is still authorizing
 *
 * Whoever leaves the bus before the decision has withdrawn the request: authority.c
 * then says no.
 */

#include "daemon/wallet-bus.h"
#include "protocol/limits.h"

typedef struct {
        TgWalletBus *bus;
        TgCall *call;
        TgShare *share;
        TgAuthorityCheck *check;
        TgVaultWait *wait;
        guint timer;
} TgConsent;

static void
free_consent(TgConsent *self)
{
        g_clear_handle_id(&self->timer, g_source_remove);
        g_clear_pointer(&self->check, tg_authority_check_cancel);
        g_clear_pointer(&self->wait, tg_vault_wait_cancel);
        g_clear_pointer(&self->call, tg_call_unref);
        tg_share_unref(self->share);
        g_free(self);
}

static void
answer(TgConsent *self, const GError *error)
{
        g_autofree char *path = tg_share_path(self->share);

        g_clear_handle_id(&self->timer, g_source_remove);
        if (tg_call_is_answered(self->call))
                return;
        if (error != NULL)
                tg_call_fail(self->call, error);
        else
                tg_call_return(self->call, "o", path);
}

/* What became of a share that left the state authorizing. */
static GError *
outcome(TgShare *share)
{
        TgError code;
        const char *text;

        if (!tg_share_is_ended(share) || tg_state_is_success(tg_share_state(share)))
                return NULL;
        if (tg_share_failure(share, &code, &text))
                return tg_error_new(code, "%s", text);
        return tg_error_new(TG_ERROR_FAILED, "the share ended as %s", tg_share_state_name(share));
}

static void
decide(TgConsent *self, const GError *error)
{
        TgWalletBus *bus = self->bus;
        g_autoptr(TgShare) share = tg_share_ref(self->share);
        g_autoptr(GError) ended = NULL;

        g_hash_table_steal(bus->consents, tg_share_id(share));
        tg_share_decide(share, error, tg_call_is_interactive(self->call));
        if (error == NULL)
                ended = outcome(share);
        answer(self, error != NULL ? error : ended);
        free_consent(self);
}

static void
go_ahead(gpointer user_data)
{
        TgConsent *self = user_data;

        self->wait = NULL;
        decide(self, NULL);
}

static void
on_decided(const GError *error, gpointer user_data)
{
        TgConsent *self = user_data;

        self->check = NULL;
        /* What was answered must survive a crash. Without the state key nothing of it can
         * be kept: so that comes first, unless it would take a person. */
        if (error == NULL)
                self->wait =
                        tg_vault_wait(tg_manager_wallet(self->bus->manager)->vault, go_ahead, self);
        if (self->wait == NULL)
                decide(self, error);
}

static gboolean
on_patience_over(gpointer user_data)
{
        TgConsent *self = user_data;

        self->timer = 0;
        answer(self, NULL);
        return G_SOURCE_REMOVE;
}

void
tg_consent_ask(
        TgWalletBus *self, TgCall *call, TgShare *share, const char *action, gboolean does_wait)
{
        TgConsent *consent = g_new0(TgConsent, 1);

        if (self->consents == NULL)
                self->consents = g_hash_table_new_full(
                        g_str_hash, g_str_equal, NULL, (GDestroyNotify)free_consent);

        consent->bus = self;
        consent->call = tg_call_ref(call);
        consent->share = tg_share_ref(share);
        g_hash_table_insert(self->consents, (char *)tg_share_id(share), consent);
        if (!does_wait)
                consent->timer =
                        g_timeout_add_seconds(TG_AUTHORIZATION_REPLY_S, on_patience_over, consent);
        consent->check = tg_authority_check(self->authority,
                                            tg_call_caller(call),
                                            action,
                                            tg_call_is_interactive(call),
                                            on_decided,
                                            consent);
}

void
tg_consent_settled(TgWalletBus *self, TgShare *share)
{
        TgConsent *consent = NULL;
        g_autoptr(GError) ended = NULL;

        if (self->consents == NULL)
                return;
        consent = g_hash_table_lookup(self->consents, tg_share_id(share));
        if (consent == NULL)
                return;

        ended = outcome(share);
        answer(consent, ended);
        g_hash_table_remove(self->consents, tg_share_id(share));
}
