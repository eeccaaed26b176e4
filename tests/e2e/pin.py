#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A spoken PIN: right, mistyped, wrong three times; who gets to see it; tries that nothing
brings back; formats that want one."""

from consent_world import *
from pins import another, with_check_digit

DIGITS = "0123456789"


def mistyped(pin):
    return pin[:-1] + DIGITS[(int(pin[-1]) + 1) % 10]


def share_with_pin(alice, content="s3cret", **options):
    share = alice.share(("s", content), pin=("b", True), **options)
    link = alice.invitation(share)
    return share, link, alice.call(share, "Share", "GetPin")


def accept_asked(bob, link):
    received = bob.accept(link)
    bob.reaches(received, "pin-needed")
    return received


def provide(bob, received, pin):
    bob.call(received, "Share", "ProvidePin", "v", ("s", pin))


def is_told_wrong(bob, received, n_left):
    """The sender's wallet has judged: the PIN is asked for again."""
    until("the next try", lambda: bob.get(received, "PinAttemptsLeft") == n_left and
          bob.get(received, "State") == "pin-needed")
    name, sentence = bob.get(received, "Failure")
    equal(name, "WrongPin", "what is said of a wrong PIN")
    contains(sentence, "mistyped, or somebody interferes", "the warning")
    contains(sentence, f"{n_left} ", "the tries left")


def burn(alice, bob, content="s3cret", **options):
    """Three wrong PINs."""
    share, link, pin = share_with_pin(alice, content, **options)
    received = accept_asked(bob, link)
    for n in range(3):
        provide(bob, received, another(pin, n + 1))
        if n < 2:
            is_told_wrong(bob, received, 2 - n)
    alice.reaches(share, "burned")
    bob.failed_with(received, "failed", "WrongPin", "a new PIN")
    return share, received, link


# ---- what a PIN does ----


def right_at_once(alice, bob):
    claim("with a PIN that is spoken the credential arrives; the PIN has groups of three")
    share, link, pin = share_with_pin(alice, title=("s", "Safe"), description=("s", "of the bank"))
    equal(bool(re.fullmatch(r"\d{3}-\d{3}-\d", pin)), True, f"the form of {len(pin)} characters")
    equal(with_check_digit(pin.replace("-", "")[:-1]), pin.replace("-", ""), "the check digit")
    equal((alice.get(share, "Mode"), alice.get(share, "PinRequired"),
           alice.get(share, "PinAttemptsLeft")), ("t2-pin", True, 3), "what alice sees")
    seen = bob.call(ROOT, "Manager", "InspectInvitation", "va{sv}", ("s", link),
                    {"fetch": ("b", True)})
    equal(seen["pin-required"][1], True, "what the link says")
    equal((seen["title"][1], seen["description"][1]), ("Shared credential", ""),
          "what the relay says")

    received = accept_asked(bob, link)
    equal((bob.get(received, "Title"), bob.get(received, "Description"),
           bob.get(received, "TitleVerified")), ("Safe", "of the bank", True),
          "what bob sees before he types")
    equal((bob.get(received, "PinRequired"), bob.get(received, "PinAttemptsLeft")), (True, 3),
          "what he is asked for")
    provide(bob, received, f" {pin} ")
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    equal(alice.get(share, "EndedBy"), "peer", "whose word it is")
    equal(keyring_items("bob")[bob.get(received, "Credential")[-32:]], "s3cret", "what arrived")
    contains(alice.refused("BadState", share, "Share", "GetPin"), "not to be had", "the PIN now")

    claim("a PIN may come with the link, and be longer")
    share, link, pin = share_with_pin(alice, pin_digits=("u", 13))
    equal(len(pin.replace("-", "")), 13, "digits")
    received = bob.accept(link, pin=("s", pin))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")


