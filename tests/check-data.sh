#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-data.sh - what is installed beside the programs is what its readers expect.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
status=0

check() {
        command -v "$1" >/dev/null || {
                echo "needs $1: tests/packages.sh test installs it"
                exit 77
        }
        "$@" || status=1
}

check xmllint --noout dbus/*.xml data/desktop/*.svg
check xmllint --noout --dtdvalid /usr/share/polkit-1/policyconfig-1.dtd polkit/*.policy.in
check desktop-file-validate data/desktop/*.desktop

# One yes is one act; nobody gets anything for nothing.
if grep -E '<allow_' polkit/*.policy.in | grep -v '>auth_self<'; then
        echo "polkit: a default is not auth_self"
        status=1
fi
for action in $(sed -n 's/^#define TG_ACTION_.* "\(.*\)"/\1/p' dbus/names.h); do
        [ "$(grep -A 9 "<action id=\"$action\">" polkit/*.policy.in | grep -c auth_self)" = 3 ] ||
                {
                        echo "polkit: $action is missing, or a default of it"
                        status=1
                }
done
for page in data/man/*.[1-8]; do
        [ ! -f "$page" ] || check mandoc -T lint -W warning "$page"
done
exit $status
