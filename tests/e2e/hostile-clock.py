#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A wallet whose own clock is an hour off, before or behind, at a relay that knows the time.
Needs libfaketime."""

import glob
import sys
import time

sys.dont_write_bytecode = True
from hostile_world import User, claim, eventually, fail, run, world

alice, bob = User("alice"), User("bob")
LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
WEEK_S, HOUR_S = 604800, 3600


def begin(user, offset_s):
    """user's wallet anew, with its clock off."""
    world("wallet", user.name, "stop")
    if offset_s == 0:
        user.start_wallet()
        return
    # A sanitizer wants to be the first of the libraries, and need not be.
    user.start_wallet("bash", "-c", 'export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 '
                      f'LD_PRELOAD={LIBRARIES[0]} FAKETIME={offset_s:+d} '
                      'FAKETIME_DONT_FAKE_MONOTONIC=1; exec "$@"', "off")


def near(got, wanted, about):
    if abs(got - wanted) > 10:
        fail(f"{about}: {got - wanted} s off")


def exchange(sender_off_s, recipient_off_s, life_s, is_refused=False):
    """is_refused: the relay does not take the time that the sender's clock makes of it, so that
    it is asked for the right one. Else it takes it; then the mailbox ends when the sender's clock
    says so, and the share not later than its sender said."""
    n_warned = alice.log().count("its relay's clock differs")
    now = time.time()
    share = alice.share("x", expires_in=("u", str(life_s)))
    link = share.link()
    near(share.get("Created"), now + sender_off_s, "the sender's clock")
    near(share.get("Expires"), now + sender_off_s + life_s, "the sender's end")
    received = bob.accept(link)
    received.reaches("completed")
    end = now + life_s + (0 if is_refused else sender_off_s)
    near(received.get("Expires"), end + recipient_off_s, "the recipient's end")
    share.ended("completed", "peer")
    near(share.get("Expires"), min(now + life_s, end) + sender_off_s, "the sender's, in the end")
    if (alice.log().count("its relay's clock differs") > n_warned) != (sender_off_s != 0):
        fail("warned in vain, or not at all")


def main():
    if not LIBRARIES:
        print("hostile-clock: skipped: no libfaketime", file=sys.stderr)
        sys.exit(77)

    for offset_s, word in ((HOUR_S, "before"), (-HOUR_S, "behind")):
        claim(f"a sender whose clock is an hour {word} shares for as long as was asked")
        begin(alice, offset_s)
        begin(bob, 0)
        exchange(offset_s, 0, 86400)
        exchange(offset_s, 0, WEEK_S if offset_s > 0 else 600, is_refused=True)

        claim(f"a recipient whose clock is an hour {word} takes what is still to be had")
        begin(alice, 0)
        begin(bob, offset_s)
        exchange(0, offset_s, 600)

        claim("a restart with the same clock changes nothing")
        share = alice.share("y", expires_in=("u", "600"))
        link, ends = share.link(), share.get("Expires")
        begin(alice, offset_s)
        eventually(lambda: share.get("Relay"), "the share stays sealed")
        if offset_s > 600:
            share.ended("expired", "time")  # by the clock that it has, its time is up
        else:
            near(share.get("Expires"), ends, "the end after a restart")
            bob.accept(link).reaches("completed")
            share.reaches("completed")


run(main)
