#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shares over plain HTTP, at the relay's and at a web server that knows nothing of us: what
arrives, who notices what, and what a crash leaves."""

from consent_world import *
from drop_parts import EXPRESSION, Between, Link, a_claim, ask, tdch_link
from pins import another

NO_LOCK = "no reader lock"


def share_by(alice, content="s3cret", **options):
    return alice.share(("s", content), transport=("s", "tdch"), **options)


def has_arrived(bob, received, content):
    equal(keyring_items("bob")[bob.get(received, "Credential")[-32:]], content, "what arrived")


def arrives(alice, bob, content, mode, **options):
    """A whole exchange; what both sides say of it."""
    share = share_by(alice, content, **options)
    link = alice.invitation(share)
    contains(link, "/t#", "the form of the link")
    equal(alice.get(share, "Transport"), "tdch", "the transport at alice's")
    received = bob.accept(link)
    if mode == "t2-pin":
        bob.reaches(received, "pin-needed")
        provide(bob, received, alice.call(share, "Share", "GetPin"))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    for caller, path in ((alice, share), (bob, received)):
        equal((caller.get(path, "Mode"), caller.get(path, "Transport")), (mode, "tdch"),
              f"what {caller.user} sees")
    equal(alice.get(share, "EndedBy"), "peer", "whose word it is")
    has_arrived(bob, received, content)
    return share, received


def provide(bob, received, pin):
    bob.call(received, "Share", "ProvidePin", "v", ("s", pin))


def is_quiet(user):
    """Nothing is to be sent any more."""
    until(f"{user}'s errands are done", lambda: not rows(user, "SELECT 1 FROM share WHERE is_busy"))


# ---- what arrives ----


def over_the_relay(alice, bob, places):
    claim("without T2, with it, and with a PIN a credential arrives, and the sender hears of it")
    arrives(alice, bob, "plain", "t1", compat=("b", True))
    share, _ = arrives(alice, bob, "inside", "t2")
    equal(alice.get(share, "Failure"), ("", ""), "what is to be said of this server")
    arrives(alice, bob, "spoken", "t2-pin", pin=("b", True))
    arrives(alice, bob, "o" * 43000, "t2")
    arrives(alice, bob, "p" * 43000, "t1", compat=("b", True))


def over_nginx(alice, bob, places):
    claim("so it does over a web server, and the sender is told that it has no reader lock")
    share = share_by(alice, template=("s", places.dav))
    link = alice.invitation(share)
    contains(alice.get(share, "Failure")[1], NO_LOCK, "what alice is told")
    received = bob.accept(link)
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    equal(alice.get(share, "Failure"), ("", ""), "what is said when it is over")
    arrives(alice, bob, "nginx", "t1", compat=("b", True), template=("s", places.dav))
    arrives(alice, bob, "nginx", "t2-pin", pin=("b", True), template=("s", places.dav))
    equal(os.listdir(f"{WORLD}/home/tigress-relay/dav/drop/v1/t"), [], "what is left there")


def wrong_pins(alice, bob, places):
    claim("a wrong PIN, then the right one; a third wrong one burns it")
    for template in (places.relay, places.dav):
        share = share_by(alice, "guessed", pin=("b", True), template=("s", template))
        received = bob.accept(alice.invitation(share))
        bob.reaches(received, "pin-needed")
        pin = alice.call(share, "Share", "GetPin")
        provide(bob, received, another(pin))
        until("the next try", lambda: bob.get(received, "PinAttemptsLeft") == 2 and
              bob.get(received, "State") == "pin-needed")
        equal(alice.get(share, "PinAttemptsLeft"), 2, "tries left at alice's")
        provide(bob, received, pin)
        bob.reaches(received, "completed")
        alice.reaches(share, "completed")
        has_arrived(bob, received, "guessed")

    share = share_by(alice, "burnt", pin=("b", True))
    received = bob.accept(alice.invitation(share))
    pin = alice.call(share, "Share", "GetPin")
    for n in range(3):
        until("a try", lambda: bob.get(received, "PinAttemptsLeft") == 3 - n and
              bob.get(received, "State") == "pin-needed")
        provide(bob, received, another(pin))
    alice.failed_with(share, "burned", "WrongPin", "failed 3 times")
    bob.call(received, "Share", "Decline", "s", "")
    equal("burnt" in keyring_items("bob").values(), False, "whether it arrived")


def other_suites(alice, bob, places):
    claim("links of all three suites are taken, with the credential of another program's")
    for suite, n_r in ((0x1301, 32), (0x1302, 48), (0x1303, 32)):
        link = tdch_link(suite, os.urandom(n_r), places.relay)
        text = '{"format":"%s","content":{"n":"%x"}}' % (TOKEN, suite)
        location, octets = run("peer", input=f"drop {Link(link).r.hex()} {suite:x} "
                                             f"{text.encode().hex()}\n").split()
        status, _, _ = ask("PUT", places.relay.replace(EXPRESSION, location),
                           bytes.fromhex(octets))
        equal(status, 201, "the other program's message")
        received = bob.accept(link)
        bob.reaches(received, "completed")
        has_arrived(bob, received, '{"n":"%x"}' % suite)
        equal(bob.get(received, "Mode"), "plain", "what it says of a message without header")


# ---- ends ----


def declined(alice, bob, places):
    claim("what is declined is said in the next message: unread, at the PIN, by the format")
    share = share_by(alice)
    link = alice.invitation(share)
    consent("bob", "no")
    received = refused("Denied", lambda: bob.accept(link))
    equal(alice.get(share, "State"), "invited", "a refusal is no decline")
    consent("bob", "yes")

    for options in ({"pin": ("b", True)}, {"compat": ("b", True)}):
        share = share_by(alice, **options)
        link = alice.invitation(share)
        run("relay", "freeze")
        received = bob.accept(link)
        equal(bob.get(received, "State"), "claiming", "unread")
        bob.call(received, "Share", "Decline", "s", "not that")
        run("relay", "thaw")
        alice.failed_with(share, "declined", "Declined", "not that")

    share = share_by(alice, pin=("b", True))
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "pin-needed")
    contains(bob.refused("BadState", received, "Share", "Relinquish"), "another device", "why")
    bob.call(received, "Share", "Decline", "s", "no, thank you")
    alice.failed_with(share, "declined", "Declined", "no, thank you")

    link = tdch_link(0x1301, os.urandom(32), places.relay)
    location, octets = run("peer", input=f"drop {Link(link).r.hex()} 1301 "
                                         f"{b'{}'.hex()}\n").split()
    ask("PUT", places.relay.replace(EXPRESSION, location), bytes.fromhex(octets))
    received = bob.accept(link)
    bob.failed_with(received, "failed", "Tampered", "somebody interferes")


def cancelled(alice, bob, places):
    claim("a cancel takes back what nobody has read, and says so; what was read it cannot")
    share = share_by(alice, compat=("b", True))
    link = alice.invitation(share)
    contains(link, "/t#", "the link")
    alice.call(share, "Share", "Cancel", "s", "")
    until("what became of it", lambda: "before anybody had read" in alice.get(share, "Failure")[1])
    is_quiet("alice")
    bob.failed_with(bob.accept(link), "failed", "AlreadyUsed", "taken back")

    share = share_by(alice, compat=("b", True))
    link = alice.invitation(share)
    equal(ask("GET", Link(link).first_url(), **a_claim())[0], 200, "a thief's read")
    alice.call(share, "Share", "Cancel", "s", "")
    until("what became of it", lambda: "read before" in alice.get(share, "Failure")[1])

    share = share_by(alice)
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    alice.refused("BadState", share, "Share", "Cancel", "s", "")


# ---- who notices what ----


def one_reader(alice, bob, places):
    claim("who shows no claim reads nothing; who reads first is noticed by the other")
    share = share_by(alice)
    link = alice.invitation(share)
    url = Link(link).first_url()
    equal(ask("GET", url)[0], 404, "a read without a claim")
    equal(ask("DELETE", url)[0], 404, "a deletion without a claim")
    equal(ask("GET", url, **a_claim())[0], 200, "a thief's read")
    received = bob.accept(link)
    bob.failed_with(received, "failed", "AlreadyUsed", "somebody has read it before")
    alice.call(share, "Share", "Cancel", "s", "")
    is_quiet("alice")


def a_wrong_writer(alice, bob, places):
    claim("somebody who writes where it is not his turn is an attack, and both know")
    between = places.between
    for upstream in (places.relay_origin, places.dav_origin):
        between.upstream = upstream

        def first(method, path, hand_on):
            if method == "PUT":
                between.plan = pass_on
                ask("PUT", upstream + path, b"somebody else's")
            return hand_on()

        between.plan = first
        share = share_by(alice, template=("s", between.template))
        alice.failed_with(share, "failed", "Tampered", "somebody else has written")

    between.upstream = places.relay_origin
    between.plan = lambda method, path, hand_on: (
        garbled(hand_on()) if method == "GET" else hand_on())
    share = share_by(alice, template=("s", between.template))
    received = bob.accept(alice.invitation(share))
    bob.failed_with(received, "failed", "Tampered", "somebody interferes")
    between.plan = pass_on
    alice.call(share, "Share", "Cancel", "s", "")


def garbled(answer):
    status, headers, body = answer
    return status, headers, body[:-1] + bytes([body[-1] ^ 1]) if status == 200 else body


def pass_on(method, path, hand_on):
    return hand_on()


def lost_answers(alice, bob, places):
    claim("the answer to a message gets lost on the way: that is no attack")
    between = places.between
    for upstream in (places.relay_origin, places.dav_origin):
        between.upstream, lost = upstream, []

        def lose(method, path, hand_on):
            answer = hand_on()
            if method == "PUT" and path not in lost:
                lost.append(path)
                return None
            return answer

        between.plan = lose
        share = share_by(alice, "lost", template=("s", between.template))
        received = bob.accept(alice.invitation(share))
        bob.reaches(received, "completed")
        alice.reaches(share, "completed")
        for user in ("alice", "bob"):
            is_quiet(user)
        equal(len(lost), 4, "messages whose answer was lost")
        has_arrived(bob, received, "lost")
    between.plan = pass_on


def killed_in_between(alice, bob, places):
    claim("killed before what was read is stored, before and after it is deleted, a wallet goes on")
    between = places.between
    # Of the server without locks one moment will do.
    moments = [(places.relay_origin, user, method) for user in ("bob", "alice")
               for method in ("GET", "DELETE")] + [(places.dav_origin, "bob", "DELETE")]
    for upstream, user, moment in moments:
        between.upstream = upstream
        reached, is_over = threading.Event(), threading.Event()

        def hold(method, path, hand_on):
            answer = hand_on()
            if method != moment or answer[0] not in (200, 204) or is_over.is_set():
                return answer
            reached.set()
            is_over.wait(PATIENCE_S)
            return None

        share = share_by(alice, "killed", pin=("b", True), template=("s", between.template))
        link, pin = alice.invitation(share), alice.call(share, "Share", "GetPin")
        if user == "bob":
            between.plan = hold
        received = bob.accept(link)
        if user == "alice":
            bob.reaches(received, "pin-needed")
            between.plan = hold
            provide(bob, received, pin)
        until(f"{user}'s {moment} is answered", reached.is_set)
        wallet(user, "kill")
        is_over.set()
        between.plan = pass_on
        run("wallet", user, "start")
        if user == "bob":
            bob.reaches(received, "pin-needed")
            provide(bob, received, pin)
        bob.reaches(received, "completed")
        alice.reaches(share, "completed")
        has_arrived(bob, received, "killed")

    claim("killed before a deletion, it is asked for again")
    between.upstream = places.relay_origin
    refusing = threading.Event()

    def refuse(method, path, hand_on):
        if method == "DELETE":
            refusing.set()
            return None
        return hand_on()

    between.plan = refuse
    share = share_by(alice, template=("s", between.template))
    link = alice.invitation(share)
    received = bob.accept(link)
    until("a deletion is asked for", refusing.is_set)
    wallet("bob", "kill")
    between.plan = pass_on
    run("wallet", "bob", "start")
    bob.reaches(received, "completed")
    equal(ask("GET", Link(link).first_url(), **a_claim())[0], 404, "what lay there")


def untrusted(alice, bob, places):
    claim("a template of a server that is not trusted: nothing is sent there")
    stranger = Between(places.relay_origin)
    contains(refused("UntrustedRelay", lambda: share_by(alice, template=("s", stranger.template))),
             stranger.origin, "why")
    link = tdch_link(0x1301, os.urandom(32), stranger.template)
    contains(refused("UntrustedRelay", lambda: bob.accept(link)), stranger.origin, "why")
    seen = bob.call(ROOT, "Manager", "InspectInvitation", "va{sv}", ("s", link), {})
    equal((seen["trusted"][1], seen["relay"][1]), (False, stranger.origin), "what is told of it")
    refused("UntrustedRelay", lambda: bob.call(
        ROOT, "Manager", "InspectInvitation", "va{sv}", ("s", link), {"fetch": ("b", True)}))
    equal(stranger.n_visits, 0, "visits")
    stranger.close()


def what_is_refused(alice, bob, places):
    claim("the options are held to their rules, and an inspection reads nothing")
    for options in ({"transport": ("s", "pigeon")}, {"template": ("s", places.relay)},
                    {"transport": ("s", "tdch"), "template": ("s", "https://a.example/x")},
                    {"transport": ("s", "tdch"), "template": ("s", places.relay + "{x}")},
                    {"transport": ("s", "tdch"),
                     "template": ("s", places.relay.replace("https", "http"))},
                    {"transport": ("s", "tdch"), "template": ("s", places.relay + "?" + "a" * 3000)},
                    {"transport": ("s", "tdch"), "template": ("s", places.relay),
                     "relay": ("s", places.dav_origin)},
                    {"transport": ("s", "tdch"), "public_title": ("b", True)}):
        refused("Invalid", lambda o=options: alice.share(**o))
    share = share_by(alice, pin=("b", True))
    link = alice.invitation(share)
    for fetch in (False, True):
        seen = bob.call(ROOT, "Manager", "InspectInvitation", "va{sv}", ("s", link),
                        {"fetch": ("b", fetch)})
        equal({name: value for name, (_, value) in seen.items()},
              {"relay": places.relay_origin, "trusted": True, "vertical": "", "mode": "",
               "transport": "tdch", "pin-required": False, "has-secret": True}, "what it tells")
    received = bob.accept(link, pin=("s", alice.call(share, "Share", "GetPin")))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    equal(bob.accept(link), received, "the same link again")

    claim("a PIN that was given is not left out because what arrives wants none")
    share = share_by(alice)
    received = bob.accept(alice.invitation(share), pin=("s", "123-456-6"))
    bob.failed_with(received, "failed", "Invalid", "this share has none")
    alice.call(share, "Share", "Cancel", "s", "")


class Places:
    def __init__(self):
        run("dav", "start")
        with open(f"{WORLD}/dav/origin") as file:
            self.dav_origin = file.read().strip()
        self.relay_origin = RELAY
        self.relay = f"{RELAY}/v1/t/{EXPRESSION}"
        self.dav = f"{self.dav_origin}/v1/t/{EXPRESSION}"
        self.between = Between(RELAY)
        for user in ("alice", "bob"):
            configure(user, TrustedRelays=[self.dav_origin, self.between.origin])
            wallet(user, "restart")


def main():
    places = Places()
    alice, bob = Caller("alice"), Caller("bob")
    parts = (over_the_relay, over_nginx, wrong_pins, other_suites, declined, cancelled, one_reader,
             a_wrong_writer, lost_answers, killed_in_between, untrusted, what_is_refused)
    wanted = sys.argv[1:]
    for part in parts:
        if not wanted or part.__name__ in wanted:
            part(alice, bob, places)


test(main)
