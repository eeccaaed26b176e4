#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every end that a person can bring about, seen from both sides.
export TIGRESS_USERS="alice bob carol"
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# acts USER SHARE: what the log tells of it, each with the word behind it; the chain is checked before.
acts() {
        control "$1" log --verify >/dev/null 2>&1 || fail "the log of $1 is not whole"
        control "$1" log --json | python3 -c 'import json, sys
for entry in map(json.loads, sys.stdin):
        if entry["share"] == sys.argv[1][-32:]:
                print(entry["act"] + "/" + (entry["by"] or ""), end=" ")' "$2"
}

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

claim "and is a receipt, which both logs tell"
contains "$(property alice "$share" Receipt)" '"declined" '
equal "$(acts alice "$share")" "shared/self declined/peer "
equal "$(acts bob "$received")" "accepted/self declined/self "
contains "$(control alice show "${share##*/}")" "by the recipient's own word"

claim "a link that was declined here is refused"
refused 1 bus_accept bob "$link"
contains "$said" eclined

claim "what was cancelled before it was opened cannot be accepted any more"
share=$(bus_share alice two)
link=$(bus_invitation alice "$share")
bus alice "$share" Share Cancel s ""
reaches alice "$share" cancelled
equal "$(property alice "$share" EndedBy)" self
equal "$(property alice "$share" Receipt)" '(st) "" 0'
equal "$(acts alice "$share")" "shared/self cancelled/self "
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
contains "$(property alice "$share" Receipt)" '"completed" '
equal "$(acts alice "$share")" "shared/self given/self completed/peer "
equal "$(acts bob "$received")" "accepted/self relinquished/self "
equal "$(acts carol "$elsewhere")" "accepted/self received/self "

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
equal "$(acts bob "$received")" "accepted/self received/self forgotten/self "

claim "what is given to whom is known here, and to nobody else"
share=$(bus_share alice six to s Zoe)
received=$(bus_accept bob "$(bus_invitation alice "$share")" from s "the landlady")
reaches bob "$received" completed
reaches alice "$share" completed
equal "$(property alice "$share" Person | unquoted)" Zoe
equal "$(property bob "$received" Person | unquoted)" "the landlady"
contains "$(control alice lent --all)" Zoe
contains_not "$(control alice lent 2>&1)" Zoe # a copy or token is given for good
contains_not "$(control bob log)" Zoe
contains "$(control bob log)" "the landlady"

claim "a log that somebody has changed is found out, and the entry is named"
noted=$(control bob log --verify 2>/dev/null)
state=$(as bob sh -c 'echo "$XDG_STATE_HOME"')/tigress/state.db
wallet bob stop
python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as file:
        file.execute("UPDATE log SET sealed = (SELECT sealed FROM log WHERE number = 1) WHERE number = 3")
file.close()' "$state"
chown -R bob: "${state%/*}"
refused 8 control bob log --verify
contains "$said" "entry 3 was changed"
refused 8 control bob log --verify --noted "$noted"
contains "$(control bob log)" "somebody has changed this entry"
