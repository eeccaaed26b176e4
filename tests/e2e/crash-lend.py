#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""crash-lend.py [WHO…] [FIRST [LAST]] - a wallet is killed at steps of a lend of several messages;
it is started again, and the exchange ends right all the same: one certificate, signed once, held
once, and taken back. WHO dies: the sender, the recipient; over plain HTTP: sender-drop,
recipient-drop; with an X.509 certificate: sender-x509, recipient-x509; with a place in a WireGuard
network: sender-wireguard, recipient-wireguard. FIRST and LAST are bounds of the steps."""

import subprocess

from crash_parts import *
import ssh_parts
import wireguard_parts
import x509_parts
from ssh_parts import content_of, leaves_nothing

STRIDE = 5


def field(text, name):
    return re.search(rf"^\s*{name} (.*)$", text, re.M)[1]


class Ssh:
    """An authority whose certificates are looked at by OpenSSH's tools."""

    name = ""

    def __init__(self, person, name):
        self.person, self.authority = person, ssh_parts.Authority(person, name)
        self.lend = self.authority.lend

    def is_told(self, text, shown):
        line = text.splitlines()[-1] + "\n"
        seen = run("as", self.person.name, "ssh-keygen", "-L", "-f", "-", input=line)
        return field(seen, "Key ID:").strip('"') == shown["Key id"]

    def is_revoked(self, text):
        path = f"{self.person.environment['HOME']}/seen-cert.pub"
        run("as", self.person.name, "sh", "-c", 'cat >"$1"', "-", path,
            input=text.splitlines()[-1] + "\n")
        done = subprocess.run(["as", self.person.name, "ssh-keygen", "-Q", "-f",
                               self.authority.krl, path], capture_output=True, text=True)
        return "REVOKED" in done.stdout.upper()


class X509:
    """The same, by openssl."""

    name = " (X.509)"

    def __init__(self, person, name):
        self.person, self.authority = person, x509_parts.Authority(person, name)
        self.lend = self.authority.lend

    def is_told(self, text, shown):
        return x509_parts.serial_of(self.person, text) == shown["Serial number"].upper()

    def is_revoked(self, text):
        said = run("as", self.person.name, "openssl", "crl", "-in", self.authority.crl, "-noout",
                   "-text", "-CAfile", self.authority.certificate)
        return said.count(f"Serial Number: {x509_parts.serial_of(self.person, text)}") == 1


class WireGuard:
    """A server, whose peers are in a file; nobody's address is ever another's."""

    name = " (WireGuard)"

    def __init__(self, person, name):
        self.server = wireguard_parts.Server(person, f"{name}.conf")
        self.given = set()

    def lend(self, settings):
        return self.server.lend(settings, pool=["10.0.0.0/16"])

    def is_told(self, text, shown):
        address, private = field(text, "Address ="), field(text, "PrivateKey =")
        is_new = address not in self.given
        self.given.add(address)
        public = run("wg", "pubkey", input=private).strip()
        stanza = f"PublicKey = {public}\nPresharedKey = {field(text, 'PresharedKey =')}\n" \
                 f"AllowedIPs = {address}\n"
        peers = self.server.file()
        return is_new and address == shown["Address"] and peers.count("[Peer]") == 1 and \
            peers.count(stanza) == 1

    def is_revoked(self, text):
        return "[Peer]" not in self.server.file()


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
    equal(authority.is_told(text, shown), True, "what bob has is what alice is told of")
    for _ in range(3):
        if alice.end(share, "Revoke", "s", ""):
            break
        if alice.state(share) == "revoked":
            break
    equal(alice.state(share), "revoked", "taken back")
    equal(authority.is_revoked(text), True, "taken back for everybody")
    for person in (alice, bob):
        leaves_nothing(person)


def dies(is_sender, kind=Ssh, **settings):
    def play_it(alice, bob, relay):
        victim = alice if is_sender else bob
        claim(f"the {'sender' if is_sender else 'recipient'}'s wallet may die while it lends"
              f"{' over plain HTTP' if settings else ''}{kind.name}")
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
    "sender-wireguard": dies(True, WireGuard),
    "recipient-wireguard": dies(False, WireGuard),
}

play(scenarios)
