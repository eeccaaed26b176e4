#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""crash-limits.py [WHO…] [FIRST [LAST]] - a wallet is killed at each step of what costs a use: reveal,
or share, by which uses go along. What was had was counted, and nothing comes back. FIRST and LAST
are bounds of the steps."""

from crash_parts import *

TOKEN = "digitalwallet.generic.authorizationToken"
USES = 100000


def options(**values):
    words = [str(len(values))]
    for name, (kind, value) in values.items():
        words += [name.replace("_", "-"), kind, str(value).lower()]
    return words


def limited(alice, bob):
    """A credential of bob's with that many uses."""
    share = alice.begin("CreateShare", "sa{sv}a{sv}", TOKEN, *options(content=("s", "a secret")),
                        *options(pin=("b", False), wait=("b", True), uses=("u", USES)))
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    return bob.get(received, "Credential")


def left(person, credential):
    """When it can be read: just after a start the state key is not there yet."""
    until("the row is read", lambda: person.insist(lambda: person.get(credential, "Uses")) == USES)
    return person.insist(lambda: person.get(credential, "UsesLeft"))


def every_charge(bob, credential, act, n_uses):
    """act gives what was had, or Failed."""
    def scenario(content, arm):
        before = left(bob, credential)
        arm()
        try:
            had = act()
        except Failed:
            if not bob.is_cut_off():
                raise
            had = None
        bob.page.stop_counting()
        until("the wallet is back", lambda: not bob.page.is_dead())
        after = left(bob, credential)
        allowed = (before - n_uses,) if had is not None else (before, before - n_uses)
        equal(after in allowed, True, f"{before} uses, then {after}; had: {had is not None}")
        for path in bob.running():
            bob.insist(lambda p=path: bob.call(p, "Share", "Cancel", "s", ""))

    every_step(scenario, bob.page, [])


def reveal(alice, bob, relay):
    claim("a wallet that dies while it reveals has counted what was had")
    credential = limited(alice, bob)
    every_charge(bob, credential,
                 lambda: bob.call(credential, "Credential", "Reveal", "a{sv}",
                                  *options(**{"as": ("s", "bytes")})), 1)


def share(alice, bob, relay):
    claim("one that dies while uses go along with a share has them taken, once")
    credential = limited(alice, bob)

    every_charge(bob, credential,
                 lambda: bob.call(credential, "Credential", "Share", "a{sv}",
                                  *options(pin=("b", False), wait=("b", True), uses=("u", 7))), 7)


play({"reveal": reveal, "share": share})
