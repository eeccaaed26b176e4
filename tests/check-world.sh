#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-world.sh - a world leaves the machine as it was: after its end, and after it
# was killed; made either way.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
world=$source_root/tests/world
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || skip "needs root"
        exec sudo -n env TIGRESS_NO_BUILD=1 TIGRESS_BUILD="$TIGRESS_BUILD" "$0"
fi
status=0 tried=0

# What a world touches, by name and owner: other things may change meanwhile. Times
# of accounts change too; they do not matter.
look() {
        {
                find /etc/pam.d /etc/polkit-1 /run -maxdepth 2
                find /etc /usr /var/log -iname '*tigress*' ! -path "$source_root/*"
        } 2>/dev/null | sort | xargs stat -c '%n %A %U %G' 2>/dev/null
        cat /etc/{passwd,shadow,group,gshadow,subuid,subgid}{,-} 2>/dev/null
        processes
}

# Not those of somebody else's covered world: they have numbers of their own as well.
processes() {
        local pid
        for pid in $(ps -eo pid= -o args= | grep -E "tigress-world|$here" |
                grep -vE "grep|$world bash" | awk '{ print $1 }'); do
                awk '/^NSpid:/ { exit NF > 2 }' "/proc/$pid/status" 2>/dev/null &&
                        ps -o user:20=,args= -p "$pid"
        done
        pgrep -af "covered.sh bash -c .*$here"
}

settled() {
        look >"$here/after"
        cmp -s "$here/before" "$here/after"
}

# compare WHAT: ends take a moment when nobody waits for them
compare() {
        local until=$((SECONDS + 20))
        tried=$((tried + 1))
        until settled; do
                if [ $SECONDS -ge $until ]; then
                        echo "not as it was: $1"
                        diff "$here/before" "$here/after"
                        status=1
                        return
                fi
                sleep 0.1
        done
        echo "as it was: $1"
}

try() { # WHAT PREFIX…
        local what=$1 leader
        shift
        "$@" "$world" bash -c "keyring bob stop; keyring bob start; : $here; exit 42"
        [ $? = 42 ] || {
                echo "the exit status of a command got lost: $what"
                status=1
        }
        compare "$what, after its end"

        rm -f "$here/inside"
        setsid "$@" "$world" bash -c "touch $here/inside; exec sleep 600" &
        leader=$!
        until [ -e "$here/inside" ] || ! kill -0 $leader 2>/dev/null; do
                sleep 0.05
        done
        [ -e "$here/inside" ] || {
                echo "no world came up: $what"
                status=1
                return
        }
        kill -KILL -- -$leader
        wait $leader 2>/dev/null
        compare "$what, after its whole process group was killed"
}

look >"$here/before"
if may_cover; then
        try "covered" env TIGRESS_IN_PLACE=0
fi
if is_disposable; then
        status_in_place=0
        TIGRESS_IN_PLACE=1 "$world" true || status_in_place=$?
        [ $status_in_place = 77 ] || try "in place" env TIGRESS_IN_PLACE=1
fi
[ $tried -gt 0 ] || skip "no world can be made here"
exit $status
