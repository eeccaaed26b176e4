#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The installed units are what systemd expects; nothing here runs as process 1.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
user_units=/usr/lib/systemd/user system_units=/usr/lib/systemd/system

# verify AS… -- ARGUMENT…: silence is the only good answer, for a wrong line is only a warning.
verify() {
        local who=()
        while [ "$1" != -- ]; do
                who+=("$1")
                shift
        done
        shift
        said=$("${who[@]}" systemd-analyze --man=no verify "$@" 2>&1) || fail "$said"
        equal "$said" ""
}

claim "the wallet's units are well formed, and their programs are there"
verify as alice -- --user $user_units/tigressd.service $user_units/tigressd-resume.service

claim "a wrong line is noticed by this test"
sed 's/^Restart=.*/Restart=perhaps/' $user_units/tigressd.service >"$TMPDIR/tigressd.service"
said=$(as alice systemd-analyze --man=no verify --user "$TMPDIR/tigressd.service" 2>&1) || :
contains "$said" perhaps

claim "bus activation names the unit, and the unit the bus name"
service=/usr/share/dbus-1/services/org.tigress.Wallet1.service
unit=$user_units/$(sed -n 's/^SystemdService=//p' $service)
equal "$(sed -n 's/^BusName=//p' "$unit")" "$(sed -n 's/^Name=//p' $service)"
equal "$(sed -n 's/^ExecStart=//p' "$unit")" "$(sed -n 's/^Exec=//p' $service)"

if compgen -G "$system_units/tigress-relay*" >/dev/null; then
        claim "the relay's units are well formed, and leave it little"
        # Root's systemd-analyze makes /run/systemd; where it was not it will not be.
        [ -d /run/systemd ] || trap 'rm -rf /run/systemd' EXIT
        verify env -- $system_units/tigress-relay*
        exposure() { # UNIT TENTHS: it has at most so many
                as alice systemd-analyze security --offline=true --no-pager --threshold="$2" "$1" \
                        >"$TMPDIR/exposure"
        }
        exposure $system_units/tigress-relay.service 10 || fail "$(tail -n 3 "$TMPDIR/exposure")"

        claim "they leave it little with the network, too, which a store elsewhere needs"
        mkdir "$TMPDIR/open"
        opened=$TMPDIR/open/tigress-relay.service
        sed -e 's/^PrivateNetwork=.*/PrivateNetwork=no/' \
                -e 's/^RestrictAddressFamilies=.*/& AF_INET AF_INET6/' \
                $system_units/tigress-relay.service >"$opened"
        exposure "$opened" 20 || fail "$(tail -n 3 "$TMPDIR/exposure")"

        claim "a unit that leaves it more is noticed by this test"
        sed -i -e '/^CapabilityBoundingSet=/d; /^SystemCallFilter=/d; /^DynamicUser=/d' "$opened"
        ! exposure "$opened" 20 || fail "$(tail -n 3 "$TMPDIR/exposure")"

        claim "it can be reloaded, and has longer to stop than it takes"
        unit=$(cat $system_units/tigress-relay.service)
        contains "$unit" 'ExecReload=/bin/kill -HUP $MAINPID'
        contains "$unit" 'Type=notify'
        [ "$(sed -n 's/^TimeoutStopSec=//p' <<<"$unit")" -gt 5 ]
fi
