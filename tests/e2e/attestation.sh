#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A relay that wants an attestation for each new mailbox: the wallet has none, and says so.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

claim "shares of before go on at a relay that wants attestations from now on"
early=$(printf early | control alice share - 2>/dev/null)
key=$TIGRESS_WORLD/relay/attestation-key
openssl rand -base64 32 >"$key"
printf '[Relay]\nAttestation=shared-key\nAttestationKeys=%s\n' "$key" >"$TIGRESS_WORLD/relay/relay.conf"
chmod 755 "$TIGRESS_WORLD/relay"
chmod 644 "$TIGRESS_WORLD/relay/relay.conf"
chown tigress-relay "$key"
chmod 600 "$key"
relay restart
control bob accept --yes <<<"$early" >/dev/null 2>&1

claim "a new one is refused, with what to do about it"
status=0
said=$(printf late | control alice share - 2>&1) || status=$?
equal "$status" 5 # Denied
contains "$said" "wants an attestation with each new share"
contains "$said" "use another relay"

claim "doctor tells it beforehand"
status=0
said=$(control alice doctor 2>&1) || status=$?
[ "$status" != 0 ] || fail "doctor is content"
contains "$said" "the relay wants one with each new share"

claim "and nothing of it where there is none"
rm "$TIGRESS_WORLD/relay/relay.conf"
relay restart
contains_not "$(control alice doctor 2>&1)" attestation
late=$(printf late | control alice share - 2>/dev/null)
control bob accept --yes <<<"$late" >/dev/null 2>&1
