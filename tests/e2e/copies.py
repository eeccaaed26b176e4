#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Credentials that are copied and have a form of their own."""

from consent_world import *

TOTP = "org.tigress.totp.secret"


def copy(sender, receiver, format, content):
    """What the receiver has when the sender has shared this."""
    share = sender.call(ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", format,
                        {"content": ("s", content)}, {"wait": ("b", True), "pin": ("b", False)})
    received = receiver.accept(sender.invitation(share))
    receiver.reaches(received, "completed")
    sender.reaches(share, "completed")
    return receiver.get(received, "Credential")


def one_time_passwords(alice, bob):
    claim("the key of one-time passwords goes over, and can be given on")
    given = "otpauth://totp/ACME%20Co:carol?secret=JBSWY3DPEHPK3PXP&issuer=ACME%20Co"
    kept = given + "&algorithm=SHA1&digits=6&period=30"
    credential = copy(alice, bob, TOTP, given)
    equal(bob.get(credential, "Format"), TOTP, "format")
    equal(bob.get(credential, "Title"), "ACME Co: carol", "title")
    equal(keyring_items("bob")[credential[-32:]], kept, "what bob has in his keyring")
    share = bob.call(credential, "Credential", "Share", "a{sv}",
                     {"wait": ("b", True), "pin": ("b", False)})
    received = alice.accept(bob.invitation(share))
    alice.reaches(received, "completed")
    equal(keyring_items("alice")[alice.get(received, "Credential")[-32:]], kept, "given on")

    claim("what cannot be copied is said before anybody is asked")
    consent("alice", "ask")
    dialogs = Dialogs(alice, "cancel")
    for address, part in (("otpauth://hotp/a?secret=AAAA&counter=0", "count"),
                          ("otpauth://totp/a?secret=1111", "base32"), ("s3cret", "otpauth")):
        contains(alice.refused("Invalid", ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", TOTP,
                               {"content": ("s", address)}, {}), part, "why not")
    dialogs.had()
    consent("alice", "yes")


def main():
    alice, bob = Caller("alice"), Caller("bob")
    one_time_passwords(alice, bob)


test(main)
