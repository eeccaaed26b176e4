#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# in-place.sh COMMAND… - a world for a plain container, where nothing can be
# covered: everything is put where the real thing looks for it, and taken away
# again. Each change first writes its own undoing into a list, which is worked
# off backwards at the end; a guard does so too when this process is killed.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/parts.sh"
. "$here/inside.sh"

skip() {
        say "skipped: $*"
        exit 77
}

undo() {
        { printf '%q ' "$@" && echo; } >>"$world/undo"
}

undo_all() {
        local line
        [ -d "$world" ] || return 0
        if [ -f "$world/undo" ]; then
                while read -r line; do
                        eval "$line" </dev/null || :
                done < <(tac "$world/undo")
        fi
        rm -rf "$world"
}

put() {
        local kept=${2%/*}/.${2##*/}.before-tigress-world folder=${2%/*} missing=()
        while [ ! -e "$folder" ]; do
                missing=("$folder" "${missing[@]}")
                folder=${folder%/*}
        done
        for folder in "${missing[@]}"; do
                undo rmdir "$folder"
                mkdir "$folder"
        done
        if [ -e "$2" ]; then
                undo mv -f "$kept" "$2"
                cp -a "$2" "$kept"
        else
                undo rm -f "$2"
        fi
        install -m "${3:-644}" "$1" "$2"
}

stop_parts() {
        local pid
        for pid in "$world"/pid/*; do
                [ ! -e "$pid" ] || (part_stop "${pid##*/}") || :
        done
}

# What useradd and userdel leave beside the files that they change.
restore_backups() {
        rm -f /etc/{passwd,shadow,group,gshadow,subuid,subgid}-
        cp -a "$world"/kept/* /etc/ 2>/dev/null
}

if [ "$1" = --guard ]; then
        trap '' INT TERM HUP
        cat >/dev/null
        undo_all
        exit
fi

[ -d /etc/polkit-1 ] || skip "needs polkitd: tests/packages.sh world installs it"
! grep -q '^NoNewPrivs:.*1' /proc/self/status ||
        say "note: no setuid helper works here, so nobody can answer a dialog of polkit"

# One at a time. A folder can be locked too: there is no lock file to clean up.
exec 9</etc/polkit-1
flock 9
undo_all # of one that was killed together with its guard
for name in $users tigress-relay; do
        ! id "$name" >/dev/null 2>&1 || skip "there is a user $name on this machine already"
done
! name_has_owner system org.freedesktop.DBus || system_bus_is_there=1

mkdir -p /run
install -d -m 755 "$world"
mkdir "$world/kept"
cp -a /etc/{passwd,shadow,group,gshadow,subuid,subgid}- "$world/kept/" 2>/dev/null || :
undo restore_backups
undo stop_parts
for folder in /run/user /run/dbus; do
        [ -d $folder ] || undo rmdir $folder
done

# The guard sees the end of its input when this process is gone, however it went.
# It has a session of its own, for a time-out ends a whole process group.
exec 8> >(exec setsid "${BASH_SOURCE[0]}" --guard)
guard=$!
finish() {
        local status=$?
        exec 8>&-
        # The lock goes with the last who holds it: not before all is undone.
        wait $guard || :
        exit $status
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

status=0
live "$@" || status=$?
# Whoever COMMAND left behind has fallen to us; the guard is not among them.
for orphan in $(ps -o pid= --ppid $$); do
        [ "$orphan" = $guard ] || end_process "$orphan" "$(start_time "$orphan")" || :
done
exit $status
