#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Credentials that are copied and have a form of their own."""

from consent_world import *
from cxf_parts import credential_exchange
from item_parts import attributes_of_items

TOTP = "org.tigress.totp.secret"
WIFI = "org.tigress.wifi.network"


def copy(sender, receiver, format, content):
    """What the receiver has when the sender has shared this."""
    share = sender.call(ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", format,
                        {"content": ("s", content)}, {"wait": ("b", True), "pin": ("b", False)})
    received = receiver.accept(sender.invitation(share))
    receiver.reaches(received, "completed")
    sender.reaches(share, "completed")
    return receiver.get(received, "Credential")


def is_given_on(holder, receiver, credential, content):
    share = holder.call(credential, "Credential", "Share", "a{sv}",
                        {"wait": ("b", True), "pin": ("b", False)})
    received = receiver.accept(holder.invitation(share))
    receiver.reaches(received, "completed")
    equal(keyring_items("alice")[receiver.get(received, "Credential")[-32:]], content, "given on")


def one_time_passwords(alice, bob):
    claim("the key of one-time passwords goes over, and can be given on")
    given = "otpauth://totp/ACME%20Co:carol?secret=JBSWY3DPEHPK3PXP&issuer=ACME%20Co"
    kept = given + "&algorithm=SHA1&digits=6&period=30"
    credential = copy(alice, bob, TOTP, given)
    equal(bob.get(credential, "Format"), TOTP, "format")
    equal(bob.get(credential, "Title"), "ACME Co: carol", "title")
    equal(keyring_items("bob")[credential[-32:]], kept, "what bob has in his keyring")
    is_given_on(bob, alice, credential, kept)

    claim("what cannot be copied is said before anybody is asked")
    consent("alice", "ask")
    dialogs = Dialogs(alice, "cancel")
    for address, part in (("otpauth://hotp/a?secret=AAAA&counter=0", "count"),
                          ("otpauth://totp/a?secret=1111", "base32"), ("s3cret", "otpauth")):
        contains(alice.refused("Invalid", ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", TOTP,
                               {"content": ("s", address)}, {}), part, "why not")
    dialogs.had()
    consent("alice", "yes")


def wifi(alice, bob):
    claim("a Wi-Fi network goes over as what it is, and nothing of the machine's is touched")
    given = r'WIFI:S:\"Cafe\;1\";H:true;T:WPA2;P:12345678;R:1;;'
    kept = r'WIFI:T:WPA;S:\"Cafe\;1\";P:"12345678";H:true;;'
    credential = copy(alice, bob, WIFI, given)
    equal(bob.get(credential, "Title"), '"Cafe;1"', "title")
    details = dict(bob.get(credential, "Details"))
    equal((details["Network"], details["Protection"]), ('"Cafe;1"', "password (WPA2 or WPA3)"),
          "details")
    equal(keyring_items("bob")[credential[-32:]], kept, "what bob has in his keyring")
    is_given_on(bob, alice, credential, kept)

    claim("what protects nothing, and what is one person's, is refused before anybody is asked")
    consent("alice", "ask")
    asker = Caller("alice")
    dialogs = Dialogs(asker, "cancel")
    for text, part in (("WIFI:T:WEP;S:old;P:abcde;;", "WEP"), ("s3cret", "WIFI:"),
                       ("WIFI:T:WPA;S:work;E:PEAP;I:carol;P:12345678;;", "802.1X")):
        contains(asker.refused("Invalid", ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", WIFI,
                               {"content": ("s", text)}, {}), part, "why not")
    dialogs.had()
    consent("alice", "yes")


def main():
    alice, bob = Caller("alice"), Caller("bob")
    one_time_passwords(alice, bob)
    wifi(alice, bob)
    for path in alice.objects("Credential"):
        alice.call(path, "Credential", "Remove")
    credential_exchange(alice, bob)
    attributes_of_items(alice, bob)


test(main)
