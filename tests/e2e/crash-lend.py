#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""crash-lend.py [WHO…] [FIRST [LAST]] - a wallet is killed at steps of a lend of several messages;
it is started again, and the exchange ends right all the same: one certificate, signed once, held
once, and taken back. WHO dies: the sender, the recipient; over plain HTTP: sender-drop,
recipient-drop; with an X.509 certificate: sender-x509, recipient-x509. FIRST and LAST are bounds of the steps."""

import subprocess

from crash_parts import *
import ssh_parts
import x509_parts
from ssh_parts import content_of, leaves_nothing

STRIDE = 5


def field(text, name):
    return re.search(rf"^\s*{name}: (.*)$", text, re.M)[1]


class Ssh:
    """An authority whose certificates are looked at by OpenSSH's tools."""

    def __init__(self, person, name):
        self.person, self.authority = person, ssh_parts.Authority(person, name)
        self.lend = self.authority.lend

    def is_told(self, text, shown):
        line = text.splitlines()[-1] + "\n"
        seen = run("as", self.person.name, "ssh-keygen", "-L", "-f", "-", input=line)
        return field(seen, "Key ID").strip('"') == shown["Key id"]

    def is_revoked(self, text):
        path = f"{self.person.environment['HOME']}/seen-cert.pub"
        run("as", self.person.name, "sh", "-c", 'cat >"$1"', "-", path,
            input=text.splitlines()[-1] + "\n")
        done = subprocess.run(["as", self.person.name, "ssh-keygen", "-Q", "-f",
                               self.authority.krl, path], capture_output=True, text=True)
        return "REVOKED" in done.stdout.upper()


class X509:
    """The same, by openssl."""

    def __init__(self, person, name):
        self.person, self.authority = person, x509_parts.Authority(person, name)
        self.lend = self.authority.lend

    def serial(self, text):
        said = run("as", self.person.name, "openssl", "x509", "-noout", "-serial",
                   input=text.split("-----END PRIVATE KEY-----\n")[1])
        return said.strip().removeprefix("serial=")

    def is_told(self, text, shown):
        return self.serial(text) == shown["Serial number"].upper()

    def is_revoked(self, text):
        said = run("as", self.person.name, "openssl", "crl", "-in", self.authority.crl, "-noout",
                   "-text", "-CAfile", self.authority.certificate)
        return said.count(f"Serial Number: {self.serial(text)}") == 1


def lend(alice, bob, authority, settings):
    share = authority.lend(settings)
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    alice.ends_by(share, "peer")
    equal(bob.count_items("credential"), 1, "items in bob's keyring")
    equal(len(bob.objects("credential")), 1, "bob's credentials")
    text = bob.insist(lambda: content_of(bob, received))
    shown = dict(alice.insist(lambda: alice.get(share, "Details")))
    equal(authority.is_told(text, shown), True, "the certificate is the one told of")
    for _ in range(3):
        if alice.end(share, "Revoke", "s", ""):
            break
        if alice.state(share) == "revoked":
            break
    equal(alice.state(share), "revoked", "taken back")
    equal(authority.is_revoked(text), True, "in the list, once")
    for person in (alice, bob):
        leaves_nothing(person)


def dies(is_sender, kind=Ssh, **settings):
    def play_it(alice, bob, relay):
        victim = alice if is_sender else bob
        claim(f"the {'sender' if is_sender else 'recipient'}'s wallet may die while it lends"
              f"{' over plain HTTP' if settings else ''}{' (X.509)' if kind is X509 else ''}")
        authority = kind(alice, f"ca-{len(settings)}-{is_sender}")

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
    "sender-x509": dies(True, X509),
    "recipient-x509": dies(False, X509),
}

play(scenarios)
