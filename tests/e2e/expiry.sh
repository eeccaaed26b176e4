#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A share that nobody opens ends by time, for its sender and for late openers.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

claim "no share is shorter than a minute"
refused 1 bus_share alice short expires-in u 59
contains "$said" 60

claim "it ends by time, in the second that was said"
share=$(bus_share alice fleeting expires-in u 60)
link=$(bus_invitation alice "$share")
expires=$(property alice "$share" Expires | cut -d' ' -f2)
# The clock is read after the state: what was said before the time must still be "invited".
while state=$(property alice "$share" State) && [ "$(date +%s)" -lt "$expires" ]; do
        equal "$state" invited
        sleep 1
done
reaches alice "$share" expired
equal "$(property alice "$share" EndedBy)" time

claim "whoever opens it then is told so, and gets nothing"
received=$(bus_accept bob "$link")
reaches bob "$received" failed
contains "$(property bob "$received" Failure)" Expired
equal "$(keyring_ids bob)" ""
