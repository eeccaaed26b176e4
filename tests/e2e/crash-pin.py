#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""crash-pin.py [WHO…] [FIRST [LAST]] - a wallet is killed at each step between an answer to an
offer and what comes of it: the try is charged once and judged once, whatever dies; none is
lost and none is given back. WHO:

    judge          the sender's wallet, and the PIN is right
    wrong-judge    the sender's, and the PIN is wrong first
    typist         the recipient's, the PIN is wrong first and then right

FIRST and LAST are bounds of the steps."""

from crash_parts import *
from pins import another


def begin(alice, bob, content):
    share = alice.share(content, "pin", "b", "true")
    link = alice.invitation(share)
    pin = alice.insist(lambda: alice.call(share, "Share", "GetPin"))
    received = bob.accept(link)
    bob.reaches(received, "pin-needed")
    return share, received, pin


def provide(bob, received, pin, n_left):
    """What was answered is done. What was not is done or not, and then typed again."""
    for _ in range(4):
        try:
            bob.call(received, "Share", "ProvidePin", "v", "s", pin)
            return
        except Failed:
            if not bob.is_cut_off():
                raise
        until("the share is read again", lambda: bob.state(received) != "waiting-for-keyring")
        if bob.state(received) != "pin-needed" or left(bob, received) != n_left:
            return
    raise Wrong("a PIN could not be typed")


def left(person, share):
    return person.insist(lambda: person.get(share, "PinAttemptsLeft"))


def is_wrong(alice, bob, share, received):
    def is_asked_again():
        return bob.state(received) == "pin-needed" and left(bob, received) == 2

    until(lambda: f"the next try; bob: {bob.state(received)} {left(bob, received)}, alice: "
                  f"{alice.state(share)} {left(alice, share)}", is_asked_again)
    alice.reaches(share, "invited")
    equal(left(alice, share), 2, "tries left at alice's")


def arrives(alice, bob, share, received, content):
    bob.reaches(received, "completed")
    alice.page.stop_counting()
    bob.page.stop_counting()
    alice.reaches(share, "completed")
    alice.ends_by(share, "peer")
    bob.has_once(content)


def judge(alice, bob, relay):
    def scenario(content, arm):
        share, received, pin = begin(alice, bob, content)
        arm()
        provide(bob, received, pin, 3)
        arrives(alice, bob, share, received, content)
        clear(relay, alice, bob)

    claim("a right PIN is right, at whatever step of the verdict the judge dies")
    exchange(alice, bob, "so that all are warm")
    clear(relay, alice, bob)
    every_step(scenario, alice.page, [alice, bob], stride=2)


def wrong_judge(alice, bob, relay):
    def scenario(content, arm):
        share, received, pin = begin(alice, bob, content)
        arm()
        provide(bob, received, another(pin), 3)
        is_wrong(alice, bob, share, received)
        alice.page.stop_counting()
        provide(bob, received, pin, 2)
        arrives(alice, bob, share, received, content)
        clear(relay, alice, bob)

    claim("a wrong PIN costs one try and no more, at whatever step of the verdict the judge dies")
    every_step(scenario, alice.page, [alice, bob], stride=2)


def typist(alice, bob, relay):
    def scenario(content, arm):
        share, received, pin = begin(alice, bob, content)
        arm()
        provide(bob, received, another(pin), 3)
        is_wrong(alice, bob, share, received)
        provide(bob, received, pin, 2)
        arrives(alice, bob, share, received, content)
        clear(relay, alice, bob)

    claim("who types may die at any step: what was typed counts once")
    every_step(scenario, bob.page, [alice, bob], stride=3)


scenarios = {
    "judge": judge,
    "wrong-judge": wrong_judge,
    "typist": typist,
}

play(scenarios)
