#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Once is once, and an end is an end: the same link again and again, cancels before restarts,
late answers and clocks set back, letting go for another device."""

import glob
import os

os.environ.setdefault("TIGRESS_USERS", "alice bob carol")
from consent_world import *

FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


def new_link(caller, content="s3cret", **options):
    share = caller.share(("s", content), **options)
    return share, caller.invitation(share)


# ---- the same link ----


def at_once_and_again(alice, bob):
    claim("one link that is accepted many times at once is one share, one dialog, one item")
    share, link = new_link(alice)
    consent("bob", "ask")
    callers = [Caller("bob") for _ in range(4)]
    dialogs = [Dialogs(caller, f"file:{TMP}/yes") for caller in callers]
    calls = [caller.begin_accept(link, wait=("b", True)) for caller in callers]
    until("one dialog", lambda: sum(len(each.asked) for each in dialogs))
    # Who was not asked has the same object, at once.
    asked = next(n for n, each in enumerate(dialogs) if each.asked)
    others = {callers[n].end(calls[n]) for n in range(4) if n != asked}
    dialogs[0].agree("bob-login")
    received = callers[asked].end(calls[asked])
    equal(others, {received}, "the shares of one link")
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    equal(sum(len(each.asked) for each in dialogs), 1, "dialogs")
    equal(list(keyring_items("bob").values()), ["s3cret"], "bob's keyring")

    claim("a completed one gives its object again, also after a restart, and asks nobody")
    for _ in range(2):
        equal(callers[0].accept(link), received, "the share of the same link")
        wallet("bob", "restart")
    consent("bob", "yes")
    return link, received


def after_remove_and_forget(bob, link, received):
    claim("neither removing nor forgetting lets it in again, also after a restart")
    bob.call(bob.get(received, "Credential"), "Credential", "Remove")
    equal(bob.accept(link), received, "the share of the same link")
    bob.call(received, "Share", "Forget")
    for _ in range(2):
        refused("AlreadyUsed", lambda: bob.accept(link))
        wallet("bob", "restart")
    equal(keyring_items("bob"), {}, "bob's keyring")
    equal(bob.objects(), {}, "bob's shares")


def after_each_end(alice, bob):
    """Each end once before anything was asked of the relay, and once after the claim."""
    for how, end, error in (("Decline", "declined", "Declined"), ("Cancel", "declined", "Declined"),
                            ("Relinquish", "relinquished", "AlreadyUsed")):
        claim(f"a link that was ended by {how} is refused here, also when forgotten")
        # Only in this mode can the credential have come and nothing have been answered.
        share, link = new_link(alice, compat=("b", how == "Relinquish"))
        keyring("bob", "lock")
        received = bob.accept(link)
        bob.reaches(received, "waiting-for-keyring")
        until("the claim", lambda: rows("bob", "SELECT count(*) FROM body") == [(1,)])
        bob.call(received, "Share", how, *(() if how == "Relinquish" else ("s", "no")))
        keyring("bob", "unlock")
        bob.reaches(received, end)
        for _ in range(2):
            refused(error, lambda: bob.accept(link))
            wallet("bob", "restart")
        if how != "Relinquish":
            alice.failed_with(share, "declined", "Declined", "the recipient declined: no")
        until("the end is told", lambda: is_forgotten(bob, received))
        refused("AlreadyUsed", lambda: bob.accept(link))

    claim("another device accepts what was let go")
    carol = Caller("carol")
    carol.reaches(carol.accept(link), "completed")
    alice.reaches(share, "completed")
    refused("AlreadyUsed", lambda: bob.accept(link))


def is_forgotten(caller, share):
    try:
        caller.call(share, "Share", "Forget")
    except Refused as refusal:
        equal(refusal.name, "BadState", "why it cannot be forgotten")
        return False
    return True


# ---- a cancel ----


def cancel_with_a_late_answer(alice, bob):
    claim("an answer that comes after the cancel changes nothing, and leaves no mailbox")
    until("what was before is gone", lambda: n_mailboxes() == 0)
    run("relay", "freeze")
    share = alice.share()
    alice.reaches(share, "uploading")
    alice.call(share, "Share", "Cancel", "s", "")
    alice.reaches(share, "cancelled")
    run("relay", "thaw")
    until("the mailbox is deleted", lambda: is_forgotten(alice, share))
    equal(n_mailboxes(), 0, "mailboxes")

    claim("also when the wallet was restarted, or killed, before it came")
    for end in ("restart", "kill"):
        run("relay", "freeze")
        share = alice.share()
        alice.reaches(share, "uploading")
        alice.call(share, "Share", "Cancel", "s", "")
        wallet("alice", end)
        run("relay", "thaw")
        equal(alice.get(share, "State"), "cancelled", "the state")
        until("the mailbox is deleted", lambda: is_forgotten(alice, share))
        equal(n_mailboxes(), 0, "mailboxes")


def cancel_without_relay(alice, bob):
    claim("a cancel holds while the relay is away, through restarts and a clock set back")
    share, link = new_link(alice)
    run("relay", "stop")
    alice.call(share, "Share", "Cancel", "s", "")
    alice.failed_with(share, "cancelled", "Cancelled", "before the credential was sent")
    wallet("alice", "restart")
    equal(alice.get(share, "State"), "cancelled", "the state after a restart")
    refused("BadState", lambda: alice.call(share, "Share", "GetInvitation"))
    refused("BadState", lambda: alice.call(share, "Share", "Forget"))
    with_clock("alice", -3000)
    equal(alice.get(share, "State"), "cancelled", "the state before it was said")

    claim("the mailbox is deleted as soon as the relay is back, and nobody gets anything")
    run("relay", "start")
    until("the mailbox is deleted", lambda: n_mailboxes() == 0)
    late = bob.accept(link)
    bob.failed_with(late, "failed", "Expired", "no such invitation")
    wallet("alice", "restart")
    until("the end is told", lambda: is_forgotten(alice, share))


def with_clock(user, offset_s):
    if not FAKETIME:
        skip("there is no libfaketime to set a clock with")
        return
    # A sanitizer wants to be the first of the libraries, and need not be.
    options = run("as", user, "printenv", "ASAN_OPTIONS").strip()
    start_wallet(user, LD_PRELOAD=FAKETIME[0], FAKETIME=f"{offset_s:+d}",
                 FAKETIME_DONT_FAKE_MONOTONIC="1",
                 ASAN_OPTIONS=f"{options}:verify_asan_link_order=0")


def expired_is_expired(alice, bob):
    claim("what has expired stays so when the clock is set back")
    if not FAKETIME:
        skip("there is no libfaketime to set a clock with")
        return
    share, link = new_link(alice, **{"expires-in": ("u", 600)})
    with_clock("alice", 1200)
    alice.failed_with(share, "expired", "Expired", "nobody finished it in time")
    equal(alice.get(share, "EndedBy"), "time", "whose word it is")
    wallet("alice", "restart")
    equal(alice.get(share, "State"), "expired", "the state")
    refused("BadState", lambda: alice.call(share, "Share", "GetInvitation"))


def main():
    alice, bob = Caller("alice"), Caller("bob")
    link, received = at_once_and_again(alice, bob)
    after_remove_and_forget(bob, link, received)
    after_each_end(alice, bob)
    cancel_with_a_late_answer(alice, bob)
    cancel_without_relay(alice, bob)
    expired_is_expired(alice, bob)


test(main)
