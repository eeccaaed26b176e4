/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The target `networkmanager`, of whatever can be a profile of it. */

#include "daemon/network-manager.h"
#include "daemon/step.h"

#define TG_PROFILE_TARGET "networkmanager"

/* A TgNmAddedFunc: answers the step that is its @user_data, and lets go of it. */
void tg_profile_added(const TgNmAdded *added, const GError *error, gpointer user_data);
