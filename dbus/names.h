/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Every name that others see on the bus: once, for all programs. The manual of
 * what stands behind them is org.tigress.Wallet1.xml beside this file.
 */

#define TG_BUS_NAME "org.tigress.Wallet1"
#define TG_ROOT_PATH "/org/tigress/Wallet1"
#define TG_SHARE_PREFIX TG_ROOT_PATH "/share"
#define TG_CREDENTIAL_PREFIX TG_ROOT_PATH "/credential"

#define TG_MANAGER_INTERFACE "org.tigress.Wallet1.Manager"
#define TG_SHARE_INTERFACE "org.tigress.Wallet1.Share"
#define TG_CREDENTIAL_INTERFACE "org.tigress.Wallet1.Credential"

/* What handlers of other programs implement, on bus names of their own */
#define TG_VERTICAL_INTERFACE "org.tigress.Vertical1"
#define TG_VERTICAL_ERROR_REFUSED TG_VERTICAL_INTERFACE ".Error.Refused"

#define TG_ERROR_PREFIX "org.tigress.Wallet1.Error."

#define TG_ACTION_SHARE "org.tigress.wallet.share"
#define TG_ACTION_ACCEPT "org.tigress.wallet.accept"
#define TG_ACTION_IMPORT "org.tigress.wallet.import"
#define TG_ACTION_REVEAL "org.tigress.wallet.reveal"
#define TG_ACTION_USE "org.tigress.wallet.use"
#define TG_ACTION_REVOKE "org.tigress.wallet.revoke"
#define TG_ACTION_REMOVE "org.tigress.wallet.remove"
