#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""crash-ends.py [HOW…] [FIRST [LAST]] - a wallet is killed at each step of ending a share by
its user's word. What was answered stays so, the other side learns it, and the relay is left
with nothing. HOW it is ended:

    cancel          the sender cancels what nobody has opened
    cancel-midway   the sender dies at some step of an exchange, and cancels after that
    cancel-unknown  the sender cancels before the relay has said where the mailbox is
    cancel-locked   the sender cancels while the keyring is locked after a crash
    decline         the recipient declines before the relay has answered
    decline-locked  … when the credential is here, and waits for the keyring
    relinquish      … lets go instead, and another device takes it

FIRST and LAST are bounds of the steps."""

import os
import signal

from crash_parts import *


def opened_too_late(person, link):
    """Somebody opens a link that leads nowhere."""
    received = person.accept(link)
    equal(person.ended(received), "failed", "what became of a link that was cancelled")
    person.has_nothing()


def cancel(alice, bob, relay):
    def scenario(content, arm):
        share = alice.share(content)
        link = alice.invitation(share)
        arm()
        alice.end_surely(share, "cancelled", "Cancel", "s", "")
        alice.ends_by(share, "self")
        until("the mailbox is gone", lambda: relay.mailboxes() == 0)
        opened_too_late(bob, link)
        equal(alice.state(share), "cancelled", "what was cancelled")
        clear(relay, alice, bob)

    claim("a cancel is final once it is answered, whatever dies then")
    every_step(scenario, alice.page, [alice, bob])


def cancel_midway(alice, bob, relay):
    def cancel_all(content):
        alice.is_mourned = False
        for share in alice.running():
            # Unless it has come to its end in this moment.
            if not alice.end(share, "Cancel", "s", "") and alice.state(share) != "completed":
                raise Wrong("a cancel was not answered")
        ends = {share: alice.state(share) for share in alice.objects("share")}
        received = [bob.ended(share) for share in bob.objects("share")]
        if "completed" in received:
            bob.has_once(content)
        else:
            bob.has_nothing()
            equal("completed" in ends.values(), False, "completed, but nobody has it")
        run("wallet", "alice", "restart")
        for share, end in ends.items():
            alice.ended(share)
            equal(alice.state(share), end, "the end after a restart")

    def scenario(content, arm):
        arm()
        alice.is_mourned = True
        try:
            exchange(alice, bob, content)
            alice.forget_all()
        except Died:
            cancel_all(content)
        alice.is_mourned = False
        clear(relay, alice, bob)

    claim("after a crash at any step a cancel is as final as ever")
    exchange(alice, bob, "so that all are warm")
    clear(relay, alice, bob)
    every_step(scenario, alice.page, [alice, bob], stride=3)


def cancel_unknown(alice, bob, relay):
    def is_late(share):
        return not relay.page.hit and alice.state(share) == "invited"

    def wake():
        if relay.page.stands():
            os.kill(relay.page.pid, signal.SIGCONT)

    def scenario(content, arm):
        number = int(content.split()[-1])
        arm()
        share = alice.share(content)
        until("the relay stands still", lambda: relay.page.stands() or is_late(share))
        alice.end_surely(share, "cancelled", "Cancel", "s", "")
        # Whoever has to look again after the answer was lost: the same wallet or the next.
        if number % 2 == 0:
            alice.kill()
        if relay.page.stands() and number % 4 >= 2:
            os.kill(relay.page.pid, signal.SIGKILL)
            until("the relay is dead", relay.page.is_dead)
        until("the relay lives", lambda: not relay.page.is_dead())
        nurses.append(wake)
        clear(relay, alice)
        # It may come to its step only now, when it puts its store in order.
        relay.page.stop_counting()
        until("the relay answers", relay.answers)
        nurses.remove(wake)

    claim("a cancel finds the mailbox whose address never arrived")
    relay.count_steps()
    exchange(alice, bob, "so that all are warm")
    clear(relay, alice, bob)
    every_step(scenario, relay.page, [alice], kinds=FLUSHES | SENDS, by=signal.SIGSTOP)


def cancel_locked(alice, bob, relay):
    claim("a cancel of what is sealed is done as soon as it can be, and cannot be forgotten before")
    share = alice.share("sealed")
    link = alice.invitation(share)
    alice.lock_keyring()
    alice.kill()
    alice.end_surely(share, "cancelled", "Cancel", "s", "")
    for _ in range(2):
        try:
            alice.call(share, "Share", "Forget")
            raise Wrong("what the relay has not been told of was forgotten")
        except Failed as failure:
            equal("relay" in str(failure), True, f"why not: {failure}")
        equal(relay.mailboxes(), 1, "mailboxes")
        alice.kill()
        equal(alice.state(share), "cancelled", "the state after another restart")
    alice.unlock_keyring()
    until("the mailbox is gone", lambda: relay.mailboxes() == 0)
    equal("before the credential was sent" in alice.get(share, "Failure")[1], True,
          "the sentence on what it means")
    until("what was noted meanwhile is in the log",
          lambda: alice.acts(share) == ["shared", "cancelled"])
    opened_too_late(bob, link)
    clear(relay, alice, bob)


def decline(alice, bob, relay):
    def scenario(content, arm):
        share = alice.share(content)
        link = alice.invitation(share)
        relay.freeze()
        received = bob.accept(link)
        arm()
        bob.end_surely(received, "declined", "Decline", "s", "not mine")
        relay.thaw()
        alice.reaches(share, "declined")
        alice.ends_by(share, "peer")
        equal("not mine" in alice.get(share, "Failure")[1], True, "the reason has come along")
        clear(relay, alice, bob)

    claim("a decline is final once it is answered, and is told as such")
    every_step(scenario, bob.page, [alice, bob])


def begin_locked(alice, bob, content, *options):
    share = alice.share(content, *options)
    link = alice.invitation(share)
    bob.lock_keyring()
    received = bob.accept(link)
    bob.waits_for_keyring(received)
    return share, link, received


def decline_locked(alice, bob, relay):
    def scenario(content, arm):
        exchange(alice, bob, "so that the state key is here")
        clear(relay, alice, bob)
        share, _, received = begin_locked(alice, bob, content)
        arm()
        bob.end_surely(received, "declined", "Decline", "s", "not mine")
        bob.unlock_keyring()
        alice.reaches(share, "declined")
        alice.ends_by(share, "peer")
        until(lambda: f"the log tells of it once: {bob.acts(received)}",
              lambda: bob.acts(received) == ["accepted", "declined"])
        clear(relay, alice, bob)

    claim("a decline holds also where a crash has shut the state away")
    every_step(scenario, bob.page, [alice, bob], stride=2)


def relinquish(alice, bob, relay):
    def scenario(content, arm):
        exchange(alice, bob, "so that the state key is here")
        clear(relay, alice, bob)
        # In another mode there would have been an answer by then.
        share, link, received = begin_locked(alice, bob, content, "compat", "b", "true")
        arm()
        bob.end_surely(received, "relinquished", "Relinquish")
        bob.unlock_keyring()
        bob.forget_all()
        elsewhere = carol.accept(link)
        carol.reaches(elsewhere, "completed")
        carol.has_once(content)
        alice.reaches(share, "completed")
        clear(relay, alice, bob, carol)

    carol = Person("carol")
    claim("who lets go has let go, and another device can take it")
    every_step(scenario, bob.page, [alice, bob, carol], stride=3)


scenarios = {
    "cancel": cancel,
    "cancel-midway": cancel_midway,
    "cancel-unknown": cancel_unknown,
    "cancel-locked": cancel_locked,
    "decline": decline,
    "decline-locked": decline_locked,
    "relinquish": relinquish,
}

play(scenarios, "alice bob carol")
