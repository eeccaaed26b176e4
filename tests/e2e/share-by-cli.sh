#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A credential goes from alice to bob with tigressctl, for people and for programs.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

claim "sharing prints the link on stdout and nothing else"
link=$(printf '{"token":"s3cret"}' | control alice share --title "Library card" - 2>"$TMPDIR/said")
[[ $link =~ ^$TIGRESS_TRIAL_RELAY/v1/m/[0-9a-f-]{36}'#'[A-Za-z0-9_=-]+$ ]] || fail "no link: $link"
contains_not "$(cat "$TMPDIR/said")" "$link"
contains "$(control alice list)" invited

claim "who only looks learns of the relay, and leaves the link to others"
contains "$(control bob inspect <<<"$link")" "you trust it"
contains_not "$(control bob inspect <<<"$link")" "Library card"

claim "accepting prints the credential's id; the secret is in the keyring"
id=$(control bob accept --yes <<<"$link" 2>/dev/null)
equal "$(as bob secret-tool lookup tigress credential id "$id")" '{"token":"s3cret"}'
contains "$(control bob credentials)" "Library card"
equal "$(control bob reveal "$id")" '{"token":"s3cret"}'

claim "the sender's share is completed"
completed() {
        [ "$(control alice list --all --json | field state)" = completed ]
}
eventually completed

claim "--watch ends with the share, at the recipient's word"
(printf one | control alice share --watch --json - >"$TMPDIR/watched" 2>/dev/null) &
watching=$!
is_there() {
        grep -q '"link"' "$TMPDIR/watched" 2>/dev/null
}
eventually is_there
grep '"link"' "$TMPDIR/watched" | field link | control bob accept --yes >/dev/null 2>&1
wait $watching
equal "$(field state <"$TMPDIR/watched")" completed
equal "$(field ended_by <"$TMPDIR/watched")" peer

claim "octets that are no text arrive as they were"
head -c 3000 /dev/urandom >"$TMPDIR/octets"
link=$(control alice share - <"$TMPDIR/octets" 2>/dev/null)
id=$(control bob accept --yes <<<"$link" 2>/dev/null)
control bob reveal "$id" | cmp - "$TMPDIR/octets"

claim "an item of the keyring is copied: label and secret, no attribute"
printf 'correct horse' | as alice secret-tool store --label="Wi-Fi at home" place home
link=$(control alice share --attribute place=home --no-pin 2>/dev/null)
id=$(control bob accept --yes --json <<<"$link" 2>/dev/null | field credential)
equal "$(control bob reveal "$id")" "correct horse"
contains "$(control bob credentials)" "Wi-Fi at home"
refused 1 as bob secret-tool lookup place home

claim "a copy has a PIN unless it is refused, and the PIN is not where the link is"
shared=$(control alice share --attribute place=home --json 2>"$TMPDIR/said")
link=$(field link <<<"$shared")
pin=$(control alice show --pin "$(field id <<<"$shared")")
[[ $pin =~ ^[0-9]{3}-[0-9]{3}-[0-9]$ ]] || fail "no PIN: $pin"
contains_not "$shared$(cat "$TMPDIR/said")" "$pin"
refused 2 control bob accept --yes <<<"$link"
contains "$said" "--pin-file FILE"
copy=$(control bob accept --yes --pin-fd 3 <<<"$link" 3<<<"$pin" 2>/dev/null)
equal "$(control bob reveal "$copy")" "correct horse"

claim "cancelling before it is opened: the link is worthless"
shared=$(printf one | control alice share --json - 2>/dev/null)
link=$(field link <<<"$shared")
control alice cancel "$(field id <<<"$shared")"
gone() {
        ! control bob inspect <<<"$link" >/dev/null 2>&1
}
eventually gone
refused 6 control bob accept --yes <<<"$link"

claim "what ended can be forgotten, what was accepted removed, by the beginning of an id"
control bob remove "${id:0:12}"
refused 3 control bob reveal "$id"
forgotten() { # what the relay has not been told is kept
        control bob forget --ended && [ -z "$(control bob list --all --json)" ]
}
eventually forgotten

claim "mistakes have the statuses of the manual, and nothing of the link is repeated"
refused 2 control bob accept --yes </dev/null
foreign=https://relay.invalid/${link#"$TIGRESS_TRIAL_RELAY"/}
refused 10 control bob accept --yes <<<"$foreign"
contains "$said" "tigressctl relays add https://relay.invalid"
contains_not "$said" "${link#*#}"
refused 2 control bob accept "$foreign"
contains_not "$said" "${link#*#}"
refused 3 control bob show 0000
