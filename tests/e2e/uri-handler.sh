#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A click on a link: it reaches the wallet over the bus, is looked at, and nothing else.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# What the wallet would have the desktop show; nobody needs to own the name for that.
watch_notifications() {
        as bob dbus-monitor --session "interface='org.freedesktop.Notifications'" \
                >"$TMPDIR/shown" 2>&1 &
        watcher=$!
        eventually grep -q NameAcquired "$TMPDIR/shown"
}

open_link() {
        as bob busctl --user call org.tigress.Wallet1 $manager org.freedesktop.Application Open \
                'asa{sv}' 1 "$1" 0
}

shown() {
        grep -qF "$1" "$TMPDIR/shown"
}

watch_notifications
share=$(bus_share alice s3cret title s 'Door code' public-title b true)
link=$(bus_invitation alice "$share")

claim "the desktop entry names the interface that the wallet has"
entry=/usr/share/applications/org.tigress.Wallet1.desktop
grep -q '^DBusActivatable=true$' $entry
equal "$(grep -c '^Exec=' $entry || :)" 0

claim "opening shows what the relay says, and not the secret"
open_link "tigress:$link"
eventually shown 'Door code'
shown "$TIGRESS_TRIAL_RELAY"
contains_not "$(cat "$TMPDIR/shown")" "${link#*#}"

claim "nothing was claimed or kept: the same person accepts afterwards"
equal "$(as bob busctl --user --list tree org.tigress.Wallet1 | grep -c /share/ || :)" 0
is_property alice "$share" State invited
received=$(bus_accept bob "$link")
reaches bob "$received" completed

claim "that a PIN is needed is said, and only then"
contains_not "$(cat "$TMPDIR/shown")" "its PIN by telephone"
share=$(bus_share alice s3cret pin b true)
open_link "$(bus_invitation alice "$share")"
eventually shown 'its PIN by telephone'

claim "a stranger's title is text, not markup"
share=$(bus_share alice s3cret title s 'a<b>bold</b>&' public-title b true)
open_link "$(bus_invitation alice "$share")"
eventually shown 'a&lt;b&gt;bold&lt;/b&gt;&amp;'

claim "an untrusted relay is not asked, and what is no invitation is said to be none"
open_link "https://relay.invalid/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b#${link#*#}"
eventually shown 'is not trusted'
open_link 'tigress:nonsense'
two_refusals() {
        [ "$(grep -c 'cannot be opened' "$TMPDIR/shown")" = 2 ]
}
eventually two_refusals
kill $watcher
