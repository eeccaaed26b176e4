#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A credential goes from alice to bob with nothing but busctl.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

claim "the bus starts the daemon on first use"
equal "$(wallet alice pid)" ""
contains "$(property alice $manager Version)" .
[ -n "$(wallet alice pid)" ]

claim "a share made by busctl is invited, and its link can be had"
share=$(bus_share alice '{"token":"s3cret"}' title s "Library card")
link=$(bus_invitation alice "$share")
contains "$link" "$TIGRESS_TRIAL_RELAY"
equal "$(property alice "$share" Role)" initiator
equal "$(property alice "$share" Title)" "Library card"

claim "looking at the invitation tells relay and trust, and binds nothing"
information=$(bus bob $manager Manager InspectInvitation 'va{sv}' s "$link" 1 fetch b true)
contains "$information" "\"relay\" s \"$TIGRESS_TRIAL_RELAY\""
contains "$information" '"trusted" b true'
contains_not "$information" "Library card"

claim "bob accepts, and both sides are completed by each other's word"
received=$(bus_accept bob "$link")
reaches bob "$received" completed
reaches alice "$share" completed
equal "$(property alice "$share" EndedBy)" peer
equal "$(property bob "$received" Title)" "Library card"
equal "$(property bob "$received" TitleVerified)" "b true"

claim "the secret is in bob's keyring, as alice gave it, once"
credential=$(property bob "$received" Credential)
equal "$(keyring_content bob "$credential")" '{"token":"s3cret"}'
equal "$(keyring_ids bob)" "${credential##*/}"

claim "the same link again is the same share, and no second item"
equal "$(bus_accept bob "$link")" "$received"
equal "$(keyring_ids bob)" "${credential##*/}"

claim "bob can have it revealed, and removed"
contains "$(bus bob "$credential" Credential Reveal 'a{sv}' 1 as s bytes)" "v ay 18 123 34"
bus bob "$credential" Credential Remove
equal "$(keyring_ids bob)" ""

claim "the same link does not bring back what was removed"
equal "$(bus_accept bob "$link")" "$received"
equal "$(keyring_ids bob)" ""
