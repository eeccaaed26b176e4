#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the wallet says of itself is what its manual says.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")
manual=$here/../../dbus/org.tigress.Wallet1.xml

received=$(bus_completed_share alice bob s3cret)
credential=$(property bob "$received" Credential)

introspect() {
        as bob busctl --user introspect --xml-interface org.tigress.Wallet1 "$1"
}

claim "methods, signals and properties of every object are those of the XML, and no others"
introspect $manager >"$TMPDIR/manager.xml"
introspect "$received" >"$TMPDIR/share.xml"
introspect "$credential" >"$TMPDIR/credential.xml"
python3 "$here/compare-introspection.py" "$manual" "$TMPDIR"/{manager,share,credential}.xml

claim "the object manager knows all of them"
all=$(as bob busctl --user call org.tigress.Wallet1 $manager org.freedesktop.DBus.ObjectManager \
        GetManagedObjects)
contains "$all" "\"$received\""
contains "$all" "\"$credential\""
contains "$all" '"org.tigress.Wallet1.Share"'
contains "$all" '"org.tigress.Wallet1.Credential"'

claim "what does not exist is unknown"
refused 1 as bob busctl --user introspect org.tigress.Wallet1 $manager/share/0123
refused 1 bus bob $manager/share/00000000000000000000000000000000 Share Forget
contains "$said" "Unknown object"
