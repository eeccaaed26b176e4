# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# parts.sh - the running parts of a world: buses, polkitd, keyrings, relay. Each
# has a name, a log and a file that says which process it is. To be sourced by
# what sets a world up and by the commands inside it.

world=/run/tigress-world
system_bus=/run/dbus/system_bus_socket

speaker=${0##*/}

say() {
        printf '%s: %s\n' "$speaker" "$*" >&2
}

die() {
        say "$*"
        exit 1
}

# wait_for SECONDS COMMAND…: until COMMAND succeeds.
wait_for() {
        local until=$((SECONDS + $1))
        shift
        until "$@"; do
                [ $SECONDS -le $until ] || return 1
                sleep 0.01
        done
}

# What /proc says of process $1 after its name, in "process". Without a fork: this is
# asked in loops.
look_up() {
        local stat
        { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return
        read -r -a process <<<"${stat##*) }"
}

# The start time tells a process from a later one that got its number.
start_time() {
        local process
        ! look_up "$1" || echo "${process[19]}"
}

# is_running PID START-TIME: a zombie does not run.
is_running() {
        local process
        look_up "$1" && [ "${process[0]}" != Z ] && [ "${process[19]}" = "$2" ]
}

has_ended() {
        ! is_running "$@"
}

# end_process PID START-TIME [SIGNAL]: returns when it is gone; 1 if it had to be killed.
end_process() {
        is_running "$1" "$2" || return 0
        kill "-${3:-TERM}" "$1" 2>/dev/null || :
        # A frozen one takes no notice before it is thawed.
        kill -CONT "$1" 2>/dev/null || :
        wait_for 10 has_ended "$1" "$2" && return
        kill -KILL "$1" 2>/dev/null || :
        wait_for 10 has_ended "$1" "$2" || :
        return 1
}

# part_start NAME COMMAND…: stdin is the caller's.
part_start() {
        local name=$1
        shift
        ! part_runs "$name" || die "$name runs already"
        setsid "$@" >>"$world/log/$name.log" 2>&1 <&0 8>&- 9>&- &
        echo "$! $(start_time $!)" >"$world/pid/$name"
        disown # its end is nobody's news here
}

part_pid() {
        cut -d' ' -f1 "$world/pid/$1" 2>/dev/null
}

part_runs() {
        local id
        read -r -a id 2>/dev/null <"$world/pid/$1" && is_running "${id[@]}"
}

# part_stop NAME [SIGNAL]
part_stop() {
        local id
        read -r -a id 2>/dev/null <"$world/pid/$1" || return 0
        rm -f "$world/pid/$1"
        end_process "${id[@]}" "${2:-TERM}" || die "$1 did not end when it was asked to"
}

part_signal() {
        part_runs "$1" || die "$1 does not run"
        kill "-$2" "$(part_pid "$1")"
}

# undo_later COMMAND…: at the end of a world that is in place; one that is covered leaves nothing.
undo_later() {
        [ ! -e "$world/undo" ] || { printf '%q ' "$@" && echo; } >>"$world/undo"
}

bus_of() {
        echo "/run/user/$(id -u "$1")/bus"
}

require_user() {
        grep -qxF -- "${1:-}" "$world/users" || {
                say "no user \"${1:-}\" lives in this world: $(paste -sd ' ' "$world/users")"
                exit 2
        }
}

# bus_call USER|system DESTINATION PATH METHOD [ARGUMENT…], as gdbus writes them
bus_call() {
        local as=(as "$1") address
        address=$([ "$1" = system ] && echo $system_bus || bus_of "$1")
        [ "$1" != system ] || as=()
        "${as[@]}" gdbus call --address "unix:path=$address" --timeout 10 \
                --dest "$2" --object-path "$3" --method "$4" "${@:5}"
}

# name_has_owner USER|system NAME: asking this way starts nobody.
name_has_owner() {
        bus_call "$1" org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner "$2" 2>/dev/null |
                grep -q true
}

# owner_pid USER NAME
owner_pid() {
        bus_call "$1" org.freedesktop.DBus / org.freedesktop.DBus.GetConnectionUnixProcessID "$2" \
                2>/dev/null | sed 's/.*uint32 //; s/,.*//'
}

require_name() {
        wait_for 10 name_has_owner "$@" || die "$2 did not appear on the bus of $1"
}

start_polkit() {
        part_start polkitd /usr/lib/polkit-1/polkitd </dev/null
        require_name system org.freedesktop.PolicyKit1
}

# start_keyring USER [OPTION…]: with --unlock the password is read from stdin
start_keyring() {
        local user=$1
        shift
        part_start "$user-keyring" as "$user" gnome-keyring-daemon --foreground --components=secrets "$@"
}
