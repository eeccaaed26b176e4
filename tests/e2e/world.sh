#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A world is what tests/world says: what the other tests rest upon.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
action=org.tigress.wallet.share

# asked USER [AGENT-MODE]: exit status of polkit's answer about a process of USER:
# 0 yes, 1 no, 2 a dialog would be needed, 3 dismissed
asked() {
        local user=$1 mode=${2:-}
        local check='pkcheck --action-id '$action' --process $$'
        if [ -n "$mode" ]; then
                as "$user" consent-agent "$mode" -- bash -c "$check --allow-user-interaction; exit \$?"
        else
                as "$user" bash -c "$check; exit \$?"
        fi
}

stored() { # USER
        printf %s "of $1" | as "$1" secret-tool store --label=x world "$1"
}

looked_up() { # USER
        as "$1" secret-tool lookup world "$1"
}

claim "each has a keyring, and nothing of the other"
stored alice
equal "$(looked_up alice)" "of alice"
refused 1 as bob secret-tool lookup world alice
refused 1 as bob env DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$(id -u alice)/bus" \
        secret-tool lookup world alice
contains "$said" "Permission denied"

claim "what polkit answers can be chosen, a verb at a time"
asked alice
consent alice no
refused 1 asked alice
consent alice yes share
asked alice
refused 1 as alice bash -c 'pkcheck --action-id org.tigress.wallet.accept --process $$; exit $?'
consent alice ask
refused 2 asked alice
asked bob

claim "the dialog is answered through PAM: by the right password first"
asked alice pass:alice-login
refused 1 asked alice pass:wrong
refused 1 asked alice pass:bob-login
refused 3 asked alice cancel
refused 1 asked alice none
refused 124 as alice timeout 1 consent-agent hang -- \
        bash -c 'pkcheck --action-id '$action' --process $$ -u; exit $?'

claim "an answer can be held back"
(asked alice "file:$TMPDIR/answer" 2>"$TMPDIR/dialog" && touch "$TMPDIR/agreed") &
eventually grep -qs "asked $action" "$TMPDIR/dialog"
[ ! -e "$TMPDIR/agreed" ]
echo alice-login >"$TMPDIR/answer"
wait $!
[ -e "$TMPDIR/agreed" ]

claim "a keyring can be locked, gone, or silent, and comes back with what it held"
keyring alice lock
refused 1 stored alice
contains "$said" "locked collection"
keyring alice unlock
equal "$(looked_up alice)" "of alice"
keyring alice stop
refused 1 looked_up alice
contains "$said" "not provided"
keyring alice start locked
refused 1 stored alice
keyring alice unlock
equal "$(looked_up alice)" "of alice"
keyring alice freeze
refused 124 as alice timeout 1 secret-tool lookup world alice
keyring alice thaw
equal "$(looked_up alice)" "of alice"

claim "without polkitd there is no answer"
if [ -e "$TIGRESS_WORLD/pid/system-bus" ]; then # the machine's own would start it again
        polkit kill
        refused 127 asked bob
        polkit start
        asked bob
fi

claim "the relay comes back where it was, as who it was"
if [ -n "${TIGRESS_TRIAL_RELAY:-}" ]; then
        answers() {
                as bob curl --silent --output /dev/null --cacert "$TIGRESS_TRIAL_CA" "$TIGRESS_TRIAL_RELAY"
        }
        answers
        relay kill
        refused 7 answers
        relay start
        answers
        refused 60 as bob curl --silent --capath /etc/ssl/certs "$TIGRESS_TRIAL_RELAY"
fi

claim "the environment is that of a fresh session"
SOMETHING=telling
export SOMETHING
contains_not "$(as alice env)" telling
equal "$(as alice pwd)" "$(as alice printenv HOME)"