def wrong_and_right(alice, bob):
    claim("a typing error costs nothing; wrong twice and then right still works")
    share, link, pin = share_with_pin(alice)
    received = accept_asked(bob, link)
    for typed in (mistyped(pin), pin[:-2], "", "12345a7", pin + "0"):
        bob.refused("Invalid", received, "Share", "ProvidePin", "v", ("s", typed))
    equal(bob.get(received, "PinAttemptsLeft"), 3, "tries left after typing errors")
    for n in (1, 2):
        provide(bob, received, another(pin, n))
        is_told_wrong(bob, received, 3 - n)
        equal(alice.get(share, "PinAttemptsLeft"), 3 - n, "tries left at alice's")
        equal(alice.get(share, "State"), "invited", "her state")
    equal(alice.call(share, "Share", "GetPin"), pin, "the PIN is the same")
    provide(bob, received, pin)
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    bob.refused("BadState", received, "Share", "ProvidePin", "v", ("s", pin))

    claim("what cannot be a PIN is refused before anything is sent; a link without PIN wants none")
    share, link, pin = share_with_pin(alice)
    before = bob.objects()
    refused("Invalid", lambda: bob.accept(link, pin=("s", mistyped(pin))))
    plain = alice.invitation(alice.share())
    contains(refused("Invalid", lambda: bob.accept(plain, pin=("s", pin))), "wants no PIN", "why")
    equal(set(bob.objects()), set(before), "bob's shares")
    alice.call(share, "Share", "Cancel", "s", "")


def burned(alice, bob):
    claim("three wrong PINs end it: nothing was given, and alice is told")
    share, received, link = burn(alice, bob, "burnt")
    name, sentence = alice.get(share, "Failure")
    equal(name, "WrongPin", "the error")
    contains(sentence, "failed 3 times", "the sentence")
    equal(alice.get(share, "PinAttemptsLeft"), 0, "tries left")
    contains(alice.refused("BadState", share, "Share", "GetPin"), "not to be had", "the PIN now")
    until("the mailbox is deleted", lambda: is_gone(bob, link))
    equal("burnt" in keyring_items("bob").values(), False, "whether it arrived")

    claim("forgotten, the same link is refused: there are no three more tries")
    until("it is over", lambda: not rows("bob", "SELECT 1 FROM share WHERE is_busy"))
    bob.call(received, "Share", "Forget")
    contains(refused("AlreadyUsed", lambda: bob.accept(link)), "opened here before", "the link")

    claim("after two such ends this credential is not shared with a PIN for a day, forgotten or not")
    alice.call(share, "Share", "Forget")
    alice.call(burn(alice, bob, "burnt")[0], "Share", "Forget")
    sentence = refused("LimitReached", lambda: alice.share(("s", "burnt"), pin=("b", True)))
    contains(sentence, "2 shares of this credential", "why")
    wallet("alice", "restart")
    refused("LimitReached", lambda: alice.share(("s", "burnt"), pin=("b", True)))
    share, _, _ = share_with_pin(alice, "something else")
    alice.call(share, "Share", "Cancel", "s", "")
    pay(alice, bob, "burnt", pin=("b", False))


# ---- who may ----


def who_gets_it(alice, bob):
    claim("another connection gets the PIN only with alice's yes")
    share, link, pin = share_with_pin(alice)
    other = Caller("alice")
    consent("alice", "no")
    other.refused("Denied", share, "Share", "GetPin")
    equal(alice.call(share, "Share", "GetPin"), pin, "for who has started it it is free")
    consent("alice", "yes")
    equal(other.call(share, "Share", "GetPin"), pin, "with a yes")
    other.quit()

    claim("a sandbox is asked about before it may type one; others are not")
    received = accept_asked(bob, link)
    sandboxed = Sandboxed("bob", "org.example.Guess")
    typist = Caller("bob")
    consent("bob", "no")
    sandboxed.refused("Denied", received, "Share", "ProvidePin", "v", ("s", another(pin)))
    equal(bob.get(received, "PinAttemptsLeft"), 3, "tries left")
    provide(typist, received, pin)
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    consent("bob", "yes")
    for caller in (sandboxed, typist):
        caller.quit()


def ends_before_the_pin(alice, bob):
    claim("a share that waits for its PIN can be declined, cancelled and left to another device")
    share, link, _ = share_with_pin(alice)
    received = accept_asked(bob, link)
    bob.call(received, "Share", "Decline", "s", "no, thank you")
    alice.failed_with(share, "declined", "Declined", "no, thank you")

    share, link, pin = share_with_pin(alice)
    received = accept_asked(bob, link)
    alice.call(share, "Share", "Cancel", "s", "")
    contains(alice.get(share, "Failure")[1], "before the credential was sent", "the sentence")
    bob.reaches(received, "cancelled")
    equal(bob.get(received, "EndedBy"), "relay", "whose word it is")

    share, link, pin = share_with_pin(alice)
    received = accept_asked(bob, link)
    bob.call(received, "Share", "Relinquish")
    bob.reaches(received, "relinquished")
    until("it is over", lambda: not rows("bob", "SELECT 1 FROM share WHERE is_busy"))
    carol = alice.accept(link, pin=("s", pin))  # for want of a third person
    alice.reaches(carol, "completed")
    alice.reaches(share, "completed")


