#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-includes.sh - who may include whom. One foreign library, one file: what a
# reader must know of it stands in one place, and so does what a change of it touches.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
status=0
folders=(cli daemon dbus protocol relay tests)

# only INCLUDED FILES: both extended regular expressions; FILES is matched whole
only() {
        local included=$1 bad
        bad=$(grep -rlE --include='*.[ch]' "^#include [<\"]$included" "${folders[@]}" |
                grep -vxE "$2|tests/.*")
        [ -z "$bad" ] && return
        printf '%s may not be included by %s\n' "$included" "$(paste -sd ' ' <<<"$bad")"
        status=1
}

only 'curl/' 'daemon/http(-[a-z]+)?\.[ch]|relay/push-delivery\.c'
only 'libsecret/' 'daemon/keyring(-[a-z]+)?\.[ch]'
only 'sqlite3\.h' 'daemon/store(-[a-z]+)?\.[ch]|relay/store-sqlite(-[a-z]+)?\.[ch]'
only 'hiredis/' 'relay/redis-pipe\.c'
only 'microhttpd\.h' 'relay/(cork|server(-[a-z]+)?|handshake|monitor|response)\.[ch]'
only 'gnutls/' 'relay/(cork|handshake|tls)\.c'
only 'openssl/' 'protocol/(crypto|secret|spake2|webpush|x25519)\.c|daemon/verticals/x509[a-z-]*\.[ch]|relay/(certificate|attestation|redis-socket)\.c'
only 'systemd/sd-bus' \
        'daemon/(main|call|caller|authority|network-manager(-[a-z]+)?|handlers|verdict|bus-source|value|.*-bus|verticals/remote(-[a-z]+)?)\.[ch]|cli/client(-[a-z]+)?\.[ch]'

# Our own folders: arrows never turn.
only 'daemon/' 'daemon/.*'
only 'relay/' 'relay/.*'
only 'cli/' 'cli/.*'
only 'daemon/[^"]*-bus\.h' 'daemon/(main|.*-bus)\.[ch]'
for file in protocol/*.[ch]; do
        if grep -nHE '^#include "' "$file" | grep -vE '"(protocol/|config\.h")'; then
                echo "protocol/ includes nothing of ours but itself"
                status=1
        fi
done
if grep -rnE --include='*.[ch]' '^#include "' relay |
        grep -vE '"(relay/|data/(sql|redis|preview)/|protocol/(json|bytes|digest|limits|mailbox|error|text|opengraph|timestamp|url|webpush)[a-z-]*\.h|config\.h)'; then
        echo "of protocol/ the relay needs only what is no secret of the two sides"
        status=1
fi
exit $status
