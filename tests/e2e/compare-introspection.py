#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare-introspection MANUAL LIVE…

Exits with 0 when the interfaces of ours in all of LIVE together are those of MANUAL:
the same members, argument names and types, access, and promises of change.
"""

import sys
import xml.etree.ElementTree as ElementTree

EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def emits_changed(node):
    for annotation in node.findall("annotation"):
        if annotation.get("name") == EMITS:
            return annotation.get("value")
    return "true"


def members(interface):
    found = {}
    for node in interface:
        if node.tag in ("method", "signal"):
            default = "in" if node.tag == "method" else "out"
            found[node.tag, node.get("name")] = [
                (a.get("direction", default), a.get("name"), a.get("type"))
                for a in node.findall("arg")
            ]
        elif node.tag == "property":
            found[node.tag, node.get("name")] = [
                (node.get("type"), node.get("access"), emits_changed(node))
            ]
    return found


def interfaces(path):
    found = {}
    for interface in ElementTree.parse(path).getroot().findall("interface"):
        if interface.get("name").startswith("org.tigress."):
            found[interface.get("name")] = members(interface)
    return found


def main():
    manual = interfaces(sys.argv[1])
    live = {}
    for path in sys.argv[2:]:
        live.update(interfaces(path))

    if not manual or not live:
        sys.exit("nothing to compare")
    differences = 0
    for name in sorted(set(manual) | set(live)):
        wanted, got = manual.get(name, {}), live.get(name, {})
        for member in sorted(set(wanted) | set(got)):
            if wanted.get(member) != got.get(member):
                differences += 1
                print(f"{name}, {member[0]} {member[1]}:")
                print(f"  the manual: {wanted.get(member)}")
                print(f"  the wallet: {got.get(member)}")
    sys.exit(1 if differences else 0)


main()
