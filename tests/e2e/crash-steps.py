#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""crash-steps.py [WHO…] [FIRST [LAST]] - a program is killed at each step of an exchange; it
is started again, and the exchange ends right all the same: the credential is there once,
both sides know it, nothing is left over, and nobody had to do anything but ask again where
the consent itself was cut off. WHO dies:

    sender, recipient   the wallet, every step; now and then again while it recovers
    keeper              the sender's, who shares an item of the keyring
    beginner            a wallet that has never run, from its first instruction
    relay               the relay

FIRST and LAST are bounds of the steps."""

from crash_parts import *


def kill_a_wallet(victim, alice, bob, relay):
    def scenario(content, arm):
        arm()
        step = int(content.split()[-1])
        # Now and then once more, at some step of the recovery.
        victim.recovery = step * 7 % 150 + 1 if step % 4 == 0 else 0
        exchange(alice, bob, content)
        clear(relay, alice, bob)

    exchange(alice, bob, "so that all are warm")
    clear(relay, alice, bob)
    every_step(scenario, victim.page, [alice, bob])
    # What was received and not acted upon is known to nobody: a few of these will do.
    every_step(scenario, victim.page, [alice, bob], stride=7, kinds=RECEIPTS)


def sender(alice, bob, relay):
    claim("the sender's wallet may die at any step of an exchange")
    kill_a_wallet(alice, alice, bob, relay)


def recipient(alice, bob, relay):
    claim("the recipient's wallet may die at any step of an exchange")
    kill_a_wallet(bob, alice, bob, relay)


def keeper(alice, bob, relay):
    def scenario(content, arm):
        run("as", "alice", "secret-tool", "store", "--label=kept", "kept", "it", input=content)
        arm()
        share = alice.share_item("attributes", "a{ss}", "1", "kept", "it")
        alice.reaches(share, "invited")
        alice.page.stop_counting()
        exchange(alice, bob, content, lambda: share)
        clear(relay, alice, bob)

    claim("an item that was allowed to be shared is shared")
    exchange(alice, bob, "so that all are warm")
    clear(relay, alice, bob)
    every_step(scenario, alice.page, [alice, bob])

    claim("also where it waits for the keyring meanwhile, named by path or by attributes")
    run("as", "alice", "secret-tool", "store", "--label=kept", "kept", "it", input="late")
    item = alice.item_path("kept", "it")
    for how in (["item", "o", item], ["attributes", "a{ss}", "1", "kept", "it"]):
        alice.lock_keyring()
        share = alice.share_item(*how)
        until("it waits", lambda: alice.state(share) == "waiting-for-keyring")
        alice.kill()
        alice.unlock_keyring()
        exchange(alice, bob, "late", lambda: share)
        clear(relay, alice, bob)


def beginner(alice, bob, relay):
    def scenario(content, arm):
        bob.page.disarm()
        bob.begin_anew()
        arm()
        exchange(alice, bob, content)
        equal(bob.count_items("state-key"), 1, "state keys in the keyring")
        clear(relay, alice, bob)

    claim("a wallet may die at any step of its first days, and makes one state key")
    every_step(scenario, bob.page, [alice, bob], stride=3)


def relay_dies(alice, bob, relay):
    def scenario(content, arm):
        arm()
        exchange(alice, bob, content)
        clear(relay, alice, bob)

    claim("the relay may die at any flush, and at anything it sends")
    exchange(alice, bob, "so that all are warm")
    clear(relay, alice, bob)
    relay.count_steps()
    every_step(scenario, relay.page, [alice, bob], kinds=FLUSHES)
    # Before each of them: after the last one is before the next.
    every_step(scenario, relay.page, [alice, bob], stride=2, kinds=SENDS)


scenarios = {
    "sender": sender,
    "recipient": recipient,
    "keeper": keeper,
    "beginner": beginner,
    "relay": relay_dies,
}

play(scenarios)
