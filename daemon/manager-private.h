/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of the manager, for manager.c and manager-resume.c. */

#include "daemon/clock.h"
#include "daemon/manager.h"

struct TgManager {
        TgWallet *wallet;
        GHashTable *shares;
        GHashTable *credentials;
        TgCredential *arriving; /* in a transaction that is not through yet */
        TgAlarm *alarm;
        const TgManagerObserver *observer;
        gpointer observer_data;
};

/* To the next end in time. */
void tg_manager_set_alarm(TgManager *self);
/* References to all shares as they are now: what is called for one may add or remove others. */
GPtrArray *tg_manager_list(TgManager *self);
