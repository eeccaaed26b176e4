# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# lib.sh - what the tests in worlds have in common. To be sourced. A test is a
# script that ends with status 0; the first thing that is not as it should be ends it.

[ -n "${TIGRESS_WORLD:-}" ] || exec "$(dirname "${BASH_SOURCE[0]}")/../world" "$0" "$@"
set -Eeuo pipefail
trap 'echo "failed: ${BASH_SOURCE[0]##*/}, line $LINENO: $BASH_COMMAND" >&2' ERR

manager=/org/tigress/Wallet1
token_format=digitalwallet.generic.authorizationToken

# claim SENTENCE: what is shown next.
claim() {
        printf -- '- %s\n' "$*"
}

fail() {
        printf 'failed: %s\n' "$*" >&2
        exit 1
}

equal() {
        [ "$1" = "$2" ] || fail "got \"$1\", wanted \"$2\""
}

contains() {
        [[ $1 == *"$2"* ]] || fail "got \"$1\", wanted something with \"$2\""
}

contains_not() {
        [[ $1 != *"$2"* ]] || fail "got \"$1\", wanted nothing with \"$2\""
}

# refused STATUS COMMAND…: it ends with STATUS; what it said is in $said.
refused() {
        local want=$1 status=0
        shift
        said=$("$@" 2>&1) || status=$?
        [ $status = "$want" ] || fail "status $status, wanted $want: $* said: $said"
}

# eventually COMMAND…: one generous deadline for whatever has to be waited for.
eventually() {
        local until=$((SECONDS + 30))
        until "$@"; do
                [ $SECONDS -lt $until ] || fail "not within 30 s: $*"
                sleep 0.02
        done
}

# --- by plain busctl

# bus USER PATH INTERFACE METHOD [SIGNATURE ARGUMENT…]: the answer as busctl prints it
bus() {
        local user=$1 path=$2 interface=$3
        shift 3
        as "$user" busctl --user --timeout=60 call org.tigress.Wallet1 "$path" \
                "org.tigress.Wallet1.$interface" "$@"
}

# The one string or path in an answer of busctl's: its quotes and backslashes undone.
unquoted() {
        sed -E 's/^(s|o|v s) "(.*)"$/\2/; s/\\(.)/\1/g'
}

# property USER PATH NAME
property() {
        local interface=Manager
        case $2 in
        */share/*) interface=Share ;;
        */credential/*) interface=Credential ;;
        esac
        as "$1" busctl --user get-property org.tigress.Wallet1 "$2" \
                "org.tigress.Wallet1.$interface" "$3" | unquoted
}

is_property() { # USER PATH NAME VALUE
        [ "$(property "$1" "$2" "$3")" = "$4" ]
}

# reaches USER SHARE STATE
reaches() {
        local until=$((SECONDS + 30)) state=
        while state=$(property "$1" "$2" State) && [ "$state" != "$3" ]; do
                [ $SECONDS -lt $until ] ||
                        fail "$1's share stays $state, wanted $3: $(property "$1" "$2" Failure)"
                sleep 0.02
        done
}

# bus_share USER CONTENT [OPTION-SIGNATURE-AND-VALUE…]: a token, shared; prints the path.
# Options as busctl takes them: KEY SIGNATURE VALUE.
bus_share() {
        local user=$1 content=$2
        shift 2
        bus "$user" $manager Manager CreateShare 'sa{sv}a{sv}' $token_format \
                1 content s "$content" $(($# / 3 + 1)) wait b true "$@" | unquoted
}

bus_invitation() { # USER SHARE
        reaches "$1" "$2" invited
        bus "$1" "$2" Share GetInvitation | unquoted
}

bus_accept() { # USER LINK [KEY SIGNATURE VALUE]…
        local user=$1 link=$2
        shift 2
        bus "$user" $manager Manager AcceptInvitation 'va{sv}' s "$link" \
                $(($# / 3 + 1)) wait b true "$@" | unquoted
}

# The content of USER's credential, from the keyring and not from our own daemon.
keyring_content() { # USER CREDENTIAL
        as "$1" secret-tool lookup tigress credential id "${2##*/}"
}

# The ids of all credentials in the keyring of USER, one a line.
keyring_ids() {
        # secret-tool writes attributes to stderr.
        as "$1" secret-tool search --all tigress credential 2>&1 |
                sed -n 's/^attribute\.id = //p' | sort
}

# bus_completed_share FROM TO CONTENT: prints the path of the receiving share
bus_completed_share() {
        local share received
        share=$(bus_share "$1" "$3")
        received=$(bus_accept "$2" "$(bus_invitation "$1" "$share")")
        reaches "$2" "$received" completed
        reaches "$1" "$share" completed
        echo "$received"
}

is_gone_for() { # USER LINK
        ! bus "$1" $manager Manager InspectInvitation 'va{sv}' s "$2" 1 fetch b true >/dev/null 2>&1
}

# --- by tigressctl

# field KEY: its value in the last JSON line of stdin
field() {
        python3 -c 'import json, sys
value = json.loads(sys.stdin.read().splitlines()[-1])[sys.argv[1]]
print("null" if value is None else value)' "$1"
}

control() { # USER ARGUMENT…
        as "$1" tigressctl "${@:2}"
}
