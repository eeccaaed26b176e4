#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""crash-renewal.py [FIRST [LAST]] - both wallets are killed, each at a step of its own, while an X.509
certificate is lent and renewed; they are started again, and it is renewed all the same: in the same
credential, each number signed and told of once, and all of them taken back at the end. FIRST and LAST are
bounds of the steps."""

import time

from crash_parts import *
from ssh_parts import content_of, leaves_nothing
from x509_parts import Authority, serial_of

STRIDE = 61
LIFE_S = 10


def is_renewed(bob, credential, after):
    """The same credential holds another certificate; what is over is not revealed."""
    return bob.insist(lambda: bob.get(credential, "NotAfter")) not in (0, after)


def told(alice, share):
    """The numbers of all certificates that alice's shares say they have signed."""
    shares = alice.objects("share")
    return [dict(map(tuple, one["Details"]))["Serial number"].upper() for path, one in shares.items()
            if path == share or one["Grant"] == share]


def revoke(alice, share):
    """Until all of it is: what was cut off is asked for again."""
    def is_done():
        alice.end(share, "Revoke", "s", "")
        members = {path: one["State"] for path, one in alice.objects("share").items()
                   if path == share or one["Grant"] == share}
        return members if all(state in ("revoked", "cancelled") for state in members.values()) \
            and members[share] == "revoked" else None

    return until("all is taken back", is_done)


def renew(alice, bob, authority):
    share = authority.lend({"pin": False}, valid_for=("u", LIFE_S), renew_until=("t", int(time.time()) + 3600))
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    first = bob.insist(lambda: content_of(bob, received))
    credential = bob.insist(lambda: bob.get(received, "Credential"))
    after = bob.insist(lambda: bob.get(credential, "NotAfter"))
    until("it is renewed", lambda: is_renewed(bob, credential, after))
    second = bob.insist(lambda: content_of(bob, received))
    equal(second != first, True, "another one")
    equal(bob.count_items("credential"), 1, "items in bob's keyring")
    equal(len(bob.objects("credential")), 1, "bob's credentials")
    numbers = told(alice, share)
    equal(len(set(numbers)), len(numbers), f"numbers: {numbers}")
    for text in (first, second):
        equal(serial_of(alice, text) in numbers, True, "one that was told of")
    revoke(alice, share)
    said = run("as", alice.name, "openssl", "crl", "-in", authority.crl, "-noout", "-text", "-CAfile",
               authority.certificate)
    equal(said.count(f"Serial Number: {serial_of(alice, second)}"), 1, f"in the list: {said}")
    until("bob hears of it, or it is over", lambda: bob.insist(
        lambda: bob.get(credential, "Revoked") or bob.get(credential, "NotAfter") < time.time()))
    for person in (alice, bob):
        leaves_nothing(person)


def dies(alice, bob, relay):
    claim("wallets may die while a certificate is renewed")
    authority = Authority(alice, "ca")

    def scenario(content, arm):
        arm()
        step = int(content.rsplit(" ", 1)[1]) if content[-1].isdigit() else 0
        bob.page.arm(step) if step else bob.page.disarm()
        renew(alice, bob, authority)
        until("bob lives", lambda: not bob.page.is_dead())
        if bob.page.hit:
            bob.page.note()
        clear(relay, alice, bob)

    scenario("so that all are warm", lambda: None)
    every_step(scenario, alice.page, [alice, bob], stride=STRIDE)
    print(f"  and of bob's {sum(bob.page.tally.values())}")


play({"renewal": dies})
