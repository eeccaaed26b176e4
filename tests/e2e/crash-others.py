#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""crash-others.py [WHO…] [FIRST [LAST]] - who the wallet relies upon is killed, and is back a
moment later. WHO:

    keyring           of the recipient, at each step while a credential is put into it
    keyring-restart   … and while the wallet fetches its state key from it
    keyring-new       … and while it stores a new one
    keyring-cancel    of the sender, while a cancel is counted in it
    polkit            while it asks

FIRST and LAST are bounds of the steps."""

import os
import re
import subprocess

from crash_parts import *


def kill_the_keyring(alice, bob, relay, prepare):
    keyring = Keyring(bob)

    def scenario(content, arm):
        keyring.page.disarm()
        share = alice.share(content)
        link = alice.invitation(share)
        prepare()
        arm()
        received = bob.accept(link)
        bob.reaches(received, "completed")
        # The keyring's further steps would be those that we make it do.
        keyring.page.stop_counting()
        until("the keyring lives", lambda: not keyring.page.is_dead())
        alice.reaches(share, "completed")
        alice.ends_by(share, "peer")
        bob.has_once(content)
        equal(bob.count_items("state-key"), 1, "state keys in the keyring")
        clear(relay, alice, bob)

    exchange(alice, bob, "so that all are warm")
    clear(relay, alice, bob)
    every_step(scenario, keyring.page, [alice, bob])


def keyring(alice, bob, relay):
    claim("the keyring may die while a credential is put into it")
    kill_the_keyring(alice, bob, relay, lambda: None)


def keyring_restart(alice, bob, relay):
    claim("the keyring may die while a wallet starts")
    kill_the_keyring(alice, bob, relay, bob.kill)


def keyring_new(alice, bob, relay):
    claim("the keyring may die while it is given a new state key")
    kill_the_keyring(alice, bob, relay, bob.begin_anew)


def keyring_cancel(alice, bob, relay):
    """A cancel counts in the keyring, so that no old state file can revive what it ended."""
    keyring = Keyring(alice)

    def counted():
        return max(map(int, re.findall("^secret = (.*)$", alice.search("try-counter"), re.M)), default=0)

    def scenario(content, arm):
        keyring.page.disarm()
        share = alice.share(content)
        alice.reaches(share, "invited")
        if counted() > 0:
            run("as", "alice", "secret-tool", "clear", "tigress", "try-counter")
        before = counted()
        arm()
        alice.end_surely(share, "cancelled", "Cancel", "s", "")
        until("the cancel counts", lambda: keyring.page.hit or counted() > before)
        keyring.page.stop_counting()
        # Before the keyring is back: else the wallet would mend what is half written there.
        alice.kill()
        until("the keyring lives", lambda: not keyring.page.is_dead())
        alice.reaches(bystander, "invited")
        equal(alice.state(share), "cancelled", "what was cancelled")
        until("the cancel counts after all", lambda: counted() > before)

    claim("the keyring may die while a cancel is counted: what else runs goes on")
    bystander = alice.share("of no concern")
    alice.reaches(bystander, "invited")
    every_step(scenario, keyring.page, [alice])
    exchange(alice, bob, "of no concern", lambda: bystander)
    clear(relay, alice, bob)


def polkit(alice, bob, relay):
    def asked_about(content, mode):
        """A call for which a dialog is open, and its share."""
        call = [
            *("as", "alice", "consent-agent", mode, "--", "busctl", "--user", "--timeout=60"),
            *("call", NAME, ROOT, f"{NAME}.Manager", "CreateShare", "sa{sv}a{sv}", TOKEN),
            *("1", "content", "s", content, "1", "wait", "b", "true"),
        ]
        process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "asked" not in (line := process.stderr.readline()):
            if not line:
                raise Wrong("nobody was asked")
        (share,) = alice.running()
        equal(alice.state(share), "authorizing", "the state while somebody is asked")
        return process, share

    def refused(process, share, why):
        """The caller is told, and nothing has been sent."""
        said = process.communicate(timeout=DEADLINE_S)[1]
        equal(why in said, True, f"the caller is told: {said}")
        equal(process.returncode == 0, False, "success")
        equal(alice.ended(share), "refused", "the share that was not allowed")
        clear(relay, alice)

    run("consent", "alice", "ask")
    if os.path.exists(f"{os.environ['TIGRESS_WORLD']}/pid/polkitd"):
        claim("polkitd may die while it asks: that is no yes, and says what to do")
        process, share = asked_about("never allowed", "hang")
        run("polkit", "kill")
        refused(process, share, "polkit")
        run("polkit", "start")

    claim("the wallet may die while polkit asks: a late yes allows nothing")
    answer = f"{os.environ['TIGRESS_WORLD']}/tmp/answer"
    process, share = asked_about("never allowed", f"file:{answer}")
    alice.kill()
    with open(answer, "w") as file:
        file.write("alice-login\n")
    refused(process, share, "")

    claim("asked again it works")
    run("consent", "alice", "yes")
    exchange(alice, bob, "allowed")
    clear(relay, alice, bob)


scenarios = {
    "keyring": keyring,
    "keyring-restart": keyring_restart,
    "keyring-new": keyring_new,
    "keyring-cancel": keyring_cancel,
    "polkit": polkit,
}

play(scenarios)