# ---- formats that want one ----


def formats_that_want_one(alice, bob):
    claim("a copy has a PIN unless the user says no; neither goes with a link for other wallets")
    share = alice.share(kind=("s", "copy"))
    alice.invitation(share)
    equal(alice.get(share, "Mode"), "t2-pin", "a copy")
    for options in ({"compat": ("b", True), "pin": ("b", True)},
                    {"pin": ("b", False), "pin_digits": ("u", 8)},
                    {"pin_digits": ("u", 6)}, {"pin_digits": ("u", 14)},
                    {"pin": ("b", True), "expires_in": ("u", 172801)}):
        refused("Invalid", lambda o=options: alice.share(**o))
    for options, mode in (({"kind": ("s", "copy"), "pin": ("b", False)}, "t2"),
                          ({"kind": ("s", "copy"), "compat": ("b", True)}, "t1"),
                          ({"pin_digits": ("u", 8)}, "t2-pin"), ({}, "t2")):
        share = alice.share(**options)
        alice.invitation(share)
        equal(alice.get(share, "Mode"), mode, f"with {options}")
        alice.call(share, "Share", "Cancel", "s", "")

    claim("a format that must have one is neither shared nor taken without")
    plain, other = alice.share(), alice.share(compat=("b", True))
    links = [alice.invitation(share) for share in (plain, other)]
    for user in ("alice", "bob"):
        equal(os.path.exists(settings_file(user)), False, "settings that were there")
        wallet(user, "stop")
        configure(user, RequirePin=TOKEN)
    before = keyring_items("bob")
    for option in ({"pin": ("b", False)}, {"compat": ("b", True)}):
        contains(refused("Invalid", lambda o=option: alice.share(**o)), "with a PIN only",
                 "what is refused")
    for share, link in zip((plain, other), links):
        received = bob.accept(link)
        bob.failed_with(received, "failed", "Invalid", "with a PIN only")
        alice.failed_with(share, "failed", "Failed", "could not take it")
    equal(keyring_items("bob"), before, "bob's credentials")
    share = alice.share()
    received = bob.accept(alice.invitation(share),
                          pin=("s", alice.call(share, "Share", "GetPin")))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    for user in ("alice", "bob"):
        wallet(user, "stop")
        os.unlink(settings_file(user))


# ---- what nothing brings back ----


def count_in_keyring(user):
    return [int(value) for value in keyring_items(user, "try-counter").values()]


def a_locked_keyring(alice, bob):
    claim("with alice's keyring locked an answer waits unjudged, and the try is not lost")
    share, link, pin = share_with_pin(alice)
    received = accept_asked(bob, link)
    before = count_in_keyring("alice")[0]
    keyring("alice", "lock")
    provide(bob, received, another(pin))
    alice.reaches(share, "waiting-for-keyring")
    equal(alice.get(share, "PinAttemptsLeft"), 2, "tries left: it is counted")
    equal(bob.get(received, "State"), "exchanging", "bob has not been told")
    wallet("alice", "kill")
    alice.reaches(share, "waiting-for-keyring")
    keyring("alice", "unlock")
    is_told_wrong(bob, received, 2)
    equal(count_in_keyring("alice")[0] > before, True, "whether the keyring has counted")
    keyring("alice", "lock")
    provide(bob, received, pin)
    alice.reaches(share, "waiting-for-keyring")
    equal(bob.get(received, "State"), "exchanging", "bob has not been told")
    keyring("alice", "unlock")
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")

    claim("a share without PIN is not held up")
    share = alice.share()
    link = alice.invitation(share)
    keyring("alice", "lock")
    received = bob.accept(link)
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    keyring("alice", "unlock")


