#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every end that a person can bring about, seen from both sides.
export TIGRESS_USERS="alice bob carol"
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

claim "a decline arrives as the peer's word, with the reason"
share=$(bus_share alice one)
link=$(bus_invitation alice "$share")
keyring bob lock
received=$(bus_accept bob "$link")
reaches bob "$received" waiting-for-keyring
bus bob "$received" Share Decline s "not mine"
reaches bob "$received" declined
keyring bob unlock
reaches alice "$share" declined
equal "$(property alice "$share" EndedBy)" peer
contains "$(property alice "$share" Failure)" "not mine"
equal "$(keyring_ids bob)" ""

claim "a link that was declined here is refused"
refused 1 bus_accept bob "$link"
contains "$said" eclined

claim "what was cancelled before it was opened cannot be accepted any more"
share=$(bus_share alice two)
link=$(bus_invitation alice "$share")
bus alice "$share" Share Cancel s ""
reaches alice "$share" cancelled
equal "$(property alice "$share" EndedBy)" self
eventually is_gone_for bob "$link"
refused 1 bus alice "$share" Share GetInvitation

claim "who relinquishes leaves the link to another device"
bus_completed_share alice bob first >/dev/null # bob's state key is in memory now
share=$(bus_share alice three compat b true) # in other modes bob would have answered already
link=$(bus_invitation alice "$share")
keyring bob lock
received=$(bus_accept bob "$link")
reaches bob "$received" waiting-for-keyring
bus bob "$received" Share Relinquish
reaches bob "$received" relinquished
keyring bob unlock
elsewhere=$(bus_accept carol "$link")
reaches carol "$elsewhere" completed
reaches alice "$share" completed
equal "$(keyring_content carol "$(property carol "$elsewhere" Credential)")" three

claim "a second recipient is told that the link was used, a late one that it is over"
share=$(bus_share alice four)
link=$(bus_invitation alice "$share")
keyring bob lock
received=$(bus_accept bob "$link")
reaches bob "$received" waiting-for-keyring
second=$(bus_accept carol "$link")
reaches carol "$second" failed
contains "$(property carol "$second" Failure)" AlreadyUsed
keyring bob unlock
reaches bob "$received" completed
reaches alice "$share" completed
share=$(bus_share alice five)
link=$(bus_invitation alice "$share")
received=$(bus_accept bob "$link")
reaches bob "$received" completed
reaches alice "$share" completed
late=$(bus_accept carol "$link")
reaches carol "$late" failed
contains "$(property carol "$late" Failure)" Expired
equal "$(keyring_ids carol | wc -l)" 1 # of what bob had relinquished

claim "after an end there is nothing to cancel"
refused 1 bus alice "$share" Share Cancel s ""
refused 1 bus bob "$received" Share Decline s ""

claim "history survives a restart, without a secret, and can be forgotten"
wallet bob restart
equal "$(property bob "$received" State)" completed
bus bob "$received" Share Forget
refused 1 property bob "$received" State
