#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""crash-lend.py [WHO…] [FIRST [LAST]] - a wallet is killed at steps of a lend of several messages;
it is started again, and the exchange ends right all the same: one certificate, signed once, held
once, and taken back. WHO dies: the sender, the recipient; over plain HTTP: sender-drop,
recipient-drop. FIRST and LAST are bounds of the steps."""

import subprocess

from crash_parts import *
from ssh_parts import Authority, content_of, leaves_nothing

STRIDE = 5


def field(text, name):
    return re.search(rf"^\s*{name}: (.*)$", text, re.M)[1]


def is_revoked(authority, line):
    person = authority.person
    path = f"{person.environment['HOME']}/seen-cert.pub"
    run("as", person.name, "sh", "-c", 'cat >"$1"', "-", path, input=line)
    done = subprocess.run(["as", person.name, "ssh-keygen", "-Q", "-f", authority.krl, path],
                          capture_output=True, text=True)
    return "REVOKED" in done.stdout.upper()


def lend(alice, bob, authority, settings):
    share = authority.lend(settings)
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    alice.ends_by(share, "peer")
    equal(bob.count_items("credential"), 1, "items in bob's keyring")
    equal(len(bob.objects("credential")), 1, "bob's credentials")
    line = bob.insist(lambda: content_of(bob, received)).splitlines()[-1] + "\n"
    seen = run("as", bob.name, "ssh-keygen", "-L", "-f", "-", input=line)
    shown = dict(alice.insist(lambda: alice.get(share, "Details")))
    equal(field(seen, "Key ID").strip('"'), shown["Key id"], "the certificate is the one told of")
    for _ in range(3):
        if alice.end(share, "Revoke", "s", ""):
            break
        if alice.state(share) == "revoked":
            break
    equal(alice.state(share), "revoked", "taken back")
    equal(is_revoked(authority, line), True, "in the list")
    for person in (alice, bob):
        leaves_nothing(person)


def dies(is_sender, **settings):
    def play_it(alice, bob, relay):
        victim = alice if is_sender else bob
        claim(f"the {'sender' if is_sender else 'recipient'}'s wallet may die while it lends"
              f"{' over plain HTTP' if settings else ''}")
        authority = Authority(alice, f"ca-{len(settings)}-{is_sender}")

        def scenario(content, arm):
            arm()
            lend(alice, bob, authority, settings)
            clear(relay, alice, bob)

        scenario("so that all are warm", lambda: None)
        every_step(scenario, victim.page, [alice, bob], stride=STRIDE)

    return play_it


scenarios = {
    "sender": dies(True),
    "recipient": dies(False),
    "sender-drop": dies(True, transport="tdch"),
    "recipient-drop": dies(False, transport="tdch"),
}

play(scenarios)