def an_old_file(alice, bob):
    claim("an old file that is put back between tries gives none back: the share is burned")
    for n_wrong in (1, 2):
        share, link, pin = share_with_pin(alice, f"old file {n_wrong}")
        received = accept_asked(bob, link)
        with tempfile.TemporaryDirectory(dir=TMP) as folder:
            put_aside("alice", folder)
            for n in range(n_wrong):
                provide(bob, received, another(pin, n + 1))
                is_told_wrong(bob, received, 2 - n)
            put_back("alice", folder)
        alice.failed_with(share, "burned", "Tampered", "put back from an older copy")
        provide(bob, received, pin)
        equal(bob.get(received, "State"), "exchanging", "who would have known")
        alice.refused("BadState", share, "Share", "GetPin")
        bob.call(received, "Share", "Decline", "s", "")

    claim("put back after the end, it brings none back either")
    share, link, pin = share_with_pin(alice, "old file at the end")
    received = accept_asked(bob, link)
    with tempfile.TemporaryDirectory(dir=TMP) as folder:
        put_aside("alice", folder)
        for n in range(3):
            provide(bob, received, another(pin, n + 1))
            if n < 2:
                is_told_wrong(bob, received, 2 - n)
        alice.reaches(share, "burned")
        put_back("alice", folder)
    alice.failed_with(share, "burned", "Tampered", "put back from an older copy")
    pay(alice, bob)


def n_third_messages():
    """Mailboxes with one: offer, answer, and what the verdict was."""
    return rows_of(f"{home('tigress-relay')}/state/relay.db",
                   "SELECT count(*) FROM mailbox WHERE version >= 3")[0][0]


def answered_and_locked(alice, bob, is_right):
    """Bob has answered, and alice's keyring lets nobody judge it yet."""
    share, link, pin = share_with_pin(alice)
    received = accept_asked(bob, link)
    keyring("alice", "lock")
    provide(bob, received, pin if is_right else another(pin))
    alice.reaches(share, "waiting-for-keyring")
    return share, received


def words_that_cross(alice, bob):
    before = keyring_items("bob")
    for is_right in (True, False):
        which = "right" if is_right else "wrong"
        claim(f"who declines while his {which} PIN is being judged is heard")
        share, received = answered_and_locked(alice, bob, is_right)
        bob.call(received, "Share", "Decline", "s", "rather not")
        until("it is said", lambda: not rows("bob", "SELECT 1 FROM share WHERE is_busy"))
        keyring("alice", "unlock")
        alice.failed_with(share, "declined", "Declined", "rather not")
        # A link holder could have said it in place of the one who can open what was sent.
        equal(alice.get(share, "EndedBy"), "relay" if is_right else "peer", "whose word it is")

        claim(f"and who declines when his {which} PIN has been judged, and does not know it")
        share, received = answered_and_locked(alice, bob, is_right)
        wallet("bob", "kill")
        n_before = n_third_messages()
        keyring("alice", "unlock")
        until("the verdict is written", lambda: n_third_messages() > n_before)
        run("relay", "freeze")
        bob.call(received, "Share", "Decline", "s", "rather not")
        run("relay", "thaw")
        alice.failed_with(share, "declined", "Declined", "rather not")
        equal(alice.get(share, "EndedBy"), "peer", "whose word it is")
    equal(keyring_items("bob"), before, "bob's keyring")


def a_restart_of_each(alice, bob):
    claim("each may be restarted at each pause: the PIN is asked for again, and judged once")
    share, link, pin = share_with_pin(alice)
    received = accept_asked(bob, link)
    wallet("bob", "kill")
    bob.reaches(received, "pin-needed")
    wallet("alice", "kill")
    provide(bob, received, another(pin))
    equal(bob.get(received, "State"), "exchanging", "bob's state")
    alice.reaches(share, "invited")
    is_told_wrong(bob, received, 2)
    wallet("bob", "kill")
    bob.reaches(received, "pin-needed")
    equal(bob.get(received, "Failure")[0], "WrongPin", "what is still said")
    equal(bob.get(received, "PinAttemptsLeft"), 2, "tries left")
    provide(bob, received, pin)
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")


def main():
    alice, bob = Caller("alice"), Caller("bob")
    for part in (right_at_once, wrong_and_right, burned, who_gets_it, ends_before_the_pin,
                 formats_that_want_one, a_locked_keyring, words_that_cross,
                 a_restart_of_each, an_old_file):
        part(alice, bob)


test(main)
