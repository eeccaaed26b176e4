/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The attestation that the settings ask for, with its keys out of their files.
 */

#include "relay/attestation.h"
#include "relay/settings.h"

/* Attestation=, AttestationKeys= and TokenIssuer= together. FALSE: the key (static) at which
 * something is wrong, and what. */
gboolean
tg_attestation_check(const TgSettings *settings, const char **ret_key, const char **ret_what);

/* For checked settings; NULL in @ret without an error: none is demanded. @public_url: what clients
 * know the relay by, NULL where that is not known yet. */
gboolean tg_attestation_load(const TgSettings *settings,
                             const char *public_url,
                             TgAttestation **ret,
                             GError **error);
