#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# authority.sh TEST-AUTHORITY - runs that program as alice, with a stage hand beside it:
# what it writes to descriptor 4, a line a wish, is done here as root and answered on
# descriptor 3 with "done", or "cannot" where this world has no way.
#
#   polkit VERB        as in a world
#   bus stop|start     the system bus, and polkitd with it
#   agent PID MODE     somebody answers dialogs of PID from now on
#   agent-ends         … and no longer
#   said N TEXT        returns when the agent has said TEXT N times
[ -n "${TIGRESS_WORLD:-}" ] || exec "$(dirname "${BASH_SOURCE[0]}")/../world" "$0" "$@"
set -eu
. "$TIGRESS_WORLD/bin/parts.sh"

said=$TIGRESS_WORLD/tmp/agent-said
agent=

has_said() {
        [ "$(grep -c -- "$2" "$said")" -ge "$1" ]
}

n_unregistered() {
        grep -c 'Unregistered Authentication Agent' "$TIGRESS_WORLD/log/polkitd.log" || :
}

begin_agent() { # PID MODE
        : >"$said"
        mkfifo "$said.ready"
        # Root's agent needs no setuid helper, which some containers refuse to run.
        consent-agent --process "$1" "$2" >"$said.ready" 2>>"$said" &
        agent=$!
        subject=$1
        registered_at=$(part_pid polkitd)
        read -r _ <"$said.ready" || :
        rm "$said.ready"
        [ -d "/proc/$agent" ] || cat "$said" >&2
}

is_unregistered() {
        [ "$(n_unregistered)" -gt "$1" ]
}

end_agent() {
        local before
        before=$(n_unregistered)
        [ -n "$agent" ] || return 0
        kill "$agent" 2>/dev/null || : # without a bus it has ended by itself
        wait "$agent" || :
        agent=
        # polkitd hears of it from the bus, after us. Of one whose subject has ended, or
        # that another polkitd knew, it says nothing.
        [ ! -d "/proc/$subject" ] || [ "$(part_pid polkitd)" != "$registered_at" ] ||
                wait_for 10 is_unregistered "$before"
}

has_no_owner() {
        ! name_has_owner system org.freedesktop.PolicyKit1
}

start_bus() {
        part_start system-bus dbus-daemon --config-file="$TIGRESS_WORLD/system-bus.conf" \
                --nofork --nopidfile --nosyslog </dev/null
        wait_for 10 name_has_owner system org.freedesktop.DBus
        start_polkit
}

fulfil() {
        case $1 in
        polkit)
                part_runs system-bus || return
                polkit "$2" || return
                # The bus hears of its end a little later than we.
                [[ $2 != @(stop|kill) ]] || wait_for 10 has_no_owner
                ;;
        bus)
                [ -e "$TIGRESS_WORLD/system-bus.conf" ] || return
                if [ "$2" = start ]; then
                        start_bus
                else
                        part_stop polkitd
                        part_stop system-bus KILL
                        rm -f $system_bus
                fi
                ;;
        agent) begin_agent "$2" "$3" ;;
        agent-ends) end_agent ;;
        said) wait_for 60 has_said "$2" "$3" ;;
        *) return 1 ;;
        esac
}

stage_hand() {
        local wish words
        trap end_agent EXIT
        while read -r wish; do
                read -r -a words <<<"$wish"
                if fulfil "${words[0]}" "${words[1]:-}" "${words[*]:2}" >&2 </dev/null; then
                        echo done
                else
                        echo cannot
                fi
        done
}

consent alice yes share
consent alice no accept
consent alice ask reveal
program=$(give "$1")
# Not a coproc: what bash copies from one is closed in the program.
pipes=$TIGRESS_WORLD/tmp/stage
mkfifo "$pipes.wishes" "$pipes.answers"
stage_hand <"$pipes.wishes" >"$pipes.answers" &
status=0
as alice "$program" "${@:2}" 4>"$pipes.wishes" 3<"$pipes.answers" || status=$?
wait
exit $status
