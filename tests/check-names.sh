#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-names.sh - names, and words that are not to be used.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
status=0
folders=(cli daemon dbus protocol relay tests)

complain() {
        printf '%s\n' "$@"
        status=1
}

# no PATTERN REASON FOLDER…
no() {
        local pattern=$1 reason=$2 found
        shift 2
        found=$(grep -rnE --include='*.[ch]' "$pattern" "$@") && complain "$found" "^ $reason"
}

no '\b(strcpy|strcat|sprintf|vsprintf|gets|system|popen|tmpnam)\(' \
        'has a safe sister' "${folders[@]}"
no '\b(TODO|FIXME|XXX)\b' 'do it, or open an issue' "${folders[@]}"
no '\bgoto\b' 'jumps past the initialisers of cleanup attributes' "${folders[@]}"
no '%s.*tg_secret_get' 'a secret is not text' "${folders[@]}"
no '\b(usleep|g_usleep|nanosleep|sleep)\(' 'wait for an event' cli daemon protocol relay
no '\bg_(warning|message|info|debug|log_structured|print|printerr)\(|\b(printf|puts)\(' \
        'protocol/ never logs' protocol
no 'CURLOPT_VERBOSE|CURLOPT_DEBUGFUNCTION' 'a trace of requests holds secrets' "${folders[@]}"
no 'CURLOPT_SSL_VERIFY(PEER|HOST), *0' 'verification is never off' daemon relay cli
no '"org\.tigress\.[wW]allet' 'bus names are in dbus/names.h' cli

# The exported say whose they are; definitions start a line of their own. freed.c is free() itself.
for file in $(find cli daemon protocol relay -name '*.c' ! -path relay/freed.c); do
        bad=$(awk -v file="$file" '
                /^[a-z][a-z0-9_]*\(/ && previous !~ /^(static|G_DEFINE)/ && !/^(tg_|main\()/ &&
                        previous ~ /^[A-Za-z]/ && previous !~ /[;,)]$/ { print file ":" FNR ": " $0 }
                { previous = $0 }' "$file")
        [ -z "$bad" ] || complain "$bad" "^ an exported function is a tg_…"
done

# One licence line, first; a screenful too many asks for another noun.
while read -r file; do
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later' ||
                complain "$file: does not begin with its licence line"
        [ "$(wc -l <"$file")" -le 600 ] || complain "$file: over 600 lines: which noun deserves a file?"
done < <(find "${folders[@]}" \( -name '*.[ch]' -o -name '*.sh' -o -name meson.build \) ! -path '*/vectors/*')

for script in tests/{world,all,demo,*.sh,world.d/*.sh,world.d/bin/*,e2e/*.sh} .ci/run; do
        [ ! -f "$script" ] || bash -n "$script" || complain "$script: is not a shell script"
done
exit $status
