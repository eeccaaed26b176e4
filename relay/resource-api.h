/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the requests for resources of the plain-HTTP transport mean
 * (draft-rescorla-tigress-http-00 with the decisions in ARCHITECTURE.md). Part of
 * mailbox-api.c, which hands them over.
 */

#include "relay/mailbox-steps.h"

/* Everything but a resource that the asker may read is one and the same 404. */
TgVerdict tg_resource_put(TgRun *run);
TgVerdict tg_resource_get(TgRun *run);
TgVerdict tg_resource_delete(TgRun *run);
