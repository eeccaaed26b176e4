/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The parts that shares and credentials work with. Made and owned by main(), in
 * the order in which they stand here; borrowed by everybody else.
 */

#include "daemon/http.h"
#include "daemon/keyring.h"
#include "daemon/network.h"
#include "daemon/settings.h"
#include "daemon/store.h"
#include "daemon/turns.h"
#include "daemon/vault.h"

typedef struct {
        TgSettings *settings;
        TgStore *store;
        TgKeyring *keyring;
        TgVault *vault;
        TgHttp *http;
        TgTurns *turns;
        TgNetwork *network;
} TgWallet;
